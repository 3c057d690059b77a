import { Type } from 'typebox'
import type { ManageRegistrationTokens } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { type JsonObject, MatrixError } from '#spec'
import { actorOf } from '../actor.ts'

export interface RegistrationTokensAdminDeps {
  readonly registrationTokens: ManageRegistrationTokens
  /** A text of so many letters that nobody guesses. */
  readonly newSecret: (length: number) => string
  readonly nowMs: () => number
}

type TokenRecord = Awaited<ReturnType<ManageRegistrationTokens['list']>>[number]

/** `pending`: a token is counted with the registration itself, so none is ever under way. */
const tokenJson = ({ token, uses, usesAllowed, expiresAtMs }: TokenRecord): JsonObject => ({
  token,
  uses_allowed: usesAllowed ?? null,
  pending: 0,
  completed: uses,
  expiry_time: expiresAtMs ?? null,
})

const DEFAULT_LENGTH = 16
const TokenPath = Type.Object({ token: Type.String({ maxLength: 1_024 }) })
const Maybe = Type.Optional(Type.Union([Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }), Type.Null()]))

/** Tokens with which people can register. */
export const registrationTokensAdminEndpoints = (deps: RegistrationTokensAdminDeps): readonly AnyEndpoint[] => {
  const { registrationTokens, newSecret, nowMs } = deps
  const mindTime = (expiresAtMs: number | null | undefined): void => {
    if (typeof expiresAtMs === 'number' && expiresAtMs <= nowMs())
      throw new MatrixError('M_INVALID_PARAM', 'expiry_time must not be in the past')
  }
  return [
    endpoint({
      method: 'GET',
      paths: ['/_synapse/admin/v1/registration_tokens'],
      auth: admin(),
      rateLimit: 'read',
      query: Type.Object({ valid: Type.Optional(Type.Boolean()) }),
      handler: async ({ query }): Promise<JsonObject> => ({
        registration_tokens: (await registrationTokens.list(query.valid)).map(tokenJson),
      }),
    }),
    endpoint({
      method: 'POST',
      paths: ['/_synapse/admin/v1/registration_tokens/new'],
      auth: admin(),
      rateLimit: 'other',
      body: Type.Object({
        token: Type.Optional(Type.String({ maxLength: 1_024 })),
        uses_allowed: Maybe,
        expiry_time: Maybe,
        length: Type.Optional(Type.Integer({ minimum: 1, maximum: 64 })),
      }),
      bodyOptional: true,
      invalidErrcode: 'M_INVALID_PARAM',
      handler: async ({ requester, body: { token, uses_allowed: uses, expiry_time: expiresAtMs, length } }) => {
        mindTime(expiresAtMs)
        const limits = {
          ...(typeof uses === 'number' ? { uses } : {}),
          ...(typeof expiresAtMs === 'number' ? { expiresAtMs } : {}),
        }
        const text = token ?? newSecret(length ?? DEFAULT_LENGTH)
        return tokenJson(await registrationTokens.create(actorOf(requester), text, limits))
      },
    }),
    ...oneToken(registrationTokens, mindTime),
  ]
}

const PATHS = ['/_synapse/admin/v1/registration_tokens/:token'] as const

const oneToken = (
  tokens: ManageRegistrationTokens,
  mindTime: (expiresAtMs: number | null | undefined) => void,
): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: PATHS,
    auth: admin(),
    rateLimit: 'read',
    params: TokenPath,
    handler: async ({ params }) => tokenJson(await tokens.token(params.token)),
  }),
  endpoint({
    method: 'PUT',
    paths: PATHS,
    auth: admin(),
    rateLimit: 'other',
    params: TokenPath,
    body: Type.Object({ uses_allowed: Maybe, expiry_time: Maybe }),
    invalidErrcode: 'M_INVALID_PARAM',
    handler: async ({ requester, params, body: { uses_allowed: uses, expiry_time: expiresAtMs } }) => {
      mindTime(expiresAtMs)
      const limits = {
        ...(uses === undefined ? {} : { usesAllowed: uses ?? undefined }),
        ...(expiresAtMs === undefined ? {} : { expiresAtMs: expiresAtMs ?? undefined }),
      }
      return tokenJson(await tokens.limit(actorOf(requester), params.token, limits))
    },
  }),
  endpoint({
    method: 'DELETE',
    paths: PATHS,
    auth: admin(),
    rateLimit: 'other',
    params: TokenPath,
    handler: async ({ requester, params }) => {
      await tokens.revoke(actorOf(requester), params.token)
      return {}
    },
  }),
]
