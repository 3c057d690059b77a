import { middleRounds } from '../run/compare.ts'
import type { CaseResult, Limit, Report } from '../run/results.ts'
import type { Scenario } from '../scenarios/scenario.ts'
import { formatBytes, formatCount, formatMs, formatNumber, formatRatio, formatShare } from './format.ts'
import { type Column, renderTable } from './table.ts'
import { type TwinRatio, twinRatios } from './twins.ts'

/** From here on a core of the bench counts as full, and the figure may be the bench's own limit. */
const fullCore = 0.95

/** The whole report as Markdown tables. */
export function renderText(report: Report, scenarios: readonly Scenario[]): string {
  const parts = [heading(report)]
  const lines = middleRounds(report.results)
  for (const scenario of scenarios) {
    const own = lines.filter((line) => line.scenario === scenario.name)
    if (own.length > 0) parts.push(`## ${scenario.title}\n\n${scenarioTable(scenario, own)}${remarks(own)}`)
    const ratios = twinRatios(own, scenario.twins)
    if (ratios.length > 0) parts.push(twinTable(ratios))
  }
  if (report.limits.length > 0) parts.push(`## The machine's own limits\n\n${limitsTable(report)}`)
  if (report.nearness.length > 0) parts.push(`## How near sends into one room come\n\n${nearnessTable(report)}`)
  if (report.comparisons.length > 0) parts.push(`## ${comparisonTitle(report)}\n\n${comparisonTable(report)}`)
  return `${parts.join('\n\n')}\n`
}

function heading(report: Report): string {
  const { machine, settings } = report
  const cores = [
    settings.serverCpu === undefined ? '' : `, server on core ${settings.serverCpu}`,
    settings.loadCpu === undefined ? '' : `, bench on core ${settings.loadCpu}`,
  ].join('')
  const targets = settings.targets.map((target) => `${target.label} = ${target.url}`).join(', ')
  return [
    `${report.startedAt}, ${machine.cpu}, ${machine.cores} cores, ${formatBytes(machine.memoryBytes)}, ${machine.system}, Node ${machine.node}`,
    `${targets}; scale ${settings.scale}, ${settings.seconds} s a stretch, rounds: ${settings.rounds}${cores}`,
  ].join('\n')
}

function scenarioTable(scenario: Scenario, lines: readonly CaseResult[]): string {
  const withServer = lines.some((line) => line.server !== undefined)
  const withBytes = lines.some((line) => line.answerBytesMean !== undefined)
  const withItems = lines.find((line) => line.items !== undefined)?.items
  const columns: { title: string; left?: true; show: boolean; cell: (line: CaseResult) => string }[] = [
    { title: 'case', left: true, show: true, cell: (line) => line.case },
    { title: 'target', left: true, show: true, cell: (line) => line.target },
    { title: `${scenario.unit}/s`, show: scenario.shows === 'rate', cell: (line) => formatNumber(line.ratePerSecond) },
    {
      title: `${withItems?.unit ?? ''}/s`,
      show: withItems !== undefined,
      cell: (line) => formatNumber(line.items?.perSecond),
    },
    { title: 'p50', show: scenario.shows !== 'memory', cell: (line) => formatMs(line.latencyMs?.p50) },
    { title: 'p95', show: scenario.shows !== 'memory', cell: (line) => formatMs(line.latencyMs?.p95) },
    { title: 'p99', show: scenario.shows !== 'memory', cell: (line) => formatMs(line.latencyMs?.p99) },
    { title: 'max', show: scenario.shows !== 'memory', cell: (line) => formatMs(line.latencyMs?.max) },
    { title: 'measured', show: scenario.shows !== 'memory', cell: (line) => formatCount(line.latencyMs?.count) },
    { title: 'failed', show: scenario.shows !== 'memory', cell: (line) => formatCount(line.errors) },
    { title: 'answer', show: withBytes, cell: (line) => formatBytes(line.answerBytesMean) },
    { title: 'server CPU', show: withServer, cell: (line) => formatShare(line.server?.cores ?? Number.NaN) },
    { title: 'CPU each', show: withServer, cell: (line) => formatMs(line.server?.cpuMsPerOperation) },
    { title: 'memory', show: withServer, cell: (line) => formatBytes(line.server?.rssBytes) },
    { title: 'threads', show: withServer, cell: (line) => formatCount(line.server?.threads) },
    { title: 'bench CPU', show: scenario.shows !== 'memory', cell: (line) => formatShare(line.loadCores) },
  ]
  const shown = columns.filter((column) => column.show)
  return renderTable(
    shown.map((column): Column => ({ title: column.title, align: column.left ? 'left' : 'right' })),
    lines.map((line) => shown.map((column) => column.cell(line))),
  )
}

