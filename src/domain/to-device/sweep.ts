import { Chore, type Clock, type Logger, yieldToEventLoop } from '#base'
import type { Commit, ToDeviceWriter } from '#store'

export interface ToDeviceSweepParts {
  readonly writer: ToDeviceWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
}

const EVERY_MS = 10 * 60_000
/** Rows removed by one commit; others write between two of these. */
const ROWS_AT_ONCE = 1_000
/** A client may repeat a request for so long; another server must not for longer. */
const TRANSACTIONS_FOR_MS = 7 * 24 * 3_600_000

/** Removes, in pieces and now and then, what is left of the inboxes of devices that are gone, and transactions that nobody repeats any more. */
export class ToDeviceSweep {
  readonly #parts: ToDeviceSweepParts
  readonly #chore: Chore

  constructor(parts: ToDeviceSweepParts) {
    this.#parts = parts
    this.#chore = new Chore({
      clock: parts.clock,
      logger: parts.logger,
      everyMs: EVERY_MS,
      failure: 'the inboxes of removed devices could not be cleared; tried again in ten minutes',
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
    for (let more = true; more && !this.#chore.stopped; ) {
      ;[more] = await commit([writer.sweepGone(ROWS_AT_ONCE)])
      await yieldToEventLoop(clock)
    }
    for (let removed = ROWS_AT_ONCE; removed >= ROWS_AT_ONCE && !this.#chore.stopped; ) {
      const beforeMs = clock.nowMs() - TRANSACTIONS_FOR_MS
      ;[removed] = await commit([writer.dropTransactions(beforeMs, ROWS_AT_ONCE)])
      await yieldToEventLoop(clock)
    }
  }
}
