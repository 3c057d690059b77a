import { Type } from 'typebox'
import type { RegisterBySecret } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'

export interface SharedSecretRegistrationDeps {
  readonly registerBySecret: RegisterBySecret
}

const PATHS = ['/_synapse/admin/v1/register'] as const

/** Shared-secret registration as in Synapse. It is not in the specification, but operators' tools and test suites use it. */
export const sharedSecretRegistrationEndpoints = ({
  registerBySecret,
}: SharedSecretRegistrationDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: PATHS,
    auth: none(),
    rateLimit: 'registration',
    handler: async (): Promise<{ nonce: string }> => ({ nonce: await registerBySecret.nonce() }),
  }),
  endpoint({
    method: 'POST',
    paths: PATHS,
    auth: none(),
    rateLimit: 'registration',
    body: Type.Object({
      nonce: Type.String({ maxLength: 255 }),
      username: Type.String({ maxLength: 255 }),
      password: Type.String(),
      displayname: Type.Optional(Type.String({ maxLength: 255 })),
      admin: Type.Optional(Type.Boolean()),
      user_type: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
      mac: Type.String({ maxLength: 255 }),
    }),
    handler: async ({ body, ip, userAgent }) =>
      registerBySecret.register(
        {
          nonce: body.nonce,
          username: body.username,
          password: body.password,
          admin: body.admin ?? false,
          userType: body.user_type ?? undefined,
          mac: body.mac,
        },
        body.displayname,
        { ip, userAgent },
      ),
  }),
]
