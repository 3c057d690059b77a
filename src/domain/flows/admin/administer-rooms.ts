import { powerLevelsOf } from '#rules'
import {
  type EventId,
  type JsonObject,
  MatrixError,
  parseUserId,
  type RoomId,
  type ServerName,
  serverOf,
  type UserId,
} from '#spec'
import type { Commit, MembersReader, RoomRecordsReader } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type { AdminActor, AuditLog } from '../../admin/index.ts'
import type { Jobs } from '../../jobs/index.ts'
import type { BlockedRooms, Memberships, PurgeHistory, Rooms, RoomTurn } from '../../rooms/index.ts'
import type { RoomToDelete } from './delete-room.ts'

export const DEFAULT_ROOM_NAME = 'Content violation notice'
export const DEFAULT_MESSAGE = 'This room was removed, because what was shared in it is not allowed on this server.'

export interface AdministerRoomsParts {
  readonly rooms: Pick<Rooms, 'turn'>
  readonly memberships: Pick<Memberships, 'change'>
  readonly blocked: BlockedRooms
  readonly history: Pick<PurgeHistory, 'depthOf'>
  readonly jobs: Jobs
  readonly accounts: Pick<Accounts, 'account'>
  readonly audit: AuditLog
  readonly store: {
    readonly reader: MembersReader & RoomRecordsReader
    readonly commit: Commit
    readonly serverName: ServerName
  }
}

/** Options of a deletion; those that are left out are as Synapse has them. */
export interface DeletionWish {
  readonly newRoomUserId?: UserId | undefined
  readonly roomName?: string | undefined
  readonly message?: string | undefined
  readonly block?: boolean | undefined
  readonly purge?: boolean | undefined
  readonly forcePurge?: boolean | undefined
}

/** Deeds of administrators with rooms. Nobody is asked who they are: the caller has made sure of that. */
export class AdministerRooms {
  readonly #parts: AdministerRoomsParts

  constructor(parts: AdministerRoomsParts) {
    this.#parts = parts
  }

  /** The room need not be known here. */
  async setBlocked(roomId: RoomId, isBlocked: boolean, actor: AdminActor): Promise<void> {
    const { blocked, audit, store } = this.#parts
    const change = isBlocked ? blocked.blocking(roomId, actor.by) : blocked.unblocking(roomId)
    const action = isBlocked ? 'room.block' : 'room.unblock'
    await store.commit([change, audit.note({ ...actor, action, subject: roomId, details: {} })])
  }

