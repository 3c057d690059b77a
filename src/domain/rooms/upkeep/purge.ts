import { Chore, type Clock, type Logger } from '#base'
import type { RoomId } from '#spec'
import {
  type Commit,
  type EmptyRoom,
  type RoomNumber,
  type RoomPurgesReader,
  type RoomPurgesWriter,
  WriteConflict,
} from '#store'
import type { RoomRemoval } from './room-removal.ts'

export interface RoomPurgeOptions {
  readonly reader: RoomPurgesReader
  readonly writer: RoomPurgesWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
  readonly removal: Pick<RoomRemoval, 'finish'>
  /** Time after the room's newest event; undefined: rooms are kept for ever. */
  readonly afterMs: number | undefined
  /** Whether everybody must have forgotten the room, too, and not just left it. */
  readonly forgottenByAll: boolean
}

const EVERY_MS = 3_600_000
const ROOMS_AT_ONCE = 100

/**
 * Removes rooms that nobody is in any more, if the operator wants it: "If all users on a homeserver forget a room, the room is
 * eligible for deletion from that homeserver" (client-server API, "Leaving rooms"). One commit makes the room unreachable, as a
 * compare-and-set, so that a room that somebody joins meanwhile is kept. Its rows follow in pieces, also after a restart.
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

  /** Begins: looks for such rooms now and then every hour. */
  start(): void {
    this.#chore.start()
  }

  /** Resolves when the work under way has ended. */
  stop(): Promise<void> {
    return this.#chore.stop()
  }

  async #look(): Promise<void> {
    for (const begun of await this.#options.reader.roomsBeingPurged()) await this.#remove(begun)
    while (await this.#purgeSome());
  }

  /** Returns whether there may be more. */
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
    await this.#options.removal.finish(room, () => !this.#chore.stopped)
  }
}
