import type { AuditLog } from '#domain'
import { loadAdminPages } from '#pages'
import { csvReply, isoOf, numberOf, PAGE_ROWS, pagesBelow, stateOf, textOf } from '../lists.ts'
import type { PageHandler, Visit } from '../visit.ts'

export interface AuditLogPageDeps {
  readonly auditLog: Pick<AuditLog, 'list'>
}

type Entry = Awaited<ReturnType<AuditLog['list']>>[number]

const filterOf = ({ query }: Visit) => ({ subject: textOf(query.q), action: textOf(query.action) })

export const auditLog: PageHandler<AuditLogPageDeps> = async (visit, { auditLog: log }) => {
  const { auditLogPage, frameOf } = await loadAdminPages()
  const before = numberOf(visit.query.from, Number.MAX_SAFE_INTEGER)
  const entries = await log.list({ ...filterOf(visit), before, limit: PAGE_ROWS })
  return auditLogPage(frameOf(visit), {
    state: stateOf(visit),
    rows: entries,
    next: entries.length < PAGE_ROWS ? undefined : String(entries.at(-1)?.entry ?? 0),
  })
}

export const auditLogCsv: PageHandler<AuditLogPageDeps> = async (visit, { auditLog: log }) =>
  csvReply<Entry>(
    'audit-log',
    {
      time: ({ atMs }) => isoOf(atMs),
      by: ({ by }) => by,
      via: ({ via }) => via,
      action: ({ action }) => action,
      subject: ({ subject }) => subject,
      details: ({ details }) => JSON.stringify(details),
    },
    pagesBelow(
      (before, limit) => log.list({ ...filterOf(visit), before, limit }),
      ({ entry }) => entry,
    ),
  )
