import type { Memberships } from '#domain'
import { type AnyEndpoint, endpoint, sinceV1, user } from '#http'
import { roomIdOf } from '../own-user.ts'
import { hidingUnknownRoom, RemovalBody, RoomIdPath, removalIn, userIdOf } from '../room-path.ts'

export interface KickingDeps {
  readonly memberships: Pick<Memberships, 'kick'>
}

/** `kicking.yaml`. */
export const kickingEndpoints = ({ memberships }: KickingDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceV1('/rooms/:roomId/kick'),
    auth: user({ suspended: false }),
    rateLimit: 'other',
    params: RoomIdPath,
    body: RemovalBody,
    toShadowBanned: () => ({}),
    handler: async ({ requester: { userId: sender }, params, body }) => {
      const [roomId, target] = [roomIdOf(params.roomId), userIdOf(body.user_id)]
      await hidingUnknownRoom(memberships.kick({ roomId, sender, target, content: removalIn(body) }))
      return {}
    },
  }),
]
