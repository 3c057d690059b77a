import { Type } from 'typebox'
import { type AdministerPeople, MOST_MESSAGES } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import type { JsonObject } from '#spec'
import { actorOf } from '../actor.ts'
import { UserPath } from './user-path.ts'

export interface StandingDeps {
  readonly people: AdministerPeople
}

/** The rights of an account. */
export const standingEndpoints = ({ people }: StandingDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/_synapse/admin/v1/deactivate/:userId'],
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    body: Type.Object({ erase: Type.Optional(Type.Boolean()) }),
    bodyOptional: true,
    handler: async ({ requester, params, body: { erase = false } }): Promise<JsonObject> => {
      const account = await people.account(params.userId)
      return { id_server_unbind_result: await people.deactivate(actorOf(requester), account, erase) }
    },
  }),
  endpoint({
    method: 'PUT',
    paths: ['/_synapse/admin/v1/suspend/:userId'],
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    body: Type.Object({ suspend: Type.Boolean() }),
    handler: async ({ requester, params: { userId }, body: { suspend } }): Promise<JsonObject> => {
      await people.setSuspended(actorOf(requester), await people.account(userId), suspend)
      return { [`user_${userId}_suspended`]: suspend }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/_synapse/admin/v1/reset_password/:userId'],
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    body: Type.Object({ new_password: Type.String(), logout_devices: Type.Optional(Type.Boolean()) }),
    handler: async ({ requester, params, body: { new_password: password, logout_devices: ends = true } }) => {
      await people.setPassword(actorOf(requester), await people.account(params.userId), password, !ends)
      return {}
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/users/:userId/admin'],
    auth: admin(),
    rateLimit: 'read',
    params: UserPath,
    handler: async ({ params }) => ({ admin: (await people.account(params.userId)).admin }),
  }),
  endpoint({
    method: 'PUT',
    paths: ['/_synapse/admin/v1/users/:userId/admin'],
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    body: Type.Object({ admin: Type.Boolean() }),
    handler: async ({ requester, params, body }) => {
      await people.setAdmin(actorOf(requester), await people.account(params.userId), body.admin)
      return {}
    },
  }),
  ...limitEndpoints(people),
  ...shadowBanEndpoints(people),
]

const SHADOW_PATHS = ['/_synapse/admin/v1/users/:userId/shadow_ban'] as const

const shadowBanEndpoints = (people: AdministerPeople): readonly AnyEndpoint[] =>
  (['POST', 'DELETE'] as const).map((method) =>
    endpoint({
      method,
      paths: SHADOW_PATHS,
      auth: admin(),
      rateLimit: 'other',
      params: UserPath,
      handler: async ({ requester, params }) => {
        const account = await people.account(params.userId)
        await people.setShadowBanned(actorOf(requester), account, method === 'POST')
        return {}
      },
    }),
  )

const LIMIT_PATHS = ['/_synapse/admin/v1/users/:userId/override_ratelimit'] as const
const Count = Type.Optional(Type.Integer({ minimum: 0, maximum: MOST_MESSAGES }))

type RateLimit = NonNullable<Awaited<ReturnType<AdministerPeople['account']>>['rateLimit']>

const limitJson = (limit: RateLimit | undefined): JsonObject =>
  limit === undefined ? {} : { messages_per_second: limit.perSecond, burst_count: limit.burst }

const limitEndpoints = (people: AdministerPeople): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: LIMIT_PATHS,
    auth: admin(),
    rateLimit: 'read',
    params: UserPath,
    handler: async ({ params }) => limitJson((await people.account(params.userId)).rateLimit),
  }),
  endpoint({
    method: 'POST',
    paths: LIMIT_PATHS,
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    body: Type.Object({ messages_per_second: Count, burst_count: Count }),
    invalidErrcode: 'M_INVALID_PARAM',
    handler: async ({ requester, params, body: { messages_per_second: perSecond = 0, burst_count: burst = 0 } }) => {
      const limit = { perSecond, burst }
      await people.setRateLimit(actorOf(requester), await people.account(params.userId), limit)
      return limitJson(limit)
    },
  }),
  endpoint({
    method: 'DELETE',
    paths: LIMIT_PATHS,
    auth: admin(),
    rateLimit: 'other',
    params: UserPath,
    handler: async ({ requester, params }) => {
      await people.setRateLimit(actorOf(requester), await people.account(params.userId), undefined)
      return {}
    },
  }),
]
