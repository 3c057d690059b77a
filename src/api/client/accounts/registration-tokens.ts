import { Type } from 'typebox'
import type { Register } from '#domain'
import { type AnyEndpoint, endpoint, v1Only } from '#http'

export interface RegistrationTokensDeps {
  readonly register: Register
}

/** `registration_tokens.yaml`. */
export const registrationTokensEndpoints = ({ register }: RegistrationTokensDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v1Only('/register/m.login.registration_token/validity'),
    auth: 'none',
    rateLimit: 'registration',
    query: Type.Object({ token: Type.String() }),
    handler: async ({ query }) => ({ valid: await register.isTokenValid(query.token) }),
  }),
]
