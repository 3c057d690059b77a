import type { Clock } from '#base'

/** Requests that wait for something to arrive, by its name. */
export class UploadWaits {
  readonly #clock: Clock
  readonly #waiting = new Map<string, Set<() => void>>()

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves when it has arrived, when the time is over, or when `signal` is aborted, without telling which. */
  wait(name: string, timeoutMs: number, signal: AbortSignal): Promise<void> {
    return new Promise((resolve) => {
      const waiting = this.#waiting.get(name) ?? new Set()
      this.#waiting.set(name, waiting)
      const done = (): void => {
        cancel()
        signal.removeEventListener('abort', done)
        waiting.delete(done)
        if (waiting.size === 0 && this.#waiting.get(name) === waiting) this.#waiting.delete(name)
        resolve()
      }
      const cancel = this.#clock.after(timeoutMs, done)
      waiting.add(done)
      signal.addEventListener('abort', done)
      if (signal.aborted) done()
    })
  }

  arrived(name: string): void {
    for (const done of [...(this.#waiting.get(name) ?? [])]) done()
  }
}
