import Type from 'typebox'
import type { Directory } from '#domain'
import { type AnyEndpoint, endpoint, isOldPath, none, sinceV1, user, v3 } from '#http'
import type { RoomId, ServerName } from '#spec'
import type { RoomStates } from '#views'
import { roomIdOf } from '../own-user.ts'
import { aliasOf, RoomIdPath, type RoomLocator } from '../room-path.ts'

export interface DirectoryDeps {
  readonly directory: Pick<Directory, 'add' | 'remove'>
  readonly aliases: RoomLocator
  /** Servers by which a room may be entered. */
  readonly servers: { serversFor(roomId: RoomId): Promise<readonly ServerName[]> }
  readonly roomStates: Pick<RoomStates, 'aliases'>
}

const AliasPath = Type.Object({ roomAlias: Type.String() })

/** `directory.yaml`. */
export const directoryEndpoints = ({
  directory,
  aliases,
  servers,
  roomStates,
}: DirectoryDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: sinceV1('/directory/room/:roomAlias'),
    auth: none(),
    rateLimit: 'read',
    params: AliasPath,
    handler: async ({ params }): Promise<{ room_id: RoomId; servers: readonly ServerName[] }> => {
      const located = await aliases.locate(aliasOf(params.roomAlias))
      // No servers come with an alias of this server.
      const { roomId, servers: told } = located
      return { room_id: roomId, servers: told.length > 0 ? told : await servers.serversFor(roomId) }
    },
  }),
  endpoint({
    method: 'PUT',
    paths: sinceV1('/directory/room/:roomAlias'),
    auth: user(),
    rateLimit: 'other',
    params: AliasPath,
    body: Type.Object({ room_id: Type.String() }),
    handler: async ({ requester, params, body, path }) => {
      await directory.add(aliasOf(params.roomAlias), roomIdOf(body.room_id), requester, { told: isOldPath(path) })
      return {}
    },
  }),
  endpoint({
    method: 'DELETE',
    paths: sinceV1('/directory/room/:roomAlias'),
    auth: user(),
    rateLimit: 'other',
    params: AliasPath,
    handler: async ({ requester, params, path }) => {
      await directory.remove(aliasOf(params.roomAlias), requester, { told: isOldPath(path) })
      return {}
    },
  }),
  endpoint({
    method: 'GET',
    paths: v3('/rooms/:roomId/aliases'),
    auth: user(),
    rateLimit: 'read',
    params: RoomIdPath,
    handler: async ({ requester, params }): Promise<{ aliases: readonly string[] }> => ({
      aliases: await roomStates.aliases(roomIdOf(params.roomId), requester),
    }),
  }),
]
