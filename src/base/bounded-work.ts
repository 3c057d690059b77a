/** Thrown where so much work waits already that nobody would still want the result. */
export class TooMuchWork extends Error {
  override readonly name = 'TooMuchWork'
  readonly retryAfterMs = 5_000
}

/** Work of which a limited number goes on at a time, first come first served, and a limited number waits. */
export class BoundedWork {
  readonly #concurrency: number
  readonly #maxWaiting: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(limits: { readonly concurrency: number; readonly maxWaiting: number }) {
    this.#concurrency = limits.concurrency
    this.#maxWaiting = limits.maxWaiting
  }

  /** Throws `TooMuchWork`. */
  async run<Result>(work: () => Promise<Result>): Promise<Result> {
    if (this.#running < this.#concurrency) this.#running++
    else if (this.#waiting.length < this.#maxWaiting) await new Promise<void>((go) => this.#waiting.push(go))
    else throw new TooMuchWork('too much work waits')
    try {
      return await work()
    } finally {
      // The next in the queue takes the place over, so the count stays.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
