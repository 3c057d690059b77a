import { Chore, type Clock, type Logger } from '#base'
import type { Commit, MessageIndexWriter } from '#store'

export interface MessageIndexingParts {
  readonly writer: MessageIndexWriter
  readonly commit: Commit
  /** Newest position of the stream of events, as far as this process knows. */
  position(): number
  readonly clock: Clock
  readonly logger: Logger
}

/** Nothing is asked of the database where no event came since. */
const EVERY_MS = 2_000
/** A search waits for the index so long, and then finds what is indexed. */
const WAIT_MS = 1_000
/** Between two pieces of old events, at least, so that they are not in the way of others' commits. */
const PAUSE_MS = 20

/**
 * Keeps the index of messages, behind the commits of events, so that a send costs nothing more. How far the index is stands in the database, and each piece is one
 * commit with that: a kill loses nothing, and any process may go on. Whoever searches makes it catch up first.
 */
export class MessageIndexing {
  readonly #parts: MessageIndexingParts
  readonly #chore: Chore
  #upTo = -1
  #catchingUp: Promise<void> | undefined
  #hasEarlier = true
  #goOn = (): void => {}

  constructor(parts: MessageIndexingParts) {
    this.#parts = parts
    this.#chore = new Chore({
      clock: parts.clock,
      logger: parts.logger,
      everyMs: EVERY_MS,
      failure: 'messages could not be indexed for searches; tried again',
      round: (chore) => this.#round(chore),
    })
  }

  /** Begins, or goes on where it was. */
  start(): void {
    this.#chore.start()
  }

  /** Resolves when the piece under way is done. */
  stop(): Promise<void> {
    const stopped = this.#chore.stop()
    this.#goOn()
    return stopped
  }

  /** Position up to which events are indexed, when those up to now are, or after a moment. */
  async caughtUp(): Promise<number> {
    const { clock } = this.#parts
    if (this.#upTo < this.#parts.position()) {
      let cancel = (): void => {}
      const late = new Promise<void>((resolve) => {
        cancel = clock.after(WAIT_MS, resolve)
      })
      try {
        await Promise.race([this.#catchUp(), late])
      } finally {
        cancel()
      }
    }
    return Math.max(0, this.#upTo)
  }

  async #round(chore: Chore): Promise<void> {
    if (this.#upTo < this.#parts.position()) await this.#catchUp()
    await chore.inPieces(async () => {
      if (!this.#hasEarlier) return false
      const startedMs = this.#parts.clock.monotonicMs()
      const [{ more }] = await this.#parts.commit([this.#parts.writer.earlier()])
      this.#hasEarlier = more
      if (!more) return false
      if (this.#upTo < this.#parts.position()) await this.#catchUp()
      await this.#pause(Math.max(PAUSE_MS, this.#parts.clock.monotonicMs() - startedMs))
      return true
    })
  }

  /** One at a time: whoever comes meanwhile waits for the same, and looks again. */
  async #catchUp(): Promise<void> {
    const wanted = this.#parts.position()
    while (this.#upTo < wanted) {
      this.#catchingUp ??= this.#next().finally(() => {
        this.#catchingUp = undefined
      })
      await this.#catchingUp
    }
  }

  async #next(): Promise<void> {
    const { commit, writer, position } = this.#parts
    const before = position()
    const [{ upTo, more }] = await commit([writer.next()])
    // Positions without an event are indexed too.
    this.#upTo = more ? upTo : Math.max(upTo, before)
  }

  #pause(ms: number): Promise<void> {
    return new Promise((resolve) => {
      this.#goOn = resolve
      this.#parts.clock.after(ms, resolve)
    })
  }
}
