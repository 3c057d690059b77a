import type { Clock } from '#base'

/** The time within which the database must answer. */
const TIMEOUT_MS = 2_000
/** A finding is good for so long: strangers may ask as often as they like, and cost the database one question a second. */
const FRESH_FOR_MS = 1_000

export interface ReadinessParts {
  /** Asks the database something small. Throws, or hangs, while it cannot be reached. */
  readonly askDatabase: () => Promise<unknown>
  readonly clock: Clock
}

/** Whether requests can be served now, for load balancers and supervisors. */
export class Readiness {
  readonly #parts: ReadinessParts
  #finding: Promise<boolean> | undefined
  #freshUntilMs = 0

  constructor(parts: ReadinessParts) {
    this.#parts = parts
  }

  isReady(): Promise<boolean> {
    const { clock } = this.#parts
    if (this.#finding !== undefined && clock.monotonicMs() < this.#freshUntilMs) return this.#finding
    // Nobody asks a second time before the first answer, which comes in time.
    this.#freshUntilMs = Number.POSITIVE_INFINITY
    this.#finding = this.#ask().finally(() => {
      this.#freshUntilMs = clock.monotonicMs() + FRESH_FOR_MS
    })
    return this.#finding
  }

  #ask(): Promise<boolean> {
    const { askDatabase, clock } = this.#parts
    return new Promise((resolve) => {
      const cancel = clock.after(TIMEOUT_MS, () => resolve(false))
      const end = (ready: boolean) => (): void => {
        cancel()
        resolve(ready)
      }
      askDatabase().then(end(true), end(false))
    })
  }
}
