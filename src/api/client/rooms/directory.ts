import Type from 'typebox'
import type { Directory } from '#domain'
import { type AnyEndpoint, endpoint, isOldPath, none, sinceV1, user, v3 } from '#http'
import type { RoomId, ServerName } from '#spec'
import type { RoomStates } from '#views'
import { roomIdOf } from '../own-user.ts'
import { aliasOf, RoomIdPath } from '../room-path.ts'

export interface DirectoryDeps {
  readonly directory: Pick<Directory, 'resolve' | 'add' | 'remove'>
  readonly roomStates: Pick<RoomStates, 'aliases'>
  readonly serverName: ServerName
}

const AliasPath = Type.Object({ roomAlias: Type.String() })

/** `directory.yaml`. */
export const directoryEndpoints = ({ directory, roomStates, serverName }: DirectoryDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: sinceV1('/directory/room/:roomAlias'),
    auth: none(),
    rateLimit: 'read',
    params: AliasPath,
    handler: async ({ params }): Promise<{ room_id: RoomId; servers: readonly ServerName[] }> => ({
      room_id: await directory.resolve(aliasOf(params.roomAlias)),
      servers: [serverName],
    }),
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
