import type { Clock } from '#base'
import { Deadlines } from './deadlines.ts'
import type { DurableStreamName, EphemeralStreamName, Positions, StreamName } from './positions.ts'

/** Something happened in a stream: members of these rooms, and these users, may have news. Internal numbers, not ids. */
export interface News {
  readonly stream: StreamName
  readonly position: number
  readonly rooms: readonly number[]
  readonly users: readonly number[]
}

/** The positions at one moment, with a count that tells whether any news came since. */
export interface Snapshot {
  readonly positions: Positions
  readonly tick: number
}

/** A request that waits: notified once, unless it leaves before. */
export interface Waiter {
  /** `isNews`: there may be news; otherwise the time is over. */
  notify(isNews: boolean): void
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

/** One user with requests that wait, or that waited a short while ago: the rooms whose news wakes them, and when news last came. */
interface Listener {
  readonly user: number
  readonly rooms: readonly number[]
  readonly waiting: Set<Waiting>
  lastTick: number
}

interface WaitingParts {
  readonly streams: Streams
  readonly listener: Listener
  readonly waiter: Waiter
}

/** A waiter in its place; `leave` takes it. */
export class Waiting {
  readonly listener: Listener
  readonly waiter: Waiter
  readonly #streams: Streams
  /** Its place among the deadlines. */
  time = 0

  constructor({ streams, listener, waiter }: WaitingParts) {
    this.#streams = streams
    this.listener = listener
    this.waiter = waiter
  }

  expired(): void {
    if (this.#streams.leave(this)) this.waiter.notify(false)
  }
}

/** Listeners, and rooms of listeners, remembered between two of their long polls: their rooms need not be indexed anew at each. */
const REMEMBERED_LISTENERS = 50_000
const REMEMBERED_ROOMS = 1_000_000
/** Long polls woken in one slice of the event loop. */
const WAKES_A_SLICE = 16

/** The listener for news of one room that its reader is not in. User numbers are positive, so these do not meet them. */
export const listenerInRoom = (room: number): number => -1 - room

export interface StreamsParts {
  readonly clock: Clock
  /** As far as the store's streams reach now. */
  readonly durable: Readonly<Record<DurableStreamName, number>>
}

/** Knows how far each stream reaches, and wakes the requests that news concerns. */
export class Streams {
  readonly #clock: Clock
  readonly #listeners = new Map<number, Listener>()
  readonly #listenersOfRoom = new Map<number, Set<Listener>>()
  /** Listeners without a waiting request, longest idle first: these may be forgotten. The others are bounded by the open requests. */
  readonly #idle = new Set<Listener>()
  #indexedRooms = 0
  readonly #newsHandlers: ((news: readonly News[]) => void)[] = []
  readonly #deadlines: Deadlines<Waiting>
  #toWake: Waiting[] = []
  #woken = 0
  #reached = 0
  #waking = false
  #positions: Positions
  #tick = 0

  constructor({ clock, durable }: StreamsParts) {
    this.#clock = clock
    this.#deadlines = new Deadlines(clock)
    const start = clock.nowMs()
    this.#positions = { ...durable, typing: start, presence: start }
  }

