import type { EventId, RoomId, ServerName } from '#spec'
import type { RoomNumber } from './events.ts'

/** A room whose members are still to be fetched. */
export interface PartialRoom {
  readonly room: RoomNumber
  readonly roomId: RoomId
  /** Room version id. */
  readonly version: string
  /** The event by which this server came in. */
  readonly joinId: EventId
  /** The server that took it. */
  readonly server: ServerName
  readonly failures: number
}

export interface PartialRoomsReader {
  /** The rooms that are due, the longest waiting first. `nowMs`: Unix time in milliseconds. */
  partialRooms(nowMs: number, limit: number): Promise<readonly PartialRoom[]>
  /** Whether the members of the room are still to be fetched. */
  isPartial(roomId: RoomId): Promise<boolean>
}
