import type { UserId } from '#spec'
import type { RoomNumber, UserNumber } from './events.ts'
import type { MembershipRecord } from './members.ts'

/** A room that may be in a user's list. */
export interface RoomByActivity extends MembershipRecord {
  /** Position of the room's newest event. */
  readonly lastPosition: number
  /** Sender of the member event; undefined where another event brought the membership. */
  readonly setBy: UserId | undefined
  readonly everJoined: boolean
}

/** Questions about many of a user's rooms at once. They run off the event loop. */
export interface RoomListsReader {
  /** All rooms of the user that are not forgotten. One step into the index of timelines for each room. */
  roomsByActivity(user: UserNumber): Promise<readonly RoomByActivity[]>
  /** The JSON of the event that is in force for that type and an empty state key, in each room of the user that has one. */
  entriesOfRooms(
    user: UserNumber,
    type: string,
  ): Promise<readonly { readonly room: RoomNumber; readonly json: string }[]>
  /** The position of the room's newest event of these types with `after` < position <= `upTo`. */
  newestOfTypes(room: RoomNumber, types: readonly string[], after: number, upTo: number): Promise<number | undefined>
}
