import { type Clock, yieldToEventLoop } from './clock.ts'
import type { Logger } from './logger.ts'

export interface ChoreOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** From the end of one round to the next. */
  readonly everyMs: number
  /** Logged if a round fails; the next round tries again. */
  readonly failure: string
  /** One round. A long one is made `inPieces`, or checks `stopped` now and then and ends early. */
  round(chore: Chore): Promise<void>
}

/** Repeated background work: never two rounds at once, and none after `stop`. */
export class Chore {
  readonly #options: ChoreOptions
  #cancel: (() => void) | undefined
  #running: Promise<void> = Promise.resolve()
  #stopped = true
  #hurried = false

  constructor(options: ChoreOptions) {
    this.#options = options
  }

  get stopped(): boolean {
    return this.#stopped
  }

  /** Does a piece of a round again and again, while it answers that there is more; others of the process run between two of them. */
  async inPieces(piece: () => Promise<boolean>): Promise<void> {
    while (!this.#stopped && (await piece())) await yieldToEventLoop(this.#options.clock)
  }

  /** Starts the first round at once. May be called again after `stop` has resolved. */
  start(): void {
    this.#stopped = false
    this.#running = this.#turn()
  }

  /** Starts with a pause, for whoever did the first round without it. */
  startLater(): void {
    const { clock, everyMs } = this.#options
    this.#stopped = false
    this.#cancel = clock.after(everyMs, () => this.start())
  }

  /** Begins the next round at once, or right after the one under way. Does nothing before `start` and after `stop`. */
  hurry(): void {
    this.#hurried = true
    this.#cancel?.()
    if (this.#cancel !== undefined && !this.#stopped) this.start()
  }

  /** Resolves when the round under way has ended. */
  async stop(): Promise<void> {
    this.#stopped = true
    this.#cancel?.()
    await this.#running
  }

  async #turn(): Promise<void> {
    const { clock, everyMs, failure, logger } = this.#options
    this.#cancel = undefined
    this.#hurried = false
    try {
      await this.#options.round(this)
    } catch (error) {
      logger.error({ err: error }, failure)
    }
    if (!this.#stopped) this.#cancel = clock.after(this.#hurried ? 0 : everyMs, () => this.start())
  }
}
