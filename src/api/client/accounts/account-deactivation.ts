import { Type } from 'typebox'
import type { Deactivate } from '#domain'
import { type AnyEndpoint, byLegacyLogin, endpoint, optional, v3 } from '#http'
import { AuthData, pick, uiaReply } from '../authentication/auth-schemas.ts'

export interface AccountDeactivationDeps {
  readonly deactivate: Deactivate
}

/** `account_deactivation.yaml`. */
export const accountDeactivationEndpoints = ({ deactivate }: AccountDeactivationDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/account/deactivate'),
    auth: byLegacyLogin(optional()),
    rateLimit: 'login',
    body: Type.Object({
      auth: Type.Optional(AuthData),
      id_server: Type.Optional(Type.String()),
      erase: Type.Optional(Type.Boolean()),
    }),
    bodyOptional: true,
    handler: async ({ requester, body }) =>
      uiaReply(await deactivate.run(requester?.userId, pick(body, ['erase', 'id_server']), body.auth), (result) => ({
        id_server_unbind_result: result,
      })),
  }),
]
