import type { Clock, Logger } from '#base'
import type { PushGateways } from '#net'
import type { PusherNumber, PusherRecord, RoomNumber, UserNumber } from '#store'
import type { News, Streams } from '#streams'
import type { PushUser, PushViews } from './push-views.ts'
import { type Line, type LineStart, PusherLine, type PusherStore } from './pusher-line.ts'

export interface PushParts {
  readonly clock: Clock
  readonly logger: Logger
  readonly streams: Streams
  readonly store: PusherStore
  readonly views: PushViews
  readonly gateways: PushGateways
  /** Makes the lines of pushers of kind `email`. undefined: they rest. */
  readonly mailLine: ((start: LineStart) => Line) | undefined
}

/** A user with pushers, and the rooms whose events wake them. */
interface Listener {
  readonly owner: PushUser
  readonly lines: Map<PusherNumber, Line>
  /** undefined: unknown at the moment, so every event wakes the user. */
  rooms: ReadonlySet<RoomNumber> | undefined
  /** `stale`: the rooms changed while they were being read. */
  indexing: 'no' | 'reading' | 'stale'
}

const PAGE = 500
/** Pushers that search for events at the same time; requests to gateways do not count. */
const LOOKING_AT_ONCE = 8
/** The cursors of pushers without news are written this often, if this many events have come: a restart continues from there. */
const CHECKPOINT_EVERY_MS = 5 * 60_000
const CHECKPOINT_EVENTS = 1_000

/**
 * Tells push gateways of the events that notify users (module "Push Notifications"). It listens to the streams and wakes
 * the pushers concerned; each reads on from its own cursor.
 */
export class Push {
  readonly #parts: PushParts
  readonly #listeners = new Map<UserNumber, Listener>()
  readonly #listenersOfRoom = new Map<RoomNumber, Set<Listener>>()
  /** Users whose rooms are unknown at the moment. */
  readonly #unindexed = new Set<Listener>()
  readonly #turns: (() => void)[] = []
  #looking = 0
  /** Position of the stream of events before the next news. */
  #heard = 0
  #checkpoint = 0
  #cancelCheckpoint: (() => void) | undefined
  #endNews: (() => void) | undefined
  #started: Promise<void> | undefined
  #stopping = false

  constructor(parts: PushParts) {
    this.#parts = parts
  }

