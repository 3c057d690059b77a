import { yieldToEventLoop } from '#base'
import type { ServerName } from '#spec'
import type { BehindDestination, OutgoingEvent, RoomNumber } from '#store'
import type { HearsOfAbsences } from './away-servers.ts'
import { fraction } from './back-off.ts'
import type { Backlog, OutStore } from './backlog.ts'
import { Destination, type DestinationParts } from './destination.ts'
import { StartingSlots } from './starting-slots.ts'

export interface DestinationsParts extends Omit<DestinationParts, 'slots' | 'changed'> {
  readonly store: OutStore
  readonly backlog: Backlog
  /** Those who tell servers what is not kept for them. */
  readonly sources: readonly HearsOfAbsences[]
}

/** Requests that begin at a time: to servers that work, and to those that failed last. One that takes longer does not count any more. */
const WORKING_PLACES = 100
const FAILING_PLACES = 16
const HOLD_MS = 2_000
/** After a restart, the time for each server that is due: so many are asked one after the other. */
const SPREAD_MS = 50
const PAGE = 500
/** Progress is noted this soon. */
const SAVE_MS = 1_000
/** Local events move the position on as well; this is noted now and then. */
const SAVE_IDLE_MS = 5 * 60_000

/** All servers to which anything is sent, and what a restart has to know of them. */
export class Destinations {
  readonly #parts: DestinationsParts
  readonly #shared: DestinationParts
  readonly #all = new Map<ServerName, Destination>()
  /** Those whose row in the database says what is true of them: they do not hold the position back. */
  readonly #stored = new Set<Destination>()
  readonly #changed = new Set<Destination>()
  /** The newest outgoing event of rooms, not stored yet. */
  #rooms = new Map<RoomNumber, number>()
  #roomsStoredTo = 0
  #saving: Promise<void> | undefined
  #saveAt = Number.POSITIVE_INFINITY
  #cancelSave: (() => void) | undefined
  #stopped = false

  constructor(parts: DestinationsParts) {
    this.#parts = parts
    const { clock } = parts
    this.#shared = {
      ...parts,
      slots: {
        working: new StartingSlots({ clock, places: WORKING_PLACES, holdMs: HOLD_MS }),
        failing: new StartingSlots({ clock, places: FAILING_PLACES, holdMs: HOLD_MS }),
      },
      changed: (destination) => {
        this.#changed.add(destination)
        this.#saveWithin(SAVE_MS)
        this.#tellSources(destination)
      },
    }
  }

  #tellSources({ server, isBehind, status }: Destination): void {
    for (const source of this.#parts.sources)
      if (status.failures > 0) source.failing?.(server)
      else if (!isBehind) source.back?.(server)
  }

  get roomsStoredTo(): number {
    return this.#roomsStoredTo
  }

  /** Reads which servers are behind. Returns the position up to which all others are served. */
  async load(): Promise<number> {
    const { reader } = this.#parts.store
    const position = await reader.progress()
    this.#roomsStoredTo = position
    for (let after = ''; ; ) {
      const page = await reader.behind(after, PAGE)
      for (const behind of page) this.#add(behind.server, behind)
      const last = page.at(-1)
      if (last === undefined || page.length < PAGE) return position
      after = last.server
      await yieldToEventLoop(this.#parts.clock)
    }
  }

  /** Begins to send; servers that are due from before are asked one after the other. */
  async resume(): Promise<void> {
    const { random, clock } = this.#parts
    const spreadMs = this.#stored.size * SPREAD_MS
    let resumed = 0
    for (const destination of [...this.#stored]) {
      if (this.#stopped) return
      this.#tellSources(destination)
      destination.resume(Math.round(spreadMs * fraction(random)))
      if (++resumed % PAGE === 0) await yieldToEventLoop(clock)
    }
  }

  send(event: OutgoingEvent, servers: readonly ServerName[]): void {
    this.#rooms.set(event.room, event.position)
    for (const server of servers) this.at(server).add(event)
  }

  /** All events up to that position were handed out. */
  reached(sent: boolean): void {
    this.#saveWithin(sent ? SAVE_MS : SAVE_IDLE_MS)
  }

  /** The destination of a server, which may be new. */
  at(server: ServerName): Destination {
    return this.#all.get(server) ?? this.#add(server)
  }

  /** undefined: nothing is to be sent there. */
  known(server: ServerName): Destination | undefined {
    return this.#all.get(server)
  }

  list(): Iterable<Destination> {
    return this.#all.values()
  }

  /** Cuts requests under way, and stores how far they came. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancelSave?.()
    await Promise.all([...this.#all.values()].map((destination) => destination.stop()))
    await this.#saving
    await this.#save()
  }

  #add(server: ServerName, behind?: BehindDestination): Destination {
    const destination = new Destination(server, this.#shared, behind)
    this.#all.set(server, destination)
    if (behind !== undefined) this.#stored.add(destination)
    return destination
  }

  #saveWithin(delayMs: number): void {
    const { clock } = this.#parts
    const at = clock.monotonicMs() + delayMs
    if (this.#stopped || at >= this.#saveAt) return
    this.#saveAt = at
    this.#cancelSave?.()
    this.#cancelSave = clock.after(delayMs, () => {
      this.#saveAt = Number.POSITIVE_INFINITY
      this.#saving = (this.#saving ?? Promise.resolve()).then(() => this.#save())
    })
  }

  /** Never throws: what could not be stored is stored the next time. */
  async #save(): Promise<void> {
    const { store, logger, backlog } = this.#parts
    const changed = [...this.#changed]
    const rooms = this.#rooms
    const handedOut = backlog.reached
    this.#changed.clear()
    this.#rooms = new Map()
    const behind = changed.filter((destination) => destination.isBehind)
    const caughtUp = changed.filter((destination) => !destination.isBehind && this.#stored.has(destination))
    for (const destination of behind) this.#stored.add(destination)
    for (const destination of caughtUp) this.#stored.delete(destination)
    try {
      await store.commit([
        store.writer.save({
          position: this.#heldBack(handedOut),
          rooms: [...rooms].map(([room, position]) => ({ room, position })),
          behind: behind.map(({ record }) => record),
          caughtUp: caughtUp.map(({ server }) => server),
        }),
      ])
      this.#roomsStoredTo = Math.max(this.#roomsStoredTo, handedOut)
      this.#forgetIdle()
    } catch (err) {
      logger.warn({ err }, 'how far other servers are served could not be stored; tried again')
      for (const destination of changed) this.#changed.add(destination)
      for (const destination of [...behind, ...caughtUp]) this.#stored.delete(destination)
      for (const [room, position] of rooms) if (!this.#rooms.has(room)) this.#rooms.set(room, position)
      this.#saveWithin(SAVE_MS)
    }
  }

  /** The position up to which every server is served of which the database does not know that it is behind. */
  #heldBack(handedOut: number): number {
    let position = handedOut
    for (const destination of this.#all.values()) {
      const at = this.#stored.has(destination) ? undefined : destination.heldBackAt
      if (at !== undefined && at < position) position = at
    }
    return position
  }

  /** A server that is served needs no memory, once nothing was sent for a while. */
  #forgetIdle(): void {
    const longAgo = this.#parts.clock.nowMs() - SAVE_IDLE_MS
    for (const [server, destination] of this.#all)
      if (destination.isIdle && !this.#stored.has(destination) && (destination.status.lastSuccessMs ?? 0) < longAgo)
        this.#all.delete(server)
  }
}
