import { BoundedCache, type CacheStats, type Clock, yieldToEventLoop } from '#base'
import { historyVisibilityOf, maySeeEvent } from '#rules'
import {
  type HistoryVisibility,
  type JsonObject,
  MEMBERSHIPS,
  type Membership,
  type Pdu,
  type RoomEvent,
  stringAt,
  type UserId,
} from '#spec'
import type { EventNumber, EventsReader, LastStay, RoomNumber, RoomStateReader, StoredEvent } from '#store'
import type { ClientEvents } from '../events/client-event.ts'
import type { Expiry } from './retention.ts'

const DECISIVE: ReadonlySet<string> = new Set(['m.room.member', 'm.room.history_visibility'])
/** Events whose circumstances are read at once. */
const LEARNED_AT_ONCE = 250
/** Events of history visibility that are parsed at once: each may have 64 KiB. */
const PARSED_AT_ONCE = 10
const VISIBILITY_BYTES = 150

/** The history visibility that each event of that type sets. It never changes: a redaction leaves it. */
export class HistoryVisibilities {
  readonly #reader: RoomStateReader
  readonly #clock: Clock
  readonly #values: BoundedCache<EventNumber, HistoryVisibility>

  constructor({ reader, clock, limitBytes }: { reader: RoomStateReader; clock: Clock; limitBytes: number }) {
    this.#reader = reader
    this.#clock = clock
    this.#values = new BoundedCache({ name: 'history-visibilities', limitBytes, sizeBytes: () => VISIBILITY_BYTES })
  }

  stats(): CacheStats {
    return this.#values.stats()
  }

  async of(events: ReadonlySet<EventNumber>): Promise<ReadonlyMap<EventNumber, HistoryVisibility>> {
    const found = new Map<EventNumber, HistoryVisibility>()
    const unknown: EventNumber[] = []
    for (const event of events) {
      const value = this.#values.get(event)
      if (value === undefined) unknown.push(event)
      else found.set(event, value)
    }
    for (let start = 0; start < unknown.length; start += PARSED_AT_ONCE) {
      if (start > 0) await yieldToEventLoop(this.#clock)
      for (const [event, json] of await this.#reader.jsonOf(unknown.slice(start, start + PARSED_AT_ONCE))) {
        const value = historyVisibilityOf((JSON.parse(json) as Pdu).content)
        this.#values.set(event, value)
        found.set(event, value)
      }
    }
    return found
  }
}

/** The state right before an event, as far as it decides who sees the event. */
interface Circumstances {
  readonly visibility: HistoryVisibility
  readonly membership: Membership | undefined
}

/** Messages that the user is shown nowhere, whatever the history visibility. */
interface HiddenMessages {
  readonly ignored: ReadonlySet<UserId>
  readonly isExpired: Expiry
}

interface RoomVisibilityParts {
  readonly room: RoomNumber
  readonly userId: UserId
  readonly lastStay: LastStay | undefined
  readonly hidden: HiddenMessages
  readonly reader: RoomStateReader & Pick<EventsReader, 'placeAt'>
  readonly visibilities: HistoryVisibilities
  readonly events: ClientEvents
  readonly clock: Clock
}

/**
 * Decides which of one room's events one user may see. Made for one answer. It reads the circumstances of the events that it is told of and no
 * others, so its cost is theirs, whatever the room has been through: `learn` comes before every question about an event.
 */
export class RoomVisibility {
  readonly #parts: RoomVisibilityParts
  readonly #learned = new Map<EventNumber, Circumstances>()
  /** Where the user's first stay began, if nothing is to be read of what was before: see `assumeFirstStay`. */
  #firstJoined: number | undefined
  /** Depth at which the user's last stay began; read where events were fetched, as these came at no position of the stream. */
  #joinedDepth: number | undefined

  constructor(parts: RoomVisibilityParts) {
    this.#parts = parts
  }

  /**
   * The user has been in the room once, since that position, and the room's history was never closed to its members: the circumstances of the events of its timeline
   * follow, and are not read.
   */
  assumeFirstStay(joined: number): void {
    this.#firstJoined = joined
  }

  #assume(event: StoredEvent): void {
    const joined = this.#firstJoined
    if (joined === undefined || event.placing !== 'timeline') return
    for (const key of [keyOf(event), replacedKey(event)])
      if (key !== undefined)
        this.#learned.set(key, { visibility: 'shared', membership: key > joined ? 'join' : undefined })
  }

  /** Reads the circumstances of the events, and of the state that they replaced. */
  learn(events: readonly StoredEvent[]): Promise<void> {
    return RoomVisibility.learnTogether([[this, events]])
  }

