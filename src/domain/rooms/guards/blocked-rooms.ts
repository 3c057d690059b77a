import type { Clock } from '#base'
import { MatrixError, type RoomId, type UserId } from '#spec'
import type { BlockedRoom, BlockedRoomsWriter, Change, RoomOverviewsReader } from '#store'
import type { Bans } from './room-guards.ts'

export interface BlockedRoomsParts {
  readonly reader: Pick<RoomOverviewsReader, 'blocked' | 'blockedRooms'>
  readonly writer: BlockedRoomsWriter
  readonly clock: Clock
  readonly bans: Pick<Bans, 'bansRoom'>
}

/** Rooms that administrators blocked: nobody of this server joins them, knocks, is invited or invites, or gives them an alias. Those who are in one stay. */
export class BlockedRooms {
  readonly #parts: BlockedRoomsParts

  constructor(parts: BlockedRoomsParts) {
    this.#parts = parts
  }

  /** Throws `M_FORBIDDEN` for a blocked room. */
  async mind(roomId: RoomId): Promise<void> {
    if (this.#parts.bans.bansRoom(roomId) || (await this.find(roomId)) !== undefined)
      throw new MatrixError('M_FORBIDDEN', 'This room has been blocked on this server')
  }

  /** undefined: the room is not blocked. */
  find(roomId: RoomId): Promise<BlockedRoom | undefined> {
    return this.#parts.reader.blocked(roomId)
  }

  /** In the order of their ids. */
  list(after: string, limit: number): Promise<readonly BlockedRoom[]> {
    return this.#parts.reader.blockedRooms(after, limit)
  }

  /** The room need not be known here. */
  blocking(roomId: RoomId, by: UserId | 'operator'): Change<void> {
    return this.#parts.writer.block({ roomId, blockedBy: by, blockedAtMs: this.#parts.clock.nowMs() })
  }

  unblocking(roomId: RoomId): Change<void> {
    return this.#parts.writer.unblock(roomId)
  }
}
