import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'
import { pause } from './pause.ts'

export interface WokenWorkOptions<Key> {
  readonly clock: Clock
  readonly logger: Logger
  /** The pause before what could not be done is tried again. */
  readonly retryMs: number
  /** Wakes the keys of what waited before the start. */
  look(): Promise<void>
  /** Logged if the look fails; it is tried again after the pause. */
  readonly failure: string
  /** Does a piece of what waits for the key. `nothing`: nothing does that could be done now. */
  piece(key: Key, signal: AbortSignal): Promise<'more' | 'later' | 'nothing'>
  /** Told if a piece fails; it is tried again after the pause. */
  failed(error: unknown, key: Key): void
}

/** Work by key, done in pieces whenever something came for it: one piece of a key at a time, the keys side by side, and none after `stop`. */
export class WokenWork<Key> {
  readonly #options: WokenWorkOptions<Key>
  readonly #running = new Map<Key, Promise<void>>()
  /** Keys for which something came after their last piece began. */
  readonly #woken = new Set<Key>()
  #looked: Promise<void> = Promise.resolve()
  #ending: AbortController | undefined

  constructor(options: WokenWorkOptions<Key>) {
    this.#options = options
  }

  /** Keys at work. */
  get size(): number {
    return this.#running.size
  }

  get stopped(): boolean {
    return this.#ending === undefined
  }

  /** May be called again after `stop` has resolved. */
  start(): void {
    this.#ending = new AbortController()
    this.#looked = this.#look(this.#ending.signal)
  }

  /** Resolves when all pieces under way have ended. */
  async stop(): Promise<void> {
    this.#ending?.abort()
    this.#ending = undefined
    await this.#looked
    await Promise.all(this.#running.values())
  }

  /** To be called when something came for the key. What comes before `start` is found by its look. */
  wake(key: Key): void {
    this.#woken.add(key)
    if (this.#ending === undefined || this.#running.has(key)) return
    this.#running.set(
      key,
      this.#run(key, this.#ending.signal).finally(() => {
        this.#running.delete(key)
        if (this.#woken.has(key)) this.wake(key)
      }),
    )
  }

  async #look(signal: AbortSignal): Promise<void> {
    const { look, logger, failure, clock, retryMs } = this.#options
    while (!signal.aborted) {
      try {
        return await look()
      } catch (error) {
        logger.error({ err: error }, failure)
        await pause(clock, retryMs, signal)
      }
    }
  }

  /** Never rejects. */
  async #run(key: Key, signal: AbortSignal): Promise<void> {
    const { piece, failed, clock, retryMs } = this.#options
    while (!signal.aborted) {
      this.#woken.delete(key)
      try {
        const left = await piece(key, signal)
        if (left === 'nothing') return
        if (left === 'later') await pause(clock, retryMs, signal)
      } catch (error) {
        failed(error, key)
        await pause(clock, retryMs, signal)
      }
    }
  }
}
