import type { EventId, RoomEvent, RoomVersion } from '#spec'
import { createEventIdOfRoom } from '../event-id.ts'
import type { EventLookup, MissingEvents } from './conflict.ts'

/** Looks events up and notes which were not there. */
export class EventReader {
  /** Whether events have an order, so that a walk may stop early. */
  readonly isOrdered: boolean
  readonly #events: EventLookup
  readonly #missing = new Set<EventId>()

  constructor(events: EventLookup) {
    this.#events = events
    this.isOrdered = events.order !== undefined
  }

  get(eventId: EventId): RoomEvent | undefined {
    const event = this.#events.get(eventId)
    if (event === undefined) this.#missing.add(eventId)
    return event
  }

  /** 0 for all events if there is no order. */
  orderOf(eventId: EventId): number {
    return this.#events.order?.(eventId) ?? 0
  }

  /** The first of the event's auth events that is that state. */
  authEvent(event: RoomEvent, type: string, stateKey: string): RoomEvent | undefined {
    for (const eventId of event.authEvents) {
      const found = this.get(eventId)
      if (found?.type === type && found.stateKey === stateKey) return found
    }
    return undefined
  }

  /** The create event as the event knows it: cited, or named by the room id. */
  createOf(version: RoomVersion, event: RoomEvent): RoomEvent | undefined {
    if (version.roomIdIsCreateHash) return this.get(createEventIdOfRoom(event.roomId))
    return this.authEvent(event, 'm.room.create', '')
  }

  get isComplete(): boolean {
    return this.#missing.size === 0
  }

  missingEvents(): MissingEvents {
    return { missing: [...this.#missing] }
  }
}
