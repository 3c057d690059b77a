import Type from 'typebox'
import type { OpenIdToken, OpenIdTokens } from '#domain'
import { type AnyEndpoint, type AsJson, endpoint, user, v3 } from '#http'
import { requireOwn } from '../own-user.ts'

export interface OpenIdDeps {
  readonly openIdTokens: Pick<OpenIdTokens, 'issue'>
}

/** `openid.yaml`. */
export const openIdEndpoints = ({ openIdTokens }: OpenIdDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/user/:userId/openid/request_token'),
    auth: user(),
    rateLimit: 'other',
    params: Type.Object({ userId: Type.String() }),
    // "An empty object. Reserved for future expansion."
    body: Type.Object({}),
    bodyOptional: true,
    handler: async ({ requester, params }): Promise<AsJson<OpenIdToken>> => {
      requireOwn(requester, params.userId)
      return { ...(await openIdTokens.issue(requester)) }
    },
  }),
]
