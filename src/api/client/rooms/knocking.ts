import Type from 'typebox'
import type { Directory, Memberships } from '#domain'
import { type AnyEndpoint, endpoint, user, v3 } from '#http'
import type { RoomId } from '#spec'
import { Reason, reasonIn, resolveRoom, ViaQuery } from '../room-path.ts'

export interface KnockingDeps {
  readonly memberships: Pick<Memberships, 'change'>
  readonly directory: Pick<Directory, 'resolve'>
}

/** `knocking.yaml`. */
export const knockingEndpoints = ({ memberships, directory }: KnockingDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: v3('/knock/:roomIdOrAlias'),
    auth: user({ suspended: false }),
    rateLimit: 'join',
    params: Type.Object({ roomIdOrAlias: Type.String() }),
    query: ViaQuery,
    body: Type.Object({ reason: Reason }),
    bodyOptional: true,
    handler: async ({ requester: { userId }, params, body }): Promise<{ room_id: RoomId }> => {
      const roomId = await resolveRoom(params.roomIdOrAlias, directory)
      const content = reasonIn(body)
      await memberships.change({ roomId, sender: userId, target: userId, membership: 'knock', content })
      return { room_id: roomId }
    },
  }),
]