function twinTable(ratios: readonly TwinRatio[]): string {
  return renderTable(
    [
      { title: 'in this run', align: 'left' },
      { title: 'target', align: 'left' },
      { title: 'time an event (p50)', align: 'right' },
      { title: 'CPU an event', align: 'right' },
    ],
    ratios.map((ratio) => [ratio.name, ratio.target, formatRatio(ratio.time), formatRatio(ratio.cpu)]),
  )
}

/** What a reader must know before believing a line. */
function remarks(lines: readonly CaseResult[]): string {
  const said: string[] = []
  for (const line of lines) {
    const who = `${line.target}, ${line.case}`
    if (line.limited > 0)
      said.push(`${who}: ${line.limited} requests were refused with 429; switch the target's rate limits off.`)
    else if (line.firstError !== undefined) said.push(`${who}: ${line.firstError}`)
    if (line.loadCores >= fullCore)
      said.push(`${who}: the bench's own core was full, so the server may be faster than this.`)
  }
  return said.length === 0 ? '' : `\n\n${said.map((text) => `- ${text}`).join('\n')}`
}

function limitsTable(report: Report): string {
  const names = {
    'http-echo': 'bare HTTP echo',
    'sqlite-append': 'SQLite append, synced',
    'ed25519-sign': 'Ed25519 signing',
  }
  const widths = { 'http-echo': ['worker', 'workers'], 'sqlite-append': ['event a commit', 'events a commit'] } as const
  const width = (limit: Limit): string =>
    limit.name === 'ed25519-sign' ? '' : `${limit.width} ${widths[limit.name][limit.width === 1 ? 0 : 1]}`
  return renderTable(
    [
      { title: 'limit', align: 'left' },
      { title: 'width', align: 'left' },
      { title: 'events/s', align: 'right' },
    ],
    report.limits.map((limit) => [names[limit.name], width(limit), formatNumber(limit.ratePerSecond)]),
  )
}

function nearnessTable(report: Report): string {
  const titles = ['sends/s', 'of HTTP echo', 'of SQLite', 'of signing', 'all three, one core', 'of all three']
  return renderTable(
    [
      { title: 'case', align: 'left' },
      { title: 'target', align: 'left' },
      ...titles.map((title): Column => ({ title, align: 'right' })),
    ],
    report.nearness.map((near) => [
      near.case,
      near.target,
      formatNumber(near.ratePerSecond),
      formatShare(near.ofHttpEcho),
      formatShare(near.ofSqliteAppend),
      formatShare(near.ofSigning),
      formatNumber(near.composedPerSecond),
      formatShare(near.ofComposed),
    ]),
  )
}

function comparisonTitle(report: Report): string {
  const [first, second] = report.settings.targets
  return `${second?.label} against ${first?.label} (ratios ${second?.label} / ${first?.label})`
}

function comparisonTable(report: Report): string {
  return renderTable(
    [
      { title: 'scenario', align: 'left' },
      { title: 'case', align: 'left' },
      { title: 'measure', align: 'left' },
      { title: 'median', align: 'right' },
      { title: 'pairs', align: 'left' },
    ],
    report.comparisons.map((line) => [
      line.scenario,
      line.case,
      line.measure,
      formatRatio(line.median),
      line.pairs.map(formatRatio).join(' '),
    ]),
  )
}
