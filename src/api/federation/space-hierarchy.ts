import Type from 'typebox'
import { type AnyEndpoint, endpoint, RawJson, server } from '#http'
import type { ServedSpaces } from '#views'
import { roomIdOf } from '../client/own-user.ts'
import { RoomIdPath } from '../client/room-path.ts'

export interface ServedSpacesDeps {
  readonly servedSpaces: Pick<ServedSpaces, 'children'>
}

/** `space_hierarchy.yaml` of the server-server API. */
export const servedSpacesEndpoints = ({ servedSpaces }: ServedSpacesDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [
      '/_matrix/federation/v1/hierarchy/:roomId',
      // Of when it was a proposal (MSC2946).
      '/_matrix/federation/unstable/org.matrix.msc2946/hierarchy/:roomId',
    ],
    auth: server(),
    rateLimit: 'read',
    costly: true,
    params: RoomIdPath,
    query: Type.Object({ suggested_only: Type.Optional(Type.Boolean()) }),
    handler: async ({ requester, params, query }) =>
      new RawJson(
        await servedSpaces.children(roomIdOf(params.roomId), query.suggested_only ?? false, requester.serverName),
      ),
  }),
]
