import { type Clock, FairWork, type Logger, WokenWork } from '#base'
import type { RoomId, ServerName } from '#spec'
import type {
  Commit,
  LeasedWork,
  StagedPdu,
  StagedPduRow,
  StagedTransactionsReader,
  StagedTransactionsWriter,
} from '#store'
import { UnknownRoom } from '../turns/rooms.ts'
import type { TakeEvents } from './take-events.ts'

export interface StagedRoomsParts {
  readonly reader: Pick<StagedTransactionsReader, 'stagedPdus' | 'stagedRooms'>
  readonly writer: Pick<StagedTransactionsWriter, 'removePdus' | 'countTries'>
  readonly commit: Commit
  readonly take: TakeEvents
  /** Whether the room waits for its members, by which its events are judged. */
  readonly waits: (roomId: RoomId) => Promise<boolean>
  readonly clock: Clock
  readonly logger: Logger
}

/** Staged events of one server in one room. Beyond it the answer to a transaction waits, and then the event is refused: it is got when a later one refers to it. */
const MAX_IN_ROOM = 1_000
const WAIT_MS = 10_000
/** Rooms at work, most of which wait for other servers, and those whose oldest event is of one server. */
const WORK = { concurrency: 64, ofOneKey: 16 }
const BATCH = 50
const BATCH_CHARACTERS = 256 * 1024
/** Events of a room that wait for a server which is away; more are dropped, and got when a later event refers to them. */
const MAX_DEFERRED = 50
/** The wait after the first attempt; doubled after each further one, up to the last of so many. */
const DEFER_MS = 3_000
const MAX_DEFERRALS = 9
/** Attempts that end by a fault of this server; after them an event is given up, so that it does not stop its room for ever. */
const MAX_TRIES = 5
const RETRY_MS = 5_000

/** Takes staged events room by room: in a room in the order in which they came, the rooms side by side. */
export class StagedRooms implements LeasedWork {
  readonly #parts: StagedRoomsParts
  readonly #fair = new FairWork<ServerName>(WORK)
  readonly #work: WokenWork<RoomId>
  /** Staged events, by room and server. */
  readonly #counts = new Map<RoomId, Map<ServerName, number>>()
  /** Events that wait for a server which is away. A restart forgets it, and tries them at once. */
  readonly #deferred = new Map<RoomId, Set<number>>()
  /** Told whenever events were taken. */
  readonly #waiting = new Set<() => void>()

