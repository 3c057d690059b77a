import type { Clock, Random } from '#base'
import type { BehindDestination } from '#store'
import { askedPause, isGivenUp, pauseAfter, spacingWhenHeard } from './back-off.ts'

export interface PausesParts {
  readonly clock: Clock
  readonly random: Random
  /** Called when a pause is over. */
  readonly over: () => void
}

/** The failures of one destination, and when it is tried again. */
export class Pauses {
  readonly #parts: PausesParts
  #failures = 0
  #failingSinceMs = 0
  /** undefined: now, or not before it is heard of. */
  #retryAtMs: number | undefined
  #cancel: (() => void) | undefined
  /** Not tried by itself: given up, or not resumed after a restart. */
  #held = false
  #attemptedAt = Number.NEGATIVE_INFINITY
  #stopped = false

  constructor(parts: PausesParts, before?: BehindDestination) {
    this.#parts = parts
    if (before === undefined || before.failures === 0) return
    this.#failures = before.failures
    this.#failingSinceMs = before.failingSinceMs
    this.#retryAtMs = before.retryAtMs
    this.#held = true
  }

  /** Failures in a row. */
  get failures(): number {
    return this.#failures
  }

  get failingSinceMs(): number {
    return this.#failingSinceMs
  }

  get retryAtMs(): number | undefined {
    return this.#retryAtMs
  }

  get isPausing(): boolean {
    return this.#cancel !== undefined || this.#held
  }

  get isGivenUp(): boolean {
    return this.#held
  }

  attempting(): void {
    this.#attemptedAt = this.#parts.clock.monotonicMs()
  }

  succeeded(): void {
    this.#failures = 0
    this.#retryAtMs = undefined
  }

  /** `askedMs`: the server asked for so much time, so it works. */
  failed(askedMs?: number): void {
    const { clock, random } = this.#parts
    const nowMs = clock.nowMs()
    if (this.#failures === 0) this.#failingSinceMs = nowMs
    this.#failures = askedMs === undefined ? this.#failures + 1 : Math.max(1, this.#failures)
    if (isGivenUp(this.#failingSinceMs, nowMs)) {
      this.#cancel?.()
      this.#cancel = undefined
      this.#retryAtMs = undefined
      this.#held = true
    } else this.#wait(Math.max(pauseAfter(this.#failures, random), askedPause(askedMs ?? 0)))
  }

  /** Tries again at once after a sign of life, but not all the time. */
  heard(): void {
    if (this.#failures === 0) return
    const { clock } = this.#parts
    const delayMs = Math.max(0, this.#attemptedAt + spacingWhenHeard(this.#failures) - clock.monotonicMs())
    if (this.#retryAtMs === undefined || this.#retryAtMs > clock.nowMs() + delayMs) this.#wait(delayMs)
  }

  /** Tries again at once. */
  reset(): void {
    if (this.#failures === 0) return
    this.#failures = 1
    this.#wait(0)
  }

  /** Waits for the rest of a pause from before a restart, `leastMs` at the least. */
  resume(leastMs: number): void {
    if (this.#retryAtMs !== undefined) this.#wait(Math.max(leastMs, this.#retryAtMs - this.#parts.clock.nowMs()))
  }

  stop(): void {
    this.#stopped = true
    this.#cancel?.()
  }

  #wait(delayMs: number): void {
    if (this.#stopped) return
    const { clock, over } = this.#parts
    this.#cancel?.()
    this.#held = false
    this.#retryAtMs = clock.nowMs() + delayMs
    this.#cancel = clock.after(delayMs, () => {
      this.#cancel = undefined
      over()
    })
  }
}
