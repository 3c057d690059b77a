import type { Clock } from '#base'
import type { Bus, BusMessage, CommittedNews, News } from './bus.ts'
import { firstPosition, nextPosition, resumedFrom } from './ephemeral-position.ts'
import { type Listener, Listeners, type Waiter, type Waiting } from './listeners.ts'
import { NewsAround, type RoomsPage } from './news-around.ts'
import type { DurablePositions, DurableStreamName, EphemeralStreamName, Positions, ToldPositions } from './positions.ts'

/** The positions at one moment, with a count that tells whether any news came since. */
export interface Snapshot {
  readonly positions: Positions
  readonly tick: number
}

export interface Wait {
  /** A user, or a `listenerInRoom`. */
  readonly listener: number
  /** News after this moment ends the wait. */
  readonly since: Snapshot
  readonly timeoutMs: number
  /** The rooms whose news is the listener's; called only when they are not known yet. */
  rooms(): Promise<readonly number[]>
}

/** A cache, or anything else that news keeps current. Told before any request is woken. */
export interface NewsHandler {
  news(news: readonly News[]): void
  /** News was missed: everything that it keeps current may be outdated. */
  missed(): void
  /** The rooms of news that came without them (`News.around`) are found. Between the two it may concern anybody. A handler that needs no such rooms has none of this. */
  roomsFound?(news: readonly News[]): void
}

export interface StreamsParts {
  readonly clock: Clock
  readonly bus: Bus
  /** The newest positions of the store's streams. */
  readonly durable: DurablePositions
  /** Reads the newest positions from the store, with commits of other processes. */
  readDurable(): Promise<DurablePositions>
  /** Reads a page of the rooms of a user from the store, see `RoomsPage`. */
  roomsAround(page: RoomsPage): Promise<readonly number[]>
  /** Number of this process among those of the homeserver, below `PROCESSES`; 0 by default. */
  readonly process?: number
}

/** Keeps the newest position of each stream, and wakes the requests that news concerns. */
export class Streams {
  readonly #parts: StreamsParts
  readonly #process: number
  readonly #listeners: Listeners
  readonly #handlers = new Set<NewsHandler>()
  readonly #around: NewsAround
  #durable: DurablePositions
  #positions: Positions
  #tick = 0
  #catchingUp: Promise<void> | undefined
  /** Number of gaps in the news, and that number when the store was last asked for its positions. */
  #gaps = 0
  #caughtUpGaps = 0

  constructor(parts: StreamsParts) {
    const { clock, bus, durable, process = 0 } = parts
    this.#parts = parts
    this.#process = process
    this.#listeners = new Listeners(clock)
    this.#around = new NewsAround({
      clock,
      roomsAround: (page) => parts.roomsAround(page),
      found: (news) => {
        for (const handler of this.#handlers) handler.roomsFound?.(news)
      },
      lost: () => this.#wakeAll(),
      listeners: this.#listeners,
    })
    this.#durable = durable
    const start = firstPosition(clock.nowMs(), process)
    this.#positions = { ...readByClients(durable), typing: start, presence: start }
    bus.subscribe((message) => this.#receive(message))
  }

