import type { AdministerServer, Reports } from '#domain'
import { loadAdminPages } from '#pages'
import { MatrixError } from '#spec'
import type { AdminReports } from '#views'
import { csvReply, isoOf, nextOffset, numberOf, offsetOf, PAGE_ROWS, pagesBelow, pagesOf, stateOf } from '../lists.ts'
import { actorOf, type PageHandler, seeOther, type Visit } from '../visit.ts'

export interface ReportsPageDeps {
  readonly reports: Pick<Reports, 'list'>
  readonly adminReports: Pick<AdminReports, 'page' | 'find' | 'eventOf'>
  readonly administerServer: Pick<AdministerServer, 'removeReport'>
}

type Report = Awaited<ReturnType<Reports['list']>>[number]

const SECTION = '/admin/reports'
const KINDS = ['event', 'room', 'user'] as const

const rowOf = ({ report, reporter, subject, reason, reportedAtMs, isFounded }: Report) => ({
  ...{ report, reporter, reason, atMs: reportedAtMs, founded: isFounded },
  ...(subject.kind === 'user' ? { userId: subject.userId } : { roomId: subject.roomId }),
  ...(subject.kind === 'event' ? { eventId: subject.eventId } : {}),
})

/** The kind, and the order of its reports, that the address asks for; undefined: all kinds, newest first. */
const questionOf = ({ query }: Visit) => {
  const kind = KINDS.find((one) => one === query.kind)
  const direction = query.age === 'oldest' ? ('oldest-first' as const) : ('newest-first' as const)
  return kind === undefined ? undefined : { kind, direction }
}

export const reports: PageHandler<ReportsPageDeps> = async (visit, { reports: inbox, adminReports }) => {
  const { frameOf, reportsPage } = await loadAdminPages()
  const question = questionOf(visit)
  const state = stateOf(visit)
  if (question !== undefined) {
    const offset = offsetOf(visit)
    const { reports: rows, total } = await adminReports.page({ ...question, offset, limit: PAGE_ROWS })
    const next = nextOffset(offset, rows.length, total)
    return reportsPage(frameOf(visit), { state, rows: rows.map(rowOf), total, next })
  }
  const rows = await inbox.list(numberOf(visit.query.from, Number.MAX_SAFE_INTEGER), PAGE_ROWS)
  const next = rows.length < PAGE_ROWS ? undefined : String(rows.at(-1)?.report ?? 0)
  return reportsPage(frameOf(visit), { state, rows: rows.map(rowOf), next })
}

const pagesFor = (visit: Visit, { reports: inbox, adminReports }: ReportsPageDeps) => {
  const question = questionOf(visit)
  return question === undefined
    ? pagesBelow<Report>(
        (before, limit) => inbox.list(before, limit),
        ({ report }) => report,
      )
    : pagesOf<Report>(async (offset, limit) => (await adminReports.page({ ...question, offset, limit })).reports)
}

export const reportsCsv: PageHandler<ReportsPageDeps> = async (visit, deps) =>
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
    pagesFor(visit, deps),
  )

export const report: PageHandler<ReportsPageDeps> = async (visit, { adminReports }) => {
  const { frameOf, reportPage } = await loadAdminPages()
  const number = numberOf(visit.params.report, 0)
  const all = await Promise.all(KINDS.map((kind) => adminReports.find(number, kind)))
  const found = all.find((one) => one !== undefined)
  if (found === undefined) throw new MatrixError('M_NOT_FOUND', 'There is no such report any more')
  const event = await adminReports.eventOf(found)
  return reportPage(frameOf(visit), {
    ...rowOf(found),
    roomName: found.roomName === '' ? found.canonicalAlias : found.roomName,
    sender: found.sender,
    event: event === undefined ? undefined : JSON.stringify(event, undefined, 2),
  })
}

export const removeReport: PageHandler<ReportsPageDeps> = async (visit, { administerServer }) => {
  await administerServer.removeReport(numberOf(visit.params.report, 0), actorOf(visit))
  return seeOther(SECTION, 'report-removed')
}
