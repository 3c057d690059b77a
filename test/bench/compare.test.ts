import { describe, expect, it } from 'vitest'
import { compare, middleRounds, nearness } from '../../bench/run/compare.ts'
import { sampleLimits, sampleResult } from './sample-report.ts'

const rates = (target: string, ...values: number[]) =>
  values.map((ratePerSecond, index) => sampleResult({ target, round: index + 1, ratePerSecond }))

describe('two targets side by side', () => {
  it('are compared pair by pair, and the median is that of the pairs', () => {
    const results = [...rates('A', 100, 200, 400), ...rates('B', 200, 100, 600)]
    expect(compare(results, 'A', 'B', () => ['rate'])).toEqual([
      { scenario: 'send-one-room', case: 'one after another', measure: 'rate', pairs: [2, 0.5, 1.5], median: 1.5 },
    ])
  })

  it('have no ratio for a round in which one of them measured nothing', () => {
    const results = [...rates('A', 100, 0, 100), ...rates('B', 50, 100)]
    expect(compare(results, 'A', 'B', () => ['rate', 'memory'])).toMatchObject([{ measure: 'rate', pairs: [0.5] }])
  })
})

describe('rounds of one case', () => {
  it('show the round of the middle latency and the failures of all', () => {
    const latencyMs = (p50: number) => ({ count: 1, p50, p95: p50, p99: p50, max: p50, mean: p50 })
    const results = [
      sampleResult({ round: 1, latencyMs: latencyMs(9), errors: 2, firstError: 'refused' }),
      sampleResult({ round: 2, latencyMs: latencyMs(1) }),
      sampleResult({ round: 3, latencyMs: latencyMs(5), errors: 1 }),
    ]
    expect(middleRounds(results)).toMatchObject([{ round: 3, errors: 3, firstError: 'refused' }])
  })
})

describe('nearness to the limits', () => {
  it('composes what one core needs for HTTP, append and signature of one event', () => {
    const [near] = nearness([sampleResult({ ratePerSecond: 1000 })], sampleLimits)
    // 1/5000 + 1/4000 + 1/20000 s = 0.5 ms an event.
    expect(near?.composedPerSecond).toBeCloseTo(2000)
    expect(near?.ofComposed).toBeCloseTo(0.5)
    expect(near?.ofHttpEcho).toBeCloseTo(0.2)
    expect(near?.ofSqliteAppend).toBeCloseTo(0.25)
    expect(near?.ofSigning).toBeCloseTo(0.05)
  })

  it('is said of sends into one room only, and only where limits were measured', () => {
    expect(nearness([sampleResult({ scenario: 'register' })], sampleLimits)).toEqual([])
    expect(nearness([sampleResult({})], [])).toEqual([])
  })
})
