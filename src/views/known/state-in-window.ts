import { BoundedCache, type CacheStats } from '#base'
import type { EventMatcher } from '#rules'
import { stateTupleKey, type UserId } from '#spec'
import type { RoomNumber, RoomStateReader, StoredEvent } from '#store'
import { SentMembers } from './sent-members.ts'
import { type StatePages, stateChangePages, statePages } from './state-pages.ts'

/** The device that reads a room, and the position up to which it has everything. */
export type StateReader = Pick<StateWant, 'device' | 'room' | 'since'>

export interface StateWant {
  readonly room: RoomNumber
  readonly userId: UserId
  readonly device: number | undefined
  /** `all`: the state right before the timeline; `changes`: what of it came after `since`; `none`: nothing but lazily loaded members. */
  readonly extent: 'all' | 'changes' | 'none'
  readonly since: number
  /** Position that the answer reaches. */
  readonly now: number
  /** Where all is told: what lazily loading clients know of the room from an earlier stay reaches up to there; undefined for those who know nothing. */
  readonly knownUpTo: number | undefined
  /** Position of the state: right before the timeline's first event, or the window's end. */
  readonly at: number
  /** The client takes no state from the timeline: what changes there is told as well (`state_after`). */
  readonly isAfter: boolean
  /** Also what came into force between `at` and there by resolution, and not by an event of the timeline. */
  readonly resolvedUpTo?: number
  readonly timeline: readonly StoredEvent[]
  readonly matcher: EventMatcher
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

  /** Whether a lazily loading device that has everything up to `since` was told of all these members. */
  hasMembers(reader: StateReader, userIds: Iterable<UserId>): boolean {
    const sent = reader.device === undefined ? undefined : this.#sent.get(sentKey(reader))
    if (sent === undefined) return false
    sent.settle(reader.since)
    for (const userId of userIds) if (!sent.has(userId)) return false
    return true
  }

  /** The events of the section, a page at a time. Lazily loading clients get those of the summary's heroes too, if nothing else has them. */
  async *pages(want: StateWant, heroes: readonly UserId[] = []): StatePages {
    const lazy = want.matcher.lazyLoadMembers
    const told = new Set<UserId>()
    for await (const page of await this.#withResolved(want, this.#plain(want, lazy))) {
      if (lazy) for (const event of page) if (isMember(event)) told.add(event.stateKey)
      const shown = this.#filtered(want, page)
      if (shown.length > 0) yield shown
    }
    if (!lazy) return
    const members = [...(await this.#lazyMembers(want, told)), ...(await this.#heroes(want, heroes, told))]
    const shown = this.#filtered(want, members)
    if (shown.length > 0) yield shown
  }

  #filtered({ matcher }: StateWant, events: readonly StoredEvent[]): readonly StoredEvent[] {
    return events.filter(({ type, sender }) => matcher.type(type) && matcher.sender(sender))
  }

  /**
   * A client that reads `state` and then the timeline ends with the state in force, unless the timeline itself has an event of such an entry that lost
   * against it: only `state_after` can say that.
   */
  async #withResolved(want: StateWant, pages: StatePages): Promise<AsyncIterable<readonly StoredEvent[]>> {
    if (want.resolvedUpTo === undefined) return pages
    const changes = await this.#reader.stateChanges(want.room, want.at, want.resolvedUpTo)
    const told = new Set(want.timeline.map(({ eventId }) => eventId))
    const resolved = changes.filter(({ eventId }) => !told.has(eventId))
    return withReplaced(pages, resolved)
  }

