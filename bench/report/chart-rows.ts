import type { LatencySummary } from '../measure/stats.ts'
import { middleRounds } from '../run/compare.ts'
import type { CaseResult, Report } from '../run/results.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { formatBytes, formatNumber } from './format.ts'

/** What the chart draws on one line, without any geometry. */
export type ChartRow = {
  /** Empty on a case's second line, which belongs to the second target. */
  label: string
  /** Index into the targets, which decides the colour; -1 for the machine's limits. */
  target: number
  bar?: { value: number; text: string; limit?: number }
  latency?: LatencySummary
}

export type ChartGroup = { title: string; barTitle: string; rows: ChartRow[] }

export function chartGroups(report: Report, scenarios: readonly Scenario[]): ChartGroup[] {
  const lines = middleRounds(report.results)
  const groups = scenarios.flatMap((scenario): ChartGroup[] => {
    const own = lines.filter((line) => line.scenario === scenario.name)
    if (own.length === 0) return []
    const rows = own.map((line, index) => row(report, scenario, line, own[index - 1]?.case === line.case))
    return [{ title: title(scenario), barTitle: barTitle(scenario), rows }]
  })
  if (report.limits.length > 0) groups.push(limitGroup(report))
  return groups
}

/** Without the remark about options, which is for `--list`. */
function title(scenario: Scenario): string {
  return scenario.title.replace(/ \(.*--.*\)$/, '')
}

function barTitle(scenario: Scenario): string {
  if (scenario.shows === 'rate') return `${scenario.unit} per second`
  return scenario.shows === 'memory' ? 'memory' : ''
}

function row(report: Report, scenario: Scenario, line: CaseResult, again: boolean): ChartRow {
  const near = report.nearness.find(
    (entry) => line.scenario === 'send-one-room' && entry.case === line.case && entry.target === line.target,
  )
  const memory = line.server?.rssBytes
  return {
    label: again ? '' : line.case,
    target: report.settings.targets.findIndex((target) => target.label === line.target),
    ...(scenario.shows === 'rate'
      ? {
          bar: {
            value: line.ratePerSecond,
            text: formatNumber(line.ratePerSecond),
            ...(near === undefined ? {} : { limit: near.composedPerSecond }),
          },
        }
      : {}),
    ...(scenario.shows === 'memory' && memory !== undefined
      ? { bar: { value: memory, text: formatBytes(memory) } }
      : {}),
    ...(line.latencyMs === undefined ? {} : { latency: line.latencyMs }),
  }
}

function limitGroup(report: Report): ChartGroup {
  const label = {
    'http-echo': (width: number) => `bare HTTP echo, ${width} ${width === 1 ? 'worker' : 'workers'}`,
    'sqlite-append': (width: number) => `SQLite append, ${width === 1 ? 'one by one' : `groups of ${width}`}`,
    'ed25519-sign': () => 'Ed25519 signing',
  }
  return {
    title: "The machine's own limits",
    barTitle: 'per second',
    rows: report.limits.map((limit) => ({
      label: label[limit.name](limit.width),
      target: -1,
      bar: { value: limit.ratePerSecond, text: formatNumber(limit.ratePerSecond) },
    })),
  }
}
