import { type Clock, yieldToEventLoop } from '#base'
import type { EventId, RoomEvent } from '#spec'
import { type Commit, type NewStoredEvent, type RoomGraphReader, type RoomsWriter, WriteConflict } from '#store'
import { storedForm } from '../turns/taken-event.ts'
import { judgingEvents, refusalByAuthEvents } from './authorisation.ts'
import type { RoomEvents } from './room-events.ts'
import type { CheckedEvent } from './room-graph.ts'
import type { GraphRoom } from './state-view.ts'

export interface OutliersParts {
  readonly reader: RoomGraphReader
  readonly events: RoomEvents
  readonly commit: Commit
  readonly writer: RoomsWriter
  readonly clock: Clock
}

/** Events of one commit. */
const PIECE = 100
const MAX_TRIES = 5
/** Outliers of which each lacked the one before. */
const MAX_ROUNDS = 100

/** Stores events that are known for their content alone. */
export class Outliers {
  readonly #parts: OutliersParts

  constructor(parts: OutliersParts) {
    this.#parts = parts
  }

  async add(room: GraphRoom, events: readonly CheckedEvent[]): Promise<void> {
    for (let from = 0; from < events.length; from += PIECE) {
      if (from > 0) await yieldToEventLoop(this.#parts.clock)
      await this.#addPiece(room, events.slice(from, from + PIECE))
    }
  }

  /**
   * Judges outliers anew that were rejected for want of these events, and those that were rejected for want of them. Returns other rejected events that
   * lacked one of all these: they have a place in the history, and are for the caller.
   */
  async reconsider(room: GraphRoom, eventIds: readonly EventId[]): Promise<readonly EventId[]> {
    const { reader, commit, writer } = this.#parts
    const placed = new Set<EventId>()
    let allowed = eventIds
    for (let round = 0; allowed.length > 0 && round < MAX_ROUNDS; round++) {
      const rejected = await reader.graphEvents(await reader.rejectedFor(room.room, allowed))
      for (const { eventId, before } of rejected) if (before !== undefined) placed.add(eventId)
      const outliers = rejected.filter(({ before }) => before === undefined).map(({ eventId }) => eventId)
      const again: EventId[] = []
      for (const event of (await this.#parts.events.load(room, outliers)).values()) {
        const known = await this.#parts.events.load(room, judgingEvents(room.version, event))
        if (refusalByAuthEvents(room.version, event, known) === undefined) again.push(event.eventId)
      }
      if (again.length > 0) await commit([writer.allowOutliers(room.room, again)])
      allowed = again
    }
    return [...placed]
  }

  async #addPiece(room: GraphRoom, events: readonly CheckedEvent[]): Promise<void> {
    const { reader, commit, writer } = this.#parts
    for (let tries = 1; ; tries++) {
      const stored = await reader.graphEvents(events.map(({ event }) => event.eventId))
      const known = new Set(stored.map(({ eventId }) => eventId))
      const added = events.filter(({ event }) => !known.has(event.eventId) && event.roomId === room.roomId)
      if (added.length === 0) return
      try {
        await commit([writer.addOutliers(room.room, await this.#judged(room, added))])
        return
      } catch (error) {
        // Somebody else stored one of them meanwhile.
        const isStored = error instanceof WriteConflict && error.kind === 'event-exists'
        if (!isStored || tries >= MAX_TRIES) throw error
      }
    }
  }

  /** Judges each event by its auth events: what is needed of them is stored, or stands before it. */
  async #judged(room: GraphRoom, events: readonly CheckedEvent[]): Promise<readonly NewStoredEvent[]> {
    const wanted = new Set(events.flatMap(({ event }) => judgingEvents(room.version, event)))
    const known = await this.#parts.events.load(room, wanted)
    const judged = new Map<EventId, NewStoredEvent>()
    for (const { event, json } of events) {
      if (judged.has(event.eventId)) continue
      const reason = refusalByAuthEvents(room.version, event, known)
      known.set(event.eventId, { ...event, rejected: reason !== undefined })
      const stored = { ...storedForm(event, json), depth: storedDepth(event), relation: undefined }
      judged.set(
        event.eventId,
        reason === undefined
          ? { ...stored, placing: 'outlier' }
          : { ...stored, placing: 'rejected', refusal: { reason, lacking: lackingOf(event, known) } },
      )
    }
    return [...judged.values()]
  }
}

/** Outliers stand in no order. What they say of their depth is kept within what the database can hold. */
const storedDepth = ({ depth }: RoomEvent): number => Math.min(Math.max(depth, 0), Number.MAX_SAFE_INTEGER)

const lackingOf = (event: RoomEvent, known: ReadonlyMap<EventId, RoomEvent>): readonly EventId[] =>
  event.authEvents.filter((eventId) => known.get(eventId)?.rejected !== false)
