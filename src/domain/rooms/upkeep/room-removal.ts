import { MatrixError, type RoomId } from '#spec'
import {
  type Change,
  type Commit,
  headOf,
  type RoomNumber,
  type RoomPurgesReader,
  type RoomPurgesWriter,
  type RoomRecordsReader,
  WriteConflict,
} from '#store'

/** Events removed by one commit; others write between two of these. */
const EVENTS_AT_ONCE = 500
const TRIES = 5

export interface RoomRemovalParts {
  readonly reader: RoomPurgesReader
  readonly rooms: Pick<RoomRecordsReader, 'roomByRoomId'>
  readonly writer: RoomPurgesWriter
  readonly commit: Commit
  /** Changes that remove other parts' data of a room: receipts, account data. */
  changesFor(room: RoomNumber): readonly Change<unknown>[]
}

/** Removes rooms from the database: one commit makes a room unreachable, and its rows follow in pieces. */
export class RoomRemoval {
  readonly #parts: RoomRemovalParts

  constructor(parts: RoomRemovalParts) {
    this.#parts = parts
  }

  /**
   * Makes the room unreachable, whoever is in it. `mayGo` is asked right before, and again where the room changed meanwhile. Returns the number under which
   * its rows are to be removed; undefined: nothing of the room is here.
   */
  async begin(roomId: RoomId, mayGo: (room: RoomNumber) => Promise<void>): Promise<RoomNumber | undefined> {
    const { reader, rooms, writer, commit } = this.#parts
    for (let attempt = 1; ; attempt++) {
      const record = await rooms.roomByRoomId(roomId)
      if (record === undefined) return (await reader.roomsBeingPurged()).find((begun) => begun.roomId === roomId)?.room
      const { room, sequence, extremities } = record
      await mayGo(room)
      try {
        await commit([writer.beginOfAny({ room, roomId, base: { sequence, head: headOf(extremities) } })])
        return room
      } catch (error) {
        if (!(error instanceof WriteConflict) || error.kind !== 'room-changed' || attempt === TRIES) throw error
      }
    }
  }

  /** Removes the rows of a room that is unreachable, as long as `goesOn` says so. Returns whether all are gone. */
  async finish(room: RoomNumber, goesOn: () => boolean): Promise<boolean> {
    const { changesFor, commit, writer } = this.#parts
    for (let more = true; more; ) {
      if (!goesOn()) return false
      ;[{ more }] = await commit([writer.continue(room, EVENTS_AT_ONCE)])
    }
    if (!goesOn()) return false
    await commit([...changesFor(room), writer.finish(room)])
    return true
  }
}

/** Throws `M_UNKNOWN` (400): somebody of this server is still in the room. */
export const stillInhabited = (): MatrixError =>
  new MatrixError('M_UNKNOWN', 'Users of this server are still in this room', { status: 400 })
