import type { EventId, Membership, RoomId, ServerName } from '#spec'
import type { Change } from '../engine/change.ts'
import type { EventNumber } from './events.ts'
import type { NewStoredEvent } from './room-change.ts'

/** A member event of a room that this server is not in: an invite or a knock of one of its users, or the end of one. */
export interface OutsideMember {
  readonly roomId: RoomId
  /** Room version id. */
  readonly version: string
  readonly event: Omit<NewStoredEvent, 'placing' | 'prior' | 'relation' | 'transaction'>
  readonly membership: Membership
  /** The member event in force must still be this one; left out: whatever it is, unless it is a join. */
  readonly replaces?: EventId
  /** Left out where the room is not described. */
  readonly told?: StrippedRoom
}

/** A room as somebody is told of it who is not in it. */
export interface StrippedRoom {
  /** The server that told, which may be asked about the room. */
  readonly server: ServerName
  /** Stripped state events, each as JSON. */
  readonly texts: readonly string[]
}

export interface OutsideRoomsReader {
  /** The room as it was told with an invite or a knock. */
  strippedRoom(event: EventNumber): Promise<StrippedRoom | undefined>
}

export interface OutsideRoomsWriter {
  /**
   * Puts the event into the stream, for the user whose it is, and makes the room if it is not known. A room's history and extremities stay as they are.
   * Conflicts: `event-exists`; `room-changed`, where the user joined or the event to be replaced is none any more.
   */
  put(member: OutsideMember): Change<void>
}
