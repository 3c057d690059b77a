import { type Clock, type Slice, Slices } from '#base'
import {
  authorisingServer,
  canonicalJson,
  contentHashMatches,
  type EventFormatFailure,
  parsePdu,
  redact,
  requiredSigners,
  toRoomEvent,
  type WellFormedEvent,
} from '#rules'
import { type EventId, isJsonObject, type JsonValue, type RoomVersion, type ServerName } from '#spec'
import type { CheckedEvent, CheckFailure, SignatureChecks, SignedItem } from './checked-event.ts'

export interface CheckPdusParts {
  readonly signatures: SignatureChecks
  readonly clock: Clock
}

/** The longest that parsing and hashing run before others are served. */
const SLICE_MS = 5

interface Parsed extends WellFormedEvent {
  /** The servers without whose signature the event is dropped. */
  readonly signers: readonly ServerName[]
}

/** The first checks on events from outside, which need no room (server-server API, "Checks performed on receipt of a PDU", 1 to 3). */
export class CheckPdus {
  readonly #signatures: SignatureChecks
  readonly #slices: Slices

  constructor({ signatures, clock }: CheckPdusParts) {
    this.#signatures = signatures
    this.#slices = new Slices({ clock, sliceMs: SLICE_MS })
  }

  /**
   * One outcome a PDU, in their order: format and size by the rules of the room version, then the signatures of all servers that must have signed it, then
   * the content hash: an event that does not match its hash goes on in its redacted form. `wanted`: other events fail, and cost no check of a signature.
   */
  async check(
    version: RoomVersion,
    pdus: readonly JsonValue[],
    { wanted }: { readonly wanted?: ReadonlySet<EventId> | undefined } = {},
  ): Promise<readonly (CheckedEvent | CheckFailure)[]> {
    const slice = this.#slices.begin()
    const parsed: (Parsed | CheckFailure)[] = []
    for (const pdu of pdus) {
      if (slice.isOver()) await slice.next()
      const each = parse(version, pdu)
      const isWanted = wanted === undefined || 'failure' in each || wanted.has(each.event.eventId)
      parsed.push(isWanted ? each : { failure: 'It was not asked for' })
    }
    const signed = await this.#signed(version, parsed)
    return this.#finish(version, parsed, signed, slice)
  }

  /** Whether all that must have signed an event did, by its index. */
  async #signed(version: RoomVersion, parsed: readonly (Parsed | CheckFailure)[]): Promise<readonly boolean[]> {
    const items: SignedItem[] = []
    const indexes: number[] = []
    for (const [index, each] of parsed.entries()) {
      if ('failure' in each) continue
      for (const server of each.signers) {
        const validAtMs = version.enforceKeyValidity ? each.pdu.origin_server_ts : 0
        items.push({ object: each.pdu, text: each.essentialJson, server, validAtMs })
        indexes.push(index)
      }
    }
    const good = parsed.map(() => true)
    if (items.length === 0) return good
    const answers = await this.#signatures.checkSigned(items)
    for (const [at, index] of indexes.entries()) if (answers[at] !== true) good[index] = false
    return good
  }

  async #finish(
    version: RoomVersion,
    parsed: readonly (Parsed | CheckFailure)[],
    signed: readonly boolean[],
    slice: Slice,
  ): Promise<readonly (CheckedEvent | CheckFailure)[]> {
    const outcomes: (CheckedEvent | CheckFailure)[] = []
    for (const [index, each] of parsed.entries()) {
      if (slice.isOver()) await slice.next()
      if ('failure' in each) outcomes.push(each)
      else if (signed[index] === true) outcomes.push(asHashed(version, each))
      else outcomes.push({ failure: `It lacks a valid signature of ${each.signers.join(' or ')}` })
    }
    return outcomes
  }
}

/** The format of one PDU, and those who must have signed it. */
const parse = (version: RoomVersion, pdu: JsonValue): Parsed | CheckFailure => {
  // Members that a server adds for the next one is neither signed nor to be believed.
  const { unsigned: _, ...bare } = isJsonObject(pdu) ? pdu : {}
  const well = parsePdu(version, isJsonObject(pdu) ? bare : pdu)
  if (!well.ok) {
    const failure = describeFormat(well.failure)
    return well.failure.reason === 'not-canonical' ? { failure, badJson: true } : { failure }
  }
  const authorising = authorisingServer(version, well.value.pdu)
  if (!authorising.ok) return { failure: 'join_authorised_via_users_server is no user ID' }
  const signers = new Set(requiredSigners(version, well.value.pdu))
  if (authorising.value !== undefined) signers.add(authorising.value)
  return { ...well.value, signers: [...signers] }
}

/** The event as it goes on: what its sender hashed, or else only what its signature covers. */
const asHashed = (version: RoomVersion, { pdu, event, json }: Parsed): CheckedEvent | CheckFailure => {
  if (contentHashMatches(version, pdu)) return { event, json }
  const stripped = redact(version, pdu)
  const text = canonicalJson(stripped, { strict: version.strictCanonicalJson })
  if (!text.ok) return { failure: `It is not canonical JSON: ${text.failure.reason}`, badJson: true }
  return { event: toRoomEvent(version, stripped, event.eventId), json: text.value }
}

const describeFormat = (failure: EventFormatFailure): string => {
  switch (failure.reason) {
    case 'not-an-object':
      return 'It is no JSON object'
    case 'too-large':
      return `It has ${failure.sizeBytes} bytes, which is too large`
    case 'not-canonical':
      return `It is not canonical JSON: ${failure.cause}`
    default:
      return `Its ${failure.key} is ${failure.reason}`
  }
}
