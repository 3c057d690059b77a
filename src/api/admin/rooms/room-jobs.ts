import { Type } from 'typebox'
import { type AdministerRooms, type DeletionWish, type Jobs, shutdownIn } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { type EventId, type JsonObject, MatrixError, parseEventId, type RoomId } from '#spec'
import { userIdOf } from '../../client/room-path.ts'
import { actorOf } from '../actor.ts'
import { RoomPath, roomIdIn } from './room-ids.ts'

export interface RoomJobsDeps {
  readonly rooms: Pick<AdministerRooms, 'delete' | 'purgeHistory'>
  readonly jobs: Pick<Jobs, 'get' | 'list' | 'ended'>
}

type Job = NonNullable<Awaited<ReturnType<Jobs['get']>>>

const Deletion = Type.Object({
  new_room_user_id: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  room_name: Type.Optional(Type.Union([Type.String({ maxLength: 255 }), Type.Null()])),
  message: Type.Optional(Type.Union([Type.String({ maxLength: 30_000 }), Type.Null()])),
  block: Type.Optional(Type.Boolean()),
  purge: Type.Optional(Type.Boolean()),
  force_purge: Type.Optional(Type.Boolean()),
})

const wishOf = (body: Type.Static<typeof Deletion>): DeletionWish => ({
  newRoomUserId: typeof body.new_room_user_id === 'string' ? userIdOf(body.new_room_user_id) : undefined,
  roomName: body.room_name ?? undefined,
  message: body.message ?? undefined,
  block: body.block,
  purge: body.purge,
  forcePurge: body.force_purge,
})

const SHOWN = 100

/** Status as these calls tell it: they know no cancelling. */
const statusOf = ({ state, error }: Job): JsonObject => ({
  status: state === 'cancelled' ? 'failed' : state,
  ...(state === 'cancelled' ? { error: 'Cancelled' } : error === undefined ? {} : { error }),
})

const deletionJson = (job: Job): JsonObject => ({
  delete_id: job.id,
  room_id: job.key ?? '',
  ...statusOf(job),
  shutdown_room: shutdownIn(job.result ?? job.progress),
})

/** Deletions of rooms, and purges of their history: jobs, which are asked for again until they have ended. */
export const roomJobsEndpoints = ({ rooms, jobs }: RoomJobsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'DELETE',
    paths: ['/_synapse/admin/v2/rooms/:roomId'],
    auth: admin(),
    rateLimit: 'other',
    params: RoomPath,
    body: Deletion,
    bodyOptional: true,
    handler: async ({ requester, params, body }): Promise<{ delete_id: string }> => ({
      delete_id: await rooms.delete(roomIdIn(params.roomId), wishOf(body), actorOf(requester)),
    }),
  }),
  endpoint({
    method: 'DELETE',
    paths: ['/_synapse/admin/v1/rooms/:roomId'],
    auth: admin(),
    rateLimit: 'other',
    costly: true,
    params: RoomPath,
    body: Deletion,
    bodyOptional: true,
    handler: async ({ requester, params, body, signal }) => {
      const id = await rooms.delete(roomIdIn(params.roomId), wishOf(body), actorOf(requester))
      const job = await jobs.ended(id, signal)
      if (job?.state === 'complete') return shutdownIn(job.result ?? {})
      throw new MatrixError('M_UNKNOWN', job?.error ?? `The deletion ${id} goes on; ask for its status`, {
        status: 500,
      })
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v2/rooms/delete_status/:deleteId'],
    auth: admin(),
    rateLimit: 'read',
    params: Type.Object({ deleteId: Type.String({ maxLength: 64 }) }),
    handler: async ({ params: { deleteId } }) => {
      const job = await jobs.get(deleteId)
      if (job?.kind !== 'room.delete') throw new MatrixError('M_NOT_FOUND', 'There is no deletion of that ID')
      return deletionJson(job)
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v2/rooms/:roomId/delete_status'],
    auth: admin(),
    rateLimit: 'read',
    params: RoomPath,
    handler: async ({ params }): Promise<{ results: readonly JsonObject[] }> => {
      const found = await jobs.list({ kind: 'room.delete', key: roomIdIn(params.roomId), limit: SHOWN })
      if (found.length === 0) throw new MatrixError('M_NOT_FOUND', 'No deletion of that room is known')
      return { results: found.map(deletionJson) }
    },
  }),
  ...purgeEndpoints({ rooms, jobs }),
]

const Purge = Type.Object({
  delete_local_events: Type.Optional(Type.Boolean()),
  purge_up_to_event_id: Type.Optional(Type.String({ maxLength: 255 })),
  purge_up_to_ts: Type.Optional(Type.Integer({ minimum: 0, maximum: Number.MAX_SAFE_INTEGER })),
})

type Started = { readonly purge_id: string }

const purgeEndpoints = ({ rooms, jobs }: RoomJobsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: ['/_synapse/admin/v1/purge_history/:roomId'],
    auth: admin(),
    rateLimit: 'other',
    params: RoomPath,
    body: Purge,
    bodyOptional: true,
    handler: async ({ requester, params, body }): Promise<Started> => {
      const upTo = upToOf(body.purge_up_to_event_id, body.purge_up_to_ts)
      const localOnes = body.delete_local_events ?? false
      return { purge_id: await rooms.purgeHistory(roomIdIn(params.roomId), upTo, localOnes, actorOf(requester)) }
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/_synapse/admin/v1/purge_history/:roomId/:eventId'],
    auth: admin(),
    rateLimit: 'other',
    params: Type.Object({ roomId: Type.String({ maxLength: 300 }), eventId: Type.String({ maxLength: 255 }) }),
    body: Purge,
    bodyOptional: true,
    handler: async ({ requester, params, body }): Promise<Started> => {
      const roomId: RoomId = roomIdIn(params.roomId)
      const localOnes = body.delete_local_events ?? false
      const upTo = upToOf(params.eventId, undefined)
      return { purge_id: await rooms.purgeHistory(roomId, upTo, localOnes, actorOf(requester)) }
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_synapse/admin/v1/purge_history_status/:purgeId'],
    auth: admin(),
    rateLimit: 'read',
    params: Type.Object({ purgeId: Type.String({ maxLength: 64 }) }),
    handler: async ({ params: { purgeId } }) => {
      const job = await jobs.get(purgeId)
      if (job?.kind !== 'room.purge-history') throw new MatrixError('M_NOT_FOUND', 'There is no purge of that ID')
      return statusOf({ ...job, state: job.state === 'scheduled' ? 'active' : job.state })
    },
  }),
]

/** Throws `M_BAD_JSON` where the request says neither. */
const upToOf = (eventId: string | undefined, atMs: number | undefined): { eventId: EventId } | { atMs: number } => {
  if (eventId !== undefined) {
    const parsed = parseEventId(eventId)
    if (parsed === undefined) throw new MatrixError('M_BAD_JSON', 'purge_up_to_event_id is not an event ID')
    return { eventId: parsed }
  }
  if (atMs === undefined) throw new MatrixError('M_BAD_JSON', 'Name an event, or a time as purge_up_to_ts')
  return { atMs }
}
