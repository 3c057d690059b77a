import { Type } from 'typebox'
import type { ReviewRegistrations } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { type JsonObject, MatrixError, parseUserId, type UserId } from '#spec'
import { actorOf } from '../actor.ts'

export interface RegistrationsAdminDeps {
  readonly registrations: ReviewRegistrations
}

const UserPath = Type.Object({ userId: Type.String({ maxLength: 1_024 }) })
const PATH = '/_homeroom/admin/v1/registrations'
const MOST = 100

const userIn = (userId: string): UserId => {
  const parsed = parseUserId(userId)
  if (parsed === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is no user id')
  return parsed
}

/** Accounts that wait for an administrator (`registration.approval`). */
export const registrationsAdminEndpoints = ({ registrations }: RegistrationsAdminDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [PATH],
    auth: admin(),
    rateLimit: 'read',
    query: Type.Object({
      from: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
      limit: Type.Optional(Type.Integer({ minimum: 1, maximum: MOST })),
    }),
    handler: async ({ query: { from = 0, limit = MOST } }): Promise<JsonObject> => {
      const waiting = await registrations.waiting({ after: from, limit })
      const last = waiting.length < limit ? undefined : waiting.at(-1)
      return {
        registrations: waiting.map(({ account, addresses }) => ({
          user_id: account.userId,
          creation_ts: account.createdAtMs,
          threepids: addresses.map(({ medium, address }) => ({ medium, address })),
        })),
        ...(last === undefined ? {} : { next_token: last.account.user }),
      }
    },
  }),
  endpoint({
    method: 'POST',
    paths: [`${PATH}/:userId/approve`],
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    handler: async ({ requester, params }) => {
      await registrations.approve(actorOf(requester), userIn(params.userId))
      return {}
    },
  }),
  endpoint({
    method: 'POST',
    paths: [`${PATH}/:userId/refuse`],
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    body: Type.Object({ reason: Type.Optional(Type.String({ maxLength: 1_000 })) }),
    bodyOptional: true,
    handler: async ({ requester, params, body: { reason } }) => {
      await registrations.refuse(actorOf(requester), userIn(params.userId), reason)
      return {}
    },
  }),
]
