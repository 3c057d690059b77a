import { Type } from 'typebox'
import type { GetLoginToken } from '#domain'
import { type AnyEndpoint, byLegacyLogin, endpoint, user, v1Only } from '#http'
import { AuthData, uiaReply } from './auth-schemas.ts'

export interface LoginTokenDeps {
  readonly getLoginToken: GetLoginToken
}

/** `login_token.yaml`. */
export const loginTokenEndpoints = ({ getLoginToken }: LoginTokenDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v1Only('/login/get_token'),
    auth: byLegacyLogin(user()),
    rateLimit: 'login',
    body: Type.Object({ auth: Type.Optional(AuthData) }),
    bodyOptional: true,
    handler: async ({ requester, body }) => uiaReply(await getLoginToken.run(requester, body.auth), (token) => token),
  }),
]
