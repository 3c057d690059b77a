import { type Generated, type Kysely, sql } from 'kysely'
import type { EventId, RoomId, UserId } from '#spec'
import { WriteConflict } from '../../ports/engine/change.ts'
import type { UserNumber } from '../../ports/rooms/events.ts'
import type {
  NewReport,
  ReportInContext,
  ReportLimits,
  ReportSubject,
  ReportsQuery,
  ReportsReader,
  ReportsWriter,
  StoredReport,
} from '../../ports/rooms/reports.ts'
import { type Db, defineWrite, queriesOver } from '../engine/index.ts'
import type { RoomTables } from './tables.ts'

interface ReportTables extends RoomTables {
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

const inContext = (db: Kysely<ReportTables>) =>
  db
    .selectFrom('reports as r')
    .innerJoin('users as u', 'u.user_number', 'r.reporter')
    .leftJoin('events as e', (join) => join.onRef('e.event_id', '=', 'r.event_id' as never))
    .leftJoin('users as s', 's.user_number', 'e.sender')
    .leftJoin('rooms as m', (join) => join.onRef('m.room_id', '=', 'r.room_id' as never))
    .leftJoin('room_overviews as o', 'o.room', 'm.room')

/** Empty texts stand for "any". */
interface Filter {
  readonly kind: string
  readonly reporter: string
  readonly roomId: string
  readonly against: string
}
const isWanted = ({ kind, reporter, roomId, against }: Filter) => sql<boolean>`
  (case when r.user_id <> '' then 'user' when r.event_id <> '' then 'event' else 'room' end) = ${kind}
  and (cast(${reporter} as text) = '' or u.user_id = ${reporter})
  and (cast(${roomId} as text) = '' or r.room_id = ${roomId})
  and (cast(${against} as text) = '' or r.user_id = ${against} or s.user_id = ${against})`

const selectInContext = (db: Kysely<ReportTables>) =>
  inContext(db)
    .select(['r.report', 'u.user_id as reporter', 'r.room_id', 'r.event_id', 'r.user_id', 'r.reason'])
    .select(['r.reported_ms', 'r.is_founded', 'o.name', 'o.canonical_alias', 's.user_id as sender'])

const contextPage = (direction: 'asc' | 'desc') =>
  query((db, param: Filter & { readonly offset: number; readonly limit: number }) =>
    selectInContext(db).where(isWanted(param)).orderBy('r.report', direction).limit(param.limit).offset(param.offset),
  )
const CONTEXT_PAGES = { 'oldest-first': contextPage('asc'), 'newest-first': contextPage('desc') }
const counted = query((db, param: Filter) =>
  inContext(db)
    .select(({ fn }) => fn.countAll<number>().as('total'))
    .where(isWanted(param)),
)
const oneInContext = query((db, param: { report: number }) => selectInContext(db).where('r.report', '=', param.report))
const takeReport = query((db, param: { report: number }) => db.deleteFrom('reports').where('report', '=', param.report))

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

const remove = defineWrite('reports.remove', async (tx, input: { readonly report: number }): Promise<void> => {
  if ((await tx.run(takeReport, input)) === 0) throw new WriteConflict('report-unknown')
})

export const reportWrites = [add, remove]

export const reportsWriter: ReportsWriter = {
  add: (report, limits) => add({ report, limits }),
  remove: (report) => remove({ report }),
}

export const reportsReader = (db: Db): ReportsReader => ({
  reports: async (before, limit) => {
    const rows = await db.all(page, { before, limit })
    return rows.map(toReport)
  },
  page: async ({ direction, offset, limit, kind, reporter, roomId, against }: ReportsQuery) => {
    const filter = { kind, reporter: reporter ?? '', roomId: roomId ?? '', against: against ?? '' }
    const [rows, [count]] = await Promise.all([
      db.longAll(CONTEXT_PAGES[direction], { ...filter, offset, limit }),
      db.longAll(counted, filter),
    ])
    return { reports: rows.map(toContext), total: count?.total ?? 0 }
  },
  report: async (report) => {
    const row = await db.first(oneInContext, { report })
    return row === undefined ? undefined : toContext(row)
  },
})

const subjectOf = (roomId: RoomId | '', eventId: EventId | '', userId: UserId | ''): ReportSubject => {
  if (userId !== '') return { kind: 'user', userId }
  if (roomId === '') throw new Error('a report without a subject')
  return eventId === '' ? { kind: 'room', roomId } : { kind: 'event', roomId, eventId }
}

interface StoredRow {
  readonly report: number
  readonly reporter: UserId
  readonly room_id: RoomId | ''
  readonly event_id: EventId | ''
  readonly user_id: UserId | ''
  readonly reason: string
  readonly reported_ms: number
  readonly is_founded: number
}

const toReport = (row: StoredRow): StoredReport => ({
  report: row.report,
  reporter: row.reporter,
  subject: subjectOf(row.room_id, row.event_id, row.user_id),
  reason: row.reason,
  reportedAtMs: row.reported_ms,
  isFounded: row.is_founded === 1,
})

const toContext = (
  row: StoredRow & {
    readonly name: string | null
    readonly canonical_alias: string | null
    readonly sender: UserId | null
  },
): ReportInContext => ({
  ...toReport(row),
  roomName: row.name ?? '',
  canonicalAlias: row.canonical_alias ?? '',
  sender: row.sender ?? undefined,
})
