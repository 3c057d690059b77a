import { type Clock, yieldToEventLoop } from '#base'
import { historyVisibilityOf } from '#rules'
import { type HistoryVisibility, type Pdu, parseUserId, type ServerName, serverOf } from '#spec'
import type {
  EventNumber,
  PriorServerMembers,
  RoomNumber,
  RoomStateReader,
  ServerMembersReader,
  ServerStay,
  ServerStayPlace,
  StoredEvent,
} from '#store'
import type { Erasures } from '../events/erasures.ts'
import type { Expiry } from './retention.ts'
import type { HistoryVisibilities } from './room-visibility.ts'

export interface ServerVisibilityParts {
  readonly reader: Pick<RoomStateReader, 'entryBefore' | 'stateEvent'> & ServerMembersReader
  readonly visibilities: Pick<HistoryVisibilities, 'of'>
  readonly erasures: Pick<Erasures, 'erasedIn'>
  readonly lifetimes: { expiryIn(room: RoomNumber): Promise<Expiry> }
  readonly clock: Clock
}

/** Stays that are held against events at once. */
const STAYS_AT_ONCE = 500
/** A server with more stays than this in one room is not looked through for events that only the last of them would show. */
const MAX_STAYS = 200_000

/** An event whose setting admits members alone. */
interface Closed {
  readonly event: StoredEvent
  /** Whether an invite suffices. */
  readonly invited: boolean
  readonly prior: PriorServerMembers
}

/**
 * Decides what another server may see of a room's history: what one of its users may (client-server API, "Room History Visibility"). The server has to be in
 * the room now, which is asked before (`ServedRooms`): then `shared` events are its own users' to see, whenever they were sent.
 */
export class ServerVisibility {
  readonly #parts: ServerVisibilityParts

  constructor(parts: ServerVisibilityParts) {
    this.#parts = parts
  }

  /** The events, among those given, which the server may see whole; they are of one room. Others it gets in their redacted form, which says nothing. */
  async mayServerSee(server: ServerName, events: readonly StoredEvent[]): Promise<ReadonlySet<EventNumber>> {
    const [first] = events
    const seen = new Set<EventNumber>()
    if (first === undefined) return seen
    const isExpired = await this.#parts.lifetimes.expiryIn(first.room)
    const shown = events.filter((event) => !isExpired(event))
    const settings = await this.#settingsBefore(shown)
    const isErased = await this.#parts.erasures.erasedIn()
    const closed: { readonly event: StoredEvent; readonly setting: HistoryVisibility }[] = []
    for (const event of shown) {
      const setting = settings.get(event.event) ?? 'shared'
      const isAnybodys = isOpen(setting) || isOpen(settingIn(event)) || isMemberOf(server, event)
      // What an erased user said goes only to servers that were in the room when it was said: these have it.
      if (isAnybodys && !isErased(event)) seen.add(event.event)
      else closed.push({ event, setting })
    }
    if (closed.length > 0) await this.#addMembersOnly(server, first.room, closed, seen)
    return seen
  }

  async #settingsBefore(events: readonly StoredEvent[]): Promise<ReadonlyMap<EventNumber, HistoryVisibility>> {
    const numbers = events.map(({ event }) => event)
    const entries = await this.#parts.reader.entryBefore('m.room.history_visibility', '', numbers)
    const set = new Set([...entries.values()].flatMap(({ entry }) => entry ?? []))
    const values = await this.#parts.visibilities.of(set)
    const settings = new Map<EventNumber, HistoryVisibility>()
    for (const [event, { entry }] of entries) {
      const value = entry === undefined ? undefined : values.get(entry)
      if (value !== undefined) settings.set(event, value)
    }
    // The state before an event that came for its content alone is not known: what holds now decides.
    const [outlier] = events.filter(({ placing }) => placing === 'outlier')
    if (outlier === undefined) return settings
    const now = await this.#settingNow(outlier.room)
    for (const { event, placing } of events) if (placing === 'outlier') settings.set(event, now)
    return settings
  }

  async #settingNow(room: RoomNumber): Promise<HistoryVisibility> {
    const entry = await this.#parts.reader.stateEvent(room, 'current', 'm.room.history_visibility', '')
    return historyVisibilityOf(entry && contentOf(entry))
  }

  async #addMembersOnly(
    server: ServerName,
    room: RoomNumber,
    closed: readonly { readonly event: StoredEvent; readonly setting: HistoryVisibility }[],
    seen: Set<EventNumber>,
  ): Promise<void> {
    const { reader } = this.#parts
    const priors = await reader.membersOfServerBefore(
      closed.map(({ event }) => event.event),
      server,
    )
    const inForce = await reader.inCurrentState(
      room,
      closed.map(({ event }) => event.eventId),
    )
    const open = new Map<EventNumber, Closed>()
    for (const { event, setting } of closed) {
      const prior = priors.get(event.event)
      // A server in the room has its current state.
      if (inForce.has(event.eventId)) seen.add(event.event)
      else if (prior !== undefined && event.placing !== 'outlier')
        open.set(event.event, { event, invited: setting === 'invited', prior })
    }
    for (const [number, { prior, invited }] of open) {
      if (!prior.differs.some(({ membership }) => admits(membership, invited))) continue
      seen.add(number)
      open.delete(number)
    }
    if (open.size > 0) await this.#addByStays(server, room, open, seen)
  }

  /** Goes through the stays of the server's users until each event has one that shows it. */
  async #addByStays(
    server: ServerName,
    room: RoomNumber,
    open: Map<EventNumber, Closed>,
    seen: Set<EventNumber>,
  ): Promise<void> {
    let after: ServerStayPlace | undefined
    for (let looked = 0; looked < MAX_STAYS; looked += STAYS_AT_ONCE) {
      const page = await this.#parts.reader.staysOfServer(room, server, after, STAYS_AT_ONCE)
      for (const [number, closed] of open) {
        if (!page.some((stay) => shows(stay, closed))) continue
        seen.add(number)
        open.delete(number)
      }
      after = page.at(-1)
      if (open.size === 0 || page.length < STAYS_AT_ONCE) return
      await yieldToEventLoop(this.#parts.clock)
    }
  }
}

const isOpen = (setting: HistoryVisibility | undefined): boolean => setting === 'shared' || setting === 'world_readable'

const contentOf = ({ json }: StoredEvent) => (JSON.parse(json) as Pdu).content

/** A change of the setting is seen by whom the old or the new one admits. */
const settingIn = (event: StoredEvent): HistoryVisibility | undefined =>
  event.type === 'm.room.history_visibility' && event.stateKey === ''
    ? historyVisibilityOf(contentOf(event))
    : undefined

/** Without the memberships of its own users a server would not learn of their being invited, or removed. */
const isMemberOf = (server: ServerName, { type, stateKey }: StoredEvent): boolean => {
  const userId = type === 'm.room.member' && stateKey !== undefined ? parseUserId(stateKey) : undefined
  return userId !== undefined && serverOf(userId) === server
}

const admits = (membership: string | undefined, invited: boolean): boolean =>
  membership === 'join' || (invited && membership === 'invite')

const shows = ({ userId, membership, from, until }: ServerStay, { invited, prior }: Closed): boolean => {
  const { at, differs } = prior
  if (at === undefined || from > at || (until !== undefined && until <= at)) return false
  return admits(membership, invited) && !differs.some((other) => other.userId === userId)
}
