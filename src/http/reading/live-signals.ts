import type { ServerResponse } from 'node:http'

/** The requests that hold an `AbortSignal` now, so that a stopping server can make its long polls answer. */
export class LiveSignals {
  readonly #live = new Set<AbortController>()
  #stopping = false

  get stopping(): boolean {
    return this.#stopping
  }

  open(response: ServerResponse): AbortSignal {
    const controller = new AbortController()
    // The response of a client that left already causes no event any more.
    if (this.#stopping || response.destroyed) {
      controller.abort()
      return controller.signal
    }
    this.#live.add(controller)
    response.once('finish', () => this.#live.delete(controller))
    response.once('close', () => {
      if (this.#live.delete(controller)) controller.abort()
    })
    return controller.signal
  }

  /** Aborts all signals, and those made later at once. */
  abortAll(): void {
    this.#stopping = true
    for (const controller of this.#live) controller.abort()
    this.#live.clear()
  }
}
