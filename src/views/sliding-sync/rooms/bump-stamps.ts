import { BoundedCache, type CacheStats } from '#base'
import type { RoomListsReader, RoomNumber } from '#store'

/** Types of "proper" activity (MSC4186), with the unstable names that clients use. */
const BUMPING = [
  'm.room.create',
  'm.room.message',
  'm.room.encrypted',
  'm.sticker',
  'm.call.invite',
  'm.poll.start',
  'org.matrix.msc3381.poll.start',
  'm.beacon_info',
  'org.matrix.msc3672.beacon_info',
]

export const isBumping = (type: string): boolean => BUMPING.includes(type)

const KEPT_BYTES = 60

/**
 * The positions by which clients sort rooms: that of the last event of proper activity. Positions of the stream of events compare over rooms and over connections, and are
 * above zero. Kept with the position up to which a room was looked through, so each event is looked at once.
 */
export class BumpStamps {
  readonly #reader: Pick<RoomListsReader, 'newestOfTypes'>
  readonly #kept: BoundedCache<RoomNumber, { readonly upTo: number; readonly stamp: number }>

  constructor({
    reader,
    limitBytes,
  }: { readonly reader: Pick<RoomListsReader, 'newestOfTypes'>; readonly limitBytes: number }) {
    this.#reader = reader
    this.#kept = new BoundedCache({ name: 'bump-stamps', limitBytes, sizeBytes: () => KEPT_BYTES })
  }

  stats(): CacheStats {
    return this.#kept.stats()
  }

  /** As of the position `upTo`; undefined for a room without such an event. */
  async of(room: RoomNumber, upTo: number): Promise<number | undefined> {
    const kept = this.#kept.get(room)
    if (kept !== undefined && kept.upTo > upTo && kept.stamp > upTo)
      return this.#reader.newestOfTypes(room, BUMPING, 0, upTo)
    if (kept !== undefined && kept.upTo >= upTo) return kept.stamp
    const newest = await this.#reader.newestOfTypes(room, BUMPING, kept?.upTo ?? 0, upTo)
    const stamp = newest ?? kept?.stamp
    if (stamp !== undefined) this.#kept.set(room, { upTo, stamp })
    return stamp
  }
}
