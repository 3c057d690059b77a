import Type from 'typebox'
import type { InviteByAddress } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import type { JsonObject } from '#spec'
import { AnyObject, roomIdOf } from '../client/own-user.ts'
import { userIdOf } from '../client/room-path.ts'

export interface ThirdPartyInviteDeps {
  readonly inviteByAddress: Pick<InviteByAddress, 'onBound'>
}

/** Limit on the invites that waited for one address: the signature of each is checked. */
const MAX_INVITES = 100

const body = Type.Object({
  mxid: Type.String(),
  invites: Type.Optional(
    Type.Array(Type.Object({ room_id: Type.String(), signed: AnyObject }), { maxItems: MAX_INVITES }),
  ),
})

/**
 * `/3pid/onbind` of `third_party_invite.yaml`. Identity servers do not sign the request: what counts is their signature under each invite. Sydent sends
 * it by `POST`, as the flow chart of the module has it.
 */
export const thirdPartyInviteEndpoints = ({ inviteByAddress }: ThirdPartyInviteDeps): readonly AnyEndpoint[] =>
  (['PUT', 'POST'] as const).map((method) =>
    endpoint({
      method,
      paths: ['/_matrix/federation/v1/3pid/onbind'],
      auth: none(),
      rateLimit: 'other',
      body,
      handler: async ({ body: { mxid, invites = [] } }) => {
        const handed = invites.map(({ room_id, signed }) => ({
          roomId: roomIdOf(room_id),
          signed: signed as JsonObject,
        }))
        await inviteByAddress.onBound(userIdOf(mxid), handed)
        return {}
      },
    }),
  )
