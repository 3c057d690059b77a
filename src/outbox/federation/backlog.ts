import type { Clock, Logger } from '#base'
import type { ServerName } from '#spec'
import type { Commit, FederationOutReader, FederationOutWriter, OutgoingEvent, WaitingEdu } from '#store'

export interface OutStore {
  readonly reader: FederationOutReader
  readonly writer: FederationOutWriter
  readonly commit: Commit
}

export interface BacklogParts {
  readonly own: ServerName
  readonly clock: Clock
  readonly logger: Logger
  readonly store: OutStore
  /** The position up to which all events were handed out. */
  readonly reached: () => number
  /** The position up to which the newest events of rooms are stored. */
  readonly roomsStoredTo: () => number
}

/** A server that took nothing for so long gets the newest event of each room and asks for the others itself. */
const LONG_MS = 3_600_000
/** The same where the stream went on by so much. */
const LONG_STRETCH = 20_000

/** Reads for a destination what waits for it in the database. */
export class Backlog {
  readonly #parts: BacklogParts

  constructor(parts: BacklogParts) {
    this.#parts = parts
  }

  /** The position up to which all events were handed out. */
  get reached(): number {
    return this.#parts.reached()
  }

  /** The next events, earliest first, all of them or the newest of each room; `since`: when the server began to fail. */
  async missed(
    server: ServerName,
    range: {
      readonly after: number
      readonly upTo: number
      readonly since: number | undefined
      readonly limit: number
    },
  ): Promise<readonly OutgoingEvent[]> {
    const { own, clock, store, roomsStoredTo } = this.#parts
    const { after, upTo, since, limit } = range
    const isLong = upTo - after > LONG_STRETCH || (since !== undefined && clock.nowMs() - since > LONG_MS)
    if (!isLong) return store.reader.outgoingTo(server, { after, upTo, own, limit })
    const storedTo = roomsStoredTo()
    const newest = await store.reader.newestTo(server, after, limit)
    if (newest.length > 0) return newest
    return store.reader.outgoingTo(server, { after: Math.max(after, storedTo), upTo, own, limit })
  }

  edus(server: ServerName, limit: number): Promise<readonly WaitingEdu[]> {
    return this.#parts.store.reader.waitingEdus(server, limit)
  }

  async edusTaken(server: ServerName, edus: readonly number[]): Promise<void> {
    const { commit, writer } = this.#parts.store
    await commit([writer.eduTaken(server, edus)])
  }

  /** Removes what would only grow for a server that may be gone for ever. */
  giveUp(server: ServerName): void {
    const { store, logger } = this.#parts
    store.commit([store.writer.giveUpEdus(server)]).catch((err: unknown) => {
      logger.warn({ err, destination: server }, 'what waited for a server that is given up could not be removed')
    })
  }
}
