import { type CacheStats, LatestValues } from '#base'
import type { UserId } from '#spec'
import type { MembershipRecord, RoomNumber, RoomsReader } from '#store'
import type { News } from '#streams'

export type RoomsOfUser = ReadonlyMap<RoomNumber, MembershipRecord>

const BYTES_A_ROOM = 250

/** Which rooms a user is in, invited to or was in: kept while nothing about it changes. */
export class UserRooms {
  readonly #reader: RoomsReader
  readonly #rooms: LatestValues<number, RoomsOfUser>

  constructor(reader: RoomsReader, limitBytes: number) {
    this.#reader = reader
    this.#rooms = new LatestValues({
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
      if (stream === 'events') for (const user of users) this.#rooms.forget(user)
    }
  }

  /** May hold changes newer than the streams' positions: look at each record's `position`. */
  of(user: { readonly userId: UserId; readonly user: number }): Promise<RoomsOfUser> {
    return this.#rooms.get(user.user, async () => {
      const records = await this.#reader.roomsOfUser(user.userId)
      return new Map(records.map((record) => [record.room, record]))
    })
  }
}
