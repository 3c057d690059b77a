import type { Clock } from '#base'

/** A wait that ends at some time. */
export interface Expiring {
  /** Called once. */
  expired(): void
}

interface Due<Waiter> {
  readonly waiters: Set<Waiter>
  readonly cancel: () => void
}

/** Waits that end within the same so many milliseconds share one timer: ten thousand waits are not ten thousand timers. */
const GRAIN_MS = 16
/** Shorter waits end on their millisecond. */
const SHORT_MS = 1_000

/** Ends waits on time by the monotonic clock: never late, and long ones up to 16 ms early. */
export class Deadlines<Waiter extends Expiring> {
  readonly #clock: Clock
  readonly #due = new Map<number, Due<Waiter>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Returns the time that `remove` takes. */
  add(waiter: Waiter, leftMs: number): number {
    const atMs = this.#clock.monotonicMs() + leftMs
    const time = leftMs < SHORT_MS ? Math.ceil(atMs) : Math.floor(atMs / GRAIN_MS) * GRAIN_MS
    const due = this.#due.get(time)
    if (due === undefined) {
      const cancel = this.#clock.after(time - atMs + leftMs, () => this.#expire(time))
      this.#due.set(time, { waiters: new Set([waiter]), cancel })
    } else due.waiters.add(waiter)
    return time
  }

  remove(waiter: Waiter, time: number): void {
    const due = this.#due.get(time)
    if (due === undefined || !due.waiters.delete(waiter) || due.waiters.size > 0) return
    due.cancel()
    this.#due.delete(time)
  }

  #expire(time: number): void {
    const due = this.#due.get(time)
    this.#due.delete(time)
    for (const waiter of due?.waiters ?? []) waiter.expired()
  }
}
