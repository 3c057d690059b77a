import { BoundedCache, type CacheStats, type Clock, type Random } from '#base'

export interface OneTimeTableOptions {
  readonly name: string
  readonly clock: Clock
  readonly random: Random
  readonly lifetimeMs: number
}

const LIMIT_BYTES = 8 * 1024 * 1024
/** An upper estimate: what is kept here was cut to size before. */
const ENTRY_BYTES = 2 * 1024
/** 256 bits. */
const ID_LENGTH = 43

/**
 * What waits for somebody to come back with its id: bounded in number and time, in the memory of one process. A restart ends all of it,
 * and people begin anew; with too many, those that wait longest go first.
 */
export class OneTimeTable<Value extends {}> {
  readonly #clock: Clock
  readonly #random: Random
  readonly #lifetimeMs: number
  readonly #entries: BoundedCache<string, { readonly value: Value; readonly endsAtMs: number }>

  constructor({ name, clock, random, lifetimeMs }: OneTimeTableOptions) {
    this.#clock = clock
    this.#random = random
    this.#lifetimeMs = lifetimeMs
    this.#entries = new BoundedCache({ name, limitBytes: LIMIT_BYTES, sizeBytes: () => ENTRY_BYTES })
  }

  /** Answers with the id; under one that is given, what was there before goes. */
  put(value: Value, id = this.#random.token(ID_LENGTH), lifetimeMs = this.#lifetimeMs): string {
    this.#entries.set(id, { value, endsAtMs: this.#clock.monotonicMs() + lifetimeMs })
    return id
  }

  find(id: string): Value | undefined {
    const entry = this.#entries.get(id)
    if (entry === undefined || entry.endsAtMs > this.#clock.monotonicMs()) return entry?.value
    this.#entries.delete(id)
    return undefined
  }

  /** Once: it is gone then. */
  take(id: string): Value | undefined {
    const value = this.find(id)
    this.#entries.delete(id)
    return value
  }

  stats(): CacheStats {
    return this.#entries.stats()
  }
}
