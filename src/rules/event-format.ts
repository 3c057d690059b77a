import type { Result } from '#base'
import { fail, ok } from '#base'
import type { EventId, JsonObject, JsonValue, Pdu, RoomEvent, RoomId, RoomVersion, UserId } from '#spec'
import {
  isJsonObject,
  MAX_EVENT_BYTES,
  MAX_ID_BYTES,
  parseEventId,
  parseRoomId,
  parseServerName,
  parseUserId,
} from '#spec'
import type { CanonicalJsonFailure } from './canonical-json.ts'
import { canonicalJson } from './canonical-json.ts'
import { eventIdFromEssentialJson, roomIdOfCreateEvent } from './event-id.ts'
import { essentialJson } from './hashes.ts'
import { redactionTarget } from './redaction.ts'
import { serverOfEventId } from './required-signers.ts'

/** Room versions, "Event format" (`pdu_v1.yaml` and its successors). */
export const MAX_PREV_EVENTS = 20
export const MAX_AUTH_EVENTS = 10
/** MSC3757. */
const MAX_OWNED_KEY_BYTES = 511
const MAX_DEPTH_STRICT = Number.MAX_SAFE_INTEGER
const MAX_DEPTH_LENIENT = 2 ** 63

export type EventKeyFailureReason =
  | 'missing'
  | 'wrong-type'
  | 'malformed'
  | 'out-of-range'
  | 'too-many'
  /** More than 255 bytes of UTF-8. */
  | 'too-long'
  | 'forbidden'

export type EventFormatFailure =
  | { readonly reason: 'not-an-object' }
  | { readonly reason: EventKeyFailureReason; readonly key: string }
  | { readonly reason: 'too-large'; readonly sizeBytes: number }
  | { readonly reason: 'not-canonical'; readonly cause: CanonicalJsonFailure['reason'] }

export interface WellFormedEvent {
  readonly pdu: Pdu
  readonly event: RoomEvent
  readonly json: string
  /** The text that its signatures and its reference hash cover, see `essentialJson`. */
  readonly essentialJson: string
}

/**
 * Checks a PDU against the event format of its room version and the size limits of events (client-server API, "Size
 * limits"): the first of the "Checks performed on receipt of a PDU", which drops what fails. `rejected` of the event is
 * false: nothing is known yet.
 */
export const parsePdu = (version: RoomVersion, value: JsonValue): Result<WellFormedEvent, EventFormatFailure> => {
  const checked = checkPdu(version, value)
  if (!checked.ok) return checked
  const pdu = checked.value
  const json = canonicalJson(pdu, { strict: version.strictCanonicalJson })
  if (!json.ok) return fail({ reason: 'not-canonical', cause: json.failure.reason })
  const tooLarge = checkSize(json.value)
  if (tooLarge !== undefined) return fail(tooLarge)
  const essential = essentialJson(version, pdu)
  if (!essential.ok) return fail({ reason: 'not-canonical', cause: essential.failure.reason })
  const eventId = eventIdFromEssentialJson(version, pdu, essential.value)
  if (eventId === undefined) return fail({ reason: 'malformed', key: 'event_id' })
  const event = toRoomEvent(version, pdu, eventId)
  return ok({ pdu, event, json: json.value, essentialJson: essential.value })
}

/** The event's limit of 65,536 bytes, on its canonical text; `laterBytes` come to it before it is sent. */
export const checkSize = (json: string, laterBytes = 0): EventFormatFailure | undefined => {
  if (json.length * 3 + laterBytes <= MAX_EVENT_BYTES) return undefined
  const sizeBytes = Buffer.byteLength(json) + laterBytes
  return sizeBytes > MAX_EVENT_BYTES ? { reason: 'too-large', sizeBytes } : undefined
}

type Check = (version: RoomVersion, value: JsonValue) => EventKeyFailureReason | undefined

const isString: Check = (_, value) => (typeof value === 'string' ? undefined : 'wrong-type')
const isObject: Check = (_, value) => (isJsonObject(value) ? undefined : 'wrong-type')

const tooLong = (text: string): boolean =>
  text.length * 3 > MAX_ID_BYTES && (text.length > MAX_ID_BYTES || Buffer.byteLength(text) > MAX_ID_BYTES)

const isShortString: Check = (_, value) => {
  if (typeof value !== 'string') return 'wrong-type'
  if (tooLong(value)) return 'too-long'
  return value.isWellFormed() ? undefined : 'malformed'
}

/** Twice as long where it may begin with a user ID; the parts are looked at with the authorisation. */
const isStateKey: Check = (version, value) => {
  if (typeof value === 'string' && value.isWellFormed() && version.auth.ownedState)
    return fits(value, MAX_OWNED_KEY_BYTES)
  return isShortString(version, value)
}

const fits = (text: string, maxBytes: number): EventKeyFailureReason | undefined =>
  Buffer.byteLength(text) > maxBytes ? 'too-long' : undefined

const isUserId: Check = (version, value) => {
  if (typeof value !== 'string') return 'wrong-type'
  return isShortString(version, value) ?? (parseUserId(value) === undefined ? 'malformed' : undefined)
}

const HASH_ROOM_ID = /^![A-Za-z0-9_-]{43}$/

const isRoomId: Check = (version, value) => {
  if (typeof value !== 'string') return 'wrong-type'
  if (tooLong(value)) return 'too-long'
  if (version.roomIdIsCreateHash) return HASH_ROOM_ID.test(value) ? undefined : 'malformed'
  const colon = value.indexOf(':')
  if (parseRoomId(value) === undefined || colon < 2) return 'malformed'
  return parseServerName(value.slice(colon + 1)) === undefined ? 'malformed' : undefined
}