  /** Starts the deletion and returns the id of its job. Throws `M_NOT_FOUND` for a room that is not known here, `M_INVALID_PARAM`. */
  async delete(roomId: RoomId, wish: DeletionWish, actor: AdminActor): Promise<string> {
    const { blocked, jobs, audit, store } = this.#parts
    const { newRoomUserId, block = false, purge = true, forcePurge = false } = wish
    if (newRoomUserId !== undefined && serverOf(newRoomUserId) !== store.serverName)
      throw new MatrixError('M_INVALID_PARAM', 'The user who makes the new room must be of this server')
    if ((await store.reader.roomByRoomId(roomId)) === undefined && (await this.#isUnknown(roomId)))
      throw new MatrixError('M_NOT_FOUND', 'Unknown room')
    const params: RoomToDelete = {
      room_id: roomId,
      new_room_user_id: newRoomUserId ?? null,
      room_name: wish.roomName ?? DEFAULT_ROOM_NAME,
      message: wish.message ?? DEFAULT_MESSAGE,
      purge,
      force_purge: forcePurge,
    }
    const details: JsonObject = { block, purge, force_purge: forcePurge, new_room_user_id: newRoomUserId ?? null }
    const note = audit.note({ ...actor, action: 'room.delete', subject: roomId, details })
    const also = [...(block ? [blocked.blocking(roomId, actor.by)] : []), note]
    return jobs.start({ name: 'room.delete' }, params, { by: actor.by, key: roomId, also })
  }

  /** Starts the purge and returns the id of its job. Throws `M_NOT_FOUND`, and `M_UNKNOWN` (400) while one of this room is under way. */
  async purgeHistory(
    roomId: RoomId,
    upTo: { readonly eventId: EventId } | { readonly atMs: number },
    localOnes: boolean,
    actor: AdminActor,
  ): Promise<string> {
    const { history, jobs, audit } = this.#parts
    const beforeDepth = await history.depthOf(roomId, upTo)
    const [last] = await jobs.list({ kind: 'room.purge-history', key: roomId, limit: 1 })
    if (last?.state === 'scheduled' || last?.state === 'active')
      throw new MatrixError('M_UNKNOWN', 'The history of this room is being purged already', { status: 400 })
    const params = { room_id: roomId, before_depth: beforeDepth, delete_local_events: localOnes }
    const note = audit.note({ ...actor, action: 'room.purge_history', subject: roomId, details: params })
    return jobs.start({ name: 'room.purge-history' }, params, { by: actor.by, key: roomId, also: [note] })
  }

  /**
   * Gives a user the highest power that a joined user of this server has and may give; invites them where they could not join otherwise. Throws
   * `M_NOT_FOUND`, and `M_UNKNOWN` (400) where no user of this server has the power.
   */
  async makeAdmin(roomId: RoomId, userId: UserId, actor: AdminActor): Promise<void> {
    const { rooms, memberships, audit, store } = this.#parts
    const record = await store.reader.roomByRoomId(roomId)
    if (record === undefined) throw new MatrixError('M_NOT_FOUND', 'Room not found')
    const locals = (await store.reader.members(record.room, ['join'])).filter(
      (member) => serverOf(member.userId) === store.serverName,
    )
    const invites = await rooms.turn(roomId, async (turn) => {
      const giver = await grantPower(
        turn,
        userId,
        locals.map((member) => member.userId),
      )
      const membership = await turn.membership(userId)
      const isOpen = (await turn.state('m.room.join_rules'))?.content.join_rule === 'public'
      turn.also(audit.note({ ...actor, action: 'room.make_admin', subject: roomId, details: { user_id: userId } }))
      return isOpen || membership === 'join' || membership === 'invite' ? undefined : giver
    })
    if (invites !== undefined)
      await memberships.change({ roomId, sender: invites, target: userId, membership: 'invite' })
  }

  /** Joins a user of this server, whom the administrator invites before where that is needed. Throws what invites and joins throw, `M_NOT_FOUND`. */
  async join(
    roomId: RoomId,
    user: string,
    via: readonly ServerName[],
    actor: AdminActor & { readonly by: UserId },
  ): Promise<void> {
    const { memberships, accounts, audit, store } = this.#parts
    const userId = parseUserId(user)
    if (userId === undefined || serverOf(userId) !== store.serverName)
      throw new MatrixError('M_INVALID_PARAM', 'Only users of this server can be joined')
    if ((await accounts.account(userId)) === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such account')
    if (await this.#needsInvite(roomId, userId, actor.by))
      await memberships.change({ roomId, sender: actor.by, target: userId, membership: 'invite' })
    await memberships.change({ roomId, sender: userId, target: userId, membership: 'join', servers: via })
    await audit.record({ ...actor, action: 'room.join', subject: roomId, details: { user_id: userId } })
  }

  async #needsInvite(roomId: RoomId, userId: UserId, admin: UserId): Promise<boolean> {
    const { rooms, store } = this.#parts
    const record = await store.reader.roomByRoomId(roomId)
    if (record === undefined || userId === admin) return false
    const membership = async (of: UserId) => (await store.reader.membership(record.room, of))?.membership
    const own = await membership(userId)
    if (own === 'join' || own === 'invite' || (await membership(admin)) !== 'join') return false
    return rooms.turn(roomId, async (turn) => (await turn.state('m.room.join_rules'))?.content.join_rule !== 'public')
  }

  /** Whether no deletion of the room is to be gone on with, either. */
  async #isUnknown(roomId: RoomId): Promise<boolean> {
    const [last] = await this.#parts.jobs.list({ kind: 'room.delete', key: roomId, limit: 1 })
    return last?.state !== 'scheduled' && last?.state !== 'active' && last?.state !== 'failed'
  }
}

/** Returns the user who gave the power. */
const grantPower = async (turn: RoomTurn, userId: UserId, locals: readonly UserId[]): Promise<UserId> => {
  const create = await turn.state('m.room.create')
  if (create === undefined) throw new MatrixError('M_NOT_FOUND', 'Room not found')
  const current = await turn.state('m.room.power_levels')
  const levels = powerLevelsOf(turn.version, create, current)
  const needed = levels.toSend('m.room.power_levels', true)
  const [giver] = locals
    .filter((local) => levels.ofUser(local) >= needed)
    .sort((one, other) => levels.ofUser(other) - levels.ofUser(one))
  if (giver === undefined)
    throw new MatrixError('M_UNKNOWN', 'No user of this server in this room may change power levels', { status: 400 })
  const given = levels.ofUser(giver)
  if (levels.ofUser(userId) >= given) return giver
  // Without the event whoever made the room has power, and would lose it by one that does not name them.
  const content = current?.content ?? (Number.isSafeInteger(given) ? { users: { [giver]: given } } : {})
  const users = content.users as JsonObject | undefined
  // Whoever made the room has endless power in new versions, which nobody can give.
  const level = Number.isSafeInteger(given) ? given : Math.max(100, needed)
  const after = { ...content, users: { ...users, [userId]: level } }
  await turn.add({ type: 'm.room.power_levels', sender: giver, stateKey: '', content: after })
  return giver
}
