import { Type } from 'typebox'
import type { RegistrationPolicy } from '#domain'
import { type AnyEndpoint, endpoint, none, v1Only } from '#http'

export interface RegistrationTokensDeps {
  readonly registrationPolicy: Pick<RegistrationPolicy, 'isTokenValid'>
}

/** `registration_tokens.yaml`. */
export const registrationTokensEndpoints = ({ registrationPolicy }: RegistrationTokensDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v1Only('/register/m.login.registration_token/validity'),
    auth: none(),
    rateLimit: 'registration',
    query: Type.Object({ token: Type.String() }),
    handler: async ({ query }): Promise<{ valid: boolean }> => ({
      valid: await registrationPolicy.isTokenValid(query.token),
    }),
  }),
]
