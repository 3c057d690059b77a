import { BoundedCache, type CacheStats, jsonBytes, textBytes } from '#base'
import { isJsonObject, type JsonObject, type Membership, type Pdu, type RoomEvent, stringAt, type UserId } from '#spec'
import { delayIdOf, MAX_STICKY_MS, type StoredEvent } from '#store'
import { contentTextOf } from './content-text.ts'
import type { Creators } from './creators.ts'
import { oldContent, oldMembers } from './old-event-form.ts'

/** The reader of an event, as far as its text depends on the reader. */
export interface EventReader {
  /** The reader's device, which is shown the transaction ids of its own events. */
  readonly device: number | undefined
  /** The reader, who is shown the delay ids of their own events; undefined where nobody in particular reads. */
  readonly userId?: UserId | undefined
  readonly nowMs: number
  /** The reader's membership when the event was sent; undefined where it is not told. */
  readonly membership?: Membership | undefined
  /** The reader may not see the state that the event replaced: `prev_content` is left out. */
  readonly hidesPrevious?: boolean | undefined
  /** The event is a copy made for this reader, whose parts others must not get. */
  readonly isCopy?: boolean | undefined
  /** The text is not kept for others. */
  readonly once?: boolean
  /** A member of `unsigned` about what relates to the event, followed by a comma (`bundle.ts`). */
  readonly relations?: string | undefined
  /** Needed for the old form of power levels, see `creatorsAmong`. */
  readonly creators?: Creators | undefined
}

/**
 * `full` has a `room_id`; `in-room`, for the rooms of `/sync`, has none; `old` is the form of 2015, see `oldMembers`; `federation` is the
 * event as servers exchange it, the same for all readers.
 */
export type EventForm = 'full' | 'in-room' | 'old' | 'federation'

/** The parts of an event's client form that are the same for every reader, as text. */
interface Prepared {
  readonly content: JsonObject
  /** Bytes of the content in memory. */
  readonly contentBytes: number
  /** `{"type":…,"content":…` without `room_id`, without closing brace. */
  readonly head: string
  readonly roomId: string
  /** Members of `unsigned` about the replaced state, each followed by a comma. */
  readonly previous: string
  /** How long the event is sticky; undefined for one that is not. */
  readonly stickyMs: number | undefined
  /** The other members of `unsigned` that do not depend on the reader, likewise. */
  readonly unsigned: string
  /** The form of 2015 up to its `age`, for readers who may see the replaced state; made when first asked for. */
  old?: string
}

const OVERHEAD_BYTES = 100

/**
 * Events in the form clients get ("Room event format"). The parts that are the same for all readers are made once and kept as text;
 * the others are spliced in, so a message with many readers is serialised once.
 */
export class ClientEvents {
  readonly #prepared: BoundedCache<string, Prepared>

