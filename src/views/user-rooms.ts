import { BoundedCache, type CacheStats } from '#base'
import type { UserId } from '#spec'
import type { MembershipRecord, RoomNumber, RoomsReader } from '#store'
import type { News } from '#streams'

export type RoomsOfUser = ReadonlyMap<RoomNumber, MembershipRecord>

const BYTES_A_ROOM = 250

/** Which rooms a user is in, invited to or was in: kept while nothing about it changes. */
export class UserRooms {
  readonly #reader: RoomsReader
  readonly #rooms: BoundedCache<number, RoomsOfUser>
  /** Users whose rooms are being read; true once news made what is read too old to keep. */
  readonly #reading = new Map<number, { stale: boolean }>()

  constructor(reader: RoomsReader, limitBytes: number) {
    this.#reader = reader
    this.#rooms = new BoundedCache({
      name: 'rooms-of-users',
      limitBytes,
      sizeBytes: (rooms) => 200 + rooms.size * BYTES_A_ROOM,
    })
  }

  stats(): CacheStats {
    return this.#rooms.stats()
  }

  /** An event that names a user changed a membership of theirs. */
  forget(news: readonly News[]): void {
    for (const { stream, users } of news) {
      if (stream !== 'events') continue
      for (const user of users) {
        this.#rooms.delete(user)
        const reading = this.#reading.get(user)
        if (reading !== undefined) reading.stale = true
      }
    }
  }

  /** May hold changes newer than the streams' positions: look at each record's `position`. */
  async of(user: { readonly userId: UserId; readonly user: number }): Promise<RoomsOfUser> {
    const held = this.#rooms.get(user.user)
    if (held !== undefined) return held
    const reading = { stale: false }
    this.#reading.set(user.user, reading)
    const records = await this.#reader.roomsOfUser(user.userId)
    const rooms = new Map(records.map((record) => [record.room, record]))
    if (this.#reading.get(user.user) === reading) this.#reading.delete(user.user)
    if (!reading.stale) this.#rooms.set(user.user, rooms)
    return rooms
  }
}
