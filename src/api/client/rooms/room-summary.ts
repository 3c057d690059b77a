import Type from 'typebox'
import { type AnyEndpoint, endpoint, optional } from '#http'
import type { SummariesAnywhere } from '#views'
import { locateRoom, type RoomLocator } from '../room-path.ts'

export interface RoomSummaryDeps {
  readonly aliases: RoomLocator
  readonly summariesAnywhere: Pick<SummariesAnywhere, 'summary'>
}

/** `room_summary.yaml`. */
export const roomSummaryEndpoints = ({ aliases, summariesAnywhere }: RoomSummaryDeps): readonly AnyEndpoint[] => [
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
    query: Type.Object({ via: Type.Optional(Type.Array(Type.String(), { maxItems: 50 })) }),
    handler: async ({ requester, params, query }) => {
      const { roomId, servers } = await locateRoom(params.roomIdOrAlias, query, aliases)
      return summariesAnywhere.summary(roomId, servers, requester?.userId)
    },
  }),
]
