import { LRUCache } from 'lru-cache'
import { textBytes } from './heap-bytes.ts'

/** Counts of a cache, for the metrics. */
export interface CacheStats {
  readonly name: string
  readonly hits: number
  readonly misses: number
  readonly sizeBytes: number
  readonly limitBytes: number
  readonly entries: number
}

export interface BoundedCacheOptions<Key, Value> {
  readonly name: string
  readonly limitBytes: number
  /** Bytes of a value in memory; those of the key and of the entry itself are added. At most a quarter too few, as a test measures. */
  readonly sizeBytes: (value: Value, key: Key) => number
}

/** The place of an entry in the cache's own lists. */
const ENTRY_BYTES = 120

/** A least-recently-used cache, bounded by an estimate of its bytes. Every cache has a name and counts its hits. */
export class BoundedCache<Key extends {}, Value extends {}> {
  readonly name: string
  readonly #limitBytes: number
  readonly #entries: LRUCache<Key, Value>
  #hits = 0
  #misses = 0

  constructor(options: BoundedCacheOptions<Key, Value>) {
    this.name = options.name
    this.#limitBytes = options.limitBytes
    this.#entries = new LRUCache<Key, Value>({
      maxSize: options.limitBytes,
      sizeCalculation: (value, key) =>
        Math.ceil(ENTRY_BYTES + (typeof key === 'string' ? textBytes(key) : 0) + options.sizeBytes(value, key)),
    })
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) this.#misses++
    else this.#hits++
    return value
  }

  /** A value that grew is put in again, to be counted anew. */
  set(key: Key, value: Value): void {
    // The library counts a value once that it holds already.
    if (this.#entries.peek(key) === value) this.#entries.delete(key)
    this.#entries.set(key, value)
  }

  delete(key: Key): void {
    this.#entries.delete(key)
  }

  /** Deletes matching values; visits every entry. */
  deleteWhere(isOver: (value: Value) => boolean): void {
    for (const [key, value] of [...this.#entries.entries()]) if (isOver(value)) this.#entries.delete(key)
  }

  clear(): void {
    this.#entries.clear()
  }

  stats(): CacheStats {
    return {
      name: this.name,
      hits: this.#hits,
      misses: this.#misses,
      sizeBytes: this.#entries.calculatedSize,
      limitBytes: this.#limitBytes,
      entries: this.#entries.size,
    }
  }
}
