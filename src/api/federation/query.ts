import Type from 'typebox'
import type { Directory, Profiles } from '#domain'
import { type AnyEndpoint, endpoint, server } from '#http'
import { type JsonObject, MatrixError, type RoomId, type ServerName, serverOf } from '#spec'
import { aliasOf, userIdOf } from '../client/room-path.ts'

export interface QueryDeps {
  readonly serverName: ServerName
  readonly directory: Pick<Directory, 'resolve'>
  readonly profiles: Pick<Profiles, 'profile'>
  /** Servers by which a room may be entered, this one among them. */
  readonly servers: { serversFor(roomId: RoomId): Promise<readonly ServerName[]> }
  /** Whether other servers are told of profiles. */
  readonly showsProfiles: boolean
}

/** `query.yaml`. Types of queries that are not named here are unknown, as any other path is. */
export const queryEndpoints = (deps: QueryDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_matrix/federation/v1/query/directory'],
    auth: server(),
    rateLimit: 'read',
    query: Type.Object({ room_alias: Type.String() }),
    handler: async ({ query }): Promise<{ room_id: RoomId; servers: readonly ServerName[] }> => {
      const alias = aliasOf(query.room_alias)
      if (serverOf(alias) !== deps.serverName) throw new MatrixError('M_NOT_FOUND', 'Not an alias of this server')
      const roomId = await deps.directory.resolve(alias)
      return { room_id: roomId, servers: await deps.servers.serversFor(roomId) }
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_matrix/federation/v1/query/profile'],
    auth: server(),
    rateLimit: 'read',
    query: Type.Object({ user_id: Type.String(), field: Type.Optional(Type.String()) }),
    handler: async ({ query }): Promise<JsonObject> => {
      const userId = userIdOf(query.user_id)
      if (serverOf(userId) !== deps.serverName) throw new MatrixError('M_NOT_FOUND', 'Not a user of this server')
      if (!deps.showsProfiles) throw new MatrixError('M_FORBIDDEN', 'This server does not tell others of its profiles')
      const profile = await deps.profiles.profile(userId)
      const { field } = query
      if (field === undefined) return profile
      const value = Object.hasOwn(profile, field) ? profile[field] : undefined
      return value === undefined ? {} : { [field]: value }
    },
  }),
  endpoint({
    method: 'GET',
    paths: ['/_matrix/federation/v1/query/:queryType'],
    auth: server(),
    rateLimit: 'other',
    handler: async () => {
      throw new MatrixError('M_UNRECOGNIZED', 'Unknown type of query')
    },
  }),
]
