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
  /** JSON of an object that others are told along with it, as clients of 2015 may. */
  readonly contentJson?: string | undefined
}

export interface ReceiptsReader {
  /**
   * Receipts of these rooms that moved with `after` < position <= `upTo`, as far as `forUser` may see them: everybody's
   * public ones and his own private ones.
   */
  since(rooms: readonly RoomNumber[], after: number, upTo: number, forUser: UserId): Promise<readonly Receipt[]>
  /** All receipts in force in these rooms, as far as `forUser` may see them. */
  inRooms(rooms: readonly RoomNumber[], forUser: UserId): Promise<readonly Receipt[]>
  /** Both types, every thread: what unread counts start from. */
  ofUser(user: UserNumber, rooms: readonly RoomNumber[]): Promise<readonly Receipt[]>
}

export interface ReceiptsWriter {
  /**
   * Takes the place of the user's receipt of that type and thread where it points to a later event; else nothing happens.
   * Announces `receipts` to the room, a private one only to its user. Answers whether it moved.
   */
  move(receipt: Receipt): Change<boolean>
  /** All of a room that is gone. */
  removeRoom(room: RoomNumber): Change<void>
}