  /** The same for several rooms of one user, at the cost of their events: the number of rooms makes no difference. */
  static async learnTogether(
    rooms: readonly (readonly [room: RoomVisibility, events: readonly StoredEvent[]])[],
  ): Promise<void> {
    const wanted = new Map<EventNumber, RoomVisibility>()
    for (const [room, events] of rooms)
      for (const event of events) {
        room.#assume(event)
        for (const key of [keyOf(event), replacedKey(event)])
          if (key !== undefined && !room.#learned.has(key)) wanted.set(key, room)
      }
    for (const [room, events] of rooms)
      if (events.some(({ placing }) => placing === 'history')) await room.#learnDepth()
    const entries = [...wanted]
    for (let start = 0; start < entries.length; start += LEARNED_AT_ONCE) {
      const some = entries.slice(start, start + LEARNED_AT_ONCE)
      const [, room] = some[0] as (typeof some)[number]
      if (start > 0) await yieldToEventLoop(room.#parts.clock)
      await room.#read(some)
    }
  }

  /** The user's membership when the event was sent, their own membership events counted as already in force; `leave` before their first one. */
  membershipAt(event: StoredEvent): Membership {
    const own = isOwnMember(event, this.#parts.userId) ? membershipIn(this.#parts.events.content(event)) : undefined
    return own ?? this.#at(keyOf(event)).membership ?? 'leave'
  }

  /** Not too old, history visibility, and the user's own membership events: without these, nobody would learn of being removed. */
  maySee(event: StoredEvent): boolean {
    if (this.#parts.hidden.isExpired(event)) return false
    return isOwnMember(event, this.#parts.userId) || this.isInVisibleHistory(event)
  }

  /** History visibility alone. An event that it shows also shows the state around it; a membership event of one's own may not. */
  isInVisibleHistory(event: StoredEvent): boolean {
    return this.#isSeenAt(keyOf(event), this.#isBeforeJoin(event), this.#judged(event))
  }

  /** `prev_content` is only for users with "permission to see the previous content" (section "Room event format"). */
  hidesPrevious(event: StoredEvent): boolean {
    const { replaces } = event
    const key = replacedKey(event)
    if (replaces === undefined || key === undefined || isOwnMember(event, this.#parts.userId)) return false
    const { content } = JSON.parse(replaces.json) as Pdu
    return !this.#isSeenAt(key, this.#isBeforeJoinAt(replaces.position), { ...this.#judged(event), content })
  }

  /** The rule of timelines: visible, and no message of an ignored user. State of ignored users is shown. */
  mayShow(event: StoredEvent): boolean {
    if (event.stateKey === undefined && this.#parts.hidden.ignored.has(event.sender)) return false
    return this.maySee(event)
  }

  /** An event that comes while the user is there, from a branch on which they are not yet, is older than the events that join it to their own. */
  #isBeforeJoinAt(position: number): boolean {
    const { lastStay } = this.#parts
    return lastStay !== undefined && position < (lastStay.ended ?? Number.POSITIVE_INFINITY)
  }

  #isBeforeJoin({ placing, position, depth }: StoredEvent): boolean {
    if (placing !== 'history') return this.#isBeforeJoinAt(position)
    // At the same depth, fetched history stands before what came by the stream.
    return this.#joinedDepth !== undefined && depth <= this.#joinedDepth
  }

  async #learnDepth(): Promise<void> {
    const { reader, room, lastStay } = this.#parts
    if (lastStay === undefined || this.#joinedDepth !== undefined) return
    this.#joinedDepth = (await reader.placeAt(room, lastStay.joined))?.depth
  }

  #isSeenAt(key: EventNumber, joinedLater: boolean, event: RoomEvent): boolean {
    const { userId } = this.#parts
    const { visibility, membership } = this.#at(key)
    return maySeeEvent(userId, event, { visibility, membership, joinedLater })
  }

  /** The event in the form of the rules. Only the content of the two types that change who sees them is looked at. */
  #judged(event: StoredEvent): RoomEvent {
    const { eventId, roomId, type, stateKey, sender, originServerTs, depth, placing } = event
    const content = DECISIVE.has(type) ? this.#parts.events.content(event) : {}
    const none = { prevEvents: [], authEvents: [], redacts: undefined }
    const rejected = placing === 'rejected'
    return { eventId, roomId, type, stateKey, sender, content, originServerTs, depth, rejected, ...none }
  }

  #at(key: EventNumber): Circumstances {
    const known = this.#learned.get(key)
    if (known === undefined) throw new Error('asked about an event whose circumstances were not read')
    return known
  }

  /** Reads for other rooms of the same user too. */
  async #read(wanted: readonly (readonly [EventNumber, RoomVisibility])[]): Promise<void> {
    const { reader, userId, visibilities } = this.#parts
    const numbers = wanted.map(([number]) => number)
    const [settings, members] = await Promise.all([
      reader.entryBefore('m.room.history_visibility', '', numbers),
      reader.entryBefore('m.room.member', userId, numbers),
    ])
    const set = new Set([...settings.values()].flatMap(({ entry }) => entry ?? []))
    const values = await visibilities.of(set)
    for (const [number, room] of wanted) {
      const entry = settings.get(number)?.entry
      const visibility = (entry === undefined ? undefined : values.get(entry)) ?? 'shared'
      room.#learned.set(number, { visibility, membership: members.get(number)?.membership })
    }
  }
}

const keyOf = ({ event }: StoredEvent): EventNumber => event

/** The number of the replaced event. It equals the position, but for events outside the stream, whose number is not known here: nothing was in force before them. */
const replacedKey = ({ replaces }: StoredEvent): EventNumber | undefined => replaces?.position

const isOwnMember = (event: StoredEvent, userId: UserId): boolean =>
  event.type === 'm.room.member' && event.stateKey === userId

const membershipIn = (content: JsonObject): Membership | undefined => {
  const membership = stringAt(content, 'membership')
  return MEMBERSHIPS.find((known) => known === membership)
}
