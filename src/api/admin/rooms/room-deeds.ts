import { Type } from 'typebox'
import type { AdministerRooms, AliasLookup, BlockedRooms, JoinBranches } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import { parseServerName, parseUserId, type RoomId, type ServerName } from '#spec'
import { resolveRoom, userIdOf } from '../../client/room-path.ts'
import { actorOf } from '../actor.ts'
import { RoomPath, roomIdIn } from './room-ids.ts'

export interface RoomDeedsDeps {
  readonly rooms: Pick<AdministerRooms, 'setBlocked' | 'makeAdmin' | 'join'>
  readonly branches: Pick<JoinBranches, 'join'>
  readonly blocked: Pick<BlockedRooms, 'find'>
  readonly aliases: Pick<AliasLookup, 'locate'>
}

type Blocked = { readonly block: boolean; readonly user_id?: string }

/** Deeds with rooms that are done at once. */
export const roomDeedsEndpoints = ({ rooms, branches, blocked, aliases }: RoomDeedsDeps): readonly AnyEndpoint[] => {
  const resolver = {
    resolve: async (alias: Parameters<AliasLookup['locate']>[0]) => (await aliases.locate(alias)).roomId,
  }
  return [
    endpoint({
      method: 'GET',
      paths: ['/_synapse/admin/v1/rooms/:roomId/block'],
      auth: admin(),
      rateLimit: 'read',
      params: RoomPath,
      handler: async ({ params }): Promise<Blocked> => {
        const found = await blocked.find(roomIdIn(params.roomId))
        return found === undefined ? { block: false } : { block: true, user_id: found.blockedBy }
      },
    }),
    endpoint({
      method: 'PUT',
      paths: ['/_synapse/admin/v1/rooms/:roomId/block'],
      auth: admin(),
      rateLimit: 'other',
      params: RoomPath,
      body: Type.Object({ block: Type.Boolean() }),
      handler: async ({ requester, params, body: { block } }): Promise<Blocked> => {
        await rooms.setBlocked(roomIdIn(params.roomId), block, actorOf(requester))
        return { block }
      },
    }),
    joinBranches(branches, resolver),
    endpoint({
      method: 'POST',
      paths: ['/_synapse/admin/v1/rooms/:roomId/make_room_admin'],
      auth: admin(),
      rateLimit: 'other',
      params: RoomPath,
      body: Type.Object({ user_id: Type.Optional(Type.String({ maxLength: 255 })) }),
      bodyOptional: true,
      handler: async ({ requester, params, body }) => {
        const roomId = await resolveRoom(params.roomId, resolver)
        const userId = body.user_id === undefined ? requester.userId : userIdOf(body.user_id)
        await rooms.makeAdmin(roomId, userId, actorOf(requester))
        return {}
      },
    }),
    endpoint({
      method: 'POST',
      paths: ['/_synapse/admin/v1/join/:roomIdOrAlias'],
      auth: admin(),
      rateLimit: 'other',
      params: Type.Object({ roomIdOrAlias: Type.String({ maxLength: 300 }) }),
      query: Type.Object({ server_name: Type.Optional(Type.Array(Type.String({ maxLength: 255 }), { maxItems: 20 })) }),
      body: Type.Object({ user_id: Type.String({ maxLength: 255 }) }),
      handler: async ({ requester, params, query, body }): Promise<{ room_id: RoomId }> => {
        const named = (query.server_name ?? []).flatMap((name) => parseServerName(name) ?? [])
        const { roomId, servers } = await located(params.roomIdOrAlias, aliases)
        const actor = { ...actorOf(requester), by: requester.userId }
        await rooms.join(roomId, parseUserId(body.user_id) ?? body.user_id, [...named, ...servers], actor)
        return { room_id: roomId }
      },
    }),
  ]
}

const located = async (
  text: string,
  aliases: RoomDeedsDeps['aliases'],
): Promise<{ readonly roomId: RoomId; readonly servers: readonly ServerName[] }> => {
  let servers: readonly ServerName[] = []
  const roomId = await resolveRoom(text, {
    resolve: async (alias) => {
      const room = await aliases.locate(alias)
      servers = room.servers
      return room.roomId
    },
  })
  return { roomId, servers }
}

const joinBranches = (branches: RoomDeedsDeps['branches'], resolver: Parameters<typeof resolveRoom>[1]): AnyEndpoint =>
  endpoint({
    method: 'DELETE',
    paths: ['/_synapse/admin/v1/rooms/:roomId/forward_extremities'],
    auth: admin(),
    rateLimit: 'other',
    params: RoomPath,
    handler: async ({ requester, params }) => ({
      deleted: await branches.join(await resolveRoom(params.roomId, resolver), actorOf(requester)),
    }),
  })
