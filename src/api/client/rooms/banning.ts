import type { Memberships } from '#domain'
import { type AnyEndpoint, endpoint, sinceV1, user, v3 } from '#http'
import { roomIdOf } from '../own-user.ts'
import { hidingUnknownRoom, RemovalBody, RoomIdPath, reasonIn, removalIn, TargetBody, userIdOf } from '../room-path.ts'

export interface BanningDeps {
  readonly memberships: Pick<Memberships, 'change' | 'unban'>
}

/** `banning.yaml`. */
export const banningEndpoints = ({ memberships }: BanningDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceV1('/rooms/:roomId/ban'),
    auth: user({ suspended: false }),
    rateLimit: 'other',
    params: RoomIdPath,
    body: RemovalBody,
    toShadowBanned: () => ({}),
    handler: async ({ requester: { userId: sender }, params, body }) => {
      const [roomId, target] = [roomIdOf(params.roomId), userIdOf(body.user_id)]
      const content = removalIn(body)
      await hidingUnknownRoom(memberships.change({ roomId, sender, target, membership: 'ban', content }))
      return {}
    },
  }),
  endpoint({
    method: 'POST',
    paths: v3('/rooms/:roomId/unban'),
    auth: user({ suspended: false }),
    rateLimit: 'other',
    params: RoomIdPath,
    body: TargetBody,
    toShadowBanned: () => ({}),
    handler: async ({ requester: { userId: sender }, params, body }) => {
      const [roomId, target] = [roomIdOf(params.roomId), userIdOf(body.user_id)]
      await hidingUnknownRoom(memberships.unban({ roomId, sender, target, content: reasonIn(body) }))
      return {}
    },
  }),
]
