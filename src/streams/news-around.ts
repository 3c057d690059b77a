import { type Clock, yieldToEventLoop } from '#base'
import type { News } from './bus.ts'
import type { NewsOfRooms } from './listeners.ts'

/** A page of the rooms of a user, by number: those that they are in, and those where their membership changed after that position of the stream of events. */
export interface RoomsPage {
  readonly user: number
  readonly after: number
  /** Rooms beyond this one. */
  readonly beyond: number
  readonly limit: number
}

export interface NewsAroundParts {
  readonly clock: Clock
  /** See `StreamsParts`. */
  roomsAround(page: RoomsPage): Promise<readonly number[]>
  /** Told news with its rooms, before any request is woken by it. */
  found(news: readonly News[]): void
  /** The rooms of some news stay unknown: it may concern everybody. */
  lost(): void
  readonly listeners: { wakeInRooms(news: NewsOfRooms, from: number): number }
}

/** The moment at which news came. */
export interface Moment {
  readonly tick: number
  /** The position of the stream of events. */
  readonly events: number
}

/** News around one user whose rooms are not asked for yet. */
interface Unfound {
  /** The position of events when the first of it came. */
  readonly after: number
  /** The tick at which the last of it came. */
  tick: number
  /** The newest of each stream: handlers take its rooms for those before as well. */
  readonly news: Map<string, News>
}

/** Users whose rooms are read at once. */
const READS_AT_ONCE = 4
/** Rooms that are read in one turn of the event loop. */
const ROOMS_AT_ONCE = 500
/** Users whose rooms wait to be read; with more of them, everybody is woken instead. */
const MOST_UNFOUND = 10_000

/**
 * Finds the rooms of news that concerns whoever shares a room with a user, and wakes the listeners there. It works behind the news, so that neither a commit nor its
 * answer takes longer for somebody who is in thousands of rooms. Nobody misses a change, in whatever order things happen:
 *
 * - A request that asked before the news came, and waits when the rooms are found, is woken.
 * - One that asked before and begins to wait later, does not begin: its listener's `lastTick` is that of the news, or a later one where the listener is new.
 * - One that asked after the news came knew its position, and handlers held the news for anybody's until its rooms were found. It needs no waking (`Waiting.since`).
 * - Rooms that the user left since are among those found (`after`): people there may have asked about the news before the leave was known here, and if the user comes
 *   back, no later window of theirs has the change. Rooms joined since are told of the join, and all of the user with it.
 * - News that comes while rooms are read has them read again: a room may have been joined between, whose people know of the join and not of this.
 */
export class NewsAround {
  readonly #parts: NewsAroundParts
  readonly #unfound = new Map<number, Unfound>()
  /** Users whose rooms are read, or whose listeners are woken, now. */
  readonly #underWay = new Set<number>()
  #isDue = false

  constructor(parts: NewsAroundParts) {
    this.#parts = parts
  }

  add(news: readonly News[], moment: Moment): void {
    for (const one of news) if (one.around !== undefined) this.#put(one.around, one, moment)
    if (this.#unfound.size > MOST_UNFOUND) {
      this.#unfound.clear()
      this.#parts.lost()
    }
    if (this.#unfound.size === 0 || this.#isDue) return
    this.#isDue = true
    // The answers to what made the news go first.
    this.#parts.clock.soon(() => {
      this.#isDue = false
      this.#begin()
    })
  }

  #put(user: number, one: News, { tick, events }: Moment): void {
    let unfound = this.#unfound.get(user)
    if (unfound === undefined) {
      unfound = { after: events, tick, news: new Map() }
      this.#unfound.set(user, unfound)
    }
    unfound.tick = tick
    // News of another process may be late.
    if ((unfound.news.get(one.stream)?.position ?? 0) < one.position) unfound.news.set(one.stream, one)
  }

  #begin(): void {
    for (const [user, unfound] of this.#unfound) {
      if (this.#underWay.size >= READS_AT_ONCE) return
      if (this.#underWay.has(user)) continue
      this.#unfound.delete(user)
      this.#underWay.add(user)
      void this.#find(user, unfound).finally(() => {
        this.#underWay.delete(user)
        this.#begin()
      })
    }
  }

  /** Never rejects. */
  async #find(user: number, { after, tick, news }: Unfound): Promise<void> {
    const { clock, found, lost, listeners } = this.#parts
    try {
      const rooms = await this.#roomsOf(user, after)
      const all = [...news.values()].map((one) => ({ ...one, rooms }))
      found(all)
      for (let from = 0; from < rooms.length; ) {
        if (from > 0) await yieldToEventLoop(clock)
        from = listeners.wakeInRooms({ rooms, news: all, tick }, from)
      }
    } catch {
      lost()
    }
  }

  /** Each room as it is when its page is read: that is later than the news, which is all that counts. */
  async #roomsOf(user: number, after: number): Promise<readonly number[]> {
    let rooms: readonly number[] = []
    for (;;) {
      const page = await this.#parts.roomsAround({ user, after, beyond: rooms.at(-1) ?? 0, limit: ROOMS_AT_ONCE })
      rooms = rooms.concat(page)
      if (page.length < ROOMS_AT_ONCE) return rooms
      await yieldToEventLoop(this.#parts.clock)
    }
  }
}