  constructor(limitBytes: number) {
    this.#prepared = new BoundedCache({
      name: 'client-events',
      limitBytes,
      sizeBytes: ({ contentBytes, head, roomId, previous, unsigned, old }) =>
        OVERHEAD_BYTES +
        contentBytes +
        [head, roomId, previous, unsigned, old ?? ''].reduce((bytes, text) => bytes + textBytes(text), 0),
    })
  }

  stats(): CacheStats {
    return this.#prepared.stats()
  }

  /** The event's content, as its redaction left it. */
  content(stored: StoredEvent): JsonObject {
    return this.#prepare(stored).content
  }

  /**
   * The event in the form of the rules. `prevEvents`, `authEvents` and `redacts`, which only authorisation needs, are empty. `once`: it is not kept
   * for others.
   */
  roomEvent(stored: StoredEvent, keep: 'kept' | 'once' = 'kept'): RoomEvent {
    const { eventId, roomId, type, stateKey, sender, originServerTs, depth, placing } = stored
    const content = keep === 'kept' ? this.content(stored) : this.#contentOnce(stored)
    const none = { prevEvents: [], authEvents: [], redacts: undefined }
    return {
      eventId,
      roomId,
      type,
      stateKey,
      sender,
      content,
      originServerTs,
      depth,
      rejected: placing === 'rejected',
      ...none,
    }
  }

  text(stored: StoredEvent, reader: EventReader, form: EventForm = 'full'): string {
    if (form === 'federation') return federationText(stored)
    const prepared = this.#preparedFor(stored, reader)
    // A clock that was set back must not show ages below zero.
    const ageMs = Math.max(0, reader.nowMs - stored.originServerTs)
    const { transaction } = stored
    const own = transaction !== undefined && transaction.device === reader.device
    const transactionId = own ? `"transaction_id":${JSON.stringify(transaction.id)},` : delayIdText(stored, reader)
    const sticky = prepared.stickyMs === undefined ? '' : stickyUnsigned(prepared.stickyMs, ageMs)
    const membership = reader.membership === undefined ? '' : `"membership":"${reader.membership}",`
    const previous = reader.hidesPrevious === true ? '' : prepared.previous
    const rest = `"unsigned":{${previous}${prepared.unsigned}${transactionId}${sticky}${membership}${reader.relations ?? ''}"age":${ageMs}}}`
    if (form === 'old') return `${this.#oldText(stored, prepared, reader)}${ageMs},${rest}`
    const room = form === 'full' ? prepared.roomId : ''
    return `${prepared.head}${room},${rest}`
  }

  /** The text up to its `age`. */
  #oldText(stored: StoredEvent, prepared: Unkept, reader: EventReader): string {
    const { creators, hidesPrevious } = reader
    if (hidesPrevious === true) return oldText(stored, { ...prepared, previous: '' }, creators)
    if (creators?.has(stored.room) === true) return oldText(stored, prepared, creators)
    if (reader.isCopy === true || reader.once === true) return prepared.old ?? oldText(stored, prepared, undefined)
    const kept = this.#prepare(stored)
    if (kept.old === undefined) {
      kept.old = oldText(stored, kept, undefined)
      // Put in again, so that the text is counted.
      this.#prepared.set(preparedKey(stored), kept)
    }
    return kept.old
  }

  /** A state event as users outside the room see it ("Stripped state"). */
  stripped(stored: StoredEvent): string {
    const { type, sender, stateKey } = stored
    return JSON.stringify({ type, sender, state_key: stateKey, content: this.content(stored) })
  }

  #contentOnce(stored: StoredEvent): JsonObject {
    return this.#prepared.get(preparedKey(stored))?.content ?? contentOf(stored.json)
  }

  #preparedFor(stored: StoredEvent, { isCopy, once }: EventReader): Unkept {
    if (isCopy === true) return prepare(stored)
    return once === true ? (this.#prepared.get(preparedKey(stored)) ?? prepareOnce(stored)) : this.#prepare(stored)
  }

  #prepare(stored: StoredEvent): Prepared {
    const key = preparedKey(stored)
    const held = this.#prepared.get(key)
    if (held !== undefined) return held
    const unkept = prepare(stored)
    const prepared = { ...unkept, contentBytes: jsonBytes(unkept.content) }
    this.#prepared.set(key, prepared)
    return prepared
  }
}

/**
 * An event's text changes when the event is redacted, the state it replaced (`prev_content`), or its own redaction, whose reason it
 * shows. Each redaction makes a JSON shorter or changes nothing that is shown, so the lengths in the key tell old texts apart.
 */
const preparedKey = ({ eventId, replaces, redactedBy }: StoredEvent): string =>
  replaces === undefined && redactedBy === undefined
    ? eventId
    : `${eventId} ${replaces?.json.length ?? ''} ${redactedBy?.json.length ?? ''}`

type Unkept = Omit<Prepared, 'contentBytes'>

const prepare = (stored: StoredEvent): Unkept => {
  const pdu = JSON.parse(stored.json) as Pdu
  return {
    content: pdu.content,
    head: headOf(stored, pdu),
    roomId: `,"room_id":${JSON.stringify(stored.roomId)}`,
    previous: previousUnsigned(stored),
    stickyMs: stickyMsOf(pdu),
    unsigned: redactedUnsigned(stored),
  }
}

const STICKY = '"msc4354_sticky"'

/** The same for one reader. Of most events nothing is parsed. */
const prepareOnce = (stored: StoredEvent): Unkept => {
  const isPlain = stored.type !== 'm.room.redaction' && !stored.json.includes(STICKY)
  const text = isPlain ? contentTextOf(stored.json) : undefined
  if (text === undefined) return prepare(stored)
  return {
    get content() {
      return JSON.parse(text) as JsonObject
    },
    head: headWith(stored, text),
    roomId: `,"room_id":${JSON.stringify(stored.roomId)}`,
    previous: previousUnsigned(stored),
    stickyMs: undefined,
    unsigned: redactedUnsigned(stored),
  }
}

const contentOf = (json: string): JsonObject => {
  const text = contentTextOf(json)
  return text === undefined ? (JSON.parse(json) as Pdu).content : (JSON.parse(text) as JsonObject)
}

const oldText = (
  stored: StoredEvent,
  { content, head, roomId, previous, unsigned }: Unkept,
  creators: Creators | undefined,
): string => {
  const shown = oldContent(stored, content, creators)
  const start = shown === content ? head : headOf(stored, { ...(JSON.parse(stored.json) as Pdu), content: shown })
  const redacted = stored.redactedBy === undefined ? unsigned : redactedUnsigned(stored, 'old')
  return `${start}${roomId},${oldMembers(stored, content, previous + redacted)}"age":`
}

