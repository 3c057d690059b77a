import Type from 'typebox'
import { type AnyEndpoint, endpoint, isOldPath, isR0Path, nowOrLater, RawJson, sinceV1, user } from '#http'
import { MatrixError } from '#spec'
import type { EventStream, InitialSync, Timeline } from '#views'
import type { SyncDeps } from '../events/sync.ts'
import { viewerOf } from '../old-clients.ts'
import { roomIdOf } from '../own-user.ts'
import { eventIdOf } from '../room-path.ts'

export interface OldSyncDeps {
  readonly eventStream: Pick<EventStream, 'events' | 'mayRead'>
  readonly initialSync: Pick<InitialSync, 'everything'>
  readonly timeline: Pick<Timeline, 'eventAnywhere' | 'mayRead'>
  readonly presence: SyncDeps['presence']
}

/** The longest wait, as for `/sync`. */
const MAX_TIMEOUT_MS = 180_000
const Token = Type.Optional(Type.String({ maxLength: 200 }))

/**
 * `old_sync.yaml` and `peeking_events.yaml`, which share `/events`: with `room_id` it is the stream of that one room, for its members and,
 * where it is `world_readable`, for everybody; guests have no other.
 */
export const oldSyncEndpoints = (deps: OldSyncDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: sinceV1('/events'),
    auth: user({ guests: true }),
    rateLimit: 'unlimited',
    query: Type.Object({
      from: Token,
      to: Token,
      limit: Type.Optional(Type.Integer({ minimum: 1 })),
      timeout: Type.Optional(Type.Integer({ minimum: 0 })),
      room_id: Type.Optional(Type.String()),
    }),
    allows: async ({ requester, query, path }) => {
      if (typeof query.room_id === 'string')
        await deps.eventStream.mayRead(roomIdOf(query.room_id), viewerOf(requester, path))
    },
    handler: async ({ requester, query, path }) => {
      if (requester.kind === 'guest' && query.room_id === undefined)
        throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests must name a room')
      const over = await deps.presence.syncing(requester, 'online')
      const begin = () =>
        deps.eventStream.events({
          viewer: viewerOf(requester, path),
          roomId: query.room_id === undefined ? undefined : roomIdOf(query.room_id),
          from: query.from || undefined,
          to: query.to || undefined,
          words: isOldPath(path) || (isR0Path(path) && (query.from === 'START' || query.from === 'END')),
          limit: query.limit,
          timeoutMs: Math.min(query.timeout ?? 0, MAX_TIMEOUT_MS),
        })
      return nowOrLater(begin, over)
    },
  }),
  endpoint({
    method: 'GET',
    paths: sinceV1('/initialSync'),
    auth: user(),
    rateLimit: 'read',
    costly: true,
    query: Type.Object({
      limit: Type.Optional(Type.Integer({ minimum: 0 })),
      archived: Type.Optional(Type.Boolean()),
    }),
    handler: async ({ requester, query, path }) => {
      const over = await deps.presence.syncing(requester, 'online')
      const { limit, archived = false } = query
      return nowOrLater(
        async () => deps.initialSync.everything({ viewer: viewerOf(requester, path), limit, archived }),
        over,
      )
    },
  }),
  endpoint({
    method: 'GET',
    paths: sinceV1('/events/:eventId'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    params: Type.Object({ eventId: Type.String() }),
    handler: async ({ requester, params, path }) =>
      new RawJson(await deps.timeline.eventAnywhere(eventIdOf(params.eventId), viewerOf(requester, path))),
  }),
]
