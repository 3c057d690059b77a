import type { Clock } from '#base'
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

/** One user who waits, or waited a short while ago: which rooms wake him, and when news last came. */
interface Ear {
  readonly user: number
  readonly rooms: readonly number[]
  readonly waiting: Set<() => void>
  lastTick: number
}

/** So many users, and rooms of users, are remembered between two of their long polls, which saves indexing their rooms anew at each. */
const REMEMBERED_EARS = 50_000
const REMEMBERED_ROOMS = 1_000_000
/** Long polls woken in one slice of the event loop. */
const WAKES_A_SLICE = 16

/** Stands in `wait` for who listens at one room without being in it: user numbers are positive. */
export const listenerInRoom = (room: number): number => -1 - room

export class Streams {
  readonly #clock: Clock
  readonly #ears = new Map<number, Ear>()
  readonly #earsOfRoom = new Map<number, Set<Ear>>()
  /** Ears nobody waits with now, longest idle first: these may be forgotten. All others are bounded by the open requests. */
  readonly #idle = new Set<Ear>()
  #indexedRooms = 0
  readonly #listeners: ((news: readonly News[]) => void)[] = []
  readonly #toWake: (() => void)[] = []
  #reached = 0
  #waking = false
  #positions: Positions
  #tick = 0

  constructor(clock: Clock, durable: Readonly<Record<DurableStreamName, number>>) {
    this.#clock = clock
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
   * Waits until there may be news for the user that came after the snapshot, at most `timeoutMs`. True when there may be;
   * false when the time is over or `signal` was aborted. `rooms` is asked only when the user's rooms are not known yet.
   * Who listens at a room that is not theirs is a `listenerInRoom`, not a user.
   */
  async wait(
    user: number,
    since: Snapshot,
    rooms: () => Promise<readonly number[]>,
    timeoutMs: number,
    signal: AbortSignal,
  ): Promise<boolean> {
    let ear = this.#ears.get(user)
    if (ear === undefined) {
      const asked = this.#tick
      const known = await rooms()
      ear = this.#ears.get(user)
      if (ear === undefined) {
        // The rooms may have changed while they were read: an ear without the new one would miss its news for good.
        if (this.#tick !== asked) return true
        ear = this.#remember(user, known)
      }
      if (this.#tick !== since.tick) return true
    }
    if (ear.lastTick > since.tick) return true
    if (signal.aborted || timeoutMs <= 0) return false
    const listening = ear
    return new Promise<boolean>((resolve) => {
      const end = (news: boolean): void => {
        cancel()
        signal.removeEventListener('abort', onAbort)
        listening.waiting.delete(wake)
        this.#rest(listening)
        resolve(news)
      }
      const wake = (): void => end(true)
      const onAbort = (): void => end(false)
      const cancel = this.#clock.after(timeoutMs, () => end(false))
      signal.addEventListener('abort', onAbort, { once: true })
      listening.waiting.add(wake)
      this.#idle.delete(listening)
    })
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
      for (const wake of ear.waiting) this.#toWake.push(wake)
      ear.waiting.clear()
      this.#rest(ear)
    }
    if (this.#toWake.length > 0 && !this.#waking) this.#wakeSlice()
  }

  #wakeSlice(): void {
    this.#waking = true
    for (const wake of this.#toWake.splice(0, WAKES_A_SLICE)) wake()
    if (this.#toWake.length === 0) this.#waking = false
    else this.#clock.soon(() => this.#wakeSlice())
  }
}
