import { BoundedCache, type CacheStats, textBytes } from '#base'
import type { EventMatcher } from '#rules'
import { stateTupleKey, type UserId } from '#spec'
import type { RoomNumber, RoomStateReader, StoredEvent } from '#store'

export interface StateWant {
  readonly room: RoomNumber
  readonly userId: UserId
  readonly device: number | undefined
  /** `all`: the state right before the timeline; `changes`: what of it came after `since`; `none`: nothing but lazily loaded members. */
  readonly extent: 'all' | 'changes' | 'none'
  readonly since: number
  /** Position of the state: right before the timeline's first event. */
  readonly at: number
  /** Also what came into force between `at` and there by resolution, and not by an event of the timeline. */
  readonly resolvedUpTo?: number
  readonly timeline: readonly StoredEvent[]
  readonly matcher: EventMatcher
}

const SET_BYTES = 200
const SET_ENTRY_BYTES = 40

/** The members that one device was told of in one room. */
class SentMembers {
  readonly #userIds = new Set<UserId>()
  /** Bytes in memory. */
  sizeBytes = SET_BYTES

  has(userId: UserId): boolean {
    return this.#userIds.has(userId)
  }

  add(userId: UserId): void {
    if (this.#userIds.has(userId)) return
    this.#userIds.add(userId)
    this.sizeBytes += SET_ENTRY_BYTES + textBytes(userId)
  }
}

const entryOf = ({ type, stateKey = '' }: StoredEvent): string => stateTupleKey(type, stateKey)

export interface StateInWindowParts {
  readonly reader: RoomStateReader
  readonly limitBytes: number
}

/** The `state` section of a room in `/sync`, with members loaded lazily where the filter asks for it ("Lazy-loading room members"). */
export class StateInWindow {
  readonly #reader: RoomStateReader
  /** Members that each device was told of, by device and room. */
  readonly #sent: BoundedCache<string, SentMembers>

  constructor({ reader, limitBytes }: StateInWindowParts) {
    this.#reader = reader
    this.#sent = new BoundedCache({
      name: 'lazy-members',
      limitBytes,
      sizeBytes: ({ sizeBytes }) => sizeBytes,
    })
  }

  stats(): CacheStats {
    return this.#sent.stats()
  }

  async load(want: StateWant): Promise<readonly StoredEvent[]> {
    const lazy = want.matcher.lazyLoadMembers
    const state = await this.#withResolved(want, await this.#plain(want, lazy))
    const members = lazy ? await this.#lazyMembers(want, state) : []
    return this.#filtered(want, [...state, ...members])
  }

  #filtered({ matcher }: StateWant, events: readonly StoredEvent[]): readonly StoredEvent[] {
    return events.filter(({ type, sender }) => matcher.type(type) && matcher.sender(sender))
  }

  /**
   * A client that reads `state` and then the timeline ends with the state in force, unless the timeline itself has an event of such an entry that lost
   * against it: only `state_after` can say that.
   */
  async #withResolved(want: StateWant, state: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
    if (want.resolvedUpTo === undefined) return state
    const changes = await this.#reader.stateChanges(want.room, want.at, want.resolvedUpTo)
    const told = new Set(want.timeline.map(({ eventId }) => eventId))
    const resolved = changes.filter(({ eventId }) => !told.has(eventId))
    const replaced = new Set(resolved.map(entryOf))
    return [...state.filter((event) => !replaced.has(entryOf(event))), ...resolved]
  }

  async #plain(want: StateWant, lazy: boolean): Promise<readonly StoredEvent[]> {
    if (want.extent === 'none') return []
    if (want.extent === 'all') {
      return this.#reader.state(want.room, { at: want.at, ...(lazy ? { notTypes: ['m.room.member'] } : {}) })
    }
    if (want.at <= want.since) return []
    // Members who changed in the gap are told to lazily loading clients too: they would go on with outdated ones.
    return this.#reader.stateChanges(want.room, want.since, want.at)
  }

  /** The heroes of the summary that `state` and timeline lack; only for lazily loading clients. */
  async heroes(
    want: StateWant,
    heroes: readonly UserId[],
    state: readonly StoredEvent[],
  ): Promise<readonly StoredEvent[]> {
    if (!want.matcher.lazyLoadMembers || heroes.length === 0) return []
    const known = new Set([...state, ...want.timeline].flatMap((event) => (isMember(event) ? [event.stateKey] : [])))
    const missing = heroes.filter((hero) => !known.has(hero))
    return this.#filtered(want, await this.#members(want, missing))
  }

  async #lazyMembers(want: StateWant, state: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
    const wanted = new Set<UserId>(want.timeline.map(({ sender }) => sender))
    if (want.extent === 'all') wanted.add(want.userId)
    for (const event of state) if (isMember(event)) wanted.delete(event.stateKey)
    if (want.extent === 'all') this.#sent.delete(sentKey(want))
    return this.#members(want, wanted)
  }

  async #members(want: StateWant, userIds: Iterable<UserId>): Promise<readonly StoredEvent[]> {
    const sent = this.#sentTo(want)
    const members: StoredEvent[] = []
    for (const userId of userIds) {
      // Later changes of a member who was sent came in the timeline or the state.
      if (!want.matcher.includeRedundantMembers && sent?.has(userId) === true) continue
      const member = await this.#reader.stateEvent(want.room, want.at, 'm.room.member', userId)
      if (member === undefined) continue
      sent?.add(userId)
      members.push(member)
    }
    // A member event in the timeline itself is as good as one in the state.
    for (const event of want.timeline) if (isMember(event)) sent?.add(event.stateKey)
    // Put in again, so that its size is counted again.
    if (sent !== undefined) this.#sent.set(sentKey(want), sent)
    return members
  }

  #sentTo(want: StateWant): SentMembers | undefined {
    return want.device === undefined ? undefined : (this.#sent.get(sentKey(want)) ?? new SentMembers())
  }
}

const sentKey = ({ device, room }: StateWant): string => `${device} ${room}`

const isMember = (event: StoredEvent): event is StoredEvent & { readonly stateKey: UserId } =>
  event.type === 'm.room.member' && event.stateKey !== undefined
