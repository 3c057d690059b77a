import { BoundedCache, type CacheStats } from '#base'
import type { EventsReader, RoomNumber } from '#store'

/** Counts look at so many of a room's newest events: nobody reads a badge of more, and who never reads must not pay for all of them. */
export const MAX_COUNTED_EVENTS = 2_000

const LIMIT_BYTES = 512 * 1024
const ENTRY_BYTES = 200

/** Positions before the newest events of rooms, shared by all readers whom one message wakes. */
export class RoomFloors {
  readonly #reader: Pick<EventsReader, 'countedBack'>
  readonly #floors = new BoundedCache<string, number>({
    name: 'unread-floors',
    limitBytes: LIMIT_BYTES,
    sizeBytes: () => ENTRY_BYTES,
  })

  constructor(reader: Pick<EventsReader, 'countedBack'>) {
    this.#reader = reader
  }

  stats(): CacheStats {
    return this.#floors.stats()
  }

  /** The newest position with at least `MAX_COUNTED_EVENTS` of the room's events after it and up to `upTo`; 0 where there are fewer events. */
  async of(room: RoomNumber, upTo: number): Promise<number> {
    const key = `${room} ${upTo}`
    const known = this.#floors.get(key)
    if (known !== undefined) return known
    const floor = Math.max(0, (await this.#reader.countedBack(room, upTo, MAX_COUNTED_EVENTS)) - 1)
    this.#floors.set(key, floor)
    return floor
  }
}
