import { type Clock, systemClock } from '#base'

interface Timer {
  readonly dueMs: number
  readonly fire: () => void
}

/** The machine's clock, which a test can put forward; timers that come due by that fire at once. */
export class SteppedClock implements Clock {
  #aheadMs = 0
  readonly #timers = new Set<Timer>()

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
    return () => {
      cancelReal()
      this.#timers.delete(timer)
    }
  }

  soon(fire: () => void): void {
    systemClock.soon(fire)
  }

  advance(ms: number): void {
    this.#aheadMs += ms
    for (const timer of [...this.#timers]) if (timer.dueMs <= this.monotonicMs()) this.#fire(timer)
  }

  #fire(timer: Timer): void {
    if (this.#timers.delete(timer)) timer.fire()
  }
}
