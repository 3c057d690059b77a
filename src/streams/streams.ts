import type { Clock } from '#base'
import { Deadlines } from './deadlines.ts'
import type { DurableStreamName, EphemeralStreamName, Positions, StreamName } from './positions.ts'

/** Something happened in a stream: all who are joined to these rooms, and these users, may have news. Numbers, not ids. */
export interface News {
  readonly stream: StreamName
  readonly position: number
  readonly rooms: readonly number[]
  readonly users: readonly number[]
}

/** The positions at one moment, with a count that tells whether anything came since. */
export interface Snapshot {
  readonly positions: Positions
  readonly tick: number
}

/** Somebody who waits: told once, unless it leaves before. */
export interface Waiter {
  /** `isNews`: there may be news; else the time is over. */
  heard(isNews: boolean): void
}

/** What a waiter waits for. */
export interface Wait {
  /** A user, or a `listenerInRoom`. */
  readonly listener: number
  /** News that came after this moment. */
  readonly since: Snapshot
  readonly timeoutMs: number
  /** The rooms whose news is the listener's; asked only when they are not known yet. */
  rooms(): Promise<readonly number[]>
}

/** One user who waits, or waited a short while ago: which rooms wake him, and when news last came. */
interface Ear {
  readonly user: number
  readonly rooms: readonly number[]
  readonly waiting: Set<Waiting>
  lastTick: number
}

/** A waiter in its place; give it to `leave`. */
export class Waiting {
  readonly ear: Ear
  readonly waiter: Waiter
  readonly #streams: Streams
  /** Where it stands among the deadlines. */
  time = 0

  constructor(streams: Streams, ear: Ear, waiter: Waiter) {
    this.#streams = streams
    this.ear = ear
    this.waiter = waiter
  }

  expired(): void {
    if (this.#streams.leave(this)) this.waiter.heard(false)
  }
}

/** So many users, and rooms of users, are remembered between two of their long polls, which saves indexing their rooms anew at each. */
const REMEMBERED_EARS = 50_000
const REMEMBERED_ROOMS = 1_000_000
/** Long polls woken in one slice of the event loop. */
const WAKES_A_SLICE = 16

/** Stands for who listens at one room without being in it: user numbers are positive. */
export const listenerInRoom = (room: number): number => -1 - room

export class Streams {
  readonly #clock: Clock
  readonly #ears = new Map<number, Ear>()
  readonly #earsOfRoom = new Map<number, Set<Ear>>()
  /** Ears nobody waits with now, longest idle first: these may be forgotten. All others are bounded by the open requests. */
  readonly #idle = new Set<Ear>()
  #indexedRooms = 0
  readonly #listeners: ((news: readonly News[]) => void)[] = []
  readonly #deadlines: Deadlines<Waiting>
  #toWake: Waiting[] = []
  #woken = 0
  #reached = 0
  #waking = false
  #positions: Positions
  #tick = 0

