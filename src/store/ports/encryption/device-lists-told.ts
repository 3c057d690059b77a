import type { DeviceId, ServerName, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { RoomNumber, UserNumber } from '../rooms/events.ts'

/** A change of the keys of a user that others are told of. */
export interface ListChange {
  /** In the stream `deviceLists`. */
  readonly position: number
  readonly userId: UserId
  /** `cross-signing`: no device, but cross-signing keys or signatures on them; undefined: several devices. */
  readonly changed: DeviceId | 'cross-signing' | undefined
  /** The position of the change of a device before this one; undefined where that was told to nobody, so that others have to ask for the whole list. */
  readonly previous: number | undefined
}

/** A user here who came into a room with servers of which no other room of the user has one. */
export interface NewlySharing {
  readonly userId: UserId
  readonly servers: readonly ServerName[]
  /** Position of the newest change of the user's devices; undefined: there never was one. */
  readonly newest: number | undefined
}

/** How far other servers were told of changes of keys. */
export interface DeviceListsToldReader {
  told(): Promise<number>
  /** Earliest first; of users of any server. */
  changesAfter(position: number, limit: number): Promise<readonly ListChange[]>
  /** The servers of the rooms in which the user is joined, without `own`. */
  serversWith(userId: UserId, own: ServerName): Promise<readonly ServerName[]>
  /** undefined where the user has no account here, is not joined, or was joined before as well: a changed profile is no join. */
  newlySharing(room: RoomNumber, user: UserNumber, own: ServerName): Promise<NewlySharing | undefined>
}

export interface DeviceListsToldWriter {
  /** All up to that position are told. */
  tell(position: number): Change<void>
}
