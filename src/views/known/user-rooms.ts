import { type CacheStats, LatestValues, type Soon } from '#base'
import type { UserId } from '#spec'
import type { MembershipRecord, MembersReader, RoomNumber } from '#store'
import type { News, NewsHandler } from '#streams'

export type RoomsOfUser = ReadonlyMap<RoomNumber, MembershipRecord>

const BYTES_A_ROOM = 250

export interface UserRoomsParts {
  readonly reader: MembersReader
  readonly limitBytes: number
}

/** The rooms that each user is in, is invited to or was in, kept in memory until one of these memberships changes. */
export class UserRooms implements NewsHandler {
  readonly #reader: MembersReader
  readonly #rooms: LatestValues<number, RoomsOfUser>

  constructor({ reader, limitBytes }: UserRoomsParts) {
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

  missed(): void {
    this.#rooms.clear()
  }

  /** News of the `events` stream names the users whose membership changed. */
  news(news: readonly News[]): void {
    for (const { stream, users } of news) {
      if (stream === 'events') for (const user of users) this.#rooms.forget(user)
    }
  }

  /** Records may be newer than the streams' positions: see their `position`. */
  of(user: { readonly userId: UserId; readonly user: number }): Soon<RoomsOfUser> {
    return this.#rooms.soon(user.user, async () => {
      const records = await this.#reader.roomsOfUser(user.userId)
      return new Map(records.map((record) => [record.room, record]))
    })
  }
}

/** The rooms the user is joined to, as far as the records say. */
export const joinedRooms = (rooms: RoomsOfUser): MembershipRecord[] =>
  [...rooms.values()].filter(({ membership }) => membership === 'join')

/** One list for each map, as long as that is kept: every sync asks for it, and a user may have thousands of rooms. */
const joinedLists = new WeakMap<RoomsOfUser, readonly RoomNumber[]>()

/** The same as numbers. */
export const joinedNumbers = (rooms: RoomsOfUser): readonly RoomNumber[] => {
  const known = joinedLists.get(rooms)
  if (known !== undefined) return known
  const joined = joinedRooms(rooms).map(({ room }) => room)
  joinedLists.set(rooms, joined)
  return joined
}

/** One list for each map: rooms whose members came later than the user. */
const completedLists = new WeakMap<RoomsOfUser, readonly MembershipRecord[]>()

/** The rooms whose members all came within a window: news of them that no event is. */
export const completedRooms = (rooms: RoomsOfUser, after: number, upTo: number): readonly RoomNumber[] => {
  let late = completedLists.get(rooms)
  if (late === undefined) {
    late = joinedRooms(rooms).filter(({ membersSince }) => membersSince !== undefined)
    completedLists.set(rooms, late)
  }
  if (late.length === 0) return NONE
  return late.flatMap(({ room, membersSince = 0 }) => (membersSince > after && membersSince <= upTo ? [room] : []))
}

const NONE: readonly RoomNumber[] = []
