import { Chore, type Clock, type Logger } from '#base'
import type { RoomId } from '#spec'
import {
  type Change,
  type Commit,
  type EmptyRoom,
  type RoomNumber,
  type RoomPurgesReader,
  type RoomPurgesWriter,
  WriteConflict,
} from '#store'

export interface RoomPurgeOptions {
  readonly reader: RoomPurgesReader
  readonly writer: RoomPurgesWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
  /** What others keep of a room that is gone: receipts, account data. */
  changesFor(room: RoomNumber): readonly Change<unknown>[]
  /** Since the room's newest event; undefined: rooms stay for ever. */
  readonly afterMs: number | undefined
  /** Left by all is not enough: each of them must have forgotten it. */
  readonly forgottenByAll: boolean
}

const EVERY_MS = 3_600_000
const ROOMS_AT_ONCE = 100
/** Rows of one commit: others write between two of them. */
const EVENTS_AT_ONCE = 500

/**
 * Removes rooms that nobody is in any more, where the operator wants it: "If all users on a homeserver forget a room, the room is
 * eligible for deletion from that homeserver" (client-server API, "Leaving rooms"). A room is out of reach at one stroke, by
 * compare-and-set, so nobody who joins meanwhile loses it; its rows follow in pieces, after a stop of the server too.
 */
export class RoomPurge {
  readonly #options: RoomPurgeOptions
  readonly #chore: Chore

  constructor(options: RoomPurgeOptions) {
    this.#options = options
    this.#chore = new Chore({
      clock: options.clock,
      logger: options.logger,
      everyMs: EVERY_MS,
      failure: 'empty rooms could not be removed; tried again in an hour',
      round: () => this.#look(),
    })
  }

  /** Looks now, then every hour. */
  start(): void {
    this.#chore.start()
  }

  /** When what is under way has ended. */
  stop(): Promise<void> {
    return this.#chore.stop()
  }

  async #look(): Promise<void> {
    for (const begun of await this.#options.reader.roomsBeingPurged()) await this.#remove(begun)
    while (await this.#purgeSome());
  }

  /** Answers whether there may be more. */
  async #purgeSome(): Promise<boolean> {
    const { afterMs, clock, forgottenByAll, reader } = this.#options
    if (afterMs === undefined || this.#chore.stopped) return false
    const beforeMs = clock.nowMs() - afterMs
    const rooms = await reader.emptyRooms({ forgottenByAll, beforeMs, limit: ROOMS_AT_ONCE })
    let purged = 0
    for (const room of rooms) if (!this.#chore.stopped && (await this.#purge(room))) purged++
    return rooms.length === ROOMS_AT_ONCE && purged > 0
  }

  async #purge(room: EmptyRoom): Promise<boolean> {
    try {
      await this.#options.commit([this.#options.writer.begin(room)])
    } catch (error) {
      if (error instanceof WriteConflict && error.kind === 'room-changed') return false
      throw error
    }
    this.#options.logger.info({ roomId: room.roomId }, 'a room that nobody is in any more is removed')
    await this.#remove(room)
    return true
  }

  async #remove({ room }: { readonly room: RoomNumber; readonly roomId: RoomId }): Promise<void> {
    const { changesFor, commit, writer } = this.#options
    for (let more = true; more && !this.#chore.stopped; )
      [{ more }] = await commit([writer.continue(room, EVENTS_AT_ONCE)])
    if (!this.#chore.stopped) await commit([...changesFor(room), writer.finish(room)])
  }
}
