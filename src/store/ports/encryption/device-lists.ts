import type { UserId } from '#spec'
import type { RoomNumber, UserNumber } from '../rooms/events.ts'

/** Positions `after` < position <= `upTo`. */
export interface Between {
  readonly after: number
  readonly upTo: number
}

export interface KeyChangesInWindow {
  /** Other users who were ever in a room that the viewer was ever in; those who share one are told of these. */
  readonly around: readonly UserNumber[]
  /** Users of whom the viewer is told in any case: the viewer, and those whose keys changed for the viewer alone. */
  readonly certain: readonly UserNumber[]
}

/** Changes of keys, and the memberships by which people hear of them. Positions of rooms are those of the stream `events`. */
export interface DeviceListsReader {
  /** Users whose keys changed in a window of the stream `deviceLists`, as far as they may concern the viewer. */
  changes(viewer: UserNumber, window: Between): Promise<KeyChangesInWindow>
  /** Rooms that the viewer and one of the others both are or were members of: as many as the others have, however many the viewer has. undefined where that is too much to look through. */
  roomsInCommon(viewer: UserNumber, others: readonly UserNumber[]): Promise<readonly RoomNumber[] | undefined>
  /** Those of the users of whom one look tells that they shared a joined room with the viewer at that position: both have been in it since. Others may have as well. */
  surelySharing(viewer: UserNumber, others: readonly UserNumber[], at: number): Promise<readonly UserNumber[]>
  /** Users joined to at least one of the rooms at that position; only those of `among`, where it is given. */
  joinedAt(rooms: readonly RoomNumber[], at: number, among?: readonly UserNumber[]): Promise<readonly UserNumber[]>
  /** Users whose member entry in one of the rooms changed. */
  memberChanges(rooms: readonly RoomNumber[], window: Between): Promise<readonly UserNumber[]>
  userIds(users: readonly UserNumber[]): Promise<readonly UserId[]>
  /** The position of the newest change of one of the user's devices; 0 where there was none. */
  version(userId: UserId): Promise<number>
}