  /** Starts, and continues after a stop or a crash. Does not wait for deliveries. Call it once. */
  start(): void {
    const { streams, logger } = this.#parts
    this.#heard = streams.positions().events
    this.#checkpoint = this.#heard
    this.#endNews = streams.onNews({ news: (news) => this.#hear(news), missed: () => this.#missed() })
    this.#scheduleCheckpoint()
    this.#started = this.#loadAll().catch((err: unknown) => {
      logger.error({ err }, 'pushers could not be read; notifications are pushed after the next start')
    })
  }

  /** Reads the pushers of a user again, as they have changed. Never throws. */
  async pushersChanged(user: UserNumber): Promise<void> {
    const { store, logger } = this.#parts
    try {
      for (const pusher of await store.reader.ofUser(user)) this.#add(pusher, true)
    } catch (err) {
      logger.error({ err, user }, 'the pushers of a user could not be read')
    }
  }

  /** Cuts deliveries under way, which the next start repeats. Has to be called before the store closes. */
  async stop(): Promise<void> {
    this.#stopping = true
    this.#endNews?.()
    this.#cancelCheckpoint?.()
    this.#parts.gateways.close()
    await this.#started
    await Promise.all([...this.#lines()].map((line) => line.stop()))
    await this.#writeCursors()
  }

  async #loadAll(): Promise<void> {
    let after = 0
    while (!this.#stopping) {
      const page = await this.#parts.store.reader.page(after, PAGE)
      for (const pusher of page) this.#add(pusher, false)
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return
      after = last.pusher
    }
  }

  #add(pusher: PusherRecord, isNew: boolean): void {
    const { user, userId } = pusher
    let listener = this.#listeners.get(user)
    if (listener === undefined) {
      listener = { owner: { user, userId }, lines: new Map(), rooms: undefined, indexing: 'no' }
      this.#listeners.set(user, listener)
      this.#unindexed.add(listener)
    }
    this.#endOtherKind(listener, pusher)
    listener.lines.get(pusher.pusher)?.retag(pusher.profileTag)
    if (listener.lines.has(pusher.pusher) || this.#stopping) return
    const line = this.#lineOf(listener, pusher, isNew)
    if (line === undefined) {
      this.#remove(listener, pusher.pusher)
      return
    }
    listener.lines.set(pusher.pusher, line)
    this.#index(listener)
    if (pusher.position < this.#parts.streams.positions().events) line.wake()
  }

  /** A pusher may be set again as one of another kind. */
  #endOtherKind({ lines }: Listener, { pusher, kind }: PusherRecord): void {
    const held = lines.get(pusher)
    if (held === undefined || held.kind === kind) return
    lines.delete(pusher)
    void held.stop()
  }

  #lineOf(listener: Listener, pusher: PusherRecord, isNew: boolean): Line | undefined {
    const { streams, views, mailLine, ...rest } = this.#parts
    const start = {
      pusher: { ...pusher, isNew },
      position: () => streams.positions().events,
      // Looking for what to push must not occupy the server.
      inTurn: <Result>(work: () => Promise<Result>) => this.#inTurn(work),
      ended: () => this.#remove(listener, pusher.pusher),
    }
    if (pusher.kind === 'email') return mailLine?.(start)
    const inTurn: Pick<PushViews, 'next' | 'unread'> = {
      next: (one, after, upTo) => this.#inTurn(() => views.next(one, after, upTo)),
      unread: (one) => this.#inTurn(() => views.unread(one)),
    }
    return new PusherLine({ ...rest, ...start, views: inTurn })
  }

  #remove(listener: Listener, pusher: PusherNumber): void {
    listener.lines.delete(pusher)
    if (listener.lines.size > 0) return
    this.#unindex(listener)
    this.#unindexed.delete(listener)
    this.#listeners.delete(listener.owner.user)
  }

  /** Handles lost news: any user may have new events, be in other rooms, or have read something. */
  #missed(): void {
    const quietUpTo = this.#heard
    this.#heard = this.#parts.streams.positions().events
    for (const listener of this.#listeners.values()) {
      this.#indexAgain(listener)
      for (const line of listener.lines.values()) {
        line.wake(quietUpTo)
        line.wakeForBadge()
      }
    }
  }

  /** Reads the user's rooms again, as they may have changed. */
  #indexAgain(listener: Listener): void {
    this.#unindex(listener)
    this.#unindexed.add(listener)
    if (listener.indexing === 'reading') listener.indexing = 'stale'
    this.#index(listener)
  }

  #hear(news: readonly News[]): void {
    const quietUpTo = this.#heard
    this.#heard = this.#parts.streams.positions().events
    const reached = new Set<Listener>()
    const readers = new Set<Listener>()
    for (const { stream, rooms, users } of news) {
      if (stream === 'events') {
        for (const room of rooms) for (const listener of this.#listenersOfRoom.get(room) ?? []) reached.add(listener)
        for (const listener of this.#unindexed) reached.add(listener)
      }
      for (const user of users) {
        const listener = this.#listeners.get(user)
        if (listener === undefined) continue
        if (stream === 'receipts') readers.add(listener)
        if (stream === 'accountData') for (const line of listener.lines.values()) line.wakeForRecount()
        if (stream !== 'events') continue
        // An event that names a user changes which rooms the user is in.
        reached.add(listener)
        this.#indexAgain(listener)
      }
    }
    for (const { lines } of reached) for (const line of lines.values()) line.wake(quietUpTo)
    for (const { lines } of readers) for (const line of lines.values()) line.wakeForBadge()
  }

  /** Reads the user's rooms; until they are known, every event wakes the user. */
  #index(listener: Listener): void {
    if (listener.rooms !== undefined || listener.indexing !== 'no') return
    const { views, logger } = this.#parts
    listener.indexing = 'reading'
    const load = async (): Promise<void> => {
      const rooms = new Set(await this.#inTurn(() => views.roomsOf(listener.owner)))
      const stale = this.#isStale(listener)
      listener.indexing = 'no'
      if (this.#listeners.get(listener.owner.user) !== listener) return
      if (stale) return this.#index(listener)
      listener.rooms = rooms
      this.#unindexed.delete(listener)
      for (const room of rooms) {
        const others = this.#listenersOfRoom.get(room)
        if (others === undefined) this.#listenersOfRoom.set(room, new Set([listener]))
        else others.add(listener)
      }
    }
    load().catch((err: unknown) => {
      // Tried again when the next event names the user; until then every event wakes them.
      listener.indexing = 'no'
      logger.warn({ err, user: listener.owner.user }, 'the rooms of a user with pushers could not be read')
    })
  }

  #isStale(listener: Listener): boolean {
    return listener.indexing === 'stale'
  }

  #unindex(listener: Listener): void {
    for (const room of listener.rooms ?? []) {
      const others = this.#listenersOfRoom.get(room)
      others?.delete(listener)
      if (others?.size === 0) this.#listenersOfRoom.delete(room)
    }
    listener.rooms = undefined
  }

  async #inTurn<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#looking < LOOKING_AT_ONCE) this.#looking++
    else await new Promise<void>((go) => this.#turns.push(go))
    try {
      return await work()
    } finally {
      // The next in the queue takes this turn, so the count stays.
      const next = this.#turns.shift()
      if (next === undefined) this.#looking--
      else next()
    }
  }

  *#lines(): Iterable<Line> {
    for (const { lines } of this.#listeners.values()) yield* lines.values()
  }

  #scheduleCheckpoint(): void {
    this.#cancelCheckpoint = this.#parts.clock.after(CHECKPOINT_EVERY_MS, () => {
      const due = this.#heard - this.#checkpoint >= CHECKPOINT_EVENTS
      const writing = due ? this.#writeCursors() : Promise.resolve()
      void writing.finally(() => {
        if (!this.#stopping) this.#scheduleCheckpoint()
      })
    })
  }

  /** Moves the cursors of pushers that have nothing to push. Never throws: cursors that could not be moved are moved the next time. */
  async #writeCursors(): Promise<void> {
    const { logger } = this.#parts
    const { commit, writer } = this.#parts.store
    const position = this.#heard
    const idle = [...this.#lines()].filter((line) => line.idleBehind(position))
    try {
      for (let first = 0; first < idle.length; first += PAGE) {
        const lines = idle.slice(first, first + PAGE)
        await commit([
          writer.advance(
            lines.map((line) => line.pusher),
            position,
          ),
        ])
        for (const line of lines) line.skipped(position)
      }
      this.#checkpoint = position
    } catch (err) {
      logger.warn({ err }, 'how far pushers have got could not be written')
    }
  }
}
