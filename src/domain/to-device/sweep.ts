import { Chore, type Clock, type Logger, yieldToEventLoop } from '#base'
import type { Commit, ToDeviceReader, ToDeviceWriter } from '#store'

export interface ToDeviceSweepParts {
  readonly reader: ToDeviceReader
  readonly writer: ToDeviceWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
  /** Time after which the inbox of a device that nobody uses is cleared; undefined: never. */
  readonly unseenMs: number | undefined
}

const EVERY_MS = 10 * 60_000
/** Rows removed by one commit; others write between two of these. */
const ROWS_AT_ONCE = 1_000
const DEVICES_AT_ONCE = 100
/** A client may repeat a request for so long; another server must not for longer. */
const TRANSACTIONS_FOR_MS = 7 * 24 * 3_600_000

/**
 * Removes, in pieces and now and then, what is left of the inboxes of devices that are gone, transactions that nobody repeats any more, and the inboxes of devices that
 * nobody uses, where the operator wants that.
 */
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
    await this.#clearUnseen()
  }

  async #clearUnseen(): Promise<void> {
    const { commit, reader, writer, clock, unseenMs } = this.#parts
    if (unseenMs === undefined) return
    const beforeMs = clock.nowMs() - unseenMs
    for (let after = 0; !this.#chore.stopped; ) {
      const devices = await reader.unseenInboxes(beforeMs, after, DEVICES_AT_ONCE)
      for (const device of devices) {
        for (let removed = ROWS_AT_ONCE; removed === ROWS_AT_ONCE && !this.#chore.stopped; )
          [removed] = await commit([writer.acknowledge(device, Number.MAX_SAFE_INTEGER, ROWS_AT_ONCE)])
        after = device
      }
      if (devices.length < DEVICES_AT_ONCE) return
    }
  }
}
