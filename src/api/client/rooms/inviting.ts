import Type from 'typebox'
import type { InviteByAddress, Memberships } from '#domain'
import { type AnyEndpoint, endpoint, sinceV1, user } from '#http'
import { MatrixError } from '#spec'
import { roomIdOf } from '../own-user.ts'
import { hidingUnknownRoom, Reason, RoomIdPath, reasonIn, userIdOf } from '../room-path.ts'

export interface InvitingDeps {
  readonly memberships: Pick<Memberships, 'change'>
  readonly inviteByAddress: Pick<InviteByAddress, 'invite'>
}

/** `inviting.yaml`, and `third_party_membership.yaml` with the same path. */
export const invitingEndpoints = ({ memberships, inviteByAddress }: InvitingDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: sinceV1('/rooms/:roomId/invite'),
    auth: user({ suspended: false }),
    rateLimit: 'invite',
    params: RoomIdPath,
    body: Type.Object({
      user_id: Type.Optional(Type.String()),
      reason: Reason,
      medium: Type.Optional(Type.String()),
      address: Type.Optional(Type.String()),
      id_server: Type.Optional(Type.String({ maxLength: 255 })),
      id_access_token: Type.Optional(Type.String({ maxLength: 2_048 })),
    }),
    toShadowBanned: () => ({}),
    handler: async ({ requester: { userId: sender }, params, body }) => {
      const roomId = roomIdOf(params.roomId)
      const content = reasonIn(body)
      if (body.user_id === undefined) {
        if (body.medium === undefined && body.address === undefined)
          throw new MatrixError('M_MISSING_PARAM', 'user_id is required')
        await inviteByAddress.invite(roomId, sender, body, content)
        return {}
      }
      const target = userIdOf(body.user_id)
      await hidingUnknownRoom(memberships.change({ roomId, sender, target, membership: 'invite', content }))
      return {}
    },
  }),
]
