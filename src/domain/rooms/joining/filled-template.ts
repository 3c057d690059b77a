import type { Clock, Random } from '#base'
import { type BuiltEvent, buildEvent, MAX_AUTH_EVENTS, MAX_PREV_EVENTS, type SigningKey } from '#rules'
import {
  type EventId,
  isJsonObject,
  type JsonObject,
  type JsonValue,
  MatrixError,
  parseEventId,
  ROOM_VERSIONS,
  type RoomId,
  type RoomVersion,
  type ServerName,
  stringAt,
  type UserId,
} from '#spec'
import { UnusableAnswer } from './asked-servers.ts'
import { claimedMember, type Handshake } from './handshake.ts'

export interface FillingParts {
  readonly clock: Clock
  readonly random: Random
  readonly key: SigningKey
}

export interface WantedMember {
  readonly membership: Handshake
  readonly roomId: RoomId
  readonly userId: UserId
  /** The content, but for `membership` and what the other server decides. */
  readonly content: JsonObject
}

/** An event of this server's user, made of another server's template. */
export interface FilledTemplate {
  readonly version: RoomVersion
  readonly built: BuiltEvent
}

/**
 * Makes the event of a `make_join`, `make_leave` or `make_knock` answer. Only where the event stands in the room is taken from there, and who vouches for the
 * join. Throws `UnusableAnswer` for an answer that does not fit the request.
 */
export const fillTemplate = (
  answer: JsonValue,
  wanted: WantedMember,
  { clock, random, key }: FillingParts,
): FilledTemplate => {
  const { membership, roomId, userId } = wanted
  if (!isJsonObject(answer)) throw new UnusableAnswer('a template is an object')
  // "If not provided, the room version is assumed to be either 1 or 2."
  const version = ROOM_VERSIONS.get(stringAt(answer, 'room_version') ?? '1')
  if (version === undefined) throw new UnusableAnswer('the room has a version that this server does not know')
  const { pdu, content } = claimedIn(answer.event, wanted, key.serverName)
  const prev = referencesIn(pdu.prev_events, version, MAX_PREV_EVENTS)
  const auth = referencesIn(pdu.auth_events, version, MAX_AUTH_EVENTS)
  const depth = pdu.depth
  if (typeof depth !== 'number' || !Number.isSafeInteger(depth) || depth < 0)
    throw new UnusableAnswer('the depth is no number')
  const voucher = membership === 'join' ? stringAt(content, 'join_authorised_via_users_server') : undefined
  const built = buildEvent(
    version,
    {
      roomId,
      type: 'm.room.member',
      sender: userId,
      stateKey: userId,
      content: {
        ...wanted.content,
        membership,
        ...(voucher === undefined ? {} : { join_authorised_via_users_server: voucher }),
      },
      originServerTs: clock.nowMs(),
      depth,
      prevEvents: [...prev.keys()],
      authEvents: [...auth.keys()],
      ...(version.eventId === 'given'
        ? {
            eventId: `$${random.token(18)}:${key.serverName}` as EventId,
            referenceHashes: new Map([...prev, ...auth]),
          }
        : {}),
    },
    key,
  )
  if (!built.ok) throw new MatrixError('M_BAD_JSON', `Not a valid event: ${built.failure.reason}`)
  return { version, built: built.value }
}

const claimedIn = (event: JsonValue | undefined, { membership, roomId, userId }: WantedMember, server: ServerName) => {
  try {
    const claimed = claimedMember(event, { membership, roomId, server })
    if (claimed.target === userId) return claimed
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
    throw new UnusableAnswer(error.message, { cause: error })
  }
  throw new UnusableAnswer('the template is for another user')
}

/** Ids, with the reference hashes that room versions 1 and 2 want; empty texts in others. */
const referencesIn = (
  list: JsonValue | undefined,
  version: RoomVersion,
  maxCount: number,
): ReadonlyMap<EventId, string> => {
  if (!Array.isArray(list) || list.length > maxCount) throw new UnusableAnswer('the references are no short list')
  const references = new Map<EventId, string>()
  for (const item of list as readonly JsonValue[]) {
    const [id, hashes] = version.referencePairs && Array.isArray(item) ? (item as readonly JsonValue[]) : [item]
    const eventId = typeof id === 'string' ? parseEventId(id) : undefined
    const hash = isJsonObject(hashes) ? stringAt(hashes, 'sha256') : ''
    if (eventId === undefined || hash === undefined) throw new UnusableAnswer('a reference is no event ID')
    references.set(eventId, hash)
  }
  return references
}
