import type { Clock } from './clock.ts'

/** Lets long work of many go on by one piece in each turn of the event loop, first come, first served: all others are served in between. */
export class LoopTurns {
  readonly #clock: Clock
  readonly #waiting: (() => void)[] = []

  constructor(clock: Clock) {
    this.#clock = clock
  }

  /** Resolves when it is the caller's turn, in a later turn of the event loop. */
  next(): Promise<void> {
    return new Promise((go) => {
      this.#waiting.push(go)
      if (this.#waiting.length === 1) this.#clock.soon(() => this.#turn())
    })
  }

  #turn(): void {
    this.#waiting[0]?.()
    this.#waiting.shift()
    if (this.#waiting.length > 0) this.#clock.soon(() => this.#turn())
  }
}