  constructor(parts: StagedRoomsParts) {
    this.#parts = parts
    const { clock, logger } = parts
    this.#work = new WokenWork({
      ...{ clock, logger, retryMs: RETRY_MS, failure: 'staged events could not be read; tried again' },
      look: () => this.#look(),
      piece: (roomId, signal) => this.#piece(roomId, signal),
      failed: (err, room) => logger.error({ err, room }, 'staged events could not be taken; tried again'),
    })
  }

  /** Rooms at work or waiting for it. */
  get size(): number {
    return this.#work.size
  }

  start(): void {
    this.#counts.clear()
    this.#deferred.clear()
    this.#work.start()
  }

  async stop(): Promise<void> {
    const stopped = this.#work.stop()
    for (const look of this.#waiting) look()
    await stopped
  }

  /** Whether one more event of that server in that room may be staged, at once or after a while: a server that sends faster than this one takes waits for its answer. */
  async hasRoomFor(roomId: RoomId, origin: ServerName): Promise<boolean> {
    if (this.#isFree(roomId, origin)) return true
    let cancel = (): void => {}
    let free = (): void => {}
    const waited = new Promise<void>((resolve) => {
      free = () => {
        if (this.#work.stopped || this.#isFree(roomId, origin)) resolve()
      }
      this.#waiting.add(free)
      cancel = this.#parts.clock.after(WAIT_MS, resolve)
    })
    await waited
    cancel()
    this.#waiting.delete(free)
    return this.#isFree(roomId, origin)
  }

  #isFree(roomId: RoomId, origin: ServerName): boolean {
    return (this.#counts.get(roomId)?.get(origin) ?? 0) < MAX_IN_ROOM
  }

  /** To be called when the events are durable. */
  staged(pdus: readonly StagedPdu[]): void {
    for (const { roomId, origin } of pdus) this.#count(roomId, origin, 1)
    for (const roomId of new Set(pdus.map((pdu) => pdu.roomId))) this.#work.wake(roomId)
  }

  /** To be called when a room waits no more. */
  resume(roomId: RoomId): void {
    this.#work.wake(roomId)
  }

  #count(roomId: RoomId, origin: ServerName, more: number): void {
    const counts = this.#counts.get(roomId) ?? new Map<ServerName, number>()
    this.#counts.set(roomId, counts)
    counts.set(origin, (counts.get(origin) ?? 0) + more)
  }

  #taken(rows: readonly StagedPduRow[]): void {
    for (const { roomId, origin } of rows) {
      const counts = this.#counts.get(roomId)
      const left = (counts?.get(origin) ?? 1) - 1
      if (left > 0) counts?.set(origin, left)
      else counts?.delete(origin)
      if (counts?.size === 0) this.#counts.delete(roomId)
    }
    for (const look of this.#waiting) look()
  }

  async #look(): Promise<void> {
    const rooms = await this.#parts.reader.stagedRooms()
    for (const { roomId, origin, pdus } of rooms) this.#count(roomId, origin, pdus)
    for (const roomId of new Set(rooms.map((room) => room.roomId))) this.#work.wake(roomId)
  }

  async #piece(roomId: RoomId, signal: AbortSignal): Promise<'more' | 'nothing'> {
    const [oldest] = await this.#next(roomId, 1)
    // Events that came during the look at what was staged before the start were counted twice.
    if (oldest === undefined && !this.#deferred.has(roomId)) this.#counts.delete(roomId)
    if (oldest === undefined || (await this.#parts.waits(roomId))) return 'nothing'
    await this.#fair.run(oldest.origin, () => this.#batch(roomId, signal))
    return 'more'
  }

  /** The oldest staged events of a room that wait for nothing else. */
  async #next(roomId: RoomId, limit: number): Promise<readonly StagedPduRow[]> {
    const deferred = this.#deferred.get(roomId)
    const rows = await this.#parts.reader.stagedPdus(roomId, limit + (deferred?.size ?? 0))
    return deferred === undefined ? rows : rows.filter(({ staged }) => !deferred.has(staged))
  }

  async #batch(roomId: RoomId, signal: AbortSignal): Promise<void> {
    if (signal.aborted) return
    const rows = batchOf(await this.#next(roomId, BATCH))
    const numbers = rows.map(({ staged }) => staged)
    const { commit, writer, take, logger } = this.#parts
    let later: readonly StagedPduRow[]
    try {
      later = await take.take(roomId, rows, signal)
    } catch (error) {
      const over = rows.filter(({ tries }) => tries + 1 >= MAX_TRIES)
      if (error instanceof UnknownRoom) {
        await commit([writer.removePdus(numbers)])
        this.#taken(rows)
        return
      }
      for (const { eventId, origin } of over)
        logger.error({ err: error, event: eventId, origin }, 'an event was given up')
      await commit([writer.countTries('pdus', numbers), writer.removePdus(over.map(({ staged }) => staged))])
      this.#taken(over)
      throw error
    }
    if (signal.aborted) return
    const kept = new Set(this.#defer(roomId, later))
    const done = rows.filter((row) => !kept.has(row))
    const counted =
      kept.size === 0
        ? []
        : [
            writer.countTries(
              'pdus',
              [...kept].map(({ staged }) => staged),
            ),
          ]
    await commit([...counted, writer.removePdus(done.map(({ staged }) => staged))])
    this.#taken(done)
  }

  /** Returns those that are tried again, each after a wait of its own; the others have had their tries. */
  #defer(roomId: RoomId, rows: readonly StagedPduRow[]): readonly StagedPduRow[] {
    const deferred = this.#deferred.get(roomId) ?? new Set<number>()
    return rows.filter(({ staged, tries }) => {
      if (tries + 1 >= MAX_DEFERRALS || deferred.size >= MAX_DEFERRED) return false
      this.#deferred.set(roomId, deferred.add(staged))
      this.#parts.clock.after(DEFER_MS * 2 ** tries, () => {
        deferred.delete(staged)
        if (deferred.size === 0 && this.#deferred.get(roomId) === deferred) this.#deferred.delete(roomId)
        this.#work.wake(roomId)
      })
      return true
    })
  }
}

/** The rows to take together: as many as are not too long, and one alone after it failed. */
const batchOf = (rows: readonly StagedPduRow[]): readonly StagedPduRow[] => {
  let characters = 0
  const batch: StagedPduRow[] = []
  for (const row of rows) {
    characters += row.pduJson.length
    if (batch.length > 0 && (characters > BATCH_CHARACTERS || row.tries > 0)) break
    batch.push(row)
    if (row.tries > 0) break
  }
  return batch
}
