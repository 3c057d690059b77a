import type { AuditLog } from '#domain'
import type { JsonObject } from '#spec'

type Entry = Awaited<ReturnType<AuditLog['list']>>[number]

const entryJson = ({ entry, atMs, by, via, action, subject, details }: Entry): JsonObject => ({
  id: entry,
  ts: atMs,
  ...{ by, via, action, subject, details },
})

/** A page of the audit log; `next`: to be given as `before`, absent on the last page. */
export const auditPageJson = (entries: readonly Entry[], limit: number): JsonObject => {
  const last = entries.at(-1)
  return {
    entries: entries.map(entryJson),
    ...(last === undefined || entries.length < limit ? {} : { next: last.entry }),
  }
}
