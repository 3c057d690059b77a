import type { Clock } from '#base'
import type { News } from './bus.ts'
import { Deadlines } from './deadlines.ts'

/** A request that waits: notified once, unless it leaves before. */
export interface Waiter {
  /** `isNews`: there may be news; otherwise the time is over. */
  notify(isNews: boolean): void
  /** Whether news that reaches the listener ends the wait; undefined: all of it does. */
  readonly concerns?: ((news: News) => boolean) | undefined
}

/** One user with requests that wait, or that waited a short while ago: the rooms whose news wakes them, and when news last came. */
export interface Listener {
  readonly user: number
  readonly rooms: readonly number[]
  readonly waiting: Set<Waiting>
  lastTick: number
}

interface WaitingParts {
  readonly listeners: Listeners
  readonly listener: Listener
  readonly waiter: Waiter
  readonly since: number
}

export interface Patience {
  /** The tick of the moment since which the waiter knows of no news. */
  readonly since: number
  readonly timeoutMs: number
}

/** News that concerns the listeners of many rooms: of one user's. */
export interface NewsOfRooms {
  readonly rooms: readonly number[]
  readonly news: readonly News[]
  /** The tick at which it came; its rooms may be found later. */
  readonly tick: number
}

/** A waiter in its place; `leave` takes it. */
export class Waiting {
  readonly listener: Listener
  readonly waiter: Waiter
  readonly since: number
  readonly #listeners: Listeners
  /** Its place among the deadlines. */
  time = 0

  constructor({ listeners, listener, waiter, since }: WaitingParts) {
    this.#listeners = listeners
    this.listener = listener
    this.waiter = waiter
    this.since = since
  }

  expired(): void {
    if (this.#listeners.leave(this)) this.waiter.notify(false)
  }
}

/** Listeners, and rooms of listeners, remembered between two of their long polls: their rooms need not be indexed anew at each. */
const REMEMBERED_LISTENERS = 50_000
const REMEMBERED_ROOMS = 1_000_000
/** Long polls woken in one slice of the event loop. */
const WAKES_A_SLICE = 16
/** Rooms and listeners looked at in one slice where news concerns the rooms of a user: some of them are in thousands. */
const LOOKS_A_SLICE = 2_000

/** The listener for news of one room that its reader is not in. User numbers are positive, so these do not meet them. */
export const listenerInRoom = (room: number): number => -1 - room

/** The users with waiting requests, found by the rooms whose news wakes them. */
export class Listeners {
  readonly #clock: Clock
  readonly #byUser = new Map<number, Listener>()
  readonly #byRoom = new Map<number, Set<Listener>>()
  /** Listeners without a waiting request, longest idle first: these may be forgotten. The others are bounded by the open requests. */
  readonly #idle = new Set<Listener>()
  readonly #deadlines: Deadlines<Waiting>
  #indexedRooms = 0
  #toWake: Waiting[] = []
  #woken = 0
  #reached = 0
  #waking = false

  constructor(clock: Clock) {
    this.#clock = clock
    this.#deadlines = new Deadlines(clock)
  }

  /** Requests that wait now. */
  get waiting(): number {
    let count = 0
    for (const listener of this.#byUser.values()) count += listener.waiting.size
    return count
  }

  /** Requests that the newest news woke. */
  get reached(): number {
    return this.#reached
  }

  get(user: number): Listener | undefined {
    return this.#byUser.get(user)
  }

  remember(user: number, rooms: readonly number[], tick: number): Listener {
    this.#forgetIdle()
    const listener: Listener = { user, rooms, waiting: new Set(), lastTick: tick }
    this.#byUser.set(user, listener)
    this.#idle.add(listener)
    this.#indexedRooms += rooms.length
    for (const room of rooms) {
      const inRoom = this.#byRoom.get(room)
      if (inRoom === undefined) this.#byRoom.set(room, new Set([listener]))
      else inRoom.add(listener)
    }
    return listener
  }

  wait(listener: Listener, waiter: Waiter, { since, timeoutMs }: Patience): Waiting {
    const waiting = new Waiting({ listeners: this, listener, waiter, since })
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

  /** Wakes the requests that the news concerns. */
  wake(news: readonly News[], tick: number): void {
    const reached = new Map<Listener, News[]>()
    const reach = (listener: Listener, one: News): void => {
      const held = reached.get(listener)
      if (held === undefined) reached.set(listener, [one])
      else held.push(one)
    }
    for (const one of news) {
      const { stream, rooms, users } = one
      // No client reads this stream.
      if (stream === 'sessions') continue
      for (const room of rooms) {
        for (const listener of this.#byRoom.get(room) ?? []) reach(listener, one)
      }
      for (const user of users) {
        const listener = this.#byUser.get(user)
        if (listener === undefined) continue
        reach(listener, one)
        // An event that names a user changes the rooms they are in: these are asked for again.
        if (stream === 'events') this.#forget(listener)
      }
    }
    this.#wake(reached, tick)
  }

  /** Wakes the requests in some of the rooms, as many as fit a slice, from that place in the list on. Returns the place of the first room that is left. */
  wakeInRooms({ rooms, news, tick }: NewsOfRooms, from: number): number {
    const reached = new Map<Listener, readonly News[]>()
    let place = from
    for (let looks = 0; place < rooms.length && looks < LOOKS_A_SLICE; place++) {
      const listeners = this.#byRoom.get(rooms[place] as number)
      looks += 1 + (listeners?.size ?? 0)
      for (const listener of listeners ?? []) reached.set(listener, news)
    }
    this.#wake(reached, tick)
    return place
  }

  /** Wakes all, and asks for their rooms again. */
  wakeAll(tick: number): void {
    const all = new Map([...this.#byUser.values()].map((listener) => [listener, []]))
    for (const listener of all.keys()) this.#forget(listener)
    this.#wake(all, tick)
  }

  #wake(reached: ReadonlyMap<Listener, readonly News[]>, tick: number): void {
    this.#reached = 0
    for (const [listener, news] of reached) {
      // The rooms of this news may have been found after other news.
      listener.lastTick = Math.max(listener.lastTick, tick)
      // A forgotten listener hears nothing any more, so nobody waits on with it.
      const isForgotten = this.#byUser.get(listener.user) !== listener
      for (const waiting of listener.waiting) {
        // The last look of this request knew of the news.
        if (waiting.since >= tick) continue
        const { concerns } = waiting.waiter
        if (!isForgotten && concerns !== undefined && !news.some(concerns)) continue
        // Each waiter is queued once, however much comes before its turn.
        this.#toWake.push(waiting)
        listener.waiting.delete(waiting)
        this.#reached++
      }
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

  /** A listener without waiting requests becomes the last of the idle ones, unless it was forgotten already. */
  #rest(listener: Listener): void {
    if (listener.waiting.size > 0 || this.#byUser.get(listener.user) !== listener) return
    this.#idle.delete(listener)
    this.#idle.add(listener)
  }

  #forgetIdle(): void {
    for (const listener of this.#idle) {
      if (this.#byUser.size < REMEMBERED_LISTENERS && this.#indexedRooms < REMEMBERED_ROOMS) return
      this.#forget(listener)
    }
  }

  #forget(listener: Listener): void {
    this.#byUser.delete(listener.user)
    this.#idle.delete(listener)
    this.#indexedRooms -= listener.rooms.length
    for (const room of listener.rooms) {
      const inRoom = this.#byRoom.get(room)
      inRoom?.delete(listener)
      if (inRoom?.size === 0) this.#byRoom.delete(room)
    }
  }
}
