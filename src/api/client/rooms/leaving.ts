import Type from 'typebox'
import type { Memberships } from '#domain'
import { type AnyEndpoint, endpoint, sinceV1, user, v3 } from '#http'
import { roomIdOf } from '../own-user.ts'
import { Reason, RoomIdPath, reasonIn } from '../room-path.ts'

export interface LeavingDeps {
  readonly memberships: Pick<Memberships, 'change' | 'forget'>
  /** Whether a room is forgotten with the leaving. */
  readonly forgetsOnLeave: boolean
}

/** `leaving.yaml`. */
export const leavingEndpoints = ({ memberships, forgetsOnLeave }: LeavingDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceV1('/rooms/:roomId/leave'),
    auth: user({ guests: true }),
    rateLimit: 'other',
    params: RoomIdPath,
    body: Type.Object({ reason: Reason }),
    bodyOptional: true,
    handler: async ({ requester: { userId }, params, body }) => {
      const roomId = roomIdOf(params.roomId)
      const content = reasonIn(body)
      await memberships.change({ roomId, sender: userId, target: userId, membership: 'leave', content })
      if (forgetsOnLeave) await memberships.forget(roomId, userId)
      return {}
    },
  }),
  endpoint({
    method: 'POST',
    paths: v3('/rooms/:roomId/forget'),
    auth: user(),
    rateLimit: 'other',
    params: RoomIdPath,
    handler: async ({ requester, params }) => {
      await memberships.forget(roomIdOf(params.roomId), requester.userId)
      return {}
    },
  }),
]
