import { type LeasedWork, Leases, writers } from '#store'
import type { Ground } from './ground.ts'

/** Short, so that another process takes over soon after a crash. */
const SHARED_LIFETIME_MS = 60_000
/** For SQLite, which has one process: it gets its own leases back after a crash, and an idle server need not write every few seconds. */
const ALONE_LIFETIME_MS = 3_600_000

/** Builds the leases of background work that one process of the homeserver does. Does not start them. */
export const buildLeases = (
  { config, store, clock, logger, processId }: Ground,
  work: Readonly<Record<string, LeasedWork>>,
): Leases => {
  const leases = new Leases({
    ...{ clock, logger },
    writer: writers.leases,
    commit: store.commit,
    owner: processId,
    lifetimeMs: config.storage.database.kind === 'postgres' ? SHARED_LIFETIME_MS : ALONE_LIFETIME_MS,
  })
  for (const [name, one] of Object.entries(work)) leases.add(name, one)
  return leases
}
