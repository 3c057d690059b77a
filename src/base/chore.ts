import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'

export interface ChoreOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** From the end of one round to the next. */
  readonly everyMs: number
  /** Logged if a round fails; the next round tries again. */
  readonly failure: string
  /** One round. A long one has to check `stopped` now and then and end early. */
  round(): Promise<void>
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

  /** Starts the first round at once. May be called again after `stop` has resolved. */
  start(): void {
    this.#stopped = false
    this.#running = this.#turn()
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
      await this.#options.round()
    } catch (error) {
      logger.error({ err: error }, failure)
    }
    if (!this.#stopped) this.#cancel = clock.after(this.#hurried ? 0 : everyMs, () => this.start())
  }
}
