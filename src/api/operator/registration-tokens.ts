import { Type } from 'typebox'
import type { ManageRegistrationTokens } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import type { JsonObject } from '#spec'
import { OPERATOR } from './operator.ts'

export interface OperatorTokensDeps {
  readonly registrationTokens: ManageRegistrationTokens
}

const Token = Type.String({ minLength: 1, maxLength: 64 })

type TokenRecord = Awaited<ReturnType<ManageRegistrationTokens['list']>>[number]

const tokenJson = ({ token, uses, usesAllowed, expiresAtMs }: TokenRecord): JsonObject => ({
  token,
  uses,
  uses_allowed: usesAllowed ?? null,
  expires_ts: expiresAtMs ?? null,
})

/** The operator's commands over registration tokens, each at a path of its name. */
export const operatorTokensEndpoints = ({ registrationTokens }: OperatorTokensDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/list-registration-tokens'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({}),
    handler: async () => ({ tokens: (await registrationTokens.list()).map(tokenJson) }),
  }),
  endpoint({
    method: 'POST',
    paths: ['/create-registration-token'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({
      token: Token,
      uses: Type.Optional(Type.Integer({ minimum: 1 })),
      expires_ts: Type.Optional(Type.Integer({ minimum: 0 })),
    }),
    handler: async ({ body: { token, uses, expires_ts: expiresAtMs } }) => {
      const limits = { ...(uses === undefined ? {} : { uses }), ...(expiresAtMs === undefined ? {} : { expiresAtMs }) }
      return tokenJson(await registrationTokens.create(OPERATOR, token, limits))
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/revoke-registration-token'],
    auth: none(),
    rateLimit: 'unlimited',
    body: Type.Object({ token: Token }),
    handler: async ({ body: { token } }) => {
      await registrationTokens.revoke(OPERATOR, token)
      return { token }
    },
  }),
]
