import type { Generated } from 'kysely'
import type { JsonObject } from '#spec'
import type {
  AuditEntry,
  AuditLogReader,
  AuditLogWriter,
  AuditPage,
  NewAuditEntry,
} from '../../ports/admin/audit-log.ts'
import { type Db, defineWrite, queriesOver, type UserTables } from '../engine/index.ts'

interface AuditTables extends UserTables {
  readonly audit_log: {
    readonly entry: Generated<number>
    readonly at_ms: number
    readonly by_whom: NewAuditEntry['by']
    readonly via: NewAuditEntry['via']
    readonly action: string
    readonly subject: string
    readonly details_json: string
  }
}

const query = queriesOver<AuditTables>()

interface PageParams {
  readonly before: number
  readonly sinceMs: number
  readonly limit: number
  readonly by?: string | undefined
  readonly action?: string | undefined
  readonly subject?: string | undefined
}

/** One query for each set of filters, as each has an index of its own to go by. */
const pageBy = (by: boolean, action: boolean, subject: boolean) =>
  query((db, param: PageParams) => {
    let rows = db
      .selectFrom('audit_log')
      .select(['entry', 'at_ms', 'by_whom', 'via', 'action', 'subject', 'details_json'])
      .where('entry', '<', param.before)
      .where('at_ms', '>=', param.sinceMs)
    if (by) rows = rows.where('by_whom', '=', param.by as NewAuditEntry['by'])
    if (action) rows = rows.where('action', '=', param.action as string)
    if (subject) rows = rows.where('subject', '=', param.subject as string)
    return rows.orderBy('entry', 'desc').limit(param.limit)
  })

const PAGES = [false, true].map((by) =>
  [false, true].map((action) => [false, true].map((subject) => pageBy(by, action, subject))),
)

const insert = query((db, param: Omit<NewAuditEntry, 'details'> & { detailsJson: string }) =>
  db
    .insertInto('audit_log')
    .values({
      at_ms: param.atMs,
      by_whom: param.by,
      via: param.via,
      action: param.action,
      subject: param.subject,
      details_json: param.detailsJson,
    })
    .returning('entry'),
)
const removeUpTo = query((db, param: { upTo: number }) => db.deleteFrom('audit_log').where('entry', '<=', param.upTo))
const removeOld = query((db, param: { beforeMs: number; limit: number }) =>
  db
    .deleteFrom('audit_log')
    .where('entry', 'in', (old) =>
      old
        .selectFrom('audit_log')
        .select('entry')
        .where('at_ms', '<', param.beforeMs)
        .orderBy('at_ms')
        .limit(param.limit),
    ),
)

const add = defineWrite(
  'auditLog.add',
  async (tx, { entry, keep }: { readonly entry: NewAuditEntry; readonly keep: number }): Promise<void> => {
    const { details, ...rest } = entry
    const added = await tx.first(insert, { ...rest, detailsJson: JSON.stringify(details) })
    if (added !== undefined) await tx.run(removeUpTo, { upTo: added.entry - keep })
  },
)

const removeBefore = defineWrite(
  'auditLog.removeBefore',
  (tx, param: { readonly beforeMs: number; readonly limit: number }): Promise<number> => tx.run(removeOld, param),
)

export const auditLogWrites = [add, removeBefore]

export const auditLogWriter: AuditLogWriter = {
  add: (entry, keep) => add({ entry, keep }),
  removeBefore: (beforeMs, limit) => removeBefore({ beforeMs, limit }),
}

const pageOf = ({ by, action, subject }: AuditPage) => {
  const page = PAGES[Number(by !== undefined)]?.[Number(action !== undefined)]?.[Number(subject !== undefined)]
  if (page === undefined) throw new Error('no query for these filters')
  return page
}

export const auditLogReader = (db: Db): AuditLogReader => ({
  entries: async (page) => {
    const rows = await db.all(pageOf(page), page)
    return rows.map(
      (row): AuditEntry => ({
        entry: row.entry,
        atMs: row.at_ms,
        by: row.by_whom,
        via: row.via,
        action: row.action,
        subject: row.subject,
        details: JSON.parse(row.details_json) as JsonObject,
      }),
    )
  },
})
