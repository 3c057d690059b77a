import { BoundedCache, type CacheStats, Contended, KeyedLock } from '#base'
import { toRoomEvent } from '#rules'
import { type EventId, type JsonObject, MatrixError, type Pdu, ROOM_VERSIONS, type RoomId, type UserId } from '#spec'
import {
  type AppliedRoomChange,
  type Change,
  type Commit,
  type EventsReader,
  type RoomRecordsReader,
  type RoomStateReader,
  type RoomsWriter,
  type StateSize,
  type StoredEvent,
  WriteConflict,
} from '#store'
import { listingAfter } from './listing-after.ts'
import { LiveRoom, type StateEntry } from './live-room.ts'
import { MembersMissing } from './members-missing.ts'
import { FREE_MEMBER_BYTES } from './state-size.ts'
import { type Draft, RoomTurn, type TurnTools } from './turn.ts'

/** A room that exists once its change is committed. */
export interface RoomDraft<Value> {
  readonly roomId: RoomId
  readonly value: Value
  /** Conflicts: `room-exists`, `alias-exists`, `transaction-used`. */
  readonly changes: readonly Change<unknown>[]
}

export interface RoomsOptions extends Omit<TurnTools, 'storedJson'> {
  readonly commit: Commit
  readonly reader: EventsReader & RoomRecordsReader & RoomStateReader
  readonly writer: RoomsWriter
  readonly cacheLimitBytes: number
}

export interface NewRoomOptions {
  readonly creator: UserId
  /** A key of `ROOM_VERSIONS`. */
  readonly version: string
  /** The content of the create event. `roomId` is undefined where that id is made from the event. */
  createContent(roomId: RoomId | undefined): JsonObject | Promise<JsonObject>
  readonly published: boolean
  readonly alias: string | undefined
  /** The transaction of the create event. */
  readonly transaction?: Draft['transaction']
}

/** This server has no such room: `M_NOT_FOUND`, or `hidden()` where the client must not tell this from other refusals. */
export class UnknownRoom extends MatrixError {
  constructor() {
    super('M_NOT_FOUND', 'This server knows no such room')
  }

  hidden(): MatrixError {
    return new MatrixError('M_FORBIDDEN', 'You are not in this room, or it does not exist', { cause: this })
  }
}

/** Limit on the state that one room has in memory: a room of 100,000 members has the busiest of them there. */
const LIVE_ROOM_BYTES = 4 * 1024 * 1024
/** Growth of a room after which the cache counts it anew. */
const RECOUNT_BYTES = 4_000

/** Tries of a turn whose room keeps changing. */
const MAX_TRIES = 10
/** The second try follows at once; each later one waits a random part of this time, multiplied by the tries before it. */
const WAIT_MS = 8

interface TurnResult<Value> {
  readonly value: Value
  readonly live: LiveRoom
  readonly written: Promise<unknown>
}

/**
 * Every change of a room goes through a turn: one at a time in a room, in the order of the calls. A turn ends when its change is
 * given to the store, not when it is durable, so the turns of a busy room share one sync to disk; the caller's promise
 * waits for the commit. Every change names the base that it was computed from. So a turn that built on a change that failed
 * fails too, and runs again on the room as it is stored.
 */
export class Rooms {
  readonly #options: RoomsOptions
  readonly #tools: TurnTools
  readonly #live: BoundedCache<RoomId, LiveRoom>
  readonly #turns = new KeyedLock<RoomId>()
  #lastCreateMs = 0

