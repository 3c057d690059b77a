/** Thrown if too much work waits already: its result would come too late. */
export class TooMuchWork extends Error {
  override readonly name = 'TooMuchWork'
  readonly retryAfterMs = 5_000
}

/** Limits how much work runs at a time and how much waits, first come, first served. */
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
      // The next in the queue takes this place, so the count stays.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
