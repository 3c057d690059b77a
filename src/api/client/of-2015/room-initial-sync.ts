import Type from 'typebox'
import { type AnyEndpoint, endpoint, StreamedJson, sinceV1, user } from '#http'
import type { RoomInitialSync } from '#views'
import { viewerOf } from '../old-clients.ts'
import { roomIdOf } from '../own-user.ts'
import { RoomIdPath, type RoomReaders, readersOf } from '../room-path.ts'

export interface RoomInitialSyncDeps {
  readonly roomInitialSync: Pick<RoomInitialSync, 'ofRoom'>
  readonly timeline: RoomReaders
}

/** `room_initial_sync.yaml`. */
export const roomInitialSyncEndpoints = ({
  roomInitialSync,
  timeline,
}: RoomInitialSyncDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: sinceV1('/rooms/:roomId/initialSync'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    costly: true,
    params: RoomIdPath,
    allows: readersOf(timeline),
    query: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 0 })) }),
    handler: async ({ requester, params, query, path }) =>
      new StreamedJson(
        await roomInitialSync.ofRoom({
          roomId: roomIdOf(params.roomId),
          limit: query.limit,
          viewer: viewerOf(requester, path),
        }),
      ),
  }),
]
