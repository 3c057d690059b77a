import type { RoomId, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { RoomNumber, UserNumber } from '../rooms/events.ts'

/** The fields of a profile that member events carry. */
export type MemberField = 'displayname' | 'avatar_url'

/** A changed profile on its way into the rooms of its user, in the order of the rooms' numbers. */
export interface ProfileUpdate {
  readonly user: UserNumber
  readonly userId: UserId
  /** Names the newest change of the profile. */
  readonly change: number
  /** The field that changed; undefined: both did. */
  readonly field: MemberField | undefined
  /** Rooms up to this number have the profile of that change; 0 for none. */
  readonly doneRoom: RoomNumber
}

export interface ProfileUpdatesReader {
  /** Updates that have not reached all rooms. */
  profileUpdates(limit: number): Promise<readonly ProfileUpdate[]>
  /** The next rooms of an update that its user is joined to. */
  roomsToUpdate(
    update: ProfileUpdate,
    limit: number,
  ): Promise<readonly { readonly room: RoomNumber; readonly roomId: RoomId }[]>
}

/** Belongs into the commit that changes the profile, so that no crash leaves rooms with the old one. */
export interface ProfileUpdatesWriter {
  /** A field of the profile has changed: the update begins, or begins again with the first room. */
  begin(user: UserNumber, field: MemberField): Change<void>
  /** Rooms up to `doneRoom` have the profile. Changes nothing where the profile has changed since. */
  advance(update: ProfileUpdate): Change<void>
  /** All rooms have the profile. Changes nothing where it has changed since. */
  finish(update: ProfileUpdate): Change<void>
}