  snapshot(): Snapshot {
    return { positions: this.#positions, tick: this.#tick }
  }

  positions(): Positions {
    return this.#positions
  }

  /** Long polls open now. */
  get waiting(): number {
    let count = 0
    for (const listener of this.#listeners.values()) count += listener.waiting.size
    return count
  }

  /** Long polls that the newest news woke. */
  get reached(): number {
    return this.#reached
  }

  /** Calls the handler with all news before any request is woken: for caches that must forget. The answer ends it. */
  onNews(handler: (news: readonly News[]) => void): () => void {
    this.#newsHandlers.push(handler)
    return () => {
      const index = this.#newsHandlers.indexOf(handler)
      if (index >= 0) this.#newsHandlers.splice(index, 1)
    }
  }

  /** Called with each committed group, in order. */
  advance(positions: Readonly<Partial<Record<DurableStreamName, number>>>, news: readonly News[]): void {
    this.#positions = { ...this.#positions, ...positions }
    this.#publish(news)
  }

  /** News of a stream that lives in memory; returns its new position. `put` stores it there before any request can read it. */
  announce(stream: EphemeralStreamName, to: Pick<News, 'rooms' | 'users'>, put?: (position: number) => void): number {
    const position = this.#positions[stream] + 1
    put?.(position)
    this.#positions = { ...this.#positions, [stream]: position }
    this.#publish([{ stream, position, ...to }])
    return position
  }

  /**
   * Lets the waiter wait until there may be news, at most for the wait's time. Returns its place, or undefined where it was
   * notified at once: there was news since the snapshot, or no time.
   */
  async listen(waiter: Waiter, { listener: number, since, timeoutMs, rooms }: Wait): Promise<Waiting | undefined> {
    let listener = this.#listeners.get(number)
    let isNews = false
    if (listener === undefined) {
      const asked = this.#tick
      const known = await rooms()
      listener = this.#listeners.get(number)
      // The rooms may have changed while they were read: a listener without the new one would miss its news for good.
      if (listener === undefined && this.#tick === asked) listener = this.#remember(number, known)
      isNews = this.#tick !== since.tick
    }
    if (listener === undefined || isNews || listener.lastTick > since.tick) {
      waiter.notify(true)
      return undefined
    }
    if (timeoutMs <= 0) {
      waiter.notify(false)
      return undefined
    }
    const waiting = new Waiting({ streams: this, listener, waiter })
    waiting.time = this.#deadlines.add(waiting, timeoutMs)
    listener.waiting.add(waiting)
    this.#idle.delete(listener)
    return waiting
  }

  /** Takes the waiter out without notifying it. False where it was notified already, or is about to be. */
  leave(waiting: Waiting): boolean {
    const { listener, time } = waiting
    if (!listener.waiting.delete(waiting)) return false
    this.#deadlines.remove(waiting, time)
    this.#rest(listener)
    return true
  }

  #remember(user: number, rooms: readonly number[]): Listener {
    this.#forgetIdle()
    const listener: Listener = { user, rooms, waiting: new Set(), lastTick: this.#tick }
    this.#listeners.set(user, listener)
    this.#idle.add(listener)
    this.#indexedRooms += rooms.length
    for (const room of rooms) {
      const ofRoom = this.#listenersOfRoom.get(room)
      if (ofRoom === undefined) this.#listenersOfRoom.set(room, new Set([listener]))
      else ofRoom.add(listener)
    }
    return listener
  }

  /** A listener without waiting requests becomes the last of the idle ones, unless it was forgotten already. */
  #rest(listener: Listener): void {
    if (listener.waiting.size > 0 || this.#listeners.get(listener.user) !== listener) return
    this.#idle.delete(listener)
    this.#idle.add(listener)
  }

  #forgetIdle(): void {
    for (const listener of this.#idle) {
      if (this.#listeners.size < REMEMBERED_LISTENERS && this.#indexedRooms < REMEMBERED_ROOMS) return
      this.#forget(listener)
    }
  }

  #forget(listener: Listener): void {
    this.#listeners.delete(listener.user)
    this.#idle.delete(listener)
    this.#indexedRooms -= listener.rooms.length
    for (const room of listener.rooms) {
      const ofRoom = this.#listenersOfRoom.get(room)
      ofRoom?.delete(listener)
      if (ofRoom?.size === 0) this.#listenersOfRoom.delete(room)
    }
  }

  #publish(news: readonly News[]): void {
    if (news.length === 0) return
    this.#tick++
    for (const handler of this.#newsHandlers) handler(news)
    const reached = new Set<Listener>()
    for (const { stream, rooms, users } of news) {
      for (const room of rooms) {
        for (const listener of this.#listenersOfRoom.get(room) ?? []) reached.add(listener)
      }
      for (const user of users) {
        const listener = this.#listeners.get(user)
        if (listener === undefined) continue
        reached.add(listener)
        // An event that names a user changes the rooms they are in: these are asked for again.
        if (stream === 'events') this.#forget(listener)
      }
    }
    this.#reached = 0
    for (const listener of reached) {
      this.#reached += listener.waiting.size
      listener.lastTick = this.#tick
      // Each waiter is queued once, however much comes before its turn.
      for (const waiting of listener.waiting) this.#toWake.push(waiting)
      listener.waiting.clear()
      this.#rest(listener)
    }
    if (this.#toWake.length > 0 && !this.#waking) this.#wakeSlice()
  }

  #wakeSlice(): void {
    this.#waking = true
    const end = Math.min(this.#woken + WAKES_A_SLICE, this.#toWake.length)
    while (this.#woken < end) {
      const waiting = this.#toWake[this.#woken++] as Waiting
      this.#deadlines.remove(waiting, waiting.time)
      waiting.waiter.notify(true)
    }
    if (end < this.#toWake.length) {
      this.#clock.soon(() => this.#wakeSlice())
      return
    }
    this.#toWake = []
    this.#woken = 0
    this.#waking = false
  }
}
