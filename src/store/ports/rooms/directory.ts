import type { RoomId } from '#spec'
import type { RoomNumber } from './events.ts'
import type { RoomListing } from './room-change.ts'

/** A room's place in the directory: more members first, and among equals the older room. */
export interface DirectoryPlace {
  readonly joinedCount: number
  readonly room: RoomNumber
}

/** The rooms that are wanted; all published ones that somebody is in where nothing is said. */
export interface ListedRoomsFilter {
  /** Text within the listings' `searchable`, in lower case. */
  readonly term?: string | undefined
  /** As in the listings; the empty text stands for rooms without a type. */
  readonly roomTypes?: readonly string[] | undefined
}

export interface ListedRoomsQuery extends ListedRoomsFilter {
  readonly direction: 'forward' | 'backward'
  /** Rooms strictly beyond this place in the direction. */
  readonly beyond: DirectoryPlace
  readonly limit: number
}

export interface ListedRoom extends DirectoryPlace {
  readonly roomId: RoomId
  /** undefined for a room that was published by an earlier version and not looked at since. */
  readonly listing: RoomListing | undefined
}

export interface RoomsToList {
  readonly roomIds: readonly RoomId[]
  /** The number of the last room that was looked at; undefined at the end. */
  readonly upTo: RoomNumber | undefined
}

export interface DirectoryReader {
  /** In the order of the direction. A search runs off the event loop; rooms without a listing are not found by it. */
  listedRooms(query: ListedRoomsQuery): Promise<readonly ListedRoom[]>
  /** Counts up to `upTo`. */
  countListed(filter: ListedRoomsFilter, upTo: number): Promise<number>
  /** Rooms without a listing among the next `limit` published rooms after a room number. */
  roomsToList(after: RoomNumber, limit: number): Promise<RoomsToList>
  /** The number of the newest room of all; 0 for none. */
  newestRoom(): Promise<RoomNumber>
}
