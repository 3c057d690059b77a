import type { UserId } from '#spec'
import type { RoomNumber, UserNumber } from '../rooms/events.ts'

/** Positions `after` < position <= `upTo`. */
export interface Between {
  readonly after: number
  readonly upTo: number
}

/** Changes of keys, and the memberships by which people hear of them. Positions of rooms are those of the stream `events`. */
export interface DeviceListsReader {
  /**
   * Of the users whose keys changed in a window of the stream `deviceLists`: those who were ever in a room that `viewer` was ever in, and the
   * viewer.
   */
  changedAround(viewer: UserNumber, window: Between): Promise<readonly UserNumber[]>
  /** Users joined to at least one of the rooms at that position; only those of `among`, where it is given. */
  joinedAt(rooms: readonly RoomNumber[], at: number, among?: readonly UserNumber[]): Promise<readonly UserNumber[]>
  /** Users whose member entry in one of the rooms changed. */
  memberChanges(rooms: readonly RoomNumber[], window: Between): Promise<readonly UserNumber[]>
  userIds(users: readonly UserNumber[]): Promise<readonly UserId[]>
}
