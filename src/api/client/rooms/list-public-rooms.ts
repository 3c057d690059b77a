import Type from 'typebox'
import { type Directory, networkOf, type RemotePublicRooms } from '#domain'
import { type AnyEndpoint, endpoint, none, oldPaths, RawJson, user, v3 } from '#http'
import { type JsonObject, MatrixError, parseServerName, type ServerName } from '#spec'
import { FIRST_OF_NETWORKS, isOfNetworks, type NetworkRooms, type PublicRooms } from '#views'
import { roomIdOf } from '../own-user.ts'
import { RoomIdPath } from '../room-path.ts'
import { publicRoomsSearch, searchedRooms } from './public-rooms-search.ts'

export interface ListPublicRoomsDeps {
  readonly publicRooms: Pick<PublicRooms, 'list' | 'oldPage' | 'isPublished'>
  readonly directory: Pick<Directory, 'setPublished'>
  readonly publicRoomsElsewhere: Pick<RemotePublicRooms, 'list'>
  readonly networkRooms: Pick<NetworkRooms, 'list' | 'any'>
  readonly serverName: ServerName
}

const MAX_PAGE = 200
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
      return ofThisServer(deps, searchedRooms(body), { instance, includeAllNetworks })
    },
  }),
]

/** The rooms of one network, of the public directory, or of that and then of all networks. */
const ofThisServer = async (
  { publicRooms, networkRooms }: ListPublicRoomsDeps,
  asked: Parameters<PublicRooms['list']>[0],
  networks: { readonly instance: string | null | undefined; readonly includeAllNetworks: boolean | undefined },
): Promise<JsonObject | RawJson> => {
  const { limit, since, searchTerm } = asked
  const { instance, includeAllNetworks } = networks
  if (instance) {
    const of = networkOf(instance)
    if (of === undefined) return { chunk: [], total_room_count_estimate: 0 }
    return networkRooms.list({ of, limit, since, searchTerm })
  }
  if (since !== undefined && isOfNetworks(since)) return networkRooms.list({ of: 'all', limit, since, searchTerm })
  const text = await publicRooms.list(asked)
  if (includeAllNetworks !== true || !(await networkRooms.any())) return new RawJson(text)
  const page = JSON.parse(text) as { readonly chunk: readonly JsonObject[]; readonly next_batch?: string }
  if (page.next_batch !== undefined) return new RawJson(text)
  // The networks follow behind the end of the directory, as far as they fit.
  const room = Math.min(limit ?? MAX_PAGE, MAX_PAGE) - page.chunk.length
  if (room <= 0) return { ...page, next_batch: FIRST_OF_NETWORKS }
  const rest = await networkRooms.list({ of: 'all', limit: room, since: undefined, searchTerm })
  return { ...page, ...rest, chunk: [...page.chunk, ...rest.chunk] }
}

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
