import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { CacheStats } from '#base'

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

/** A cache, and what puts its next entry into it. */
export interface FilledCache {
  stats(): CacheStats
  /** Puts entry number `index` in. */
  add(index: number): unknown
}

export interface Measured {
  readonly counted: number
  readonly limit: number
  readonly heap: number
  readonly entries: number
}

/** Bytes that the process holds, once all that it let go of is collected. */
export const heapNow = (): number => {
  for (let round = 0; round < 3; round++) collect()
  const { heapUsed, external } = process.memoryUsage()
  return heapUsed + external
}

/** Fills a cache until its limit drops entries, or it has `most`, and compares what it counts with what the process holds. */
export const measure = async (cache: FilledCache, most: number): Promise<Measured> => {
  // Code is compiled, and shapes are learned, before anything is counted.
  for (let index = 0; index < 3; index++) await cache.add(index)
  const before = heapNow()
  const start = cache.stats()
  let added = 0
  for (let last = start.entries; added < most; added++) {
    await cache.add(3 + added)
    const { entries } = cache.stats()
    if (entries <= last) break
    last = entries
  }
  const heap = heapNow() - before
  const { sizeBytes, limitBytes, entries } = cache.stats()
  return { counted: sizeBytes - start.sizeBytes, limit: limitBytes, heap, entries }
}
