import type { RoomId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { RoomNumber } from './events.ts'
import type { RoomBase } from './room-change.ts'

export interface EmptyRoom {
  readonly room: RoomNumber
  readonly roomId: RoomId
  readonly base: RoomBase
}

export interface EmptyRoomsQuery {
  /** Only rooms that each user who was in them has forgotten. */
  readonly forgottenByAll: boolean
  /** Whose newest event is older. */
  readonly beforeMs: number
  readonly limit: number
}

export interface RoomPurgesReader {
  /** Rooms without anybody joined, invited or knocking. */
  emptyRooms(query: EmptyRoomsQuery): Promise<readonly EmptyRoom[]>
  /** Rooms whose purge has begun and has not ended. */
  roomsBeingPurged(): Promise<readonly { readonly room: RoomNumber; readonly roomId: RoomId }[]>
}

/** Taking a room out of the database: at one stroke out of everybody's reach, then its rows in pieces. */
export interface RoomPurgesWriter {
  /**
   * The room, its aliases and memberships are gone; `continue` has to follow. Conflict: `room-changed`, where it is not as the caller
   * saw it, or not empty.
   */
  begin(room: EmptyRoom): Change<void>
  /** Removes the next events with their state; answers whether there are more. */
  continue(room: RoomNumber, events: number): Change<{ readonly more: boolean }>
  /** Nothing of the room is left. */
  finish(room: RoomNumber): Change<void>
}
