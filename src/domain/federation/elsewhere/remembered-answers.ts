import { BoundedCache, type CacheStats, type Clock } from '#base'

export interface RememberedAnswersParts<Value> {
  readonly name: string
  readonly clock: Clock
  readonly limitBytes: number
  sizeBytes(value: Value): number
  /** The time for which an answer counts. */
  readonly freshMs: number
  /** The time for which nobody is asked again after a failure. */
  readonly failedMs: number
}

type Remembered<Value> = { readonly until: number } & (
  | { readonly kind: 'answer'; readonly value: Value }
  | { readonly kind: 'failure'; readonly error: unknown }
)

/** An error and its cause, as a rule. */
const FAILURE_BYTES = 1_000

/** Answers of other servers, and that they gave none, for a short time. Requests under way are shared. */
export class RememberedAnswers<Value> {
  readonly #parts: RememberedAnswersParts<Value>
  readonly #kept: BoundedCache<string, Remembered<Value>>
  readonly #underWay = new Map<string, Promise<Value>>()

  constructor(parts: RememberedAnswersParts<Value>) {
    this.#parts = parts
    this.#kept = new BoundedCache({
      name: parts.name,
      limitBytes: parts.limitBytes,
      sizeBytes: (kept) => (kept.kind === 'answer' ? parts.sizeBytes(kept.value) : FAILURE_BYTES),
    })
  }

  stats(): CacheStats {
    return this.#kept.stats()
  }

  /** The answer, kept or new. Throws what `ask` throws, and again while that is remembered. */
  async get(key: string, ask: () => Promise<Value>): Promise<Value> {
    const kept = this.#kept.get(key)
    if (kept !== undefined && kept.until > this.#parts.clock.monotonicMs()) {
      if (kept.kind === 'failure') throw kept.error
      return kept.value
    }
    const underWay = this.#underWay.get(key)
    if (underWay !== undefined) return underWay
    const asked = this.#ask(key, ask).finally(() => this.#underWay.delete(key))
    this.#underWay.set(key, asked)
    return asked
  }

  /** Asks, whatever is remembered. An answer takes the place of one that is remembered, and no other's. */
  async renewed(key: string, ask: () => Promise<Value>): Promise<Value> {
    const value = await ask()
    if (this.#kept.get(key) !== undefined) this.#keep(key, value)
    return value
  }

  #keep(key: string, value: Value): void {
    const { clock, freshMs } = this.#parts
    this.#kept.set(key, { kind: 'answer', value, until: clock.monotonicMs() + freshMs })
  }

  async #ask(key: string, ask: () => Promise<Value>): Promise<Value> {
    const { clock, failedMs } = this.#parts
    try {
      const value = await ask()
      this.#keep(key, value)
      return value
    } catch (error) {
      this.#kept.set(key, { kind: 'failure', error, until: clock.monotonicMs() + failedMs })
      throw error
    }
  }
}
