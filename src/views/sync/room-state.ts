import { BoundedCache, type CacheStats } from '#base'
import type { EventMatcher } from '#rules'
import type { UserId } from '#spec'
import type { RoomNumber, RoomsReader, StoredEvent } from '#store'

export interface StateWant {
  readonly room: RoomNumber
  readonly userId: UserId
  readonly device: number | undefined
  /** `all`: the state right before the timeline; `changes`: what of it came after `since`; `none`: nothing but lazily loaded members. */
  readonly extent: 'all' | 'changes' | 'none'
  readonly since: number
  /** Position the state is as of: right before the timeline's first event. */
  readonly at: number
  readonly timeline: readonly StoredEvent[]
  readonly matcher: EventMatcher
  /** Further members that lazy loading must not leave out: heroes. */
  readonly heroes: readonly UserId[]
}

/** The `state` section of a room in `/sync`, with members loaded lazily where the filter asks for it ("Lazy-loading room members"). */
export class RoomStateSection {
  readonly #reader: RoomsReader
  /** Which member event of each user a device was sent, by device and room. */
  readonly #sent: BoundedCache<string, Map<UserId, string>>

  constructor(reader: RoomsReader, limitBytes: number) {
    this.#reader = reader
    this.#sent = new BoundedCache({
      name: 'lazy-members',
      limitBytes,
      sizeBytes: (members) => 200 + members.size * 250,
    })
  }

  stats(): CacheStats {
    return this.#sent.stats()
  }

  async load(want: StateWant): Promise<readonly StoredEvent[]> {
    const lazy = want.matcher.lazyLoadMembers
    const state = await this.#plain(want, lazy)
    const members = lazy ? await this.#lazyMembers(want, state) : []
    return [...state, ...members].filter((event) => want.matcher.type(event.type) && want.matcher.sender(event.sender))
  }

  async #plain(want: StateWant, lazy: boolean): Promise<readonly StoredEvent[]> {
    if (want.extent === 'none') return []
    if (want.extent === 'all') {
      return this.#reader.state(want.room, { at: want.at, ...(lazy ? { notTypes: ['m.room.member'] } : {}) })
    }
    if (want.at <= want.since) return []
    const changes = await this.#reader.stateChanges(want.room, want.since, want.at)
    if (!lazy) return changes
    return changes.filter(({ type, stateKey }) => type !== 'm.room.member' || stateKey === want.userId)
  }

  async #lazyMembers(want: StateWant, state: readonly StoredEvent[]): Promise<readonly StoredEvent[]> {
    const wanted = new Set<UserId>(want.timeline.map(({ sender }) => sender))
    for (const hero of want.heroes) wanted.add(hero)
    if (want.extent === 'all') wanted.add(want.userId)
    for (const { type, stateKey } of state) if (type === 'm.room.member') wanted.delete(stateKey as UserId)
    const sent = this.#sentTo(want)
    const members: StoredEvent[] = []
    for (const userId of wanted) {
      const member = await this.#reader.stateEvent(want.room, want.at, 'm.room.member', userId)
      if (member === undefined) continue
      if (!want.matcher.includeRedundantMembers && sent?.get(userId) === member.eventId) continue
      sent?.set(userId, member.eventId)
      members.push(member)
    }
    // A member event in the timeline itself is as good as one in the state.
    for (const { type, stateKey, eventId } of want.timeline) {
      if (type === 'm.room.member') sent?.set(stateKey as UserId, eventId)
    }
    return members
  }

  #sentTo(want: StateWant): Map<UserId, string> | undefined {
    if (want.device === undefined) return undefined
    const key = `${want.device} ${want.room}`
    const held = want.extent === 'all' ? undefined : this.#sent.get(key)
    const sent = held ?? new Map<UserId, string>()
    // Put in anew, so that its size is counted anew.
    this.#sent.delete(key)
    this.#sent.set(key, sent)
    return sent
  }
}