const isGivenEventId: Check = (_, value) => {
  if (typeof value !== 'string') return 'wrong-type'
  if (tooLong(value)) return 'too-long'
  return parseEventId(value) === undefined || serverOfEventId(value) === undefined ? 'malformed' : undefined
}

const isTimestamp: Check = (version, value) => {
  if (typeof value !== 'number' || !Number.isInteger(value)) return 'wrong-type'
  return version.strictCanonicalJson && !Number.isSafeInteger(value) ? 'out-of-range' : undefined
}

const isDepth: Check = (version, value) => {
  if (typeof value !== 'number' || !Number.isInteger(value)) return 'wrong-type'
  return value < 0 || value > (version.strictCanonicalJson ? MAX_DEPTH_STRICT : MAX_DEPTH_LENIENT)
    ? 'out-of-range'
    : undefined
}

const isReferences =
  (maxCount: number): Check =>
  (version, value) => {
    if (!Array.isArray(value)) return 'wrong-type'
    if (value.length > maxCount) return 'too-many'
    for (const reference of value as readonly JsonValue[]) {
      const id = version.referencePairs ? idOfPair(reference) : reference
      if (typeof id !== 'string') return 'wrong-type'
      if (parseEventId(id) === undefined) return 'malformed'
    }
    return undefined
  }

const idOfPair = (reference: JsonValue): JsonValue | undefined =>
  Array.isArray(reference) && reference.length === 2 && isJsonObject(reference[1])
    ? (reference as readonly JsonValue[])[0]
    : undefined

const isHashes: Check = (_, value) =>
  isJsonObject(value) && Object.hasOwn(value, 'sha256') && typeof value.sha256 === 'string' ? undefined : 'wrong-type'

const isSignatures: Check = (_, value) => {
  if (!isJsonObject(value)) return 'wrong-type'
  for (const ofServer of Object.values(value)) {
    if (!isJsonObject(ofServer)) return 'wrong-type'
    if (!Object.values(ofServer).every((signature) => typeof signature === 'string')) return 'wrong-type'
  }
  return undefined
}

interface KeyRule {
  readonly key: string
  readonly check: Check
  readonly required: boolean
}

const rule = (key: string, check: Check, required = true): KeyRule => ({ key, check, required })

const RULES: readonly KeyRule[] = [
  rule('type', isShortString),
  rule('sender', isUserId),
  rule('state_key', isStateKey, false),
  rule('content', isObject),
  rule('origin_server_ts', isTimestamp),
  rule('depth', isDepth),
  rule('prev_events', isReferences(MAX_PREV_EVENTS)),
  rule('auth_events', isReferences(MAX_AUTH_EVENTS)),
  rule('hashes', isHashes),
  rule('signatures', isSignatures),
  rule('unsigned', isObject, false),
]
const ROOM_ID = rule('room_id', isRoomId)
const EVENT_ID = rule('event_id', isGivenEventId)
const REDACTS = rule('redacts', isString, false)

/** The types and sizes of every key the format names; other keys are free. The event's whole size is `checkSize`'s. */
export const checkPdu = (version: RoomVersion, value: JsonValue): Result<Pdu, EventFormatFailure> => {
  if (!isJsonObject(value)) return fail({ reason: 'not-an-object' })
  for (const keyRule of RULES) {
    const failure = checkKey(version, value, keyRule)
    if (failure !== undefined) return fail(failure)
  }
  const failure =
    checkRoomId(version, value) ??
    (version.eventId === 'given' ? checkKey(version, value, EVENT_ID) : undefined) ??
    (version.redactsIn === 'event' ? checkKey(version, value, REDACTS) : undefined)
  return failure === undefined ? ok(value as Pdu) : fail(failure)
}

const checkKey = (
  version: RoomVersion,
  pdu: JsonObject,
  { key, check, required }: KeyRule,
): EventFormatFailure | undefined => {
  const value = Object.hasOwn(pdu, key) ? pdu[key] : undefined
  if (value === undefined) return required ? { reason: 'missing', key } : undefined
  const reason = check(version, value)
  return reason === undefined ? undefined : { reason, key }
}

/** Room version 12: the create event has no `room_id`, for its own hash makes that. */
const checkRoomId = (version: RoomVersion, pdu: JsonObject): EventFormatFailure | undefined => {
  if (!isFounding(version, pdu)) return checkKey(version, pdu, ROOM_ID)
  return Object.hasOwn(pdu, 'room_id') ? { reason: 'forbidden', key: 'room_id' } : undefined
}

const isFounding = (version: RoomVersion, pdu: JsonObject): boolean =>
  version.roomIdIsCreateHash && pdu.type === 'm.room.create'

/**
 * The event as the rules see it, of a PDU whose format is known to be good (`parsePdu`, `buildEvent`, or the store).
 * Room versions before 6 allow integers beyond 2^53: such a depth or time is brought into the range.
 */
export const toRoomEvent = (version: RoomVersion, pdu: Pdu, eventId: EventId, rejected = false): RoomEvent => ({
  eventId,
  roomId: pdu.room_id === undefined ? roomIdOfCreateEvent(eventId) : (pdu.room_id as RoomId),
  type: pdu.type,
  stateKey: pdu.state_key,
  sender: pdu.sender as UserId,
  content: pdu.content,
  originServerTs: clamp(pdu.origin_server_ts),
  depth: clamp(pdu.depth),
  prevEvents: pdu.prev_events.map(idOf),
  authEvents: pdu.auth_events.map(idOf),
  redacts: redactionTarget(version, pdu),
  rejected,
})

const clamp = (integer: number): number => Math.min(Math.max(integer, Number.MIN_SAFE_INTEGER), Number.MAX_SAFE_INTEGER)

const idOf = (reference: string | readonly [string, JsonObject]): EventId =>
  (typeof reference === 'string' ? reference : reference[0]) as EventId
