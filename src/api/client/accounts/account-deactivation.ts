import { Type } from 'typebox'
import type { Deactivate, ServiceAccounts } from '#domain'
import { type AnyEndpoint, byLegacyLogin, endpoint, optional, v3 } from '#http'
import { AuthData, pick, uiaReply } from '../authentication/auth-schemas.ts'

export interface AccountDeactivationDeps {
  readonly deactivate: Deactivate
  readonly serviceAccounts: Pick<ServiceAccounts, 'isOwn'>
}

/** `account_deactivation.yaml`. */
export const accountDeactivationEndpoints = ({
  deactivate,
  serviceAccounts,
}: AccountDeactivationDeps): readonly AnyEndpoint[] => [
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
    handler: async ({ requester, body }) => {
      // A service has full control over its own users, who have no password.
      if (requester?.kind === 'user' && serviceAccounts.isOwn(requester))
        return { id_server_unbind_result: await deactivate.byOwner(requester.userId, body.erase === true) }
      return uiaReply(
        await deactivate.run(requester?.userId, pick(body, ['erase', 'id_server']), body.auth),
        (result) => ({
          id_server_unbind_result: result,
        }),
      )
    },
  }),
]
