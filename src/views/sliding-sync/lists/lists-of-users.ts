import { BoundedCache, type CacheStats, type Clock, type Soon, yieldToEventLoop } from '#base'
import type { UserId } from '#spec'
import type {
  MembersReader,
  RoomByActivity,
  RoomListsReader,
  RoomNumber,
  RoomRecordsReader,
  RoomStateReader,
} from '#store'
import type { News, NewsHandler, Positions } from '#streams'
import type { InvitesShown } from '../../known/invites-shown.ts'
import type { RecentEvents } from '../../known/recent-events.ts'
import type { RoomFilters } from '../request.ts'
import type { AttributesReaders } from './room-attributes.ts'
import type { Disturbed, RoomList } from './room-list.ts'
import { UserLists } from './user-lists.ts'

export interface ListsOfUsersParts {
  readonly reader: RoomListsReader & RoomRecordsReader & RoomStateReader & Pick<MembersReader, 'membership'>
  readonly attributes: AttributesReaders
  readonly invites: InvitesShown
  readonly recent: Pick<RecentEvents, 'between' | 'inMemory'>
  readonly clock: Clock
  readonly limitBytes: number
}

export interface ListsWant {
  readonly viewer: { readonly userId: UserId; readonly user: number }
  readonly now: Positions
  readonly filters: readonly RoomFilters[]
}

/** Reads lists, in slices of the event loop. */
export type ReadLists<Result> = (
  lists: UserLists,
  filtered: readonly RoomList[],
) => Generator<undefined, Result, undefined>

/** The lists of one user, and what is known to have changed since they were brought. */
interface Kept {
  lists: UserLists | undefined
  /** Rooms in which the user's membership changed. */
  memberships: Set<RoomNumber>
  accountData: boolean
  /** The lists are to be made anew. */
  isOutdated: boolean
  turn: Promise<unknown>
  /** Requests that have or want the turn. */
  waiting: number
}

const KEPT_BYTES = 600

/** Keeps the lists of the users who ask for them. They are made from the store once, and brought forward whenever somebody asks. */
export class ListsOfUsers implements NewsHandler {
  readonly #parts: ListsOfUsersParts
  readonly #kept: BoundedCache<number, Kept>

