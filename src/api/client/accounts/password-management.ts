import { Type } from 'typebox'
import type { ChangePassword } from '#domain'
import { type AnyEndpoint, byLegacyLogin, endpoint, optional, sinceV2 } from '#http'
import { AuthData, pick, uiaReply } from '../authentication/auth-schemas.ts'
import { type RequestTokenDeps, requestTokenEndpoints } from './request-token.ts'

export interface PasswordManagementDeps extends RequestTokenDeps {
  readonly changePassword: ChangePassword
}

/** `password_management.yaml`. */
export const passwordManagementEndpoints = ({
  changePassword,
  requestEmailToken,
}: PasswordManagementDeps): readonly AnyEndpoint[] => [
  ...requestTokenEndpoints('/account/password', 'password', { requestEmailToken }),
  endpoint({
    method: 'POST',
    paths: sinceV2('/account/password'),
    auth: byLegacyLogin(optional()),
    rateLimit: 'login',
    body: Type.Object({
      auth: Type.Optional(AuthData),
      new_password: Type.Optional(Type.String()),
      logout_devices: Type.Optional(Type.Boolean()),
    }),
    handler: async ({ requester, body }) =>
      uiaReply(
        await changePassword.run({ requester, body: pick(body, ['new_password', 'logout_devices']), auth: body.auth }),
        () => ({}),
      ),
  }),
]
