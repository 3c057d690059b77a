import { Chore } from './chore.ts'
import type { Clock } from './clock.ts'
import type { Logger } from './logger.ts'

/** Work that is due for a key. */
export interface DueWork<Key> {
  readonly key: Key
  /** Ends early when the signal is aborted. */
  run(signal: AbortSignal): Promise<void>
}

export interface KeyedChoreOptions<Key> {
  readonly clock: Clock
  readonly logger: Logger
  /** From the end of one look to the next. */
  readonly everyMs: number
  /** Keys that are worked for at a time. */
  readonly atOnce: number
  /** Logged if a look fails; the next one tries again. */
  readonly failure: string
  /** Looks for what is due, the first to be done first; keys that are worked for already may be among it. A long look checks `chore.stopped`. */
  due(limit: number, chore: Chore): Promise<readonly DueWork<Key>[]>
  /** Told if the work for a key fails; the next look tries again what is still due. */
  failed(error: unknown, key: Key): void
}

/** Repeated background work by key: one for each key at a time, several keys at once, and none after `stop`. */
export class KeyedChore<Key> {
  readonly #options: KeyedChoreOptions<Key>
  readonly #chore: Chore
  readonly #working = new Map<Key, Promise<void>>()
  #ending = new AbortController()

  constructor(options: KeyedChoreOptions<Key>) {
    this.#options = options
    const { clock, logger, everyMs, failure } = options
    this.#chore = new Chore({ clock, logger, everyMs, failure, round: () => this.#round() })
  }

  /** Looks at once for what is due. May be called again after `stop` has resolved. */
  start(): void {
    this.#ending = new AbortController()
    this.#chore.start()
  }

  /** Looks at once, or right after the look under way. Does nothing before `start` and after `stop`. */
  hurry(): void {
    this.#chore.hurry()
  }

  /** Resolves when all work has ended. */
  async stop(): Promise<void> {
    const looked = this.#chore.stop()
    this.#ending.abort()
    await looked
    await Promise.all(this.#working.values())
  }

  async #round(): Promise<void> {
    const { atOnce, due } = this.#options
    const found = await due(atOnce + this.#working.size, this.#chore)
    for (const work of found) {
      if (this.#chore.stopped || this.#working.size >= atOnce) return
      if (!this.#working.has(work.key)) this.#begin(work, found.length >= atOnce)
    }
  }

  /** `mayWait`: others may wait for the place. */
  #begin({ key, run }: DueWork<Key>, mayWait: boolean): void {
    const { failed } = this.#options
    let isDone = true
    const work = run(this.#ending.signal)
      .catch((error: unknown) => {
        isDone = false
        failed(error, key)
      })
      .finally(() => {
        this.#working.delete(key)
        // Failed work is still due, and would take its place again at once.
        if (isDone && mayWait) this.#chore.hurry()
      })
    this.#working.set(key, work)
  }
}
