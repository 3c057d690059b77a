import { BoundedCache, type CacheStats, textBytes } from '#base'
import type { Pdu, UserId } from '#spec'
import {
  type HeadsQuery,
  MOST_HEAD_EVENTS,
  type PlacedEvent,
  type RoomNumber,
  type RoomsReader,
  type StateInForceQuery,
  type StateQuery,
  type StoredEvent,
  type StoredHead,
  type TimelineQuery,
} from '#store'
import type { News, NewsHandler } from '#streams'
import { FIRST, LAST_KEY, MEMBER } from './state-pages.ts'

/** The questions about rooms that heads answer, too, where they are at hand. */
type Answered = Pick<RoomsReader, 'room' | 'timeline' | 'state' | 'stateEvent' | 'stateInForce' | 'stayBegan'>

export interface RoomHeadsParts {
  readonly reader: RoomsReader
  readonly limitBytes: number
}

/** Rooms that were read once lately. */
const REMEMBERED_ROOMS = 20_000
const EVENT_BYTES = 900
const HEAD_BYTES = 1_500
const USER_BYTES = 120

/**
 * The newest events and the state of rooms, read for many rooms at once, and kept for the next reader where a room is read again before its next
 * event: whoever signs in is told them, and all members of a room are told the same. What a reader may see of them is decided by who reads.
 */
export class RoomHeads implements NewsHandler {
  readonly #reader: RoomsReader
  readonly #kept: BoundedCache<RoomNumber, StoredHead>
  /** Heads for the answers that are being made, for as long as they take. */
  readonly #passing = new Map<RoomNumber, StoredHead>()
  /** The rooms of the reads under way, without those of which there was news meanwhile. */
  readonly #underWay = new Set<Set<RoomNumber>>()
  readonly #readOnce = new Set<RoomNumber>()
  readonly #held = new WeakSet<StoredEvent>()

  constructor({ reader, limitBytes }: RoomHeadsParts) {
    this.#reader = reader
    this.#kept = new BoundedCache({ name: 'room-heads', limitBytes, sizeBytes: bytesOf })
  }

  stats(): CacheStats {
    return this.#kept.stats()
  }

