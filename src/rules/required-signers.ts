import type { Result } from '#base'
import { fail, ok } from '#base'
import type { Pdu, RoomVersion, ServerName } from '#spec'
import { parseServerName, parseUserId, serverOf, stringAt } from '#spec'

/**
 * The servers without whose valid signature an event must be dropped (server-server API, "Validating hashes and
 * signatures on received events"): the sender's, save for a third-party invite, which another server may send; in room
 * versions 1 and 2 also the one that the event id names.
 */
export const requiredSigners = (version: RoomVersion, pdu: Pdu): readonly ServerName[] => {
  const signers = new Set<ServerName>()
  const sender = parseUserId(pdu.sender)
  if (sender !== undefined && !isThirdPartyInvite(pdu)) signers.add(serverOf(sender))
  if (version.eventId === 'given') {
    const server = serverOfEventId(pdu.event_id ?? '')
    if (server !== undefined) signers.add(server)
  }
  return [...signers]
}

const isThirdPartyInvite = (pdu: Pdu): boolean =>
  pdu.type === 'm.room.member' &&
  stringAt(pdu.content, 'membership') === 'invite' &&
  Object.hasOwn(pdu.content, 'third_party_invite')

/** The server named by an event id of room versions 1 and 2, `$opaque:domain`. */
export const serverOfEventId = (eventId: string): ServerName | undefined => {
  const colon = eventId.indexOf(':')
  return colon < 1 ? undefined : parseServerName(eventId.slice(colon + 1))
}

export interface AuthorisingServerFailure {
  readonly reason: 'malformed-user-id'
}

/**
 * The server whose signature the authorisation rules ask for because a member event names one of its users in
 * `join_authorised_via_users_server` (room version 8 and later, rule 4.2 or 5.2): without it the event is rejected, not
 * dropped. undefined where none is asked for.
 */
export const authorisingServer = (
  version: RoomVersion,
  pdu: Pick<Pdu, 'type' | 'content'>,
): Result<ServerName | undefined, AuthorisingServerFailure> => {
  if (!version.auth.restrictedJoins || pdu.type !== 'm.room.member') return ok(undefined)
  const named = Object.hasOwn(pdu.content, 'join_authorised_via_users_server')
    ? pdu.content.join_authorised_via_users_server
    : undefined
  if (named === undefined) return ok(undefined)
  const userId = typeof named === 'string' ? parseUserId(named) : undefined
  return userId === undefined ? fail({ reason: 'malformed-user-id' }) : ok(serverOf(userId))
}