  #plain(want: StateWant, lazy: boolean): StatePages {
    const { room, at, since, knownUpTo } = want
    if (want.extent === 'all') {
      const pages = statePages(this.#reader, room, { at, members: !lazy, resolved: want.resolvedUpTo !== undefined })
      return lazy && knownUpTo !== undefined
        ? withMembers(pages, stateChangePages(this.#reader, room, knownUpTo, at))
        : pages
    }
    // Members who changed in the gap are told to lazily loading clients too: they would go on with outdated ones.
    if (want.extent === 'changes' && at > since) return stateChangePages(this.#reader, room, since, at)
    return noPages()
  }

  /** `told`: the members in the state so far. Adds those that it returns. */
  async #lazyMembers(want: StateWant, told: Set<UserId>): Promise<readonly StoredEvent[]> {
    const wanted = new Set<UserId>(want.timeline.map(({ sender }) => sender))
    if (want.isAfter) for (const event of want.timeline) if (isMember(event)) wanted.add(event.stateKey)
    if (want.extent === 'all') wanted.add(want.userId)
    for (const userId of told) wanted.delete(userId)
    if (want.extent === 'all') this.#sent.delete(sentKey(want))
    this.#sentTo(want)?.settle(want.since)
    const members = await this.#members(want, wanted)
    for (const event of [...members, ...want.timeline]) if (isMember(event)) told.add(event.stateKey)
    return members
  }

  async #heroes(
    want: StateWant,
    heroes: readonly UserId[],
    told: ReadonlySet<UserId>,
  ): Promise<readonly StoredEvent[]> {
    const missing = heroes.filter((hero) => !told.has(hero))
    return missing.length === 0 ? [] : this.#members(want, missing)
  }

  async #members(want: StateWant, userIds: Iterable<UserId>): Promise<readonly StoredEvent[]> {
    const sent = this.#sentTo(want)
    // Later changes of a member who was sent came in the timeline or the state.
    const wanted = [...userIds].filter((userId) => want.matcher.includeRedundantMembers || sent?.has(userId) !== true)
    const inForce = await this.#inForce(want, wanted)
    const members: StoredEvent[] = []
    for (const userId of wanted) {
      const member = await this.#member(want, userId, inForce.get(userId))
      if (member === undefined) continue
      sent?.add(userId, want.now)
      members.push(member)
    }
    // A member event in the timeline itself is as good as one in the state.
    for (const event of want.timeline) if (isMember(event)) sent?.add(event.stateKey, want.now)
    // Put in again, so that its size is counted again.
    if (sent !== undefined) this.#sent.set(sentKey(want), sent)
    return members
  }

  /** The member events that are in force now. */
  async #inForce({ room }: StateWant, userIds: readonly UserId[]): Promise<ReadonlyMap<UserId, StoredEvent>> {
    if (userIds.length === 0) return new Map()
    const found = await this.#reader.state(room, { at: 'current', types: ['m.room.member'], stateKeys: userIds })
    return new Map(found.filter(isMember).map((member) => [member.stateKey, member]))
  }

  /** Most often the member event in force now is that of the time. */
  async #member(
    { room, at, resolvedUpTo }: StateWant,
    userId: UserId,
    now: StoredEvent | undefined,
  ): Promise<StoredEvent | undefined> {
    if (now !== undefined && now.position <= at && resolvedUpTo === undefined) return now
    return this.#reader.stateEvent(room, at, 'm.room.member', userId)
  }

  #sentTo(want: StateWant): SentMembers | undefined {
    return want.device === undefined ? undefined : (this.#sent.get(sentKey(want)) ?? new SentMembers())
  }
}

const sentKey = ({ device, room }: Pick<StateWant, 'device' | 'room'>): string => `${device} ${room}`

const isMember = (event: StoredEvent): event is StoredEvent & { readonly stateKey: UserId } =>
  event.type === 'm.room.member' && event.stateKey !== undefined

async function* noPages(): StatePages {}

/** The pages, and then the members among what changed. */
async function* withMembers(pages: StatePages, changes: StatePages): StatePages {
  yield* pages
  for await (const page of changes) yield page.filter(isMember)
}

/** The pages with some entries in the place of those that they replace. */
async function* withReplaced(pages: StatePages, replacing: readonly StoredEvent[]): StatePages {
  const replaced = new Set(replacing.map(entryOf))
  for await (const page of pages) yield page.filter((event) => !replaced.has(entryOf(event)))
  yield replacing
}
