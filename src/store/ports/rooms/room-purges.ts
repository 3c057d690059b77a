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
  /** Restricts to rooms that every user who was in them has forgotten. */
  readonly forgottenByAll: boolean
  /** Restricts to rooms whose newest event is older than this time. */
  readonly beforeMs: number
  readonly limit: number
}

export interface RoomPurgesReader {
  /** Rooms in which nobody is joined, invited or knocking. */
  emptyRooms(query: EmptyRoomsQuery): Promise<readonly EmptyRoom[]>
  /** Rooms whose purge has begun and has not ended. */
  roomsBeingPurged(): Promise<readonly { readonly room: RoomNumber; readonly roomId: RoomId }[]>
}

/** Removes a room from the database: first, in one commit, nobody can find it any more; then its rows go in pieces. */
export interface RoomPurgesWriter {
  /**
   * Removes the room, its aliases and memberships; `continue` has to follow. Conflict: `room-changed` (the room is not as the caller
   * saw it, or not empty).
   */
  begin(room: EmptyRoom): Change<void>
  /** The same for a room that somebody may still be in. Conflict: `room-changed`. */
  beginOfAny(room: EmptyRoom): Change<void>
  /** Removes the next events with their state. Returns whether there are more. */
  continue(room: RoomNumber, events: number): Change<{ readonly more: boolean }>
  /** Ends the purge, when no row of the room is left. */
  finish(room: RoomNumber): Change<void>
}
