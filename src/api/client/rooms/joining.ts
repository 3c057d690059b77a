import Type from 'typebox'
import type { InviteByAddress, Memberships } from '#domain'
import { type AnyEndpoint, endpoint, isOldPath, type Requester, sinceV1, user } from '#http'
import { isJsonObject, type JsonObject, MatrixError, type RoomId, type ServerName } from '#spec'
import { AnyObject, roomIdOf } from '../own-user.ts'
import { locateRoom, Reason, RoomIdPath, type RoomLocator, ViaQuery } from '../room-path.ts'

export interface JoiningDeps {
  readonly memberships: Pick<Memberships, 'change'>
  readonly inviteByAddress: Pick<InviteByAddress, 'accept'>
  readonly aliases: RoomLocator
}

/** Other members of the body go into the member event, as with other homeservers: a display name for this room, for example. */
const body = Type.Intersect([AnyObject, Type.Object({ reason: Reason })])

/** `joining.yaml`; in 2015 `/rooms/{roomId}/join` took aliases too. */
export const joiningEndpoints = ({ memberships, aliases, inviteByAddress }: JoiningDeps): readonly AnyEndpoint[] => {
  const join = async (
    { roomId, servers }: { readonly roomId: RoomId; readonly servers: readonly ServerName[] },
    { userId }: Requester,
    asked: JsonObject,
  ): Promise<{ room_id: RoomId }> => {
    const { third_party_signed: signed, ...content } = asked
    if (signed !== undefined && signed !== null) {
      if (!isJsonObject(signed)) throw new MatrixError('M_BAD_JSON', 'third_party_signed must be an object')
      await inviteByAddress.accept(roomId, userId, signed)
    }
    await memberships.change({ roomId, sender: userId, target: userId, membership: 'join', content, servers })
    return { room_id: roomId }
  }
  return [
    endpoint({
      method: 'POST',
      paths: sinceV1('/rooms/:roomId/join'),
      auth: user({ guests: true, suspended: false }),
      rateLimit: 'join',
      params: RoomIdPath,
      query: ViaQuery,
      body,
      bodyOptional: true,
      handler: async ({ requester, params, query, body, path }) => {
        const named = isOldPath(path) ? params.roomId : roomIdOf(params.roomId)
        return join(await locateRoom(named, query, aliases), requester, body)
      },
    }),
    endpoint({
      method: 'POST',
      paths: sinceV1('/join/:roomIdOrAlias'),
      auth: user({ guests: true, suspended: false }),
      rateLimit: 'join',
      params: Type.Object({ roomIdOrAlias: Type.String() }),
      query: ViaQuery,
      body,
      bodyOptional: true,
      handler: async ({ requester, params, query, body }) =>
        join(await locateRoom(params.roomIdOrAlias, query, aliases), requester, body),
    }),
  ]
}
