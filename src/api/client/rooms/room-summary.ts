import Type from 'typebox'
import { type AnyEndpoint, endpoint, optional } from '#http'
import type { RoomSummaries } from '#views'
import { type AliasResolver, resolveRoom } from '../room-path.ts'

export interface RoomSummaryDeps {
  readonly directory: AliasResolver
  readonly roomSummaries: Pick<RoomSummaries, 'summary'>
}

/** `room_summary.yaml`. */
export const roomSummaryEndpoints = ({ directory, roomSummaries }: RoomSummaryDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [
      '/_matrix/client/v1/room_summary/:roomIdOrAlias',
      // ruma (Element X), to servers that do not name v1.15.
      '/_matrix/client/unstable/im.nheko.summary/rooms/:roomIdOrAlias/summary',
      // matrix-js-sdk (Element Web).
      '/_matrix/client/unstable/im.nheko.summary/summary/:roomIdOrAlias',
    ],
    auth: optional(),
    rateLimit: 'read',
    params: Type.Object({ roomIdOrAlias: Type.String() }),
    // This server knows all rooms that it can summarise.
    query: Type.Object({ via: Type.Optional(Type.Array(Type.String(), { maxItems: 50 })) }),
    handler: async ({ requester, params }) =>
      roomSummaries.summary(await resolveRoom(params.roomIdOrAlias, directory), requester?.userId),
  }),
]
