import { LRUCache } from 'lru-cache'

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
  /** Bytes of an entry; an estimate is enough, at least 1. */
  readonly sizeBytes: (value: Value, key: Key) => number
}

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
      sizeCalculation: (value, key) => Math.max(1, Math.ceil(options.sizeBytes(value, key))),
    })
  }

  get(key: Key): Value | undefined {
    const value = this.#entries.get(key)
    if (value === undefined) this.#misses++
    else this.#hits++
    return value
  }

  set(key: Key, value: Value): void {
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