const headOf = (stored: StoredEvent, pdu: Pdu): string => {
  const redacts = stringAt(pdu, 'redacts') ?? stringAt(pdu.content, 'redacts')
  const isRedaction = stored.type === 'm.room.redaction' && redacts !== undefined
  // The place of `redacts` depends on the room version; clients are shown it in both ("m.room.redaction").
  const content = isRedaction ? { ...pdu.content, redacts } : pdu.content
  return (
    headWith(stored, JSON.stringify(content)) +
    (isRedaction ? `,"redacts":${JSON.stringify(redacts)}` : '') +
    stickyMember(stickyMsOf(pdu))
  )
}

const headWith = ({ type, sender, eventId, originServerTs, stateKey }: StoredEvent, content: string): string =>
  `{"type":${JSON.stringify(type)},"sender":${JSON.stringify(sender)},"content":${content},` +
  `"event_id":${JSON.stringify(eventId)},"origin_server_ts":${originServerTs}` +
  (stateKey === undefined ? '' : `,"state_key":${JSON.stringify(stateKey)}`)

const previousUnsigned = ({ replaces }: StoredEvent): string => {
  if (replaces === undefined) return ''
  const { content, sender } = JSON.parse(replaces.json) as Pdu
  return (
    `"replaces_state":${JSON.stringify(replaces.eventId)},"prev_content":${JSON.stringify(content)},` +
    `"prev_sender":${JSON.stringify(sender)},`
  )
}

/** `redacted_by` is for clients of before 2019; Synapse still shows it. */
const redactedUnsigned = (stored: StoredEvent, form?: EventForm): string =>
  stored.redactedBy === undefined
    ? ''
    : `"redacted_because":${redactionText(stored, form)},"redacted_by":${JSON.stringify(stored.redactedBy.eventId)},`

/** The PDU, with its id where the room version leaves it out, as a client could not refer to it otherwise (as Synapse does). */
const federationText = ({ json, eventId }: StoredEvent): string =>
  json.includes('"event_id":') ? json : `{"event_id":${JSON.stringify(eventId)},${json.slice(1)}`

const redactionText = (stored: StoredEvent, form: EventForm | undefined): string => {
  if (stored.redactedBy === undefined) return 'null'
  const pdu = JSON.parse(stored.redactedBy.json) as Pdu
  const content = isJsonObject(pdu.content) ? pdu.content : {}
  // A kick or ban may have redacted it (MSC4293).
  const isRedaction = pdu.type === 'm.room.redaction'
  return JSON.stringify({
    type: pdu.type,
    sender: pdu.sender,
    ...(form === 'old' ? { user_id: pdu.sender } : {}),
    content: isRedaction ? { ...content, redacts: stored.eventId } : content,
    event_id: stored.redactedBy.eventId,
    origin_server_ts: pdu.origin_server_ts,
    ...(isRedaction ? { redacts: stored.eventId } : {}),
    ...(pdu.state_key === undefined ? {} : { state_key: pdu.state_key }),
    room_id: stored.roomId,
    unsigned: {},
  })
}

/** "Included if, and only if, the client is authenticated as the event's sender" (MSC4140), under its name of now and that to come. */
const delayIdText = ({ transaction, sender }: StoredEvent, { userId }: EventReader): string => {
  const delayId = sender === userId ? delayIdOf(transaction) : undefined
  if (delayId === undefined) return ''
  const text = JSON.stringify(delayId)
  return `"delay_id":${text},"org.matrix.msc4140.delay_id":${text},`
}

/** How long an event is sticky (MSC4354). A redacted one has lost the member; a value that is none counts as absent. */
const stickyMsOf = ({ msc4354_sticky: sticky }: Pdu): number | undefined => {
  const duration = isJsonObject(sticky) ? sticky.duration_ms : undefined
  const isValid = typeof duration === 'number' && Number.isInteger(duration) && duration >= 0
  return isValid ? Math.min(duration, MAX_STICKY_MS) : undefined
}

const stickyMember = (durationMs: number | undefined): string =>
  durationMs === undefined ? '' : `,"msc4354_sticky":{"duration_ms":${durationMs}}`

/** The rest of the time, so that a client need not trust its own clock. */
const stickyUnsigned = (durationMs: number, ageMs: number): string =>
  ageMs >= durationMs ? '' : `"msc4354_sticky_duration_ttl_ms":${durationMs - ageMs},`
