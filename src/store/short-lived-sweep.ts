import { Chore, type Clock, type Logger, yieldToEventLoop } from '#base'
import type { Commit } from './ports/engine/change.ts'
import { SHORT_LIVED_KINDS, type ShortLivedWriter } from './ports/processes/short-lived.ts'

export interface ShortLivedSweepParts {
  readonly writer: ShortLivedWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
}

const EVERY_MS = 5 * 60_000
/** Rows removed by one commit; others write between two of these. */
const ROWS_AT_ONCE = 500

/** Removes short-lived rows that have expired, every five minutes, in pieces. */
export class ShortLivedSweep {
  readonly #parts: ShortLivedSweepParts
  readonly #chore: Chore

  constructor(parts: ShortLivedSweepParts) {
    const { clock, logger } = parts
    this.#parts = parts
    this.#chore = new Chore({
      clock,
      logger,
      everyMs: EVERY_MS,
      failure: 'expired rows could not be removed; tried again in five minutes',
      round: () => this.#sweep(),
    })
  }

  start(): void {
    this.#chore.start()
  }

  /** Resolves when the round under way has ended. */
  stop(): Promise<void> {
    return this.#chore.stop()
  }

  async #sweep(): Promise<void> {
    const { commit, writer, clock } = this.#parts
    for (const kind of SHORT_LIVED_KINDS) {
      let removed = ROWS_AT_ONCE
      while (removed === ROWS_AT_ONCE && !this.#chore.stopped) {
        removed = (await commit([writer.dropExpired(kind, clock.nowMs(), ROWS_AT_ONCE)]))[0]
        await yieldToEventLoop(clock)
      }
    }
  }
}
