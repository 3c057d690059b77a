import {
  type JsonObject,
  MatrixError,
  parseRoomId,
  type RoomId,
  type ServerName,
  serverOf,
  stringAt,
  type UserId,
} from '#spec'
import type { AliasesReader, Commit, MembersReader, RoomRecordsReader, RoomServersReader, RoomsWriter } from '#store'
import { type JobKind, JobStopped, type RunningJob } from '../../jobs/index.ts'
import {
  type Memberships,
  type RoomCreation,
  type RoomRemoval,
  type Sending,
  stillInhabited,
} from '../../rooms/index.ts'

export interface RoomToDelete extends JsonObject {
  readonly room_id: RoomId
  /** The maker of the room into which the users are moved; null: they just leave. */
  readonly new_room_user_id: UserId | null
  readonly room_name: string
  readonly message: string
  readonly purge: boolean
  readonly force_purge: boolean
}

export interface DeleteRoomParts {
  readonly memberships: Pick<Memberships, 'change' | 'forget'>
  readonly creation: Pick<RoomCreation, 'create'>
  readonly sending: Pick<Sending, 'message'>
  readonly removal: RoomRemoval
  readonly reader: MembersReader & RoomRecordsReader & AliasesReader & Pick<RoomServersReader, 'isServerIn'>
  readonly writer: Pick<RoomsWriter, 'addAlias' | 'removeAlias'>
  readonly commit: Commit
  readonly serverName: ServerName
}

/** The part of a deletion that is told: `shutdown_room` of Synapse. */
export interface Shutdown extends JsonObject {
  readonly kicked_users: readonly string[]
  readonly failed_to_kick_users: readonly string[]
  readonly local_aliases: readonly string[]
  readonly new_room_id: RoomId | null
}

const NOTHING_YET: Shutdown = { kicked_users: [], failed_to_kick_users: [], local_aliases: [], new_room_id: null }
const SAVED_EVERY = 25
/** Users who are named in the outcome; the others leave as well. */
const MAX_NAMED = 5_000
/** No device has this number, so these transactions are of nobody else. */
const OF_NO_DEVICE = -1

/** Ends a room on this server: its users leave, perhaps into a new room which tells them why, and nothing of the old one is kept. */
export class DeleteRoom implements JobKind<RoomToDelete> {
  readonly name = 'room.delete'
  readonly #parts: DeleteRoomParts

  constructor(parts: DeleteRoomParts) {
    this.#parts = parts
  }

  async run(params: RoomToDelete, job: RunningJob): Promise<JsonObject> {
    const record = await this.#parts.reader.roomByRoomId(params.room_id)
    let done = shutdownIn(job.progress)
    if (record !== undefined) {
      if (params.new_room_user_id !== null && done.new_room_id === null) {
        done = { ...done, new_room_id: await this.#newRoom(params, params.new_room_user_id, job.id) }
        await job.save(done)
      }
      done = await this.#emptied(params, { done, job }, record.room)
      done = await this.#movedAliases(params, done, record.room)
      await job.save(done)
    }
    if (params.purge) await this.#purge(params, job)
    return done
  }

  /** The same room where an earlier try made it already. */
  async #newRoom({ room_name: name, message: body }: RoomToDelete, creator: UserId, id: string): Promise<RoomId> {
    const { creation, sending } = this.#parts
    const transaction = { device: OF_NO_DEVICE, scope: 'room.delete', id }
    const { roomId } = await creation.create({
      ...{ creator, visibility: 'private', preset: 'public_chat', name, invite: [], initialState: [] },
      ...{ creationContent: {}, isDirect: false, aliasTold: false, transaction },
      powerLevelOverride: { users_default: -10 },
    })
    const content = { msgtype: 'm.text', body }
    const told = { ...transaction, scope: 'room.delete.message' }
    await sending.message(roomId, { type: 'm.room.message', sender: creator, content, transaction: told })
    return roomId
  }

  /** Everybody of this server leaves, one after the other. */
  async #emptied(
    { room_id: roomId }: RoomToDelete,
    { done: before, job }: { readonly done: Shutdown; readonly job: RunningJob },
    room: number,
  ): Promise<Shutdown> {
    const { reader, serverName } = this.#parts
    let done = before
    let since = 0
    const failed = new Set(done.failed_to_kick_users)
    for (const { userId } of await reader.members(room, ['join', 'invite', 'knock'])) {
      if (serverOf(userId) !== serverName || failed.has(userId)) continue
      const left = await this.#takeOut(roomId, userId, done.new_room_id)
      const list = left ? 'kicked_users' : 'failed_to_kick_users'
      if (done[list].length < MAX_NAMED) done = { ...done, [list]: [...done[list], userId] }
      since = (since + 1) % SAVED_EVERY
      if (since === 0) await job.save(done)
    }
    await job.save(done)
    return done
  }

  /** Returns whether the user left the room. A new room that they cannot enter is no reason to stay in the old one. */
  async #takeOut(roomId: RoomId, userId: UserId, newRoomId: RoomId | null): Promise<boolean> {
    const { memberships } = this.#parts
    const own = { sender: userId, target: userId }
    const left = await isAllowed(async () => {
      await memberships.change({ ...own, roomId, membership: 'leave' }, true)
      await memberships.forget(roomId, userId)
    })
    if (newRoomId !== null) await isAllowed(() => memberships.change({ ...own, roomId: newRoomId, membership: 'join' }))
    return left
  }

  async #movedAliases({ new_room_user_id: creator }: RoomToDelete, done: Shutdown, room: number): Promise<Shutdown> {
    const { reader, writer, commit } = this.#parts
    const { new_room_id: newRoomId } = done
    const target = newRoomId === null ? undefined : await reader.roomByRoomId(newRoomId)
    if (target === undefined || creator === null) return done
    const aliases = await reader.aliasesOf(room)
    for (const alias of aliases) await commit([writer.removeAlias(alias), writer.addAlias(alias, target.room, creator)])
    return { ...done, local_aliases: [...done.local_aliases, ...aliases] }
  }

  async #purge({ room_id: roomId, force_purge: force }: RoomToDelete, job: RunningJob): Promise<void> {
    const { removal, reader, serverName } = this.#parts
    const room = await removal.begin(roomId, async (number) => {
      if (!force && (await reader.isServerIn(number, serverName))) throw stillInhabited()
    })
    if (room === undefined) return
    const finished = await removal.finish(room, () => !job.signal.aborted)
    // The rows that are left follow with the next attempt.
    if (!finished) throw new JobStopped()
  }
}

/** Whether the room allowed it. */
const isAllowed = async (deed: () => Promise<unknown>): Promise<boolean> => {
  try {
    await deed()
    return true
  } catch (error) {
    if (error instanceof MatrixError) return false
    throw error
  }
}

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((text): text is string => typeof text === 'string') : []

/** Returns what a job has told of its deletion so far. */
export const shutdownIn = (progress: JsonObject): Shutdown => ({
  ...NOTHING_YET,
  kicked_users: texts(progress.kicked_users),
  failed_to_kick_users: texts(progress.failed_to_kick_users),
  local_aliases: texts(progress.local_aliases),
  new_room_id: parseRoomId(stringAt(progress, 'new_room_id') ?? '') ?? null,
})
