import type { RoomEvent, RoomVersion } from '#spec'
import { parseUserId, serverOf } from '#spec'
import { createEventIdOfRoom } from '../event-id.ts'
import type { AuthContext, StateLookup } from './context.ts'
import { levelsOf, membershipOf } from './context.ts'
import { authoriseCreate } from './creators.ts'
import { authoriseMember } from './member.ts'
import { authorisePowerLevels } from './power-level-change.ts'
import type { PowerLevels } from './power-levels.ts'
import type { AuthVerdict } from './refusal.ts'
import { ALLOWED, refuse } from './refusal.ts'

/**
 * Whether an event is authorised by a state of its room: that of its auth events, that before the event, or the current
 * one ("Room versions", "Authorisation rules", all but the rule on the selection of auth events, which is
 * `checkAuthEventSelection`). Two rules are about what an event looks like on the wire and are checked on receipt: that
 * a create event of room version 12 has no `room_id`, and the signature for `join_authorised_via_users_server`
 * (`authorisingServer`).
 */
export const authoriseEvent = (version: RoomVersion, event: RoomEvent, stateAt: StateLookup): AuthVerdict => {
  if (event.type === 'm.room.create') return authoriseCreate(version, event)
  const create = stateAt('m.room.create', '')
  if (create === undefined) return refuse({ reason: 'no-create-event' })
  if (version.roomIdIsCreateHash) {
    if (create.eventId !== createEventIdOfRoom(event.roomId))
      return refuse({ reason: 'room-id-not-from-create', roomId: event.roomId })
    if (create.rejected) return refuse({ reason: 'create-rejected' })
  }
  if (create.content['m.federate'] === false && serverOf(event.sender) !== serverOf(create.sender))
    return refuse({ reason: 'not-federated', server: serverOf(event.sender) })
  if (event.type === 'm.room.aliases' && version.auth.aliasesRule) return authoriseAliases(event)
  const context: AuthContext = { version, event, create, stateAt }
  return event.type === 'm.room.member' ? authoriseMember(context) : authoriseByMember(context)
}

/** Room versions 1 to 5: a server sets the aliases it hosts, member or not. */
const authoriseAliases = (event: RoomEvent): AuthVerdict => {
  if (event.stateKey === undefined) return refuse({ reason: 'aliases-without-state-key' })
  const server = serverOf(event.sender)
  return event.stateKey === server ? ALLOWED : refuse({ reason: 'aliases-of-other-server', server })
}

/** The rules after that of `m.room.member`: the sender is in the room, and has the power. */
const authoriseByMember = (context: AuthContext): AuthVerdict => {
  const { version, event, stateAt } = context
  const { type, sender, stateKey } = event
  const membership = membershipOf(stateAt, sender)
  if (membership !== 'join') return refuse({ reason: 'sender-not-joined', membership })
  const levels = levelsOf(context)
  const actual = levels.ofUser(sender)
  if (type === 'm.room.third_party_invite') {
    const required = levels.invite
    return actual >= required ? ALLOWED : refuse({ reason: 'power-too-low', action: 'invite', required, actual })
  }
  const required = levels.toSend(type, stateKey !== undefined)
  if (required > actual) return refuse({ reason: 'power-too-low', action: 'send', required, actual })
  const owning = version.auth.ownedState ? authoriseOwnedState(event, levels) : authoriseStateKey(event)
  if (!owning.allowed) return owning
  if (type === 'm.room.power_levels') return authorisePowerLevels(context)
  if (type === 'm.room.redaction' && version.auth.redactionRule) {
    if (actual >= levels.redact || namesSameServer(event)) return ALLOWED
    return refuse({ reason: 'power-too-low', action: 'redact', required: levels.redact, actual })
  }
  return ALLOWED
}

const authoriseStateKey = ({ sender, stateKey }: RoomEvent): AuthVerdict =>
  stateKey?.startsWith('@') && stateKey !== sender ? refuse({ reason: 'state-key-of-other-user' }) : ALLOWED

/** Bytes of a state key, and of the part of it behind a user ID. */
const MAX_KEY_BYTES = 255
const MAX_SUFFIX_BYTES = 256

/** Rule 8 of MSC3757: a state key may begin with the ID of the user whose it is. */
const authoriseOwnedState = ({ sender, stateKey }: RoomEvent, levels: PowerLevels): AuthVerdict => {
  if (stateKey === undefined) return ALLOWED
  if (!stateKey.startsWith('@'))
    return Buffer.byteLength(stateKey) > MAX_KEY_BYTES ? refuse({ reason: 'state-key-malformed' }) : ALLOWED
  const end = stateKey.indexOf('_', stateKey.indexOf(':') + 1)
  const owner = parseUserId(end === -1 ? stateKey : stateKey.slice(0, end))
  if (!stateKey.includes(':') || owner === undefined) return refuse({ reason: 'state-key-malformed' })
  if (Buffer.byteLength(stateKey) - Buffer.byteLength(owner) > MAX_SUFFIX_BYTES)
    return refuse({ reason: 'state-key-malformed' })
  return owner === sender || levels.ofUser(sender) > levels.ofUser(owner)
    ? ALLOWED
    : refuse({ reason: 'state-key-of-other-user' })
}

/** Room versions 1 and 2: event ids name the server that made the event. */
const namesSameServer = ({ eventId, redacts }: RoomEvent): boolean => {
  if (redacts === undefined || !redacts.includes(':')) return false
  return redacts.slice(redacts.indexOf(':')) === eventId.slice(eventId.indexOf(':'))
}
