import Type from 'typebox'
import { type AnyEndpoint, endpoint, RawJson, sinceV1, user } from '#http'
import type { InitialSync } from '#views'
import { viewerOf } from '../old-clients.ts'
import { roomIdOf } from '../own-user.ts'
import { RoomIdPath } from '../room-path.ts'

export interface RoomInitialSyncDeps {
  readonly initialSync: Pick<InitialSync, 'ofRoom'>
}

/** `room_initial_sync.yaml`. */
export const roomInitialSyncEndpoints = ({ initialSync }: RoomInitialSyncDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: sinceV1('/rooms/:roomId/initialSync'),
    auth: user({ guests: true }),
    rateLimit: 'read',
    params: RoomIdPath,
    query: Type.Object({ limit: Type.Optional(Type.Integer({ minimum: 0 })) }),
    handler: async ({ requester, params, query, path }) =>
      new RawJson(await initialSync.ofRoom(roomIdOf(params.roomId), query.limit, viewerOf(requester, path))),
  }),
]
