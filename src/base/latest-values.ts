import { BoundedCache, type BoundedCacheOptions, type CacheStats } from './bounded-cache.ts'
import type { Soon } from './soon.ts'

/**
 * Values made from stored data, kept until the store announces that the data changed. A value whose loading began before that
 * is returned to its callers but not kept.
 */
export class LatestValues<Key extends {}, Value extends {}> {
  readonly #kept: BoundedCache<Key, Value>
  readonly #loading = new Map<Key, Promise<Value>>()

  constructor(options: BoundedCacheOptions<Key, Value>) {
    this.#kept = new BoundedCache(options)
  }

  async get(key: Key, load: () => Promise<Value>): Promise<Value> {
    return this.soon(key, load)
  }

  /** undefined where it is not kept: nothing is loaded. */
  now(key: Key): Value | undefined {
    return this.#kept.get(key)
  }

  /** No promise for a value that is kept. */
  soon(key: Key, load: () => Promise<Value>): Soon<Value> {
    return this.#kept.get(key) ?? this.#load(key, load)
  }

  async #load(key: Key, load: () => Promise<Value>): Promise<Value> {
    const underway = this.#loading.get(key)
    if (underway !== undefined) return underway
    const loading = load()
    this.#loading.set(key, loading)
    try {
      const value = await loading
      if (this.#loading.get(key) === loading) this.#kept.set(key, value)
      return value
    } finally {
      if (this.#loading.get(key) === loading) this.#loading.delete(key)
    }
  }

  forget(key: Key): void {
    this.#loading.delete(key)
    this.#kept.delete(key)
  }

  /** Forgets all values. */
  clear(): void {
    this.#loading.clear()
    this.#kept.clear()
  }

  stats(): CacheStats {
    return this.#kept.stats()
  }
}
