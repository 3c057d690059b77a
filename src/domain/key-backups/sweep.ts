import { Chore, type Clock, type Logger, yieldToEventLoop } from '#base'
import type { Commit, KeyBackupsWriter } from '#store'

export interface KeyBackupSweepParts {
  readonly writer: KeyBackupsWriter
  readonly commit: Commit
  readonly clock: Clock
  readonly logger: Logger
}

const EVERY_MS = 10 * 60_000
const SESSIONS_AT_ONCE = 1_000

/** Removes the sessions of deleted backups, in pieces and now and then. A deleted backup itself is gone at once. */
export class KeyBackupSweep {
  readonly #parts: KeyBackupSweepParts
  readonly #chore: Chore

  constructor(parts: KeyBackupSweepParts) {
    this.#parts = parts
    this.#chore = new Chore({
      clock: parts.clock,
      logger: parts.logger,
      everyMs: EVERY_MS,
      failure: 'the keys of deleted backups could not be removed; tried again in ten minutes',
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
    const { writer, commit, clock } = this.#parts
    for (let more = true; more && !this.#chore.stopped; ) {
      ;[more] = await commit([writer.sweep(SESSIONS_AT_ONCE)])
      await yieldToEventLoop(clock)
    }
  }
}
