import Type from 'typebox'
import type { Directory, RemotePublicRooms } from '#domain'
import { type AnyEndpoint, endpoint, none, oldPaths, RawJson, user, v3 } from '#http'
import { MatrixError, parseServerName, type ServerName } from '#spec'
import type { PublicRooms } from '#views'
import { roomIdOf } from '../own-user.ts'
import { RoomIdPath } from '../room-path.ts'
import { publicRoomsSearch, searchedRooms } from './public-rooms-search.ts'

export interface ListPublicRoomsDeps {
  readonly publicRooms: Pick<PublicRooms, 'list' | 'oldPage' | 'isPublished'>
  readonly directory: Pick<Directory, 'setPublished'>
  readonly publicRoomsElsewhere: Pick<RemotePublicRooms, 'list'>
  readonly serverName: ServerName
}

const ServerQuery = Type.Optional(Type.String())
const Limit = Type.Integer({ minimum: 0 })

/** `list_public_rooms.yaml`, and the list of 2015. */
export const listPublicRoomsEndpoints = (deps: ListPublicRoomsDeps): readonly AnyEndpoint[] => [
  ...visibilityEndpoints(deps),
  endpoint({
    method: 'GET',
    paths: v3('/publicRooms'),
    auth: none(),
    rateLimit: 'read',
    query: Type.Object({
      limit: Type.Optional(Limit),
      since: Type.Optional(Type.String()),
      server: ServerQuery,
    }),
    handler: async ({ query }) => {
      const other = otherServer(query.server, deps.serverName)
      if (other !== undefined) return deps.publicRoomsElsewhere.list(other, searchedRooms(query))
      return new RawJson(await deps.publicRooms.list(searchedRooms(query)))
    },
  }),
  endpoint({
    method: 'GET',
    paths: oldPaths('/publicRooms'),
    auth: none(),
    rateLimit: 'read',
    query: Type.Object({
      from: Type.Optional(Type.String()),
      to: Type.Optional(Type.String()),
      limit: Type.Optional(Limit),
    }),
    handler: async ({ query: { from, to, limit } }) =>
      new RawJson(
        await deps.publicRooms.oldPage({ from: from || 'START', to: to || 'END', limit: limit || undefined }),
      ),
  }),
  endpoint({
    method: 'POST',
    paths: v3('/publicRooms'),
    auth: user(),
    rateLimit: 'read',
    costly: true,
    query: Type.Object({ server: ServerQuery }),
    body: publicRoomsSearch,
    bodyOptional: true,
    handler: async ({ query, body }) => {
      const other = otherServer(query.server, deps.serverName)
      const { include_all_networks: includeAllNetworks, third_party_instance_id: instance } = body
      if (other !== undefined) {
        const request = { ...searchedRooms(body), includeAllNetworks, thirdPartyInstanceId: instance || undefined }
        return deps.publicRoomsElsewhere.list(other, request)
      }
      // There are no bridged networks, so no instance has rooms.
      if (instance) return { chunk: [], total_room_count_estimate: 0 }
      return new RawJson(await deps.publicRooms.list(searchedRooms(body)))
    },
  }),
]

const visibilityEndpoints = ({ publicRooms, directory }: ListPublicRoomsDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: v3('/directory/list/room/:roomId'),
    auth: none(),
    rateLimit: 'read',
    params: RoomIdPath,
    handler: async ({ params }): Promise<{ visibility: 'public' | 'private' }> => ({
      visibility: (await publicRooms.isPublished(roomIdOf(params.roomId))) ? 'public' : 'private',
    }),
  }),
  endpoint({
    method: 'PUT',
    paths: v3('/directory/list/room/:roomId'),
    auth: user(),
    rateLimit: 'other',
    params: RoomIdPath,
    body: Type.Object({ visibility: Type.Optional(Type.Enum(['public', 'private'])) }),
    bodyOptional: true,
    toShadowBanned: () => ({}),
    handler: async ({ requester, params, body }) => {
      await directory.setPublished(roomIdOf(params.roomId), body.visibility !== 'private', requester)
      return {}
    },
  }),
]

/** undefined for this server. Throws `M_INVALID_PARAM` for what is no server name. */
const otherServer = (server: string | undefined, own: ServerName): ServerName | undefined => {
  if (server === undefined || server === '' || server === own) return undefined
  const name = parseServerName(server)
  if (name === undefined) throw new MatrixError('M_INVALID_PARAM', 'Not a server name')
  return name
}
