/** Latencies in milliseconds. Percentiles are nearest-rank: every figure is one that was really measured. */
export type LatencySummary = { count: number; p50: number; p95: number; p99: number; max: number; mean: number }

/** Nearest-rank percentile of an ascending list; `share` in (0, 1]. NaN for an empty list. */
export function percentile(ascending: ArrayLike<number>, share: number): number {
  if (ascending.length === 0) return Number.NaN
  const rank = Math.ceil(share * ascending.length)
  return ascending[Math.min(Math.max(rank, 1), ascending.length) - 1] ?? Number.NaN
}

/** Undefined where nothing was measured, so that no table shows a percentile of nothing. */
export function summarise(samples: ArrayLike<number>): LatencySummary | undefined {
  if (samples.length === 0) return undefined
  const ascending = Float64Array.from(samples).sort()
  let sum = 0
  for (const sample of ascending) sum += sample
  return {
    count: ascending.length,
    p50: percentile(ascending, 0.5),
    p95: percentile(ascending, 0.95),
    p99: percentile(ascending, 0.99),
    max: percentile(ascending, 1),
    mean: sum / ascending.length,
  }
}

/** The mean of the middle two for an even count. NaN for an empty list. */
export function median(values: readonly number[]): number {
  const ascending = [...values].sort((a, b) => a - b)
  const middle = ascending.length >> 1
  const upper = ascending[middle] ?? Number.NaN
  return ascending.length % 2 === 1 ? upper : (upper + (ascending[middle - 1] ?? Number.NaN)) / 2
}
