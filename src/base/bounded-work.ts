/** More waits than could be done while somebody still wants it. */
export class TooMuchWork extends Error {
  override readonly name = 'TooMuchWork'
  readonly retryAfterMs = 5_000
}

/** Work of which only so much goes on at a time, first come first served; so much more may wait, and no more. */
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
      // Whoever waits takes the place over, so the count stays.
      const next = this.#waiting.shift()
      if (next === undefined) this.#running--
      else next()
    }
  }
}
