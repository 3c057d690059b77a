import { compare, nearness } from '../../bench/run/compare.ts'
import type { CaseResult, Limit, Report } from '../../bench/run/results.ts'

export function sampleResult(given: Partial<CaseResult>): CaseResult {
  return {
    scenario: 'send-one-room',
    case: 'one after another',
    target: 'A',
    round: 1,
    operations: 1000,
    errors: 0,
    limited: 0,
    elapsedMs: 1000,
    ratePerSecond: 1000,
    latencyMs: { count: 1000, p50: 1, p95: 2, p99: 4, max: 30, mean: 1.1 },
    loadCores: 0.2,
    ...given,
  }
}

export const sampleLimits: readonly Limit[] = [
  { name: 'http-echo', width: 1, ratePerSecond: 5000 },
  { name: 'http-echo', width: 10, ratePerSecond: 20_000 },
  { name: 'http-echo', width: 64, ratePerSecond: 25_000 },
  { name: 'sqlite-append', width: 1, ratePerSecond: 4000 },
  { name: 'sqlite-append', width: 10, ratePerSecond: 20_000 },
  { name: 'sqlite-append', width: 100, ratePerSecond: 50_000 },
  { name: 'ed25519-sign', width: 1, ratePerSecond: 20_000 },
]

export function sampleReport(results: readonly CaseResult[], labels: readonly [string, string] = ['A', 'B']): Report {
  return {
    version: 1,
    startedAt: '2026-01-02T03:04:05.000Z',
    machine: { cpu: 'Example <9000> & "co"', cores: 2, memoryBytes: 8e9, system: 'linux 6', node: '26.0.0' },
    settings: {
      scale: 'small',
      seconds: 1,
      rounds: 2,
      serverCpu: 0,
      targets: labels.map((label, index) => ({ label, url: `http://127.0.0.1:800${index}` })),
    },
    limits: sampleLimits,
    results,
    nearness: nearness(results, sampleLimits),
    comparisons: compare(results, labels[0], labels[1], () => ['rate', 'p50', 'p99']),
  }
}
