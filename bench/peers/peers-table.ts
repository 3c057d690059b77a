import { formatBytes, formatMs, formatNumber } from '../report/format.ts'
import { renderTable } from '../report/table.ts'
import type { CaseResult } from '../run/results.ts'
import type { PeerResult } from './measure.ts'

type Cell = (result: CaseResult) => string

const rate: Cell = ({ ratePerSecond }) => `${formatNumber(ratePerSecond)}/s`
const middle: Cell = ({ latencyMs }) => formatMs(latencyMs?.p50)

const ROWS: readonly (readonly [title: string, scenario: string, name: string, cell: Cell])[] = [
  ['sends, one after another', 'send-one-room', 'one after another', rate],
  ['sends by 10', 'send-one-room', 'by 10 workers', rate],
  ['sends by 64', 'send-one-room', 'by 64 workers', rate],
  ['first sync of 1 room, p50', 'first-sync', '1 room', middle],
  ['first sync of 100 rooms, p50', 'first-sync', '100 rooms', middle],
  ['waking 1 listener, p50', 'wake-listeners', '1 listener', middle],
  ['waking 100 listeners, p50', 'wake-listeners', '100 listeners', middle],
  ['pages of 10 messages', 'back-pagination', 'pages of 10', rate],
  ['pages of 100 messages', 'back-pagination', 'pages of 100', rate],
  ['idle memory', 'idle', 'no requests', ({ server }) => formatBytes(server?.rssBytes)],
]

/** A column for each server, a row for each thing that was measured; failures are told below. */
export const renderPeers = (results: readonly PeerResult[]): string => {
  const titles = results.map(
    ({ name, version, database }) => `${name} ${version}, ${database.kind}, ${database.durability}`,
  )
  const rows = ROWS.map(([title, scenario, name, cell]) => [
    title,
    ...results.map(({ report }) => {
      const found = report.results.find((result) => result.scenario === scenario && result.case === name)
      return found === undefined ? '–' : cell(found)
    }),
  ])
  rows.push(['start-up', ...results.map(({ startMs }) => formatMs(startMs))])
  const failures = results.flatMap(({ name, database, report }) =>
    report.results
      .filter(({ errors }) => errors > 0)
      .map(
        (one) =>
          `- ${name}, ${database.kind}, ${database.durability}: ${one.scenario}, ${one.case}: ${one.errors} failed: ${one.firstError}`,
      ),
  )
  const [first] = results
  const machine = first?.report.machine
  const heading = `${first?.report.startedAt}, ${machine?.cpu}, ${machine?.cores} cores, ${machine?.system}, Node ${machine?.node}; ${first?.report.settings.seconds} s a stretch`
  const columns = ['', ...titles].map((title, index) => ({ title, align: index === 0 ? 'left' : 'right' }) as const)
  return `${[heading, renderTable(columns, rows), failures.join('\n')].filter((part) => part !== '').join('\n\n')}\n`
}