  missed(): void {
    this.#kept.clear()
    this.#passing.clear()
    for (const rooms of this.#underWay) rooms.clear()
  }

  news(news: readonly News[]): void {
    for (const { stream, rooms } of news) if (stream === 'events') for (const room of rooms) this.#forget(room)
  }

  #forget(room: RoomNumber): void {
    this.#kept.delete(room)
    this.#passing.delete(room)
    for (const reading of this.#underWay) reading.delete(room)
  }

  /** The number of rooms that may be read at once, with so many events each. */
  static roomsAtOnce(limit: number): number {
    return Math.max(1, Math.floor(MOST_HEAD_EVENTS / limit))
  }

  /** Whether the event is held for all readers, and its text is worth keeping too. */
  holds(event: StoredEvent): boolean {
    return this.#held.has(event)
  }

  /** Reads the heads of rooms that are not at hand; they are, until the returned function is called. */
  async open(query: HeadsQuery): Promise<() => void> {
    const missing = query.rooms.filter((room) => !isEnough(this.#at(room), query))
    if (missing.length === 0) return () => {}
    const reading = new Set(missing)
    this.#underWay.add(reading)
    try {
      const heads = await this.#reader.heads({ ...query, rooms: missing })
      for (const room of reading) this.#take(room, heads.get(room))
    } finally {
      this.#underWay.delete(reading)
    }
    return () => {
      for (const room of missing) this.#passing.delete(room)
    }
  }

  #take(room: RoomNumber, head: StoredHead | undefined): void {
    if (head === undefined) return
    if (this.#readOnce.delete(room)) {
      this.#kept.set(room, head)
      for (const event of eventsOf(head)) this.#held.add(event)
      return
    }
    if (this.#readOnce.size >= REMEMBERED_ROOMS) this.#readOnce.clear()
    this.#readOnce.add(room)
    this.#passing.set(room, head)
  }

  /** The reader, which asks the store only for what is not at hand. For those whose windows end at positions that were announced. */
  over<Reader extends Answered>(reader: Reader): Reader {
    return {
      ...reader,
      room: async (room: RoomNumber) => this.#at(room)?.record ?? reader.room(room),
      timeline: async (room: RoomNumber, query: TimelineQuery) =>
        this.#timeline(room, query) ?? reader.timeline(room, query),
      state: async (room: RoomNumber, query: StateQuery) => this.#state(room, query, reader),
      stateEvent: async (room: RoomNumber, at: number | 'current', type: string, stateKey: string) => {
        const known = at === 'current' ? entryIn(this.#at(room), type, stateKey) : undefined
        return known === undefined ? reader.stateEvent(room, at, type, stateKey) : known.event
      },
      stateInForce: async (room: RoomNumber, query: StateInForceQuery) =>
        inForceIn(this.#at(room), query) ?? reader.stateInForce(room, query),
      stayBegan: async (room: RoomNumber, user: UserId, at: number) =>
        stayIn(this.#at(room), user, at) ?? reader.stayBegan(room, user, at),
    }
  }

  #at(room: RoomNumber): StoredHead | undefined {
    return this.#passing.get(room) ?? this.#kept.get(room)
  }

  #timeline(room: RoomNumber, query: TimelineQuery): readonly StoredEvent[] | undefined {
    const { after = Number.MIN_SAFE_INTEGER, before = Number.MAX_SAFE_INTEGER, direction, limit } = query
    const head = direction === 'backward' ? this.#at(room) : undefined
    if (head === undefined) return undefined
    const found = head.events.filter(({ position }) => position > after && position < before)
    if (found.length >= limit) return found.slice(0, limit)
    const oldest = head.events.at(-1)
    return head.isWhole || (oldest !== undefined && oldest.position <= after) ? found : undefined
  }

  /** Entries that are not at hand are read, and no others. */
  async #state(room: RoomNumber, query: StateQuery, reader: Answered): Promise<readonly StoredEvent[]> {
    const { at, types = [], notTypes, stateKeys = [] } = query
    const head = at === 'current' && notTypes === undefined ? this.#at(room) : undefined
    if (head === undefined || stateKeys.length === 0) return reader.state(room, query)
    const found: StoredEvent[] = []
    const unknown: string[] = []
    for (const type of types)
      for (const stateKey of stateKeys) {
        const known = entryIn(head, type, stateKey)
        if (known === undefined) unknown.push(stateKey)
        else if (known.event !== undefined) found.push(known.event)
      }
    if (unknown.length === 0) return found
    return types.length > 1
      ? reader.state(room, query)
      : [...found, ...(await reader.state(room, { ...query, stateKeys: unknown }))]
  }
}

/** Whether a question about the room needs no other read. The own member event of one more reader is a short one. */
const isEnough = (head: StoredHead | undefined, { limit }: HeadsQuery): boolean =>
  head !== undefined && (head.isWhole || head.events.length >= limit)

interface KnownEntry {
  /** undefined where nothing is in force. */
  readonly event: StoredEvent | undefined
}

const NO_ENTRY: KnownEntry = { event: undefined }

/** undefined where it is not known. */
const entryIn = (head: StoredHead | undefined, type: string, stateKey: string): KnownEntry | undefined => {
  if (head === undefined) return undefined
  if (type !== MEMBER)
    return (
      head.state && (head.state.find(({ change }) => change.type === type && change.stateKey === stateKey) ?? NO_ENTRY)
    )
  const userId = stateKey as UserId
  const isKnown = head.membersOf === 'all' || head.membersOf.has(userId)
  return isKnown ? (head.members.get(userId) ?? NO_ENTRY) : undefined
}

/** A page of the whole state, or of what lies on either side of the members, as `statePages` asks for it. */
const inForceIn = (
  head: StoredHead | undefined,
  { after, beforeType, limit }: StateInForceQuery,
): readonly PlacedEvent[] | undefined => {
  if (head?.state === undefined) return undefined
  const before = (): readonly PlacedEvent[] => head.state?.filter(({ change }) => change.type < MEMBER) ?? []
  const behind = (): readonly PlacedEvent[] => head.state?.filter(({ change }) => change.type > MEMBER) ?? []
  let page: readonly PlacedEvent[] | undefined
  if (after === FIRST && beforeType === MEMBER) page = before()
  else if (after.type === MEMBER && after.stateKey === LAST_KEY && beforeType === undefined) page = behind()
  else if (after === FIRST && beforeType === undefined && head.membersOf === 'all')
    page = [...before(), ...head.members.values(), ...behind()]
  return page !== undefined && page.length < limit ? page : undefined
}

/** Where the member event in force is the user's first one, it began their stay. */
const stayIn = (head: StoredHead | undefined, user: UserId, at: number): number | undefined => {
  const own = head?.members.get(user)
  if (head === undefined || own === undefined || head.record.lastResolvedPosition > 0) return undefined
  const { replaces, position, json } = own.event
  if (replaces !== undefined || position > at) return undefined
  return (JSON.parse(json) as Pdu).content.membership === 'join' ? position : undefined
}

function* eventsOf({ events, state = [], members }: StoredHead): Generator<StoredEvent, void, undefined> {
  yield* events
  for (const { event } of state) yield event
  for (const { event } of members.values()) yield event
}

const bytesOf = (head: StoredHead): number => {
  let bytes = HEAD_BYTES
  for (const { json, replaces, redactedBy } of eventsOf(head))
    bytes += EVENT_BYTES + textBytes(json) + textBytes(replaces?.json ?? '') + textBytes(redactedBy?.json ?? '')
  return bytes + (head.membersOf === 'all' ? 0 : head.membersOf.size * USER_BYTES)
}
