import { type Clock, systemClock } from '#base'

interface Timer {
  readonly dueMs: number
  readonly fire: () => void
}

/** The machine's clock, which a test can put forward; timers that come due by that fire at once. */
export class SteppedClock implements Clock {
  #aheadMs = 0
  readonly #timers = new Set<Timer>()
  readonly #watchers = new Set<() => void>()

  nowMs(): number {
    return systemClock.nowMs() + this.#aheadMs
  }

  monotonicMs(): number {
    return systemClock.monotonicMs() + this.#aheadMs
  }

  after(delayMs: number, fire: () => void): () => void {
    const cancelReal = systemClock.after(delayMs, () => this.#fire(timer))
    const timer: Timer = {
      dueMs: this.monotonicMs() + delayMs,
      fire: () => {
        cancelReal()
        fire()
      },
    }
    this.#timers.add(timer)
    for (const look of this.#watchers) look()
    return () => {
      cancelReal()
      this.#timers.delete(timer)
    }
  }

  soon(fire: () => void): void {
    systemClock.soon(fire)
  }

  /** Resolves once there is a timer that is due between these times from now. */
  timerBetween(leastMs: number, mostMs: number): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        const waits = [...this.#timers].map(({ dueMs }) => dueMs - this.monotonicMs())
        if (!waits.some((wait) => wait >= leastMs && wait <= mostMs)) return
        this.#watchers.delete(look)
        resolve()
      }
      this.#watchers.add(look)
      look()
    })
  }

  advance(ms: number): void {
    this.#aheadMs += ms
    for (const timer of [...this.#timers]) if (timer.dueMs <= this.monotonicMs()) this.#fire(timer)
  }

  #fire(timer: Timer): void {
    if (this.#timers.delete(timer)) timer.fire()
  }
}
