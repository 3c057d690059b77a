import { AuditLog } from '#domain'
import { type LeasedWork, writers } from '#store'
import type { Ground } from './ground.ts'

export interface BuiltAuditLog {
  readonly auditLog: AuditLog
  readonly work: Readonly<Record<string, LeasedWork>>
}

/** Builds the memory of what administrators did, which every deed of theirs needs. */
export const buildAuditLog = ({ config, store, clock, logger }: Ground): BuiltAuditLog => {
  const { auditLogEntries: entries, auditLogAge } = config.administration
  const auditLog = new AuditLog({
    reader: store.auditLog,
    writer: writers.auditLog,
    commit: store.commit,
    clock,
    keep: { entries, ageMs: auditLogAge.ms },
  })
  return { auditLog, work: { 'audit-log-sweep': auditLog.sweep(logger) } }
}
