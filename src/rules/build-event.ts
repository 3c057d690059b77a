import type { Result } from '#base'
import { fail, ok } from '#base'
import type { EventId, JsonObject, Pdu, RoomEvent, RoomId, RoomVersion, UserId } from '#spec'
import { canonicalJson } from './canonical-json.ts'
import type { EventFormatFailure } from './event-format.ts'
import { checkPdu, checkSize, toRoomEvent } from './event-format.ts'
import { eventIdFromEssentialJson } from './event-id.ts'
import { sha256Base64 } from './hashes.ts'
import { redactContent } from './redaction.ts'
import { SIGNED_WHEN_SENT, signatureBytes } from './sign-when-sent.ts'
import type { SigningKey } from './signatures.ts'

export interface EventDraft {
  /** Absent exactly for the create event of a version that derives the room id from it. */
  readonly roomId?: RoomId | undefined
  readonly type: string
  readonly sender: UserId
  /** undefined for events that are not state. */
  readonly stateKey?: string | undefined
  readonly content: JsonObject
  readonly originServerTs: number
  readonly depth: number
  readonly prevEvents: readonly EventId[]
  readonly authEvents: readonly EventId[]
  /** The target of an `m.room.redaction`; it is put where the version wants it. */
  readonly redacts?: EventId | undefined
  /** How long the event is sticky (MSC4354); undefined for one that is not. */
  readonly stickyMs?: number | undefined
  /** Goes into the PDU, but neither into hashes and signatures nor into `json`. */
  readonly unsigned?: JsonObject | undefined
  /** Room versions 1 and 2 only: the id, which the sender chooses. */
  readonly eventId?: EventId | undefined
  /** Room versions 1 and 2 only: the reference hash, in unpadded Base64, of every event referred to. */
  readonly referenceHashes?: ReadonlyMap<EventId, string> | undefined
}

export interface BuiltEvent {
  readonly eventId: EventId
  readonly event: RoomEvent
  readonly pdu: Pdu
  /** The canonical text of the PDU, without `unsigned`. */
  readonly json: string
}

/** `when-sent`: not signed where redaction leaves nothing of the content, as `signWhenSent` does it before the event leaves. */
export type EventSigning = 'now' | 'when-sent'

export type BuildEventFailure = EventFormatFailure | { readonly reason: 'unknown-reference'; readonly eventId: EventId }

/**
 * Makes a PDU of a draft: places its keys as the version wants them, checks format and size, hashes and signs it
 * (server-server API, "Adding hashes and signatures to outgoing events").
 *
 * The texts to hash, to sign and to send differ in few members, so the content is made canonical once and the texts are
 * put together from the same pieces: this is the hot path of sending.
 */
export const buildEvent = (
  version: RoomVersion,
  draft: EventDraft,
  key: SigningKey,
  signing: EventSigning = 'now',
): Result<BuiltEvent, BuildEventFailure> => {
  const members = placeMembers(version, draft)
  if (!members.ok) return members
  const strict = { strict: version.strictCanonicalJson }
  const content = canonicalJson(members.value.content, strict)
  if (!content.ok) return fail({ reason: 'not-canonical', cause: content.failure.reason })
  const stripped = canonicalJson(redactContent(version, draft.type, members.value.content), strict)
  if (!stripped.ok) return fail({ reason: 'not-canonical', cause: stripped.failure.reason })

  const pieces = writePieces(members.value)
  const sha256 = sha256Base64(contentHashText(pieces, content.value))
  const hashes = `"hashes":{"sha256":"${sha256}"},`
  const essential = essentialText(pieces, stripped.value, hashes)
  const isLater = signing === 'when-sent' && stripped.value === '{}'
  const signatures = isLater ? SIGNED_WHEN_SENT : { [key.serverName]: { [key.keyId]: key.sign(essential) } }
  const json = fullText(pieces, content.value, hashes, JSON.stringify(signatures))
  const laterBytes = isLater ? signatureBytes(key) : 0
  return finish(version, draft, members.value, { sha256, signatures, essential, json, laterBytes })
}

/** A PDU's members but for `hashes`, `signatures` and `unsigned`. */
type Members = Pick<Pdu, 'content' | 'prev_events' | 'auth_events'> & {
  readonly type: string
  readonly sender: string
  readonly origin_server_ts: number
  readonly depth: number
  readonly room_id?: string
  readonly state_key?: string
  readonly redacts?: string
  readonly event_id?: string
  readonly msc4354_sticky?: { readonly duration_ms: number }
}

