import type { FederationRequests } from '#net'
import {
  type JsonObject,
  MatrixError,
  objectAt,
  parseUserId,
  type RoomId,
  type ServerName,
  serverOf,
  stringAt,
  type UserId,
} from '#spec'
import { type InviteProof, inviteProofIn } from '../memberships/third-party-invites.ts'
import { askInTurn, serversToAsk } from './asked-servers.ts'
import { claimedMember } from './handshake.ts'

export interface ExchangeElsewhereParts {
  readonly requests: Pick<FederationRequests, 'json'>
  readonly serverName: ServerName
}

const EXCHANGE_MS = 60_000

/** Has other servers turn invites by an address into invites of the users who have it (server-server API, "Third-party invites"). */
export class ExchangeElsewhere {
  readonly #parts: ExchangeElsewhereParts

  constructor(parts: ExchangeElsewhereParts) {
    this.#parts = parts
  }

  /**
   * Asks the server of whoever invited, which then sends an invite here: the invite is in that user's name, so no other server can sign it, in the room or not.
   * Returns false where that is this server. Throws what `askInTurn` throws.
   */
  async exchange(roomId: RoomId, sender: UserId | undefined, { mxid, signed }: InviteProof): Promise<boolean> {
    const { requests, serverName } = this.#parts
    if (sender === undefined || serverOf(sender) === serverName) return false
    const content = { membership: 'invite', third_party_invite: { signed } }
    await askInTurn(serversToAsk(serverName, [serverOf(sender)]), (server) =>
      requests.json(server, {
        method: 'PUT',
        path: `/_matrix/federation/v1/exchange_third_party_invite/${encodeURIComponent(roomId)}`,
        body: { type: 'm.room.member', room_id: roomId, sender, state_key: mxid, content },
        timeoutMs: EXCHANGE_MS,
      }),
    )
    return true
  }
}

/** The proof in the member event that another server sends to have it exchanged, for a user of its own. Throws `M_INVALID_PARAM`, `M_FORBIDDEN`, `M_BAD_JSON`. */
export const exchangedInvite = (pdu: JsonObject, roomId: RoomId, origin: ServerName): InviteProof => {
  const sender = parseUserId(stringAt(pdu, 'sender') ?? '')
  const server = sender === undefined ? origin : serverOf(sender)
  const { content, target } = claimedMember(pdu, { membership: 'invite', roomId, server })
  const signed = objectAt(objectAt(content, 'third_party_invite') ?? {}, 'signed')
  if (signed === undefined) throw new MatrixError('M_INVALID_PARAM', 'The event has no third_party_invite')
  const proof = inviteProofIn(signed)
  if (proof.mxid !== target || serverOf(target) !== origin)
    throw new MatrixError('M_FORBIDDEN', 'The invite is not for a user of your server')
  return proof
}
