import { MatrixError, type RoomId } from '#spec'
import type { RoomRecordsReader } from '#store'
import type { AdminActor, AuditLog } from '../../admin/index.ts'
import type { BranchJoins } from '../../rooms/index.ts'

export interface JoinBranchesParts {
  readonly joins: Pick<BranchJoins, 'join'>
  readonly reader: Pick<RoomRecordsReader, 'roomByRoomId'>
  readonly audit: Pick<AuditLog, 'record'>
}

/** Administrators have the branches of a room's history joined. The caller has made sure that the actor is one. */
export class JoinBranches {
  readonly #parts: JoinBranchesParts

  constructor(parts: JoinBranchesParts) {
    this.#parts = parts
  }

  /** Returns how many forward extremities went: none where no user of this server may send in the room. Throws `M_NOT_FOUND`. */
  async join(roomId: RoomId, actor: AdminActor): Promise<number> {
    const { joins, audit } = this.#parts
    const before = await this.#extremities(roomId)
    if (before <= 1) return 0
    await joins.join(roomId, 1)
    const joined = before - (await this.#extremities(roomId))
    await audit.record({ ...actor, action: 'room.join_branches', subject: roomId, details: { joined } })
    return Math.max(0, joined)
  }

  async #extremities(roomId: RoomId): Promise<number> {
    const record = await this.#parts.reader.roomByRoomId(roomId)
    if (record === undefined) throw new MatrixError('M_NOT_FOUND', 'Room not found')
    return record.extremities.length
  }
}
