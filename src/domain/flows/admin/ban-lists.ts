import { MatrixError, type RoomId, type ServerName, type UserId } from '#spec'
import { type Commit, type RoomRecordsReader, WriteConflict } from '#store'
import { type BanLists, MAX_BAN_LISTS, type ObeyedList, type PolicyRule } from '../../abuse/index.ts'
import type { AdminActor, AuditLog } from '../../admin/index.ts'
import type { Memberships } from '../../rooms/index.ts'

export interface ManageBanListsParts {
  readonly lists: BanLists
  readonly rooms: Pick<RoomRecordsReader, 'roomByRoomId'>
  readonly memberships: Pick<Memberships, 'change'>
  /** The user who speaks for the server, and reads policy rooms that nobody else of it is in. */
  readonly reader: UserId
  readonly auditLog: Pick<AuditLog, 'note'>
  readonly commit: Commit
}

/** Administrators choose the policy rooms that the server obeys. The caller has made sure that the actor is one. */
export class ManageBanLists {
  readonly #parts: ManageBanListsParts

  constructor(parts: ManageBanListsParts) {
    this.#parts = parts
  }

  lists(): readonly ObeyedList[] {
    return this.#parts.lists.lists()
  }

  /** Throws `M_NOT_FOUND` for a list that is not obeyed, or whose room is not known here. */
  rulesOf(roomId: RoomId, from: number, limit: number): readonly PolicyRule[] {
    const rules = this.#parts.lists.rulesOf(roomId, from, limit)
    if (rules === undefined) throw notObeyed()
    return rules
  }

  /**
   * From now on the server obeys the list. Where it does not know the room, the user who speaks for the server joins it, by one of the named servers.
   * Throws `M_LIMIT_EXCEEDED` where there are too many lists, and what the room says to the join.
   */
  async subscribe(actor: AdminActor, roomId: RoomId, servers: readonly ServerName[]): Promise<void> {
    const { lists, rooms, memberships, reader, auditLog, commit } = this.#parts
    if ((await rooms.roomByRoomId(roomId)) === undefined)
      await memberships.change({ roomId, sender: reader, target: reader, membership: 'join', servers })
    const note = auditLog.note({ ...actor, action: 'ban_list.subscribe', subject: roomId, details: {} })
    try {
      await commit([lists.adding(roomId, actor.by), note])
    } catch (error) {
      if (!(error instanceof WriteConflict) || error.kind !== 'too-many-ban-lists') throw error
      throw new MatrixError('M_LIMIT_EXCEEDED', `The server obeys at most ${MAX_BAN_LISTS} lists`, { status: 400 })
    }
    await lists.reload()
  }

  /** Throws `M_NOT_FOUND` for a list that is not obeyed, or that the configuration names. */
  async unsubscribe(actor: AdminActor, roomId: RoomId): Promise<void> {
    const { lists, auditLog, commit } = this.#parts
    const known = lists.lists().find((list) => list.roomId === roomId)
    if (known === undefined || known.addedBy === 'configuration') throw notObeyed()
    const note = auditLog.note({ ...actor, action: 'ban_list.unsubscribe', subject: roomId, details: {} })
    await commit([lists.removing(roomId), note])
    await lists.reload()
  }
}

const notObeyed = (): MatrixError =>
  new MatrixError('M_NOT_FOUND', 'There is no such list, or the configuration has it')