  constructor(clock: Clock, durable: Readonly<Record<DurableStreamName, number>>) {
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
    for (const ear of this.#ears.values()) count += ear.waiting.size
    return count
  }

  /** Long polls that the newest news woke. */
  get reached(): number {
    return this.#reached
  }

  /** Hears all news before anybody is woken: for caches that must forget. */
  onNews(listener: (news: readonly News[]) => void): void {
    this.#listeners.push(listener)
  }

  /** Called with each committed group, in order. */
  advance(positions: Readonly<Record<DurableStreamName, number>>, news: readonly News[]): void {
    this.#positions = { ...this.#positions, ...positions }
    this.#spread(news)
  }

  /** News of a stream that lives in memory; answers its new position. `put` stores it there before anybody can look. */
  announce(stream: EphemeralStreamName, to: Pick<News, 'rooms' | 'users'>, put?: (position: number) => void): number {
    const position = this.#positions[stream] + 1
    put?.(position)
    this.#positions = { ...this.#positions, [stream]: position }
    this.#spread([{ stream, position, ...to }])
    return position
  }

  /**
   * Lets the waiter wait until there may be news, at most for the wait's time. Answers its place, or undefined where it was told
   * at once: of news since the snapshot, or that there is no time.
   */
  async listen(waiter: Waiter, { listener, since, timeoutMs, rooms }: Wait): Promise<Waiting | undefined> {
    let ear = this.#ears.get(listener)
    let isNews = false
    if (ear === undefined) {
      const asked = this.#tick
      const known = await rooms()
      ear = this.#ears.get(listener)
      // The rooms may have changed while they were read: an ear without the new one would miss its news for good.
      if (ear === undefined && this.#tick === asked) ear = this.#remember(listener, known)
      isNews = this.#tick !== since.tick
    }
    if (ear === undefined || isNews || ear.lastTick > since.tick) {
      waiter.heard(true)
      return undefined
    }
    if (timeoutMs <= 0) {
      waiter.heard(false)
      return undefined
    }
    const waiting = new Waiting(this, ear, waiter)
    waiting.time = this.#deadlines.add(waiting, timeoutMs)
    ear.waiting.add(waiting)
    this.#idle.delete(ear)
    return waiting
  }

  /** The waiter goes, untold. False where it was told already, or is about to be. */
  leave(waiting: Waiting): boolean {
    const { ear, time } = waiting
    if (!ear.waiting.delete(waiting)) return false
    this.#deadlines.remove(waiting, time)
    this.#rest(ear)
    return true
  }

  #remember(user: number, rooms: readonly number[]): Ear {
    this.#makeRoom()
    const ear: Ear = { user, rooms, waiting: new Set(), lastTick: this.#tick }
    this.#ears.set(user, ear)
    this.#idle.add(ear)
    this.#indexedRooms += rooms.length
    for (const room of rooms) {
      const ears = this.#earsOfRoom.get(room)
      if (ears === undefined) this.#earsOfRoom.set(room, new Set([ear]))
      else ears.add(ear)
    }
    return ear
  }

  /** Who waits no more is the last to be forgotten, unless that happened already. */
  #rest(ear: Ear): void {
    if (ear.waiting.size > 0 || this.#ears.get(ear.user) !== ear) return
    this.#idle.delete(ear)
    this.#idle.add(ear)
  }

  #makeRoom(): void {
    for (const ear of this.#idle) {
      if (this.#ears.size < REMEMBERED_EARS && this.#indexedRooms < REMEMBERED_ROOMS) return
      this.#forget(ear)
    }
  }

  #forget(ear: Ear): void {
    this.#ears.delete(ear.user)
    this.#idle.delete(ear)
    this.#indexedRooms -= ear.rooms.length
    for (const room of ear.rooms) {
      const ears = this.#earsOfRoom.get(room)
      ears?.delete(ear)
      if (ears?.size === 0) this.#earsOfRoom.delete(room)
    }
  }

  #spread(news: readonly News[]): void {
    if (news.length === 0) return
    this.#tick++
    for (const listener of this.#listeners) listener(news)
    const reached = new Set<Ear>()
    for (const { stream, rooms, users } of news) {
      for (const room of rooms) {
        for (const ear of this.#earsOfRoom.get(room) ?? []) reached.add(ear)
      }
      for (const user of users) {
        const ear = this.#ears.get(user)
        if (ear === undefined) continue
        reached.add(ear)
        // An event that names a user changes which rooms the user is in: the rooms are asked for again.
        if (stream === 'events') this.#forget(ear)
      }
    }
    this.#reached = 0
    for (const ear of reached) {
      this.#reached += ear.waiting.size
      ear.lastTick = this.#tick
      // Each is queued once, however much comes before its turn.
      for (const waiting of ear.waiting) this.#toWake.push(waiting)
      ear.waiting.clear()
      this.#rest(ear)
    }
    if (this.#toWake.length > 0 && !this.#waking) this.#wakeSlice()
  }

  #wakeSlice(): void {
    this.#waking = true
    const end = Math.min(this.#woken + WAKES_A_SLICE, this.#toWake.length)
    while (this.#woken < end) {
      const waiting = this.#toWake[this.#woken++] as Waiting
      this.#deadlines.remove(waiting, waiting.time)
      waiting.waiter.heard(true)
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
