import type { EventId, RoomEvent } from '#spec'
import type { EventReader } from './event-reader.ts'
import { compareByTime } from './power-order.ts'
import type { ResolutionSteps } from './steps.ts'

/** The events in the mainline ordering based on a power levels event, if the room has one at that point. */
export function* mainlineOrder(
  events: readonly RoomEvent[],
  powerLevels: RoomEvent | undefined,
  reader: EventReader,
): ResolutionSteps<RoomEvent[]> {
  const mainline = new Mainline(powerLevels, reader)
  const positioned: { readonly event: RoomEvent; readonly position: number }[] = []
  for (const event of events) {
    yield
    positioned.push({ event, position: mainline.positionOf(event) })
  }
  positioned.sort((left, right) =>
    left.position === right.position ? compareByTime(left.event, right.event) : left.position < right.position ? 1 : -1,
  )
  return positioned.map(({ event }) => event)
}

/** The chain of power levels events back from one, read only as far as it is needed. */
class Mainline {
  readonly #reader: EventReader
  readonly #indices = new Map<EventId, number>()
  /** Positions of power levels events that are not on the mainline. */
  readonly #positions = new Map<EventId, number>()
  #last: RoomEvent | undefined

  constructor(powerLevels: RoomEvent | undefined, reader: EventReader) {
    this.#reader = reader
    if (powerLevels !== undefined) this.#append(powerLevels)
  }

  /** Infinity if the event's power levels do not go back to any on the mainline. */
  positionOf(event: RoomEvent): number {
    const path = new Set<EventId>()
    let position: number | undefined
    let current = this.#powerLevelsOf(event)
    while (current !== undefined) {
      position = this.#indexOf(current.eventId) ?? this.#positions.get(current.eventId)
      if (position !== undefined || path.has(current.eventId)) break
      path.add(current.eventId)
      current = this.#powerLevelsOf(current)
    }
    position ??= Number.POSITIVE_INFINITY
    for (const eventId of path) this.#positions.set(eventId, position)
    return position
  }

  #indexOf(eventId: EventId): number | undefined {
    for (;;) {
      const index = this.#indices.get(eventId)
      if (index !== undefined || this.#last === undefined) return index
      // An event later than the last one read of the mainline cannot be further back on it.
      if (this.#reader.isOrdered && this.#reader.orderOf(eventId) > this.#reader.orderOf(this.#last.eventId))
        return undefined
      this.#append(this.#powerLevelsOf(this.#last))
    }
  }

  #append(event: RoomEvent | undefined): void {
    this.#last = event === undefined || this.#indices.has(event.eventId) ? undefined : event
    if (this.#last !== undefined) this.#indices.set(this.#last.eventId, this.#indices.size)
  }

  #powerLevelsOf(event: RoomEvent): RoomEvent | undefined {
    return this.#reader.authEvent(event, 'm.room.power_levels', '')
  }
}
