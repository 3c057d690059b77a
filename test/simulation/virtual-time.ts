import type { Clock } from '#base'

interface Timer {
  readonly dueMs: number
  readonly fire: () => void
}

/** The clock of one simulated process: it moves only when the scheduler moves it, and ends with the process. */
export class ProcessClock implements Clock {
  readonly #time: VirtualTime
  readonly #timers = new Set<Timer>()
  #stopped = false

  constructor(time: VirtualTime) {
    this.#time = time
  }

  nowMs(): number {
    return Math.floor(this.#time.nowMs)
  }

  monotonicMs(): number {
    return this.#time.nowMs - this.#time.startMs
  }

  after(delayMs: number, fire: () => void): () => void {
    const timer = { dueMs: this.#time.nowMs + delayMs, fire }
    this.#timers.add(timer)
    return () => this.#timers.delete(timer)
  }

  soon(fire: () => void): void {
    this.#time.soon(() => {
      if (!this.#stopped) fire()
    })
  }

  /** When the next timer is due; undefined where there is none. */
  get nextMs(): number | undefined {
    const due = [...this.#timers].map(({ dueMs }) => dueMs)
    return due.length === 0 ? undefined : Math.min(...due)
  }

  fireDue(): void {
    for (const timer of [...this.#timers].sort((one, other) => one.dueMs - other.dueMs)) {
      if (timer.dueMs <= this.#time.nowMs && this.#timers.delete(timer)) timer.fire()
    }
  }

  stop(): void {
    this.#stopped = true
    this.#timers.clear()
  }
}

/** One time for all simulated processes. */
export class VirtualTime {
  readonly startMs = 1_700_000_000_000
  nowMs = this.startMs
  #soon: (() => void)[] = []

  soon(fire: () => void): void {
    this.#soon.push(fire)
  }

  /**
   * Resolves when nothing goes on any more without a decision of the scheduler. Nothing here waits for another thread, a disk or a
   * socket, so what goes on is promises and slices of long work, and a turn of the event loop ends all promises that can end.
   */
  async quiet(): Promise<void> {
    do {
      for (const fire of this.#soon.splice(0)) fire()
      await new Promise<void>((resolve) => {
        setImmediate(resolve)
      })
    } while (this.#soon.length > 0)
  }

  /** Waits for what needs no decision of the scheduler. */
  async until<Value>(promise: Promise<Value>): Promise<Value> {
    promise.catch(() => {})
    await this.quiet()
    return promise
  }
}
