import Type from 'typebox'
import type { Directory, InviteByAddress, Memberships } from '#domain'
import { type AnyEndpoint, endpoint, isOldPath, type Requester, sinceV1, user } from '#http'
import { isJsonObject, type JsonObject, MatrixError, type RoomId } from '#spec'
import { AnyObject, roomIdOf } from '../own-user.ts'
import { Reason, RoomIdPath, resolveRoom, ViaQuery } from '../room-path.ts'

export interface JoiningDeps {
  readonly memberships: Pick<Memberships, 'change'>
  readonly inviteByAddress: Pick<InviteByAddress, 'accept'>
  readonly directory: Pick<Directory, 'resolve'>
}

/** Other members of the body go into the member event, as with other homeservers: a display name for this room, for example. */
const body = Type.Intersect([AnyObject, Type.Object({ reason: Reason })])

/** `joining.yaml`; in 2015 `/rooms/{roomId}/join` took aliases too. */
export const joiningEndpoints = ({ memberships, directory, inviteByAddress }: JoiningDeps): readonly AnyEndpoint[] => {
  const join = async (roomId: RoomId, { userId }: Requester, asked: JsonObject): Promise<{ room_id: RoomId }> => {
    const { third_party_signed: signed, ...content } = asked
    if (signed !== undefined && signed !== null) {
      if (!isJsonObject(signed)) throw new MatrixError('M_BAD_JSON', 'third_party_signed must be an object')
      await inviteByAddress.accept(roomId, userId, signed)
    }
    await memberships.change({ roomId, sender: userId, target: userId, membership: 'join', content })
    return { room_id: roomId }
  }
  return [
    endpoint({
      method: 'POST',
      paths: sinceV1('/rooms/:roomId/join'),
      auth: user({ guests: true, suspended: false }),
      rateLimit: 'join',
      params: RoomIdPath,
      body,
      bodyOptional: true,
      handler: async ({ requester, params, body, path }) => {
        const resolved = isOldPath(path) ? await resolveRoom(params.roomId, directory) : roomIdOf(params.roomId)
        return join(resolved, requester, body)
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
      handler: async ({ requester, params, body }) =>
        join(await resolveRoom(params.roomIdOrAlias, directory), requester, body),
    }),
  ]
}
