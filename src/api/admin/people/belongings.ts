import { Type } from 'typebox'
import type { AdministerPeople, Moderate, Pushers } from '#domain'
import { type AnyEndpoint, admin, endpoint, StreamedJson } from '#http'
import { type JsonObject, MatrixError, parseUserId } from '#spec'
import type { People } from '#views'
import { whoisJson } from '../../client/accounts/admin.ts'
import { UserPath } from './user-path.ts'

export interface BelongingsDeps {
  readonly people: AdministerPeople
  readonly peopleView: People
  readonly moderate: Moderate
  readonly pushers: Pick<Pushers, 'list'>
}

const Since = Type.Object({ from_ts: Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER }) })

const userIdIn = (text: string) => {
  const userId = parseUserId(text)
  if (userId === undefined) throw new MatrixError('M_INVALID_PARAM', 'That is no user id')
  return userId
}

/** Belongings of an account: rooms, account data, pushers, connections. */
export const belongingsEndpoints = (deps: BelongingsDeps): readonly AnyEndpoint[] => {
  const { people, peopleView, moderate, pushers } = deps
  return [
    endpoint({
      method: 'GET',
      paths: ['/_synapse/admin/v1/whois/:userId'],
      auth: admin(),
      rateLimit: 'read',
      params: UserPath,
      handler: async ({ requester, params: { userId } }) =>
        whoisJson(userId, await moderate.devicesOf(requester, userId)),
    }),
    endpoint({
      method: 'GET',
      paths: ['/_synapse/admin/v1/users/:userId/joined_rooms'],
      auth: admin(),
      rateLimit: 'read',
      params: UserPath,
      handler: async ({ params }): Promise<JsonObject> => {
        const all = await peopleView.memberships(userIdIn(params.userId))
        const joined = all.filter(({ membership }) => membership === 'join').map(({ roomId }) => roomId)
        return { joined_rooms: joined, total: joined.length }
      },
    }),
    endpoint({
      method: 'GET',
      paths: ['/_synapse/admin/v1/users/:userId/memberships'],
      auth: admin(),
      rateLimit: 'read',
      params: UserPath,
      handler: async ({ params }): Promise<JsonObject> => {
        const all = await peopleView.memberships(userIdIn(params.userId))
        return { memberships: Object.fromEntries(all.map(({ roomId, membership }) => [roomId, membership])) }
      },
    }),
    endpoint({
      method: 'GET',
      paths: ['/_synapse/admin/v1/users/:userId/accountdata'],
      auth: admin(),
      rateLimit: 'read',
      costly: true,
      params: UserPath,
      handler: async ({ params }) => new StreamedJson(peopleView.accountData(await people.account(params.userId))),
    }),
    endpoint({
      method: 'GET',
      paths: ['/_synapse/admin/v1/users/:userId/pushers'],
      auth: admin(),
      rateLimit: 'read',
      params: UserPath,
      handler: async ({ params }): Promise<JsonObject> => {
        const listed = (await pushers.list((await people.account(params.userId)).user)).map(pusherJson)
        return { pushers: listed, total: listed.length }
      },
    }),
    ...countEndpoints(peopleView),
  ]
}

const countEndpoints = (peopleView: People): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/users/:userId/sent_invite_count'],
    auth: admin(),
    rateLimit: 'read',
    costly: true,
    params: UserPath,
    query: Since,
    handler: async ({ params, query }) => ({
      invite_count: await peopleView.sentInvites(userIdIn(params.userId), query.from_ts),
    }),
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/users/:userId/cumulative_joined_room_count'],
    auth: admin(),
    rateLimit: 'read',
    costly: true,
    params: UserPath,
    query: Since,
    handler: async ({ params, query }) => ({
      cumulative_joined_room_count: await peopleView.joinedRooms(userIdIn(params.userId), query.from_ts),
    }),
  }),
]

type Pusher = Awaited<ReturnType<Pushers['list']>>[number]

const pusherJson = (pusher: Pusher): JsonObject => ({
  app_display_name: pusher.appDisplayName,
  app_id: pusher.appId,
  data: JSON.parse(pusher.dataJson) as JsonObject,
  device_display_name: pusher.deviceDisplayName,
  kind: pusher.kind,
  lang: pusher.lang,
  profile_tag: pusher.profileTag ?? '',
  pushkey: pusher.pushkey,
})
