import { Type } from 'typebox'
import type { AuditLog } from '#domain'
import { type AnyEndpoint, admin, endpoint } from '#http'
import type { JsonObject } from '#spec'

export interface AuditLogDeps {
  readonly auditLog: Pick<AuditLog, 'list'>
}

const Text = Type.String({ maxLength: 1_024 })

type Entry = Awaited<ReturnType<AuditLog['list']>>[number]

const entryJson = ({ entry, atMs, by, via, action, subject, details }: Entry): JsonObject => ({
  id: entry,
  ts: atMs,
  ...{ by, via, action, subject, details },
})

type AuditLogAnswer = {
  readonly entries: readonly JsonObject[]
  /** To be given as `before`; absent on the last page. */
  readonly next?: number
}

/** Deeds of administrators, newest first: an operation of this server alone. */
export const auditLogEndpoints = ({ auditLog }: AuditLogDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: ['/_homeroom/admin/v1/audit_log'],
    auth: admin(),
    rateLimit: 'read',
    query: Type.Object({
      before: Type.Optional(Type.String({ pattern: '^\\d{1,15}$' })),
      limit: Type.Optional(Type.String({ pattern: '^[1-9]\\d{0,3}$' })),
      by: Type.Optional(Text),
      action: Type.Optional(Text),
      subject: Type.Optional(Text),
    }),
    handler: async ({ query: { before, limit, ...filters } }): Promise<AuditLogAnswer> => {
      const size = Math.min(Number(limit ?? 100), 500)
      const page = { limit: size, ...filters, ...(before === undefined ? {} : { before: Number(before) }) }
      const entries = await auditLog.list(page)
      const last = entries.at(-1)
      return {
        entries: entries.map(entryJson),
        ...(last === undefined || entries.length < size ? {} : { next: last.entry }),
      }
    },
  }),
]
