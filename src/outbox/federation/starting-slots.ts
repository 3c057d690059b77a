import type { Clock } from '#base'

/** Requests that begin in one turn of the event loop: signing and connecting take their time. */
const IN_A_TURN = 4

/** Limits how many requests begin at a time. One that takes long gives its place back: slow servers must not hold up others. */
export class StartingSlots {
  readonly #clock: Clock
  readonly #holdMs: number
  readonly #waiting: (() => void)[] = []
  /** Those that have a place and wait for a turn of the event loop. */
  readonly #next: (() => void)[] = []
  #isTurnAsked = false
  #free: number

  constructor({ clock, places, holdMs }: { readonly clock: Clock; readonly places: number; readonly holdMs: number }) {
    this.#clock = clock
    this.#free = places
    this.#holdMs = holdMs
  }

  /** Resolves when a place is free, with the function that gives it back. */
  async take(): Promise<() => void> {
    if (this.#free > 0) this.#free--
    else await new Promise<void>((go) => this.#waiting.push(go))
    await new Promise<void>((go) => {
      this.#next.push(go)
      this.#askTurn()
    })
    let held = true
    const giveBack = (): void => {
      if (!held) return
      held = false
      cancel()
      const next = this.#waiting.shift()
      if (next === undefined) this.#free++
      else next()
    }
    const cancel = this.#clock.after(this.#holdMs, giveBack)
    return giveBack
  }

  #askTurn(): void {
    if (this.#isTurnAsked || this.#next.length === 0) return
    this.#isTurnAsked = true
    this.#clock.soon(() => {
      this.#isTurnAsked = false
      for (const go of this.#next.splice(0, IN_A_TURN)) go()
      this.#askTurn()
    })
  }
}
