// Turns Sytest's TAP output into the table of docs/conformance.md.
//
//   node scripts/sytest-report.ts results.tap [more.tap …]             the table, by directory
//   node scripts/sytest-report.ts --failures results.tap               and each failed test below it
//   node scripts/sytest-report.ts --write docs/conformance.md results.tap   puts the table between the marks of that file
//   … --scope scripts/sytest-scope.tsv        and below it what is asked of this server, and why each test of it fails
//
// TAP names a test, not its file: the file is taken from Sytest's own list, given by --list FILE (what list.sh prints).

import { readFileSync, writeFileSync } from 'node:fs'
import { parseArgs } from 'node:util'

export type Outcome = 'passed' | 'failed' | 'skipped'

export interface SytestResult {
  readonly name: string
  readonly outcome: Outcome
  /** Why it was skipped, as Sytest says. */
  readonly reason: string | undefined
}

/**
 * Reads TAP: a skipped test is written `ok … # skip REASON`, one that is known to fail on some server `not ok … # TODO`. The
 * steps of a test stand indented above it and are not counted.
 */
export function parseTap(text: string): readonly SytestResult[] {
  const results: SytestResult[] = []
  for (const line of text.split('\n')) {
    const match = /^(ok|not ok)\s+\d+\s*(?:-\s*)?(.*)$/.exec(line.trimEnd())
    if (match === null) continue
    const [, verdict, rest = ''] = match
    const skip = /^(.*?)\s*#\s*skip\b:?\s*(.*)$/i.exec(rest)
    const name = (skip?.[1] ?? rest)
      .replace(/\s+#\s*TODO.*$/i, '')
      .replace(/^\(expected fail\)\s+/, '')
      .replace(/\s+\(\d+ subtests\)$/, '')
      .trim()
    results.push({
      name,
      outcome: skip !== null ? 'skipped' : verdict === 'ok' ? 'passed' : 'failed',
      reason: skip?.[2] || undefined,
    })
  }
  return results
}

/** Sytest's list: one test a line, `FILE<TAB>test|multi<TAB>NAME`. Names to the files they stand in, in the order of the suite. */
export function parseList(text: string): ReadonlyMap<string, readonly string[]> {
  const files = new Map<string, string[]>()
  for (const line of text.split('\n')) {
    const [file, , name] = line.split('\t')
    if (file === undefined || name === undefined) continue
    files.set(name, [...(files.get(name) ?? []), file])
  }
  return files
}

/** The file of each result. A few names stand in two files: they are told apart by the order in which they ran. */
export function placeResults(
  results: readonly SytestResult[],
  files: ReadonlyMap<string, readonly string[]>,
): readonly PlacedResult[] {
  const seen = new Map<string, number>()
  return results.map((result) => {
    const index = seen.get(result.name) ?? 0
    seen.set(result.name, index + 1)
    const candidates = files.get(result.name) ?? []
    return { ...result, file: candidates[index % Math.max(1, candidates.length)] }
  })
}

/** `tests/30rooms/01state.pl` -> `30rooms`; a file right below `tests` stands for itself. */
export function directoryOf(file: string | undefined): string {
  if (file === undefined) return '(unknown)'
  return /^(?:.*?tests\/)?([^/]+)/.exec(file)?.[1] ?? '(unknown)'
}

export interface PlacedResult extends SytestResult {
  readonly file: string | undefined
}

export interface DirectoryCount {
  readonly directory: string
  readonly passed: number
  readonly failed: number
  readonly skipped: number
}

export function countByDirectory(results: readonly PlacedResult[]): readonly DirectoryCount[] {
  const grouped = Map.groupBy(results, ({ file }) => directoryOf(file))
  const count = (group: readonly SytestResult[], outcome: Outcome) =>
    group.filter((result) => result.outcome === outcome).length
  return [...grouped]
    .map(([directory, group]) => ({
      directory,
      passed: count(group, 'passed'),
      failed: count(group, 'failed'),
      skipped: count(group, 'skipped'),
    }))
    .sort((a, b) => (a.directory < b.directory ? -1 : 1))
}

/** Share of the tests that ran, in whole per cent, rounded down. */
const shareOf = (passed: number, failed: number): string =>
  passed + failed === 0 ? '' : `${Math.floor((100 * passed) / (passed + failed))} %`

export function drawTable(counts: readonly DirectoryCount[]): string {
  const sum = (pick: (count: DirectoryCount) => number) => counts.reduce((total, count) => total + pick(count), 0)
  const total = {
    directory: '**all**',
    passed: sum((c) => c.passed),
    failed: sum((c) => c.failed),
    skipped: sum((c) => c.skipped),
  }
  const rows = [...counts, total].map(
    ({ directory, passed, failed, skipped }) =>
      `| ${directory} | ${passed} | ${failed} | ${skipped} | ${shareOf(passed, failed)} |`,
  )
  return [
    '| directory | passed | failed | skipped | passed of those that ran |',
    '| --- | ---: | ---: | ---: | ---: |',
    ...rows,
  ].join('\n')
}

export interface Remark {
  readonly kind: string
  readonly why: string
}

/** What is known of single tests; `FILE<TAB>NAME` is the key. */
export type Remarks = ReadonlyMap<string, Remark>

const UNCOUNTED: ReadonlyMap<string, string> = new Map([
  ['left-out', 'No part of the specification'],
  ['never-run', 'Run on no server'],
])

/** Lines of `FILE<TAB>NAME<TAB>CLASS<TAB>WHY`; `#` begins a comment. */
export function parseRemarks(text: string): Remarks {
  const remarks = new Map<string, Remark>()
  for (const line of text.split('\n')) {
    const [file, name, kind, why] = line.split('\t')
    if (line.startsWith('#') || name === undefined || kind === undefined || why === undefined) continue
    remarks.set(`${file}\t${name}`, { kind, why })
  }
  return remarks
}

type Remarked = PlacedResult & { readonly remark: Remark | undefined }

const isCounted = ({ remark }: Remarked): boolean => !UNCOUNTED.has(remark?.kind ?? '')
const isOpen = ({ outcome }: Remarked): boolean => outcome !== 'passed'

const bullets = (chosen: readonly Remarked[]): string =>
  [...Map.groupBy(chosen, ({ remark }) => remark?.why ?? '**not explained**')]
    .map(([why, group]) => `- ${why}:\n${group.map(({ name, outcome }) => `  - ${name} (${outcome})\n`).join('')}`)
    .join('')

/** Draws what counts, by directory, and every test of it that did not pass, with the reason; then what does not count. */
export function drawAsked(results: readonly PlacedResult[], remarks: Remarks): string {
  const all = results.map((result): Remarked => ({ ...result, remark: remarks.get(`${result.file}\t${result.name}`) }))
  const counted = all.filter(isCounted)
  const missed = counted.filter(isOpen)
  const open = all.filter((result) => isOpen(result) && !isCounted(result))
  const sections = [...UNCOUNTED].flatMap(([kind, title]) => {
    const group = open.filter(({ remark }) => remark?.kind === kind)
    return group.length === 0 ? [] : [`#### ${title} (${group.length})\n\n${bullets(group)}`]
  })
  return [
    '### What is asked: all but what is no part of the specification or runs on no server\n',
    drawTable(countByDirectory(counted)),
    `\n#### Asked, and not passed (${missed.length})\n`,
    bullets(missed),
    '### Not counted, and not passed\n',
    ...sections,
  ].join('\n')
}

const BEGIN = '<!-- sytest: begin -->'
const END = '<!-- sytest: end -->'

/** Puts the table between the marks. Throws where they are missing. */
export function putBetweenMarks(document: string, table: string): string {
  const begin = document.indexOf(BEGIN)
  const end = document.indexOf(END)
  if (begin < 0 || end < begin) throw new Error(`the marks ${BEGIN} and ${END} are missing`)
  return `${document.slice(0, begin + BEGIN.length)}\n${table}\n${document.slice(end)}`
}

function main(): void {
  const { values, positionals } = parseArgs({
    allowPositionals: true,
    options: {
      list: { type: 'string' },
      write: { type: 'string' },
      scope: { type: 'string' },
      failures: { type: 'boolean', default: false },
    },
  })
  const files = values.list === undefined ? new Map() : parseList(readFileSync(values.list, 'utf8'))
  const results = positionals.flatMap((path) => placeResults(parseTap(readFileSync(path, 'utf8')), files))
  if (results.length === 0) throw new Error('no test results were found in the files given')
  const asked = values.scope === undefined ? [] : [drawAsked(results, parseRemarks(readFileSync(values.scope, 'utf8')))]
  const table = [drawTable(countByDirectory(results)), ...asked].join('\n\n')
  if (values.write !== undefined)
    writeFileSync(values.write, putBetweenMarks(readFileSync(values.write, 'utf8'), table))
  else console.log(table)
  if (!values.failures) return
  for (const { name, file } of results.filter(({ outcome }) => outcome === 'failed')) {
    console.log(`- ${file ?? '(unknown)'}: ${name}`)
  }
}

if (import.meta.main) main()
