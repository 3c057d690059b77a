import { median } from '../measure/stats.ts'
import type { CaseResult, Comparison, Limit, Nearness } from './results.ts'

type Measure = Comparison['measure']

/** What is worth comparing in a scenario, by its name. */
export type MeasuresOf = (scenario: string) => readonly Measure[]

const read: Record<Measure, (result: CaseResult) => number | undefined> = {
  rate: (result) => result.ratePerSecond,
  p50: (result) => result.latencyMs?.p50,
  p99: (result) => result.latencyMs?.p99,
  memory: (result) => result.server?.rssBytes,
}

/** All results of one case, the targets' rounds together, in the order first measured. */
export function byCase(results: readonly CaseResult[]): CaseResult[][] {
  const groups = new Map<string, CaseResult[]>()
  for (const result of results) {
    const key = `${result.scenario}\n${result.case}`
    const group = groups.get(key)
    if (group === undefined) groups.set(key, [result])
    else group.push(result)
  }
  return [...groups.values()]
}

/**
 * Ratios second target / first target, of the two results measured next to each other. Pairs in which a side measured nothing are
 * left out; a measure without any pair has no line.
 */
export function compare(
  results: readonly CaseResult[],
  first: string,
  second: string,
  measuresOf: MeasuresOf,
): Comparison[] {
  return byCase(results).flatMap((group) =>
    measuresOf(group[0]?.scenario ?? '').flatMap((measure): Comparison[] => {
      const pairs = group
        .filter((result) => result.target === first)
        .flatMap((a): number[] => {
          const b = group.find((result) => result.target === second && result.round === a.round)
          const ratio =
            (b === undefined ? Number.NaN : (read[measure](b) ?? Number.NaN)) / (read[measure](a) ?? Number.NaN)
          return Number.isFinite(ratio) && ratio > 0 ? [ratio] : []
        })
      const [sample] = group
      if (sample === undefined || pairs.length === 0) return []
      return [{ scenario: sample.scenario, case: sample.case, measure, pairs, median: median(pairs) }]
    }),
  )
}

/** One line a case and target, from the medians of the rounds: counts are summed, everything else is the middle round. */
export function middleRounds(results: readonly CaseResult[]): CaseResult[] {
  return byCase(results).flatMap((group) => {
    const targets = [...new Set(group.map((result) => result.target))]
    return targets.flatMap((target) => {
      const rounds = group.filter((result) => result.target === target)
      const ascending = [...rounds].sort((a, b) => ranking(a) - ranking(b))
      const middle = ascending[(ascending.length - 1) >> 1]
      if (middle === undefined) return []
      const failed = rounds.find((round) => round.firstError !== undefined)
      return [
        {
          ...middle,
          errors: rounds.reduce((sum, round) => sum + round.errors, 0),
          limited: rounds.reduce((sum, round) => sum + round.limited, 0),
          ...(failed?.firstError === undefined ? {} : { firstError: failed.firstError }),
        },
      ]
    })
  })
}

/** Rounds are ranked by their middle latency, and where there is none by what the server held in memory. */
function ranking(result: CaseResult): number {
  return result.latencyMs?.p50 ?? result.server?.rssBytes ?? 0
}

/** Which limits a send case is held against: as many requests under way, and as many events in a commit as could gather. */
const sendLimits: readonly { case: string; http: number; sqlite: number }[] = [
  { case: 'one after another', http: 1, sqlite: 1 },
  { case: 'by 10 workers', http: 10, sqlite: 10 },
  { case: 'by 64 workers', http: 64, sqlite: 100 },
]

export function nearness(results: readonly CaseResult[], limits: readonly Limit[]): Nearness[] {
  const limit = (name: Limit['name'], width: number): number =>
    limits.find((entry) => entry.name === name && entry.width === width)?.ratePerSecond ?? Number.NaN
  if (limits.length === 0) return []
  return middleRounds(results).flatMap((result): Nearness[] => {
    const widths = sendLimits.find((entry) => result.case === entry.case)
    if (result.scenario !== 'send-one-room' || widths === undefined || result.operations === 0) return []
    const http = limit('http-echo', widths.http)
    const sqlite = limit('sqlite-append', widths.sqlite)
    const sign = limit('ed25519-sign', 1)
    const composedPerSecond = 1 / (1 / http + 1 / sqlite + 1 / sign)
    const rate = result.ratePerSecond
    return [
      {
        target: result.target,
        case: result.case,
        ratePerSecond: rate,
        ofHttpEcho: rate / http,
        ofSqliteAppend: rate / sqlite,
        ofSigning: rate / sign,
        composedPerSecond,
        ofComposed: rate / composedPerSecond,
      },
    ]
  })
}
