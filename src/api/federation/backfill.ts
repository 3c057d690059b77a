import Type from 'typebox'
import { type AnyEndpoint, endpoint, RawJson, server } from '#http'
import { type EventId, parseEventId } from '#spec'
import type { ServedHistory } from '#views'
import { roomIdOf } from '../client/own-user.ts'
import { RoomIdPath } from '../client/room-path.ts'

export interface BackfillDeps {
  readonly servedHistory: Pick<ServedHistory, 'backfill' | 'missing'>
}

/** A room with more ends than this is not gone through by one request. */
const EventIds = Type.Array(Type.String(), { maxItems: 1_000 })
const Count = Type.Integer({ minimum: 0 })
const DEFAULT_MISSING = 10
/** A body with as many ids as are taken. */
const BODY_LIMIT_BYTES = 512 * 1024

const missing = Type.Object({
  earliest_events: EventIds,
  latest_events: EventIds,
  limit: Type.Optional(Count),
  min_depth: Type.Optional(Type.Integer()),
})

/** A text that is no event ID names no event. */
const known = (texts: readonly string[]): readonly EventId[] => texts.flatMap((text) => parseEventId(text) ?? [])

/** `backfill.yaml`. */
export const backfillEndpoints = ({ servedHistory }: BackfillDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_matrix/federation/v1/backfill/:roomId'],
    auth: server(),
    rateLimit: 'read',
    params: RoomIdPath,
    query: Type.Object({ v: Type.Array(Type.String(), { maxItems: 100 }), limit: Count }),
    handler: async ({ requester, params, query: { v, limit } }) => {
      const request = { roomId: roomIdOf(params.roomId), from: known(v), limit }
      return new RawJson(await servedHistory.backfill(request, requester.serverName))
    },
  }),
  endpoint({
    method: 'POST',
    paths: ['/_matrix/federation/v1/get_missing_events/:roomId'],
    auth: server(),
    rateLimit: 'read',
    params: RoomIdPath,
    body: missing,
    bodyLimitBytes: BODY_LIMIT_BYTES,
    handler: async ({ requester, params, body }) => {
      const request = {
        roomId: roomIdOf(params.roomId),
        earliest: known(body.earliest_events),
        latest: known(body.latest_events),
        limit: body.limit ?? DEFAULT_MISSING,
        minDepth: body.min_depth ?? 0,
      }
      return new RawJson(await servedHistory.missing(request, requester.serverName))
    },
  }),
]
