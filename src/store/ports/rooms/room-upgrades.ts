import type { RoomId, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { RoomNumber } from './events.ts'

/** An upgrade of a room that is not complete. */
export interface RoomUpgrade {
  readonly room: RoomNumber
  readonly roomId: RoomId
  /** The room that replaces it. */
  readonly replacement: RoomNumber
  readonly replacementId: RoomId
  readonly upgrader: UserId
  /** Whether the directory listed the old room. */
  readonly wasPublished: boolean
  /** Whether the new room has its join rules already, and with them all that was to be copied. */
  readonly isOpen: boolean
}

/** A user whose personal settings of a room are to be copied to the room that replaced it. */
export interface UpgradeFollower {
  readonly userId: UserId
  readonly from: RoomId
  readonly to: RoomId
}

export interface RoomUpgradesReader {
  /** The upgrade of that room which is under way. */
  upgradeOf(room: RoomNumber): Promise<RoomUpgrade | undefined>
  /** All upgrades under way, by room. */
  upgrades(): Promise<readonly RoomUpgrade[]>
  /** The next users, by number, whose settings are still to be copied. */
  followers(limit: number): Promise<readonly UpgradeFollower[]>
}

/** Notes of upgrades, so that a crash loses none: each belongs into the commit of what it tells. */
export interface RoomUpgradesWriter {
  /** The replacement has to be stored before, in the same commit at the latest. Conflict: `upgrade-exists`. */
  begin(upgrade: Pick<RoomUpgrade, 'room' | 'replacementId' | 'upgrader' | 'wasPublished'>): Change<void>
  /** Moves all aliases to the replacement, and notes that it is open. */
  open(upgrade: Pick<RoomUpgrade, 'room' | 'replacement'>): Change<void>
  finish(room: RoomNumber): Change<void>
  /** Does nothing for rooms that are not stored. */
  follow(follower: UpgradeFollower): Change<void>
  /** Forgets what there is of a room that is purged. */
  removeRoom(room: RoomNumber): Change<void>
  /** The settings of that user have been copied. */
  followed(follower: Pick<UpgradeFollower, 'userId' | 'to'>): Change<void>
}