const placeMembers = (version: RoomVersion, draft: EventDraft): Result<Members, BuildEventFailure> => {
  const prevEvents = toReferences(version, draft, draft.prevEvents)
  if (!prevEvents.ok) return prevEvents
  const authEvents = toReferences(version, draft, draft.authEvents)
  if (!authEvents.ok) return authEvents
  const { redacts } = draft
  const inContent = redacts !== undefined && version.redactsIn === 'content'
  return ok({
    auth_events: authEvents.value,
    content: inContent ? { ...draft.content, redacts } : draft.content,
    depth: draft.depth,
    ...(version.eventId === 'given' && draft.eventId !== undefined ? { event_id: draft.eventId } : {}),
    ...(draft.stickyMs === undefined ? {} : { msc4354_sticky: { duration_ms: draft.stickyMs } }),
    origin_server_ts: draft.originServerTs,
    prev_events: prevEvents.value,
    ...(redacts !== undefined && !inContent ? { redacts } : {}),
    ...(draft.roomId !== undefined ? { room_id: draft.roomId } : {}),
    sender: draft.sender,
    ...(draft.stateKey !== undefined ? { state_key: draft.stateKey } : {}),
    type: draft.type,
  })
}

const toReferences = (
  version: RoomVersion,
  draft: EventDraft,
  eventIds: readonly EventId[],
): Result<Pdu['prev_events'], BuildEventFailure> => {
  if (!version.referencePairs) return ok(eventIds)
  const pairs: [string, JsonObject][] = []
  for (const eventId of eventIds) {
    const sha256 = draft.referenceHashes?.get(eventId)
    if (sha256 === undefined) return fail({ reason: 'unknown-reference', eventId })
    pairs.push([eventId, { sha256 }])
  }
  return ok(pairs)
}

/** The canonical text of the members around `content`, `hashes` and `signatures`, in the order of their keys. */
interface Pieces {
  readonly beforeContent: string
  /** Between `content` and `hashes`: `depth` and `event_id`. */
  readonly beforeHashes: string
  /** Between `hashes` and `signatures`. Two members are apart, for redaction takes them away. */
  readonly sticky: string
  readonly timeAndPrevEvents: string
  readonly redacts: string
  readonly roomAndSender: string
  readonly afterSignatures: string
}

const writePieces = (members: Members): Pieces => ({
  beforeContent: `{"auth_events":${JSON.stringify(members.auth_events)},"content":`,
  beforeHashes: `,"depth":${members.depth},${optional('event_id', members.event_id)}`,
  sticky: members.msc4354_sticky === undefined ? '' : `"msc4354_sticky":${JSON.stringify(members.msc4354_sticky)},`,
  timeAndPrevEvents: `"origin_server_ts":${members.origin_server_ts},"prev_events":${JSON.stringify(members.prev_events)},`,
  redacts: optional('redacts', members.redacts),
  roomAndSender: `${optional('room_id', members.room_id)}"sender":${JSON.stringify(members.sender)},`,
  afterSignatures: `${optional('state_key', members.state_key)}"type":${JSON.stringify(members.type)}}`,
})

const optional = (key: string, value: string | undefined): string =>
  value === undefined ? '' : `"${key}":${JSON.stringify(value)},`

const contentHashText = (pieces: Pieces, content: string): string =>
  pieces.beforeContent +
  content +
  pieces.beforeHashes +
  pieces.sticky +
  pieces.timeAndPrevEvents +
  pieces.redacts +
  pieces.roomAndSender +
  pieces.afterSignatures

const essentialText = (pieces: Pieces, strippedContent: string, hashes: string): string =>
  pieces.beforeContent +
  strippedContent +
  pieces.beforeHashes +
  hashes +
  pieces.timeAndPrevEvents +
  pieces.roomAndSender +
  pieces.afterSignatures

const fullText = (pieces: Pieces, content: string, hashes: string, signatures: string): string =>
  pieces.beforeContent +
  content +
  pieces.beforeHashes +
  hashes +
  pieces.sticky +
  pieces.timeAndPrevEvents +
  pieces.redacts +
  pieces.roomAndSender +
  `"signatures":${signatures},` +
  pieces.afterSignatures

interface Texts {
  readonly sha256: string
  readonly signatures: JsonObject
  readonly essential: string
  readonly json: string
  /** The length of what a later signature adds to `json`. */
  readonly laterBytes: number
}

const finish = (
  version: RoomVersion,
  draft: EventDraft,
  members: Members,
  { sha256, signatures, essential, json, laterBytes }: Texts,
): Result<BuiltEvent, BuildEventFailure> => {
  const pdu = {
    ...members,
    hashes: { sha256 },
    signatures,
    ...(draft.unsigned === undefined ? {} : { unsigned: draft.unsigned }),
  } as Pdu
  const checked = checkPdu(version, pdu)
  if (!checked.ok) return checked
  const tooLarge = checkSize(json, laterBytes)
  if (tooLarge !== undefined) return fail(tooLarge)
  const eventId = eventIdFromEssentialJson(version, pdu, essential)
  if (eventId === undefined) return fail({ reason: 'missing', key: 'event_id' })
  return ok({ eventId, event: toRoomEvent(version, pdu, eventId), pdu, json })
}
