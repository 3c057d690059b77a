import type { EventId, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { RoomNumber, UserNumber } from '../rooms/events.ts'

/** `m.fully_read` is no receipt: it is account data (client-server API, "Fully read markers"). */
export type ReceiptType = 'm.read' | 'm.read.private'

export interface Receipt {
  readonly room: RoomNumber
  readonly userId: UserId
  readonly type: ReceiptType
  readonly eventId: EventId
  /** Position of the event in the stream of events. */
  readonly eventPosition: number
  /** `main`, the id of a thread's root, or undefined for an unthreaded receipt. */
  readonly threadId: string | undefined
  readonly atMs: number
  /** JSON of an object that others get with the receipt; clients of 2015 may send one. */
  readonly contentJson?: string | undefined
}

export interface MovedReceipt extends Receipt {
  readonly position: number
}

/** Many rooms, which are listed only where it cannot be avoided. */
export interface RoomSet {
  has(room: RoomNumber): boolean
  all(): Iterable<RoomNumber>
}

export interface ReceiptsReader {
  /**
   * Receipts of these rooms that moved with `after` < position <= `upTo` and that `forUser` may see: everybody's
   * public ones and the user's own private ones.
   */
  since(rooms: readonly RoomNumber[], after: number, upTo: number, forUser: UserId): Promise<readonly Receipt[]>
  /** The same for a set of rooms: in a short window the cost does not depend on how many there are. */
  sinceIn(rooms: RoomSet, after: number, upTo: number, forUser: UserId): Promise<readonly Receipt[]>
  /** Private receipts of these users that moved with `after` < position <= `upTo`: the first of them, in order. */
  privateSince(
    users: readonly UserNumber[],
    after: number,
    upTo: number,
    limit: number,
  ): Promise<readonly MovedReceipt[]>
  /** The receipts on events at these positions that `forUser` may see. */
  onEvents(positions: readonly number[], forUser: UserId): Promise<readonly Receipt[]>
  /** All receipts in these rooms that `forUser` may see. */
  inRooms(rooms: readonly RoomNumber[], forUser: UserId): Promise<readonly Receipt[]>
  /** The user's receipts of both types and all threads: unread counts start from them. */
  ofUser(user: UserNumber, rooms: readonly RoomNumber[]): Promise<readonly Receipt[]>
  /** The rooms that the user is joined to and whose newest event they have no unthreaded receipt for: those in which something may be unread. */
  unreadRooms(user: UserNumber): Promise<readonly RoomNumber[]>
}

export interface ReceiptsWriter {
  /**
   * Replaces the user's receipt of that type and thread if the new one points to a later event.
   * Announces `receipts` to the room, a private one only to its user. Returns whether it moved.
   */
  move(receipt: Receipt): Change<boolean>
  /** Removes all receipts of a room that is gone. */
  removeRoom(room: RoomNumber): Change<void>
}
