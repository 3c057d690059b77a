import { Type } from 'typebox'
import type { ChangePassword } from '#domain'
import { type AnyEndpoint, endpoint, v3 } from '#http'
import { AuthData, pick, uiaReply } from './auth-schemas.ts'

export interface PasswordManagementDeps {
  readonly changePassword: ChangePassword
}

/** `password_management.yaml`. */
export const passwordManagementEndpoints = ({ changePassword }: PasswordManagementDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/account/password'),
    auth: 'optional',
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
