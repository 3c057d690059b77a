import type { Generated } from 'kysely'
import type { EventId, RoomId, UserId } from '#spec'
import type { UserNumber } from '../../ports/rooms/events.ts'
import type { NewReport, ReportLimits, ReportSubject, ReportsReader, ReportsWriter } from '../../ports/rooms/reports.ts'
import { type Db, defineWrite, queriesOver, type UserTables } from '../engine/index.ts'

interface ReportTables extends UserTables {
  readonly reports: {
    readonly report: Generated<number>
    readonly reporter: number
    readonly room_id: RoomId | ''
    readonly event_id: EventId | ''
    readonly user_id: UserId | ''
    readonly reason: string
    readonly reported_ms: number
    readonly is_founded: number
  }
}

const query = queriesOver<ReportTables>()

const page = query((db, param: { before: number; limit: number }) =>
  db
    .selectFrom('reports as r')
    .innerJoin('users as u', 'u.user_number', 'r.reporter')
    .select(['r.report', 'u.user_id as reporter', 'r.room_id', 'r.event_id', 'r.user_id', 'r.reason'])
    .select(['r.reported_ms', 'r.is_founded'])
    .where('r.report', '<', param.before)
    .orderBy('r.report', 'desc')
    .limit(param.limit),
)

interface ReportRow {
  readonly reporter: UserNumber
  readonly roomId: RoomId | ''
  readonly eventId: EventId | ''
  readonly userId: UserId | ''
  readonly reason: string
  readonly reportedMs: number
  readonly isFounded: number
}
const upsert = query((db, param: ReportRow) => {
  const said = { reason: param.reason, reported_ms: param.reportedMs, is_founded: param.isFounded }
  const subject = { room_id: param.roomId, event_id: param.eventId, user_id: param.userId }
  return db
    .insertInto('reports')
    .values({ reporter: param.reporter, ...subject, ...said })
    .onConflict((on) => on.columns(['reporter', 'room_id', 'event_id', 'user_id']).doUpdateSet(said))
    .returning('report')
})
const nthNewestOf = query((db, param: { reporter: UserNumber; skipped: number }) =>
  db
    .selectFrom('reports')
    .select('report')
    .where('reporter', '=', param.reporter)
    .orderBy('report', 'desc')
    .limit(1)
    .offset(param.skipped),
)
const removeOf = query((db, param: { reporter: UserNumber; upTo: number }) =>
  db.deleteFrom('reports').where('reporter', '=', param.reporter).where('report', '<=', param.upTo),
)
const removeUpTo = query((db, param: { upTo: number }) => db.deleteFrom('reports').where('report', '<=', param.upTo))

const subjectColumns = (subject: ReportSubject): Pick<ReportRow, 'roomId' | 'eventId' | 'userId'> => ({
  roomId: subject.kind === 'user' ? '' : subject.roomId,
  eventId: subject.kind === 'event' ? subject.eventId : '',
  userId: subject.kind === 'user' ? subject.userId : '',
})

const add = defineWrite(
  'reports.add',
  async (tx, { report, limits }: { readonly report: NewReport; readonly limits: ReportLimits }): Promise<void> => {
    const { reporter, reason, reportedAtMs: reportedMs } = report
    const isFounded = Number(report.isFounded)
    const row = { reporter, reason, reportedMs, isFounded, ...subjectColumns(report.subject) }
    const added = await tx.first(upsert, row)
    const old = await tx.first(nthNewestOf, { reporter, skipped: limits.ofReporter })
    if (old !== undefined) await tx.run(removeOf, { reporter, upTo: old.report })
    if (added !== undefined) await tx.run(removeUpTo, { upTo: added.report - limits.ofAll })
  },
)

export const reportWrites = [add]

export const reportsWriter: ReportsWriter = { add: (report, limits) => add({ report, limits }) }

export const reportsReader = (db: Db): ReportsReader => ({
  reports: async (before, limit) => {
    const rows = await db.all(page, { before, limit })
    return rows.map((row) => ({
      report: row.report,
      reporter: row.reporter as UserId,
      subject: subjectOf(row.room_id, row.event_id, row.user_id),
      reason: row.reason,
      reportedAtMs: row.reported_ms,
      isFounded: row.is_founded === 1,
    }))
  },
})

const subjectOf = (roomId: RoomId | '', eventId: EventId | '', userId: UserId | ''): ReportSubject => {
  if (userId !== '') return { kind: 'user', userId }
  if (roomId === '') throw new Error('a report without a subject')
  return eventId === '' ? { kind: 'room', roomId } : { kind: 'event', roomId, eventId }
}