  snapshot(): Snapshot {
    return { positions: this.#positions, tick: this.#tick }
  }

  positions(): Positions {
    return this.#positions
  }

  /** The same for all streams in the database. */
  durablePositions(): DurablePositions {
    return this.#durable
  }

  /** Long polls open now. */
  get waiting(): number {
    return this.#listeners.waiting
  }

  /** Long polls that the newest news woke. */
  get reached(): number {
    return this.#listeners.reached
  }

  /** Calls the handler for all news from now on. Returns the function that ends that. */
  onNews(handler: NewsHandler): () => void {
    this.#handlers.add(handler)
    return () => this.#handlers.delete(handler)
  }

  /** News of a stream that lives in memory; returns its new position. `put` stores it there before any request can read it. */
  announce(stream: EphemeralStreamName, to: Pick<News, 'rooms' | 'users'>, put?: (position: number) => void): number {
    const position = this.#next(stream)
    put?.(position)
    const news = { stream, position, ...to }
    this.#parts.bus.publish({ kind: 'ephemeral', process: this.#process, news })
    return position
  }

  /**
   * The positions of a client's token, as they are to be read from here. A token slightly ahead of this process comes from another one
   * whose news is on its way: the store is asked. undefined for a token ahead of the store: of another server, or of a lost database.
   */
  async resume(token: ToldPositions): Promise<ToldPositions | undefined> {
    if (!(await this.reach(token))) return undefined
    const now = this.#positions
    return {
      ...token,
      typing: resumedFrom(token.typing, now.typing, this.#process),
      presence: resumedFrom(token.presence, now.presence, this.#process),
    }
  }

  /** Whether the streams reach these positions. Asks the store about positions that this process does not know yet. */
  async reach(wanted: Partial<DurablePositions>): Promise<boolean> {
    if (!isAhead(wanted, this.#durable)) return true
    // A read under way may have begun before the position was there.
    await this.#catchingUp
    if (isAhead(wanted, this.#durable)) await this.#catchUp()
    return !isAhead(wanted, this.#durable)
  }

  /**
   * Lets the waiter wait until there may be news, at most for the wait's time. Returns its place, or undefined where it was
   * notified at once: there was news since the snapshot, or no time.
   */
  async listen(waiter: Waiter, { listener: user, since, timeoutMs, rooms }: Wait): Promise<Waiting | undefined> {
    let listener: Listener | undefined = this.#listeners.get(user)
    if (listener === undefined) {
      const asked = this.#tick
      const known = await rooms()
      listener = this.#listeners.get(user)
      // The rooms may have changed while they were read: a listener without the new one would miss its news for good.
      if (listener === undefined && this.#tick === asked) listener = this.#listeners.remember(user, known, this.#tick)
    }
    if (listener === undefined || listener.lastTick > since.tick) {
      waiter.notify(true)
      return undefined
    }
    if (timeoutMs <= 0) {
      waiter.notify(false)
      return undefined
    }
    return this.#listeners.wait(listener, waiter, { since: since.tick, timeoutMs })
  }

  /** Takes the waiter out without notifying it. False where it was notified already, or is about to be. */
  leave(waiting: Waiting): boolean {
    return this.#listeners.leave(waiting)
  }

  #next(stream: EphemeralStreamName): number {
    return nextPosition(this.#positions[stream], this.#parts.clock.nowMs(), this.#process)
  }

  #receive(message: BusMessage): void {
    if (message.kind === 'committed') {
      this.#committed(message)
      return
    }
    const { stream } = message.news
    // News of another process takes a position of this one, so that positions here are in the order in which news came in.
    const position = message.process === this.#process ? message.news.position : this.#next(stream)
    this.#positions = { ...this.#positions, [stream]: position }
    this.#tell([{ ...message.news, position }])
  }

  #committed({ before, positions, news }: CommittedNews): void {
    const isGap = isAhead(before, this.#durable)
    this.#advance(positions)
    if (isGap) {
      this.#gaps++
      this.#missed()
    }
    this.#tell(news)
    // Other streams may have gone on as well. Where the store cannot be asked now, the next news asks again.
    if (this.#gaps !== this.#caughtUpGaps) this.#catchUp().catch(() => {})
  }

  /** Asks the store once for all who want to know at the same time. */
  #catchUp(): Promise<void> {
    this.#catchingUp ??= this.#readPositions().finally(() => {
      this.#catchingUp = undefined
    })
    return this.#catchingUp
  }

  async #readPositions(): Promise<void> {
    for (;;) {
      const gaps = this.#gaps
      const durable = await this.#parts.readDurable()
      if (isAhead(durable, this.#durable)) {
        this.#advance(durable)
        this.#missed()
      }
      this.#caughtUpGaps = gaps
      if (gaps === this.#gaps) return
    }
  }

  /** Positions do not go back, in whatever order news arrives. */
  #advance(positions: Partial<DurablePositions>): void {
    const durable: Record<DurableStreamName, number> = { ...this.#durable }
    const forClients: Record<keyof Positions, number> = { ...this.#positions }
    for (const stream of Object.keys(positions) as DurableStreamName[]) {
      const position = positions[stream] ?? 0
      if (position <= durable[stream]) continue
      durable[stream] = position
      if (stream in forClients) forClients[stream as keyof Positions] = position
    }
    this.#durable = durable
    this.#positions = forClients
  }

  #tell(news: readonly News[]): void {
    if (news.length === 0) return
    this.#tick++
    for (const handler of this.#handlers) handler.news(news)
    this.#listeners.wake(news, this.#tick)
    this.#around.add(news, { tick: this.#tick, events: this.#durable.events })
  }

  #missed(): void {
    for (const handler of this.#handlers) handler.missed()
    this.#wakeAll()
  }

  #wakeAll(): void {
    this.#tick++
    this.#listeners.wakeAll(this.#tick)
  }
}

const readByClients = (durable: DurablePositions): Omit<Positions, EphemeralStreamName> => ({
  events: durable.events,
  receipts: durable.receipts,
  accountData: durable.accountData,
  toDevice: durable.toDevice,
  deviceLists: durable.deviceLists,
  threadSubscriptions: durable.threadSubscriptions,
  stickyEvents: durable.stickyEvents,
  profiles: durable.profiles,
})

/** Whether any of the positions lies ahead of what is known. Few are given where one group of commits moved them. */
const isAhead = (positions: Partial<DurablePositions>, known: DurablePositions): boolean => {
  for (const stream of Object.keys(positions) as DurableStreamName[])
    if ((positions[stream] ?? 0) > known[stream]) return true
  return false
}
