import type { Clock } from './clock.ts'

export interface SlicesParts {
  readonly clock: Clock
  /** The longest that work runs before it lets others run. */
  readonly sliceMs: number
}

/** Long work in slices of the event loop. All work that shares this gets one slice in each round of the loop together, however much there is. */
export class Slices {
  readonly #clock: Clock
  readonly #sliceMs: number
  readonly #waiting: (() => void)[] = []
  #isDue = false

  constructor({ clock, sliceMs }: SlicesParts) {
    this.#clock = clock
    this.#sliceMs = sliceMs
  }

  begin(): Slice {
    let startedMs = this.#clock.monotonicMs()
    return {
      isOver: () => this.#clock.monotonicMs() - startedMs >= this.#sliceMs,
      next: async () => {
        await new Promise<void>((go) => {
          this.#waiting.push(go)
          this.#schedule()
        })
        startedMs = this.#clock.monotonicMs()
      },
    }
  }

  #schedule(): void {
    if (this.#isDue) return
    this.#isDue = true
    this.#clock.soon(() => {
      this.#isDue = false
      this.#waiting.shift()?.()
      if (this.#waiting.length > 0) this.#schedule()
    })
  }
}

/** One piece of work: `if (slice.isOver()) await slice.next()` between its steps. */
export interface Slice {
  isOver(): boolean
  next(): Promise<void>
}
