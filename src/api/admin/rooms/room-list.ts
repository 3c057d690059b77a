import { Type } from 'typebox'
import { type AnyEndpoint, admin, endpoint, StreamedJson } from '#http'
import type { JsonObject } from '#spec'
import { type AdminRoomDetails, type AdminRoomList, type AdminRoomSizes, overviewJson, ROOM_LIST_ORDERS } from '#views'
import { RoomPath, roomIdIn } from './room-ids.ts'

export interface RoomListDeps {
  readonly list: Pick<AdminRoomList, 'page'>
  readonly sizes: Pick<AdminRoomSizes, 'largest'>
  readonly details: Pick<AdminRoomDetails, 'details' | 'members' | 'state' | 'forwardExtremities'>
}

/** Names of orders from before there were others. */
const OLD_ORDERS = { alphabetical: 'name', size: 'joined_members' } as const
const ORDERS = [...ROOM_LIST_ORDERS, 'alphabetical', 'size'] as const
const MAX_ROOMS = 1_000
const MAX_TERM = 255

type RoomsAnswer = {
  readonly rooms: readonly JsonObject[]
  readonly offset: number
  readonly total_rooms: number
  readonly next_batch?: number
  readonly prev_batch?: number
}

/** The rooms of the server in lists, and one by one. */
export const roomListEndpoints = ({ list, sizes, details }: RoomListDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/rooms'],
    auth: admin(),
    rateLimit: 'read',
    query: Type.Object({
      from: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
      limit: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
      order_by: Type.Optional(Type.Enum([...ORDERS])),
      dir: Type.Optional(Type.Enum(['f', 'b'])),
      search_term: Type.Optional(Type.String({ maxLength: MAX_TERM })),
      public_rooms: Type.Optional(Type.Boolean()),
      empty_rooms: Type.Optional(Type.Boolean()),
    }),
    handler: async ({ query }): Promise<RoomsAnswer> => {
      const { from: offset = 0, order_by: order = 'name', dir = 'f', search_term: term } = query
      const limit = Math.min(query.limit ?? 100, MAX_ROOMS)
      const { rooms, total } = await list.page({
        ...{ offset, limit, published: query.public_rooms, empty: query.empty_rooms },
        order: order === 'alphabetical' || order === 'size' ? OLD_ORDERS[order] : order,
        reversed: dir === 'b',
        term: term === '' ? undefined : term,
      })
      return {
        rooms: rooms.map(overviewJson),
        offset,
        total_rooms: total,
        ...(offset + rooms.length < total && rooms.length > 0 ? { next_batch: offset + rooms.length } : {}),
        ...(offset > 0 ? { prev_batch: Math.max(0, offset - limit) } : {}),
      }
    },
  }),
  largestRooms(sizes),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/rooms/:roomId'],
    auth: admin(),
    rateLimit: 'read',
    params: RoomPath,
    handler: ({ params }) => details.details(roomIdIn(params.roomId)),
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/rooms/:roomId/members'],
    auth: admin(),
    rateLimit: 'read',
    costly: true,
    params: RoomPath,
    handler: async ({ params }) => new StreamedJson(await details.members(roomIdIn(params.roomId))),
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/rooms/:roomId/state'],
    auth: admin(),
    rateLimit: 'read',
    costly: true,
    params: RoomPath,
    query: Type.Object({ type: Type.Optional(Type.String({ maxLength: 255 })) }),
    handler: async ({ requester, params, query: { type } }) =>
      new StreamedJson(await details.state(roomIdIn(params.roomId), type, requester)),
  }),
  forwardExtremities(details),
]

const largestRooms = (sizes: RoomListDeps['sizes']): AnyEndpoint =>
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/statistics/database/rooms'],
    auth: admin(),
    rateLimit: 'read',
    costly: true,
    handler: async (): Promise<{ rooms: readonly JsonObject[] }> => ({ rooms: await sizes.largest() }),
  })

const forwardExtremities = (details: RoomListDeps['details']): AnyEndpoint =>
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/rooms/:roomId/forward_extremities'],
    auth: admin(),
    rateLimit: 'read',
    params: RoomPath,
    handler: ({ params }) => details.forwardExtremities(roomIdIn(params.roomId)),
  })