  constructor(parts: ListsOfUsersParts) {
    this.#parts = parts
    this.#kept = new BoundedCache({
      name: 'sliding-lists',
      limitBytes: parts.limitBytes,
      sizeBytes: ({ lists }) => KEPT_BYTES + (lists?.sizeBytes ?? 0),
    })
  }

  stats(): CacheStats {
    return this.#kept.stats()
  }

  missed(): void {
    this.#kept.clear()
  }

  news(news: readonly News[]): void {
    for (const { stream, rooms, users } of news) {
      if (stream !== 'events' && stream !== 'accountData') continue
      for (const user of users) {
        const kept = this.#kept.get(user)
        if (kept === undefined) continue
        if (stream === 'accountData') kept.accountData = true
        // The news does not say which room it was where somebody forgot one: that is rare.
        else if (rooms.length === 0) kept.isOutdated = true
        else for (const room of rooms) kept.memberships.add(room)
      }
    }
  }

  /**
   * Reads the lists as of `now`, or of a later moment that another request asked for. `read` gets them with those under the wanted filters, in their order. They stand still until it has
   * returned; where it yields, the event loop serves others.
   */
  read<Result>(want: ListsWant, read: ReadLists<Result>): Soon<Result> {
    const { user } = want.viewer
    const kept = this.#kept.get(user) ?? this.#begin(user)
    const filtered = kept.waiting === 0 ? this.#atHand(kept, want) : undefined
    if (filtered === undefined || kept.lists === undefined) {
      return this.#inTurn(user, kept, async () => {
        const lists = await this.#bring(kept, want)
        const found: RoomList[] = []
        for (const filters of want.filters) found.push(await lists.list(filters, want.now, this.#pause))
        await lists.learnDirects()
        return this.#finish(read(lists, found))
      })
    }
    const steps = read(kept.lists, filtered)
    const { done, value } = steps.next()
    return done === true ? value : this.#inTurn(user, kept, () => this.#finish(steps))
  }

  async #finish<Result>(steps: Generator<undefined, Result, undefined>): Promise<Result> {
    for (;;) {
      const { done, value } = steps.next()
      if (done === true) return value
      await this.#pause()
    }
  }

  /** The wanted lists where nothing is to be read for them, as nearly always to somebody who waits; undefined otherwise. */
  #atHand(kept: Kept, { now, filters }: ListsWant): readonly RoomList[] | undefined {
    const { lists, memberships, accountData, isOutdated } = kept
    if (lists === undefined || isOutdated || accountData || memberships.size > 0 || !lists.knowsDirects)
      return undefined
    const filtered: RoomList[] = []
    for (const wanted of filters) {
      const list = lists.kept(wanted)
      if (list === undefined) return undefined
      filtered.push(list)
    }
    const events = this.#parts.recent.inMemory(Math.min(lists.upTo, now.events), now.events)
    if (events === undefined) return undefined
    return lists.bringMessages(events, now) ? filtered : undefined
  }

  async #inTurn<Result>(user: number, kept: Kept, work: () => Promise<Result>): Promise<Result> {
    kept.waiting++
    const turn = kept.turn.then(work)
    // One that failed leaves lists that are half brought: the next begins anew.
    kept.turn = turn
      .catch(() => {
        kept.lists = undefined
      })
      .finally(() => {
        kept.waiting--
      })
    const result = await turn
    // Put in again, so that its size is counted again.
    if (this.#kept.get(user) === kept) this.#kept.set(user, kept)
    return result
  }

  readonly #pause = (): Promise<void> => yieldToEventLoop(this.#parts.clock)

  /** Put in before anything is read, so that it hears of what changes meanwhile. */
  #begin(user: number): Kept {
    const kept: Kept = {
      lists: undefined,
      memberships: new Set(),
      accountData: false,
      isOutdated: false,
      turn: Promise.resolve(),
      waiting: 0,
    }
    this.#kept.set(user, kept)
    return kept
  }

  async #bring(kept: Kept, { viewer, now }: ListsWant): Promise<UserLists> {
    const { recent } = this.#parts
    const known = kept.isOutdated ? undefined : kept.lists
    kept.isOutdated = false
    const events = known === undefined ? undefined : await recent.between(Math.min(known.upTo, now.events), now.events)
    const { memberships, accountData } = kept
    kept.memberships = new Set()
    kept.accountData = false
    const moment: Disturbed = now
    if (known === undefined || events === undefined) {
      const rooms = await this.#parts.reader.roomsByActivity(viewer.user)
      const { attributes: readers, invites } = this.#parts
      kept.lists = await UserLists.of({ user: viewer, readers, invites, rooms, now: moment })
      return kept.lists
    }
    await known.bring({
      events,
      memberships: await this.#read(memberships, viewer.userId),
      accountData,
      now: { ...moment, events: Math.max(known.upTo, now.events) },
    })
    return known
  }

  async #read(
    rooms: ReadonlySet<RoomNumber>,
    userId: UserId,
  ): Promise<ReadonlyMap<RoomNumber, RoomByActivity | undefined>> {
    const read = new Map<RoomNumber, RoomByActivity | undefined>()
    for (const room of rooms) read.set(room, await this.#one(room, userId))
    return read
  }

  async #one(room: RoomNumber, userId: UserId): Promise<RoomByActivity | undefined> {
    const { reader } = this.#parts
    const member = await reader.membership(room, userId)
    const record = await reader.room(room)
    if (member === undefined || record === undefined || member.forgotten) return undefined
    const { membership, position, forgotten } = member
    const own = await reader.stateEvent(room, 'current', 'm.room.member', userId)
    const everJoined = membership === 'join' || (await reader.lastStay(room, userId)) !== undefined
    const { roomId, lastPosition } = record
    const setBy = own?.position === position ? own.sender : undefined
    return { room, roomId, membership, position, forgotten, lastPosition, setBy, everJoined }
  }
}
