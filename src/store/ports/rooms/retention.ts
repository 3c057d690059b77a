import type { RoomId, UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { EventNumber, HistoryPlace, RoomNumber } from './events.ts'

export interface AgedEvent extends HistoryPlace {
  readonly isState: boolean
  readonly sender: UserId
  readonly originServerTs: number
}

export interface RetentionReader {
  /** The next rooms by number. */
  roomsAfter(
    room: RoomNumber,
    limit: number,
  ): Promise<readonly { readonly room: RoomNumber; readonly roomId: RoomId; readonly version: string }[]>
  /** Up to this place in its history no message of the room is left to be removed; undefined: not looked at yet. */
  examined(room: RoomNumber): Promise<HistoryPlace | undefined>
  /** The next events of the room's history. */
  aged(room: RoomNumber, after: HistoryPlace, limit: number): Promise<readonly AgedEvent[]>
  /** Forward extremities, which later events refer to. */
  heads(room: RoomNumber): Promise<readonly EventNumber[]>
}

/** Removes messages. Everything else that knows of one forgets it in the same transaction: relations, threads, the index of messages. */
export interface RetentionWriter {
  /** State and forward extremities are left, whatever is asked. `examined`: how far the sweep has come with it; undefined: the sweep did not ask. */
  remove(room: RoomNumber, events: readonly EventNumber[], examined?: HistoryPlace): Change<void>
  /** Takes the content of a message that has to stay. `json`: its redacted form. */
  strip(room: RoomNumber, event: EventNumber, json: string): Change<void>
  removeRoom(room: RoomNumber): Change<void>
}
