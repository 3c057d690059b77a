import type { Clock } from '#base'

/** The end of one request: its time, its caller, or the end of everything. `over` must be called. */
export interface Deadline {
  readonly signal: AbortSignal
  /** Whether the time was over. */
  isLate(): boolean
  /** The request is done. */
  over(): void
}

/** Ends requests. Each has a signal of its own: signals made of one that lives long stay with it. */
export class Deadlines {
  readonly #clock: Clock
  readonly #open = new Set<AbortController>()
  #isClosed = false

  constructor(clock: Clock) {
    this.#clock = clock
  }

  begin(timeoutMs: number, given?: AbortSignal): Deadline {
    const controller = new AbortController()
    const abort = (): void => controller.abort()
    let late = false
    const cancel = this.#clock.after(timeoutMs, () => {
      late = true
      abort()
    })
    this.#open.add(controller)
    given?.addEventListener('abort', abort, { once: true })
    if (this.#isClosed || given?.aborted === true) abort()
    return {
      signal: controller.signal,
      isLate: () => late,
      over: () => {
        cancel()
        given?.removeEventListener('abort', abort)
        this.#open.delete(controller)
      },
    }
  }

  /** Ends all, now and later. */
  close(): void {
    this.#isClosed = true
    for (const controller of this.#open) controller.abort()
  }
}
