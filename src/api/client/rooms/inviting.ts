import Type from 'typebox'
import type { Memberships } from '#domain'
import { type AnyEndpoint, endpoint, sinceV1, user } from '#http'
import { MatrixError } from '#spec'
import { roomIdOf } from '../own-user.ts'
import { hidingUnknownRoom, Reason, RoomIdPath, reasonIn, userIdOf } from '../room-path.ts'

export interface InvitingDeps {
  readonly memberships: Pick<Memberships, 'change'>
}

/** `inviting.yaml`; `third_party_membership.yaml` has the same path, and is refused. */
export const invitingEndpoints = ({ memberships }: InvitingDeps): readonly AnyEndpoint[] => [
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
    }),
    handler: async ({ requester: { userId: sender }, params, body }) => {
      const roomId = roomIdOf(params.roomId)
      if (body.user_id === undefined) throw noInvitee(body)
      const target = userIdOf(body.user_id)
      const content = reasonIn(body)
      await hidingUnknownRoom(memberships.change({ roomId, sender, target, membership: 'invite', content }))
      return {}
    },
  }),
]

const noInvitee = ({ medium, address }: { readonly medium?: string; readonly address?: string }): MatrixError =>
  medium === undefined && address === undefined
    ? new MatrixError('M_MISSING_PARAM', 'user_id is required')
    : new MatrixError('M_THREEPID_DENIED', 'This server does not invite by e-mail address or phone number')
