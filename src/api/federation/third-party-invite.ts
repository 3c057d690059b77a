import Type from 'typebox'
import { exchangedInvite, type InviteByAddress } from '#domain'
import { type AnyEndpoint, endpoint, none, server } from '#http'
import type { JsonObject } from '#spec'
import { AnyObject, roomIdOf } from '../client/own-user.ts'
import { userIdOf } from '../client/room-path.ts'

export interface ThirdPartyInviteDeps {
  readonly inviteByAddress: Pick<InviteByAddress, 'onBound' | 'exchange'>
}

/** Limit on the invites that waited for one address: the signature of each is checked. */
const MAX_INVITES = 100

const body = Type.Object({
  mxid: Type.String(),
  invites: Type.Optional(
    Type.Array(Type.Object({ room_id: Type.String(), sender: Type.Optional(Type.String()), signed: AnyObject }), {
      maxItems: MAX_INVITES,
    }),
  ),
})

/** `third_party_invite.yaml`. */
export const thirdPartyInviteEndpoints = (deps: ThirdPartyInviteDeps): readonly AnyEndpoint[] => [
  ...onBindEndpoints(deps),
  exchangeEndpoint(deps),
]

const exchangeEndpoint = ({ inviteByAddress }: ThirdPartyInviteDeps): AnyEndpoint =>
  endpoint({
    method: 'PUT',
    paths: ['/_matrix/federation/v1/exchange_third_party_invite/:roomId'],
    auth: server(),
    rateLimit: 'invite',
    params: Type.Object({ roomId: Type.String() }),
    body: AnyObject,
    handler: async ({ requester, params, body }) => {
      const roomId = roomIdOf(params.roomId)
      await inviteByAddress.exchange(roomId, exchangedInvite(body, roomId, requester.serverName))
      return {}
    },
  })

/**
 * `/3pid/onbind` of `third_party_invite.yaml`. Identity servers do not sign the request: what counts is their signature under each invite. Sydent sends
 * it by `POST`, as the flow chart of the module has it.
 */
const onBindEndpoints = ({ inviteByAddress }: ThirdPartyInviteDeps): readonly AnyEndpoint[] =>
  (['PUT', 'POST'] as const).map((method) =>
    endpoint({
      method,
      paths: ['/_matrix/federation/v1/3pid/onbind'],
      auth: none(),
      rateLimit: 'other',
      body,
      handler: async ({ body: { mxid, invites = [] } }) => {
        const handed = invites.map(({ room_id, sender, signed }) => ({
          roomId: roomIdOf(room_id),
          sender: sender === undefined ? undefined : userIdOf(sender),
          signed: signed as JsonObject,
        }))
        await inviteByAddress.onBound(userIdOf(mxid), handed)
        return {}
      },
    }),
  )
