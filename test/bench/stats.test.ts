import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { median, percentile, summarise } from '../../bench/measure/stats.ts'

const samples = fc.array(fc.double({ min: 0, max: 1e6, noNaN: true }), { minLength: 1, maxLength: 200 })

describe('percentiles', () => {
  it('are the nearest rank, not something in between', () => {
    const ascending = [15, 20, 35, 40, 50]
    expect([0.05, 0.3, 0.4, 0.5, 1].map((share) => percentile(ascending, share))).toEqual([15, 20, 20, 35, 50])
  })

  it('of a hundred samples are the 50th, 95th, 99th and the last, in whatever order they came', () => {
    const shuffled = Array.from({ length: 100 }, (_, index) => ((index * 37) % 100) + 1)
    expect(summarise(shuffled)).toEqual({ count: 100, p50: 50, p95: 95, p99: 99, max: 100, mean: 50.5 })
  })

  it('are undefined of nothing', () => {
    expect(summarise([])).toBeUndefined()
    expect(percentile([], 0.5)).toBeNaN()
  })

  it('are always samples, and never fall as the share grows', () => {
    fc.assert(
      fc.property(samples, (values) => {
        const summary = summarise(values)
        const ladder = summary === undefined ? [] : [summary.p50, summary.p95, summary.p99, summary.max]
        expect(ladder).toEqual([...ladder].sort((a, b) => a - b))
        expect(ladder.every((value) => values.includes(value))).toBe(true)
        // At least half of the samples are no greater than the median.
        expect(values.filter((value) => value <= (ladder[0] ?? -1)).length * 2).toBeGreaterThanOrEqual(values.length)
      }),
    )
  })
})

describe('the median', () => {
  it('is the middle one, or the mean of the middle two', () => {
    expect(median([3, 1, 2])).toBe(2)
    expect(median([4, 1, 3, 2])).toBe(2.5)
    expect(median([])).toBeNaN()
  })
})
