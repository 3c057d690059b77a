import type { Clock, Logger } from '#base'
import type { RoomId } from '#spec'
import {
  type Commit,
  type DelayedEventsReader,
  type DelayedEventsWriter,
  type EventsReader,
  isInHistory,
  type RoomNumber,
  type RoomRecordsReader,
  type StoredEvent,
} from '#store'
import type { News, NewsHandler } from '#streams'

export interface OverwrittenStateParts {
  readonly reader: Pick<DelayedEventsReader, 'roomsWithState' | 'isScheduledByOthers'>
  readonly writer: Pick<DelayedEventsWriter, 'cancelOverwritten'>
  readonly commit: Commit
  readonly rooms: Pick<RoomRecordsReader, 'roomByRoomId'> & Pick<EventsReader, 'timeline'>
  readonly positions: { positions(): { readonly events: number } }
  readonly clock: Clock
  readonly logger: Logger
}

/** Rooms beyond that are not watched: their events are judged when they are due. */
const MAX_ROOMS = 10_000
const EVENTS_AT_ONCE = 50
const EVERY_MS = 60_000

/**
 * Cancels scheduled state when somebody else sets it first, as Synapse does: who was to hang up may have been replaced. Only rooms for which state is
 * scheduled are looked at. What this misses, in a restart, shows when the event is due (`SendDelayed`).
 */
export class OverwrittenState implements NewsHandler {
  readonly #parts: OverwrittenStateParts
  /** Up to which position each room was looked at. */
  readonly #watched = new Map<RoomNumber, number>()
  readonly #changed = new Set<RoomNumber>()
  #work: Promise<void> | undefined
  #cancel: (() => void) | undefined
  #stopped = true

  constructor(parts: OverwrittenStateParts) {
    this.#parts = parts
  }

  /** Watches the rooms for which state was scheduled before. */
  start(): void {
    this.#stopped = false
    void this.#refresh()
  }

  /** Resolves when the rooms under way were looked at. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#work
  }

  /** State is scheduled for the room. */
  async watch(roomId: RoomId): Promise<void> {
    const { rooms, positions } = this.#parts
    const position = positions.positions().events
    const record = await rooms.roomByRoomId(roomId)
    if (record === undefined || this.#watched.has(record.room) || this.#watched.size >= MAX_ROOMS) return
    this.#watched.set(record.room, position)
  }

  news(news: readonly News[]): void {
    if (this.#watched.size === 0) return
    for (const { stream, rooms } of news)
      if (stream === 'events') for (const room of rooms) if (this.#watched.has(room)) this.#changed.add(room)
    this.#begin()
  }

  missed(): void {
    for (const room of this.#watched.keys()) this.#changed.add(room)
    this.#begin()
  }

  #begin(): void {
    if (this.#changed.size === 0 || this.#stopped) return
    this.#work ??= this.#lookAtAll().finally(() => {
      this.#work = undefined
    })
  }

  async #lookAtAll(): Promise<void> {
    for (const room of this.#changed) {
      if (this.#stopped) return
      this.#changed.delete(room)
      try {
        await this.#lookAt(room)
      } catch (err) {
        this.#parts.logger.warn({ err }, 'delayed state could not be held against new state')
      }
    }
  }

  async #lookAt(room: RoomNumber): Promise<void> {
    for (;;) {
      const after = this.#watched.get(room)
      if (after === undefined) return
      const query = { after, direction: 'forward', limit: EVENTS_AT_ONCE } as const
      const events = await this.#parts.rooms.timeline(room, query)
      for (const event of events) await this.#judge(event)
      const last = events.at(-1)
      if (last !== undefined) this.#watched.set(room, last.position)
      if (events.length < EVENTS_AT_ONCE) return
    }
  }

  async #judge(event: StoredEvent): Promise<void> {
    const { roomId, type, stateKey, sender, position } = event
    if (stateKey === undefined || !isInHistory(event)) return
    const { reader, writer, commit, clock } = this.#parts
    const entry = { roomId, type, stateKey, sender, position }
    if (await reader.isScheduledByOthers(entry)) await commit([writer.cancelOverwritten(entry, clock.nowMs())])
  }

  /** Forgets rooms for which nothing is scheduled any more. */
  async #refresh(): Promise<void> {
    const { reader, rooms, clock, logger } = this.#parts
    try {
      const before = [...this.#watched.keys()]
      const numbers = new Set<RoomNumber>()
      for (const roomId of await reader.roomsWithState(MAX_ROOMS)) {
        await this.watch(roomId)
        const record = await rooms.roomByRoomId(roomId)
        if (record !== undefined) numbers.add(record.room)
      }
      for (const room of before) if (!numbers.has(room)) this.#watched.delete(room)
    } catch (err) {
      logger.warn({ err }, 'rooms with delayed state could not be read; tried again')
    }
    if (!this.#stopped) this.#cancel = clock.after(EVERY_MS, () => void this.#refresh())
  }
}
