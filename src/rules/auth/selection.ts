import type { JsonObject, RoomEvent, RoomVersion, StateTuple } from '#spec'
import { objectAt, stringAt } from '#spec'
import type { AuthVerdict } from './refusal.ts'
import { ALLOWED, refuse } from './refusal.ts'

/** The parts of an event that decide which state it must cite; they are known before the event is built. */
export interface AuthSubject {
  readonly type: string
  /** undefined for events that are not state. */
  readonly stateKey: string | undefined
  readonly sender: string
  readonly content: JsonObject
}

const CREATE: StateTuple = { type: 'm.room.create', stateKey: '' }
const POWER_LEVELS: StateTuple = { type: 'm.room.power_levels', stateKey: '' }
const JOIN_RULES: StateTuple = { type: 'm.room.join_rules', stateKey: '' }

/**
 * The state that an event must cite in `auth_events`, as far as the room has it, without duplicates (server-server API,
 * "Auth events selection").
 */
export const authEventTuples = (version: RoomVersion, subject: AuthSubject): StateTuple[] => {
  if (subject.type === 'm.room.create') return []
  const tuples: StateTuple[] = version.roomIdIsCreateHash ? [POWER_LEVELS] : [CREATE, POWER_LEVELS]
  tuples.push({ type: 'm.room.member', stateKey: subject.sender })
  if (subject.type === 'm.room.member') pushMemberTuples(version, subject, tuples)
  return tuples
}

const pushMemberTuples = (version: RoomVersion, subject: AuthSubject, tuples: StateTuple[]): void => {
  const pushMember = (userId: string): void => {
    if (!tuples.some(({ type, stateKey }) => type === 'm.room.member' && stateKey === userId))
      tuples.push({ type: 'm.room.member', stateKey: userId })
  }
  if (subject.stateKey !== undefined) pushMember(subject.stateKey)
  const membership = stringAt(subject.content, 'membership')
  if (membership === 'join' || membership === 'invite' || membership === 'knock') tuples.push(JOIN_RULES)
  if (membership === 'invite') {
    const signed = objectAt(objectAt(subject.content, 'third_party_invite') ?? {}, 'signed')
    const token = signed === undefined ? undefined : stringAt(signed, 'token')
    if (token !== undefined) tuples.push({ type: 'm.room.third_party_invite', stateKey: token })
  }
  if (membership === 'join' && version.auth.restrictedJoins) {
    const authoriser = stringAt(subject.content, 'join_authorised_via_users_server')
    if (authoriser !== undefined) pushMember(authoriser)
  }
}

/**
 * The rule "considering the event's `auth_events`" (2, since room version 12: 3), for an event from outside.
 * `authEvents` must hold all the events it cites.
 */
export const checkAuthEventSelection = (
  version: RoomVersion,
  event: RoomEvent,
  authEvents: readonly RoomEvent[],
): AuthVerdict => {
  if (event.type === 'm.room.create') return ALLOWED
  const expected = authEventTuples(version, event)
  // One entry a tuple, at most five: searched, not hashed.
  const seen = new Set<StateTuple>()
  for (const { type, stateKey } of authEvents) {
    const tuple = expected.find((candidate) => candidate.type === type && candidate.stateKey === stateKey)
    if (tuple === undefined || stateKey === undefined) return refuse({ reason: 'auth-event-surplus', type, stateKey })
    if (seen.has(tuple)) return refuse({ reason: 'auth-event-duplicate', type, stateKey })
    seen.add(tuple)
  }
  for (const { rejected, eventId } of authEvents) {
    if (rejected) return refuse({ reason: 'auth-event-rejected', eventId })
  }
  if (!version.roomIdIsCreateHash && !seen.has(CREATE)) return refuse({ reason: 'auth-events-without-create' })
  for (const { roomId, eventId } of authEvents) {
    if (roomId !== event.roomId) return refuse({ reason: 'auth-event-of-other-room', eventId })
  }
  return ALLOWED
}
