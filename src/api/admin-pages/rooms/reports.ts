import type { Reports } from '#domain'
import { loadAdminPages } from '#pages'
import { csvReply, isoOf, numberOf, PAGE_ROWS, pagesBelow, stateOf } from '../lists.ts'
import type { PageHandler } from '../visit.ts'

export interface ReportsPageDeps {
  readonly reports: Pick<Reports, 'list'>
}

type Report = Awaited<ReturnType<Reports['list']>>[number]

const rowOf = ({ report, reporter, subject, reason, reportedAtMs, isFounded }: Report) => ({
  ...{ report, reporter, reason, atMs: reportedAtMs, founded: isFounded },
  ...(subject.kind === 'user' ? { userId: subject.userId } : { roomId: subject.roomId }),
  ...(subject.kind === 'event' ? { eventId: subject.eventId } : {}),
})

export const reports: PageHandler<ReportsPageDeps> = async (visit, { reports: inbox }) => {
  const { frameOf, reportsPage } = await loadAdminPages()
  const rows = await inbox.list(numberOf(visit.query.from, Number.MAX_SAFE_INTEGER), PAGE_ROWS)
  return reportsPage(frameOf(visit), {
    state: stateOf(visit),
    rows: rows.map(rowOf),
    next: rows.length < PAGE_ROWS ? undefined : String(rows.at(-1)?.report ?? 0),
  })
}

export const reportsCsv: PageHandler<ReportsPageDeps> = async (_visit, { reports: inbox }) =>
  csvReply<Report>(
    'reports',
    {
      time: ({ reportedAtMs }) => isoOf(reportedAtMs),
      kind: ({ subject }) => subject.kind,
      user: ({ subject }) => (subject.kind === 'user' ? subject.userId : undefined),
      room: ({ subject }) => (subject.kind === 'user' ? undefined : subject.roomId),
      event: ({ subject }) => (subject.kind === 'event' ? subject.eventId : undefined),
      reason: ({ reason }) => reason,
      reporter: ({ reporter }) => reporter,
      known: ({ isFounded }) => isFounded,
    },
    pagesBelow(
      (before, limit) => inbox.list(before, limit),
      ({ report }) => report,
    ),
  )
