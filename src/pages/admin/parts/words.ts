import { type Html, html } from '../../html.ts'

const UNITS = ['B', 'KB', 'MB', 'GB', 'TB', 'PB'] as const
const MINUTE_MS = 60_000
const HOUR_MS = 60 * MINUTE_MS
const DAY_MS = 24 * HOUR_MS

const grouped = new Intl.NumberFormat('en', { maximumFractionDigits: 0 })
const short = new Intl.NumberFormat('en', { maximumSignificantDigits: 3 })

/** A whole number: `1,234`. */
export const count = (number: number): string => grouped.format(number)

/** A measured number, in three digits. */
export const measured = (number: number): string => (Math.abs(number) >= 1_000 ? count(number) : short.format(number))

/** `3 people`, `1 person`. */
export const many = (number: number, one: string, more = `${one}s`): string =>
  `${count(number)} ${number === 1 ? one : more}`

/** `12.3 MB`; a kilobyte has 1,000 bytes. */
export const bytes = (size: number): string => {
  const power = size < 1 ? 0 : Math.min(UNITS.length - 1, Math.floor(Math.log10(size) / 3))
  return `${short.format(size / 1_000 ** power)} ${UNITS[power]}`
}

/** `3 min`, `2 h`, `5 days`: the largest unit alone. */
export const span = (ms: number): string => {
  if (ms < 1_000) return `${Math.max(0, Math.round(ms))} ms`
  if (ms < MINUTE_MS) return `${Math.round(ms / 1_000)} s`
  if (ms < HOUR_MS) return `${Math.round(ms / MINUTE_MS)} min`
  if (ms < 2 * DAY_MS) return `${Math.round(ms / HOUR_MS)} h`
  return many(Math.round(ms / DAY_MS), 'day')
}

const MONTHS = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec'] as const
const two = (number: number): string => String(number).padStart(2, '0')

/** A time as people read it, in UTC: `28 Nov 2026, 19:17`. Times outside what a calendar has are a dash. */
export const moment = (ms: number | undefined): Html => {
  const date = ms === undefined ? undefined : new Date(ms)
  if (date === undefined || Number.isNaN(date.getTime())) return NONE
  const day = `${date.getUTCDate()} ${MONTHS[date.getUTCMonth()]} ${date.getUTCFullYear()}`
  return html`<time datetime="${date.toISOString()}">${day}, ${two(date.getUTCHours())}:${two(date.getUTCMinutes())}</time>`
}

/** Stands where there is nothing to show. */
export const NONE = html`<span class="none">–</span>`

export const orNone = (text: string | undefined): Html => (text === undefined || text === '' ? NONE : html`${text}`)

const SHORT_LENGTH = 28

/** An id, an address or another text of a machine, as it is; where it is long it may break anywhere. */
export const id = (text: string): Html =>
  html`<span class="id${text.length <= SHORT_LENGTH ? ' short' : ''}">${text}</span>`

export const link = (href: string, text: string | Html): Html => html`<a href="${href}">${text}</a>`
/** A mark of a state. `tone`: how much it should be noticed. */
export const tag = (text: string, tone: 'calm' | 'good' | 'bad' = 'calm'): Html =>
  html`<span class="tag ${tone}">${text}</span>`

/** Several marks, or a dash. */
export const tags = (marks: readonly (Html | undefined)[]): Html => {
  const there = marks.filter((mark) => mark !== undefined)
  return there.length === 0 ? NONE : html`${there.map((mark) => html`${mark} `)}`
}
