import Type from 'typebox'
import type { Memberships } from '#domain'
import { type AnyEndpoint, endpoint, user, v3 } from '#http'
import type { RoomId } from '#spec'
import { locateRoom, Reason, type RoomLocator, reasonIn, ViaQuery } from '../room-path.ts'

export interface KnockingDeps {
  readonly memberships: Pick<Memberships, 'change'>
  readonly aliases: RoomLocator
}

/** `knocking.yaml`. */
export const knockingEndpoints = ({ memberships, aliases }: KnockingDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/knock/:roomIdOrAlias'),
    auth: user({ suspended: false }),
    rateLimit: 'join',
    params: Type.Object({ roomIdOrAlias: Type.String() }),
    query: ViaQuery,
    body: Type.Object({ reason: Reason }),
    bodyOptional: true,
    handler: async ({ requester: { userId }, params, query, body }): Promise<{ room_id: RoomId }> => {
      const { roomId, servers } = await locateRoom(params.roomIdOrAlias, query, aliases)
      const content = reasonIn(body)
      await memberships.change({ roomId, sender: userId, target: userId, membership: 'knock', content, servers })
      return { room_id: roomId }
    },
  }),
]
