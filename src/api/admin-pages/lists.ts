import { StreamedText } from '#http'
import { MatrixError } from '#spec'
import type { Visit } from './visit.ts'

/** Rows on one page of a list. */
export const PAGE_ROWS = 50
/** Rows that are read at once for an export. */
export const EXPORT_ROWS = 500
/** An export ends here, and says so. */
const MAX_EXPORTED = 100_000

export interface Ordered<Order extends string> {
  readonly order: Order
  readonly descending: boolean
}

/** The order that the address asks for, by names such as `name` and `-name`. Throws `M_INVALID_PARAM` for one that there is not. */
export const orderOf = <Order extends string>(
  { query }: Pick<Visit, 'query'>,
  orders: readonly Order[],
  usual: Ordered<Order>,
): Ordered<Order> => {
  const asked = query.order
  if (asked === undefined) return usual
  const descending = asked.startsWith('-')
  const order = orders.find((one) => one === (descending ? asked.slice(1) : asked))
  if (order === undefined) throw new MatrixError('M_INVALID_PARAM', 'This list has no such order')
  return { order, descending }
}

/** The row that the page begins with, from 0; also the number that a newest-first list goes on below. Throws `M_INVALID_PARAM`. */
export const numberOf = (text: string | undefined, otherwise: number): number => {
  if (text === undefined || text === '') return otherwise
  const number = Number(text)
  if (/^\d{1,15}$/.test(text) && Number.isSafeInteger(number)) return number
  throw new MatrixError('M_INVALID_PARAM', 'The address of this page is not right')
}

export const offsetOf = ({ query }: Pick<Visit, 'query'>): number => numberOf(query.from, 0)

/** The beginning of the next page; undefined: there is none. */
export const nextOffset = (offset: number, shown: number, total: number): string | undefined =>
  offset + shown < total && shown > 0 ? String(offset + shown) : undefined

/** The state of the list, for the links of its page. */
export const stateOf = ({ query, section }: Pick<Visit, 'query' | 'section'>, path: string = section) => ({
  path,
  query,
})

/** `yes`, `no` or all. */
export const choiceOf = (text: string | undefined): boolean | undefined =>
  text === 'yes' ? true : text === 'no' ? false : undefined

export const textOf = (text: string | undefined): string | undefined => {
  const given = text?.trim()
  return given === undefined || given === '' ? undefined : given
}

/** A column of an exported list. */
export type CsvColumns<Row> = Readonly<Record<string, (row: Row) => string | number | boolean | undefined>>

/**
 * One cell as RFC 4180 has it. A text that a spreadsheet would take for a formula begins with an apostrophe instead: what people call themselves
 * must not be computed on an administrator's machine.
 */
const cellOf = (value: string | number | boolean | undefined): string => {
  if (typeof value !== 'string') return value === undefined ? '' : String(value)
  const harmless = /^[=+\-@\t\r\n]/.test(value) ? `'${value}` : value
  return /[",\r\n]/.test(harmless) ? `"${harmless.replaceAll('"', '""')}"` : harmless
}

const lineOf = (cells: readonly (string | number | boolean | undefined)[]): string =>
  `${cells.map(cellOf).join(',')}\r\n`

async function* linesOf<Row>(
  columns: CsvColumns<Row>,
  pages: AsyncIterable<readonly Row[]>,
): AsyncGenerator<string, void, undefined> {
  let written = 0
  const cells = Object.values(columns)
  for await (const page of pages) {
    const fitting = page.slice(0, MAX_EXPORTED - written)
    written += fitting.length
    yield fitting.map((row) => lineOf(cells.map((read) => read(row)))).join('')
    if (written < MAX_EXPORTED) continue
    yield lineOf([`Only the first ${MAX_EXPORTED} rows are here`])
    return
  }
}

/** A list as a file for spreadsheets, which is made while it is sent. */
export const csvReply = <Row>(
  name: string,
  columns: CsvColumns<Row>,
  pages: AsyncIterable<readonly Row[]>,
): StreamedText =>
  new StreamedText(
    { begun: [lineOf(Object.keys(columns))], rest: linesOf(columns, pages) },
    {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': `attachment; filename="${name}.csv"`,
      'Cache-Control': 'no-store',
      'X-Content-Type-Options': 'nosniff',
    },
  )

/** Reads a list page by page, each from where the one before ended, until one is not full. */
export async function* pagesOf<Row>(
  read: (offset: number, limit: number) => Promise<readonly Row[]>,
): AsyncGenerator<readonly Row[], void, undefined> {
  for (let offset = 0; ; offset += EXPORT_ROWS) {
    const page = await read(offset, EXPORT_ROWS)
    yield page
    if (page.length < EXPORT_ROWS) return
  }
}

/** The same for lists that go on below the number of their last row. */
export async function* pagesBelow<Row>(
  read: (below: number, limit: number) => Promise<readonly Row[]>,
  numberOfRow: (row: Row) => number,
): AsyncGenerator<readonly Row[], void, undefined> {
  let below = Number.MAX_SAFE_INTEGER
  for (;;) {
    const page = await read(below, EXPORT_ROWS)
    yield page
    const last = page.at(-1)
    if (page.length < EXPORT_ROWS || last === undefined) return
    below = numberOfRow(last)
  }
}

/** A time in an export: `2026-11-28T19:17:00.000Z`. */
export const isoOf = (ms: number | undefined): string | undefined => {
  const date = ms === undefined ? undefined : new Date(ms)
  return date === undefined || Number.isNaN(date.getTime()) ? undefined : date.toISOString()
}
