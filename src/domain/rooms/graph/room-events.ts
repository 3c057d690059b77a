import { BoundedCache, type CacheStats, type Clock, jsonBytes, yieldToEventLoop } from '#base'
import { toRoomEvent } from '#rules'
import type { EventId, Pdu, RoomEvent } from '#spec'
import type { RoomGraphReader } from '#store'
import type { GraphRoom } from './state-view.ts'

export interface RoomEventsParts {
  readonly reader: RoomGraphReader
  readonly clock: Clock
  readonly limitBytes: number
}

/** Events that are read and parsed at once: each may have 64 KiB. */
const READ_AT_ONCE = 25
/** Events whose references are followed at once. */
const FOLLOWED_AT_ONCE = 500
/** An event but for its content and references. */
const EVENT_BYTES = 900
const REFERENCE_BYTES = 110

/** Stored events in the form of the rules. */
export class RoomEvents {
  readonly #reader: RoomGraphReader
  readonly #clock: Clock
  /** Without rejected ones: they may be allowed later. */
  readonly #events: BoundedCache<EventId, RoomEvent>

  constructor({ reader, clock, limitBytes }: RoomEventsParts) {
    this.#reader = reader
    this.#clock = clock
    this.#events = new BoundedCache({
      name: 'events-of-branches',
      limitBytes,
      sizeBytes: ({ content, prevEvents, authEvents }) =>
        EVENT_BYTES + jsonBytes(content) + REFERENCE_BYTES * (prevEvents.length + authEvents.length),
    })
  }

  stats(): CacheStats {
    return this.#events.stats()
  }

  /** Events of that room; those of others and unknown ones are left out. */
  async load(room: GraphRoom, eventIds: Iterable<EventId>): Promise<Map<EventId, RoomEvent>> {
    const found = new Map<EventId, RoomEvent>()
    const unknown: EventId[] = []
    for (const eventId of new Set(eventIds)) {
      const event = this.#events.get(eventId)
      if (event === undefined) unknown.push(eventId)
      else if (event.roomId === room.roomId) found.set(eventId, event)
    }
    for (let from = 0; from < unknown.length; from += READ_AT_ONCE) {
      if (from > 0) await yieldToEventLoop(this.#clock)
      for (const text of await this.#reader.eventTexts(unknown.slice(from, from + READ_AT_ONCE))) {
        if (text.room !== room.room) continue
        const rejected = text.placing === 'rejected'
        const event = toRoomEvent(room.version, JSON.parse(text.json) as Pdu, text.eventId, rejected)
        found.set(text.eventId, event)
        if (!rejected) this.#events.set(text.eventId, event)
      }
    }
    return found
  }

  /** Loads the events with their whole auth chains. */
  async loadChains(room: GraphRoom, eventIds: Iterable<EventId>, into: Map<EventId, RoomEvent>): Promise<void> {
    let pending = [...new Set(eventIds)].filter((eventId) => !into.has(eventId))
    while (pending.length > 0) {
      const next = new Set<EventId>()
      for (let from = 0; from < pending.length; from += FOLLOWED_AT_ONCE) {
        if (from > 0) await yieldToEventLoop(this.#clock)
        for (const [eventId, event] of await this.load(room, pending.slice(from, from + FOLLOWED_AT_ONCE))) {
          into.set(eventId, event)
          for (const cited of event.authEvents) if (!into.has(cited)) next.add(cited)
        }
      }
      pending = [...next].filter((eventId) => !into.has(eventId))
    }
  }
}
