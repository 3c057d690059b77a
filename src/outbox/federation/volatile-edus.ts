import type { Clock } from '#base'

/** More are dropped, the oldest first: they are worth less by the minute. */
const MAX_HELD = 1_000
/** Receipts in one transaction. */
const MAX_RECEIPTS = 5
export const RECEIPT_KEY = 'receipt '

/** EDUs that wait for one destination in memory. */
export class VolatileEdus {
  readonly #clock: Clock
  readonly #due: () => void
  /** Canonical JSON by key, oldest first; undefined while there is none, as there are many destinations. */
  #held: Map<string, string> | undefined
  #isDue = false
  #cancel: (() => void) | undefined

  constructor(clock: Clock, due: () => void) {
    this.#clock = clock
    this.#due = due
  }

  /** Whether it is time to send them. Until then they go along with what is sent anyway. */
  get isDue(): boolean {
    return this.#isDue && this.#held !== undefined
  }

  /** To be sent within that time. */
  add(key: string, json: string, delayMs: number): void {
    this.#held ??= new Map()
    this.#held.delete(key)
    this.#held.set(key, json)
    if (this.#held.size > MAX_HELD) for (const oldest of this.#held.keys()) if (this.#held.delete(oldest)) break
    if (delayMs === 0) this.#fire()
    else this.#cancel ??= this.#clock.after(delayMs, () => this.#fire())
  }

  take(limit: number): readonly string[] {
    if (this.#held === undefined || limit <= 0) return []
    const taken: string[] = []
    let receipts = 0
    for (const [key, json] of this.#held) {
      if (taken.length >= limit) break
      if (key.startsWith(RECEIPT_KEY) && ++receipts > MAX_RECEIPTS) continue
      taken.push(json)
      this.#held.delete(key)
    }
    if (this.#held.size === 0) this.clear()
    return taken
  }

  clear(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#held = undefined
    this.#isDue = false
  }

  #fire(): void {
    this.#cancel?.()
    this.#cancel = undefined
    this.#isDue = true
    this.#due()
  }
}
