import { Type } from 'typebox'
import { type AnyEndpoint, admin, endpoint, jsonOf, RawJson, StreamedJson } from '#http'
import type { AdminRoomDetails, Hierarchy, NearestEvent, NearInTime, Timeline } from '#views'
import { eventIdOf } from '../../client/room-path.ts'
import { RoomPath, roomIdIn } from './room-ids.ts'

export interface RoomHistoryDeps {
  readonly details: Pick<AdminRoomDetails, 'known'>
  /** Administrators see all rooms. */
  readonly timeline: Pick<Timeline, 'messages' | 'context' | 'eventAnywhere'>
  readonly nearInTime: Pick<NearInTime, 'nearest'>
  readonly hierarchy: Pick<Hierarchy, 'page'>
}

const Token = Type.Optional(Type.String({ maxLength: 4_096 }))
const Limit = Type.Optional(Type.Integer({ minimum: 0 }))
const Filter = Type.Optional(Type.String())
const Time = Type.Integer({ minimum: Number.MIN_SAFE_INTEGER, maximum: Number.MAX_SAFE_INTEGER })

/** The history of any room, with all that its members may see. */
export const roomHistoryEndpoints = (deps: RoomHistoryDeps): readonly AnyEndpoint[] => [
  ...pageEndpoints(deps),
  ...placeEndpoints(deps),
]

const pageEndpoints = ({ details, timeline }: RoomHistoryDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/rooms/:roomId/messages'],
    auth: admin(),
    rateLimit: 'read',
    costly: true,
    params: RoomPath,
    query: Type.Object({
      from: Token,
      to: Token,
      dir: Type.Optional(Type.Enum(['b', 'f'])),
      limit: Limit,
      filter: Filter,
    }),
    handler: async ({ requester, params, query: { from, to, dir = 'f', limit, filter } }) => {
      const { roomId } = await details.known(roomIdIn(params.roomId))
      const direction = dir === 'b' ? 'backward' : 'forward'
      return jsonOf(await timeline.messages({ roomId, from, to, direction, limit, filter }, requester))
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/rooms/:roomId/context/:eventId'],
    auth: admin(),
    rateLimit: 'read',
    costly: true,
    params: Type.Object({ roomId: Type.String(), eventId: Type.String() }),
    query: Type.Object({ limit: Limit, filter: Filter }),
    handler: async ({ requester, params, query: { limit, filter } }) => {
      const { roomId } = await details.known(roomIdIn(params.roomId))
      const request = { roomId, eventId: eventIdOf(params.eventId), limit, filter }
      return new StreamedJson(await timeline.context(request, requester))
    },
  }),
]

const placeEndpoints = ({ details, timeline, nearInTime, hierarchy }: RoomHistoryDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/rooms/:roomId/timestamp_to_event'],
    auth: admin(),
    rateLimit: 'read',
    params: RoomPath,
    query: Type.Object({ ts: Time, dir: Type.Optional(Type.Enum(['f', 'b'])) }),
    handler: async ({ requester, params, query: { ts, dir = 'f' } }): Promise<NearestEvent> => {
      const { roomId } = await details.known(roomIdIn(params.roomId))
      return nearInTime.nearest({ roomId, ts, direction: dir === 'f' ? 'forward' : 'backward' }, requester)
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/rooms/:roomId/hierarchy'],
    auth: admin(),
    rateLimit: 'read',
    costly: true,
    params: RoomPath,
    query: Type.Object({
      limit: Limit,
      max_depth: Type.Optional(Type.Integer({ minimum: 0 })),
      from: Token,
    }),
    handler: async ({ requester, params, query: { limit, max_depth: maxDepth, from } }) => {
      const { roomId } = await details.known(roomIdIn(params.roomId))
      const request = { roomId, suggestedOnly: false, limit, maxDepth, from }
      return new RawJson(await hierarchy.page(request, requester.userId))
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/fetch_event/:eventId'],
    auth: admin(),
    rateLimit: 'read',
    params: Type.Object({ eventId: Type.String() }),
    handler: async ({ requester, params }) =>
      new RawJson(`{"event":${await timeline.eventAnywhere(eventIdOf(params.eventId), requester)}}`),
  }),
]
