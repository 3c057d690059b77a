import { Chore, type Clock, type Logger } from '#base'
import type { DirectoryReader, RoomNumber, RoomsToList } from '#store'
import { type Rooms, UnknownRoom } from '../turns/rooms.ts'

const EVERY_MS = 3_600_000
const ROOMS_AT_ONCE = 100

export interface ListingsParts {
  readonly rooms: Rooms
  readonly reader: DirectoryReader
  readonly clock: Clock
  readonly logger: Logger
}

/** Makes the listings of rooms that an earlier version published; later each turn keeps them right. Begins where it ended, also after a restart. */
export class Listings {
  readonly #parts: ListingsParts
  readonly #chore: Chore

  constructor(parts: ListingsParts) {
    this.#parts = parts
    this.#chore = new Chore({
      clock: parts.clock,
      logger: parts.logger,
      everyMs: EVERY_MS,
      failure: 'not all published rooms could be listed; tried again in an hour',
      round: () => this.#fill(),
    })
  }

  start(): void {
    this.#chore.start()
  }

  /** Resolves when the work under way has ended. */
  stop(): Promise<void> {
    return this.#chore.stop()
  }

  async #fill(): Promise<void> {
    const { rooms, reader } = this.#parts
    for (let after: RoomNumber | undefined = 0; after !== undefined; ) {
      const page: RoomsToList = await reader.roomsToList(after, ROOMS_AT_ONCE)
      after = page.upTo
      for (const roomId of page.roomIds) {
        if (this.#chore.stopped) return
        try {
          await rooms.turn(roomId, async (turn) => turn.publish(true))
        } catch (error) {
          // Purged meanwhile.
          if (!(error instanceof UnknownRoom)) throw error
        }
      }
    }
  }
}
