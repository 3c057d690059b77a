import type { CustomReply } from '#http'
import { type Html, html } from '../../html.ts'
import { chartOf } from '../parts/chart.ts'
import { adminPage, type Frame } from '../parts/frame.ts'
import { factsOf } from '../parts/lists.ts'
import { bytes, measured, moment, span } from '../parts/words.ts'

type Values = readonly (number | undefined)[]

export interface OverviewView {
  readonly everyMs: number
  readonly values: Readonly<
    Record<
      | 'requestsPerSecond'
      | 'failuresPerMinute'
      | 'sendsPerSecond'
      | 'answerMs'
      | 'waiting'
      | 'loopDelayMs'
      | 'cpuShare'
      | 'residentBytes'
      | 'databaseBytes'
      | 'commitQueue'
      | 'federationQueue',
      Values
    >
  >
  readonly startedMs: number
  readonly nowMs: number
  readonly version: string
  readonly database: string
}

const milliseconds = (ms: number): string => `${measured(ms)} ms`
const share = (part: number): string => `${measured(part * 100)} %`

const CHARTS: readonly {
  readonly name: keyof OverviewView['values']
  readonly title: string
  words(value: number): string
}[] = [
  { name: 'requestsPerSecond', title: 'Requests a second', words: measured },
  { name: 'sendsPerSecond', title: 'Events sent a second', words: measured },
  { name: 'answerMs', title: 'Time to answer, on average', words: milliseconds },
  { name: 'failuresPerMinute', title: 'Requests that failed, a minute', words: measured },
  { name: 'waiting', title: 'Syncs that wait for news', words: measured },
  { name: 'loopDelayMs', title: 'Event-loop delay (99 of 100 below)', words: milliseconds },
  { name: 'cpuShare', title: 'Use of one processor core', words: share },
  { name: 'residentBytes', title: 'Memory', words: bytes },
  { name: 'databaseBytes', title: 'Database', words: bytes },
  { name: 'commitQueue', title: 'Commits that wait for the disk', words: measured },
  { name: 'federationQueue', title: 'Events that wait for other servers', words: measured },
]

/** The first page: how the server is, and was in the last hour. It loads itself anew. */
export const overviewPage = (frame: Frame, view: OverviewView): CustomReply => {
  const { everyMs, values, startedMs, nowMs } = view
  const spanWords = `${span(everyMs * values.waiting.length)} ago`
  const charts: Html = html`<ul class="charts">${CHARTS.map(({ name, title, words }) =>
    chartOf({ title, values: values[name], words, spanWords }),
  )}</ul>`
  return adminPage(frame, {
    title: 'Overview',
    lead: `How this process of ${frame.serverName} does. Measured every ${span(everyMs)}; the page loads itself anew every minute.`,
    main: html`${charts}
<h2>This server</h2>
${factsOf([
  ['Name', frame.serverName],
  ['Version', `Homeroom ${view.version}`],
  ['Database', view.database],
  ['Running since', html`${moment(startedMs)} UTC (${span(nowMs - startedMs)})`],
])}`,
    refreshSeconds: 60,
  })
}