  constructor(options: RoomsOptions) {
    this.#options = options
    this.#tools = {
      clock: options.clock,
      random: options.random,
      key: options.key,
      stateLimits: options.stateLimits,
      ...(options.policy === undefined ? {} : { policy: options.policy }),
      storedJson: async (eventId) => (await options.reader.event(eventId))?.json,
    }
    this.#live = new BoundedCache({
      name: 'live-rooms',
      limitBytes: options.cacheLimitBytes,
      sizeBytes: (live) => live.sizeBytes,
    })
  }

  stats(): CacheStats {
    return this.#live.stats()
  }

  /**
   * Runs `plan` in the room's turn, commits what it added, and returns its result. `plan` may run more than once and
   * must only read and add. `settled`: no change is under way when it begins, so that the store has all of the room.
   * Throws `UnknownRoom`.
   */
  async turn<Value>(
    roomId: RoomId,
    plan: (turn: RoomTurn) => Promise<Value>,
    { settled = false }: { readonly settled?: boolean } = {},
  ): Promise<Value> {
    for (let tries = 1; ; tries++) {
      const { value, live, written } = await this.#turns.run(roomId, () => this.#takeTurn(roomId, plan, settled))
      try {
        await written
        return value
      } catch (error) {
        this.#drop(live)
        if (!hasMoved(error)) throw error
        if (tries >= MAX_TRIES) throw new Contended(`${roomId} changed during each of ${tries} tries`, { cause: error })
        if (tries > 1) await this.#wait(tries)
      }
    }
  }

  /** Runs work that changes the room beside its turns: no change is under way when it begins, and the next turn starts from what is stored. */
  alone<Value>(roomId: RoomId, work: () => Promise<Value>): Promise<Value> {
    return this.#turns.run(roomId, async () => {
      const live = this.#live.get(roomId)
      if (live !== undefined) {
        await live.lastWrite.catch(() => {})
        this.#drop(live)
      }
      return work()
    })
  }

  /** Waits a random time, so that two processes that write into one room do not collide again and again. */
  #wait(tries: number): Promise<void> {
    const { clock, random } = this.#tools
    const [chance = 0] = random.bytes(1)
    return new Promise((resolve) => clock.after((chance / 256) * WAIT_MS * tries, resolve))
  }

  /** Creates a room: its create event, then what `plan` adds, in one commit; `plan` may run more than once. Conflict: `alias-exists`. */
  async create<Value>(
    options: NewRoomOptions,
    plan: (turn: RoomTurn) => Promise<Value>,
  ): Promise<{ readonly roomId: RoomId; readonly value: Value }> {
    for (let tries = 1; ; tries++) {
      try {
        const { roomId, value, changes } = await this.draft(options, plan)
        await this.#options.commit([...changes])
        return { roomId, value }
      } catch (error) {
        // Another process made a room of the same user, with the same id, in the same millisecond.
        if (!(error instanceof WriteConflict) || error.kind !== 'room-exists') throw error
        if (tries >= MAX_TRIES) throw new Contended('no room id was free', { cause: error })
        await this.#wait(tries)
      }
    }
  }

  /** Makes a room like `create`, for a commit that changes another room as well. */
  async draft<Value>(options: NewRoomOptions, plan: (turn: RoomTurn) => Promise<Value>): Promise<RoomDraft<Value>> {
    const version = ROOM_VERSIONS.get(options.version)
    if (version === undefined) throw new MatrixError('M_UNSUPPORTED_ROOM_VERSION', 'Unknown room version')
    const { random, key } = this.#tools
    // A placeholder if the id is made from the create event: `adopt` below gives the turn the real one.
    const given = `!${random.token(18)}:${key.serverName}` as RoomId
    const nothing = async (): Promise<null> => null
    const empty = async (): Promise<StateSize> => ({ bytes: 0, entries: 0 })
    const blank = { room: 0, version, sequence: 0, extremities: [], stateSize: undefined }
    const first = new RoomTurn(new LiveRoom({ ...blank, roomId: given }, nothing, empty), this.#tools)
    const createEventId = await first.add({
      type: 'm.room.create',
      stateKey: '',
      sender: options.creator,
      content: await options.createContent(version.roomIdIsCreateHash ? undefined : given),
      transaction: options.transaction,
      originServerTs: this.#createTime(),
    })
    const roomId = version.roomIdIsCreateHash ? (`!${createEventId.slice(1)}` as RoomId) : given
    const turn = first.adopt(new LiveRoom({ ...blank, roomId }, nothing, empty))
    const value = await plan(turn)
    const listing = options.published ? await listingAfter(turn) : undefined
    const change = this.#options.writer.create({
      roomId,
      version: version.id,
      published: options.published,
      ...(options.alias === undefined ? {} : { alias: { alias: options.alias, creator: options.creator } }),
      change: { ...turn.change(), ...(listing === undefined ? {} : { listing }) },
    })
    return { roomId, value, changes: [change, ...turn.others] }
  }

  /**
   * The time of a create event. If the room id is that event's hash, two rooms that one user makes in the same millisecond could have one id: so no two
   * rooms of this process get the same time, and `create` tries again if another process made that id.
   */
  #createTime(): number {
    this.#lastCreateMs = Math.max(this.#tools.clock.nowMs(), this.#lastCreateMs + 1)
    return this.#lastCreateMs
  }

  async #takeTurn<Value>(
    roomId: RoomId,
    plan: (turn: RoomTurn) => Promise<Value>,
    settled: boolean,
  ): Promise<TurnResult<Value>> {
    const live = await this.#liveRoom(roomId)
    const isLarge = live.sizeBytes > LIVE_ROOM_BYTES
    if (isLarge || settled) {
      // Changes under way are not in the database yet, so nothing is read from there before they end.
      await live.lastWrite.catch(() => this.#drop(live))
      if (this.#live.get(roomId) !== live) return this.#takeTurn(roomId, plan, settled)
    }
    if (isLarge) live.forgetEntries()
    const turn = new RoomTurn(live, this.#tools)
    // A refused turn has read entries, too.
    const value = await plan(turn).finally(() => this.#recount(live))
    if (turn.empty) return { value, live, written: live.lastWrite.catch(startOver) }
    const listing = await listingAfter(turn)
    const change: Change<AppliedRoomChange> = this.#options.writer.apply({
      room: live.room,
      base: live.base,
      ...turn.change(),
      ...(listing === undefined ? {} : { listing }),
    })
    turn.advance()
    this.#recount(live)
    const written = this.#options.commit([change, ...turn.others])
    live.lastWrite = written
    // Callers get the error from `written`; without this line a failure that nobody waits for would end the process.
    written.catch(() => {})
    return { value, live, written }
  }

  async #liveRoom(roomId: RoomId): Promise<LiveRoom> {
    const held = this.#live.get(roomId)
    if (held !== undefined) return held
    const record = await this.#options.reader.roomByRoomId(roomId)
    const version = record === undefined ? undefined : ROOM_VERSIONS.get(record.version)
    if (record === undefined || version === undefined) throw new UnknownRoom()
    const { reader } = this.#options
    const loadEntry = async (type: string, stateKey: string): Promise<StateEntry | null> => {
      const stored = await reader.stateEvent(record.room, 'current', type, stateKey)
      if (stored !== undefined) return stateEntry(live, stored)
      if (type === 'm.room.member' && record.partialSince !== undefined) throw new MembersMissing(roomId)
      return null
    }
    const loadSize = (): Promise<StateSize> => reader.stateSize(record.room, FREE_MEMBER_BYTES)
    const live: LiveRoom = new LiveRoom({ ...record, version }, loadEntry, loadSize)
    // Most rooms have no policy server, and their turns need not ask.
    if (!record.policed) live.setNone('m.room.policy', '')
    this.#live.set(roomId, live)
    return live
  }

  /** Puts a room that grew or shrank into the cache again, as the cache counts bytes only then. */
  #recount(live: LiveRoom): void {
    if (Math.abs(live.sizeBytes - live.countedBytes) < RECOUNT_BYTES || this.#live.get(live.roomId) !== live) return
    live.countedBytes = live.sizeBytes
    this.#live.set(live.roomId, live)
  }

  #drop(live: LiveRoom): void {
    if (this.#live.get(live.roomId) === live) this.#live.delete(live.roomId)
  }
}

/** `event-exists`: an event from outside was stored by somebody else meanwhile, at another place. */
const MOVED: ReadonlySet<string> = new Set(['room-changed', 'dangling-reference', 'event-exists'])

/** Whether a commit failed because the room has moved on, so that the turn has to run again. */
const hasMoved = (error: unknown): boolean => error instanceof WriteConflict && MOVED.has(error.kind)

/** Runs a turn that changed nothing again, as the change that it built on failed. The reason goes to the caller of that change. */
const startOver = (): never => {
  throw new WriteConflict('room-changed')
}

const stateEntry = (live: LiveRoom, stored: StoredEvent): StateEntry => ({
  event: toRoomEvent(
    live.version,
    JSON.parse(stored.json) as Pdu,
    stored.eventId as EventId,
    stored.placing === 'rejected',
  ),
  json: stored.json,
})
