import type { AdminPagesDeps } from '#api'
import type { Streams } from '#streams'
import { Measurements } from '../measurements.ts'
import { PACKAGE_VERSION } from '../package-version.ts'
import { buildBrowserSessions } from './browser-accounts.ts'
import type { BuiltFederationOut } from './federation-out.ts'
import type { Ground } from './ground.ts'

export interface BuiltAdminPages {
  readonly deps: AdminPagesDeps
  readonly measurements: Measurements
}

export interface AroundAdminPages {
  readonly streams: Pick<Streams, 'waiting'>
  readonly sending: Pick<BuiltFederationOut, 'out'>
}

/** Builds the administration pages, and the measuring for the first of them. Does not start it. */
export const buildAdminPages = (ground: Ground, { streams, sending }: AroundAdminPages): BuiltAdminPages => {
  const { store, clock, config } = ground
  const measurements = new Measurements({
    clock,
    counts: ground.requestCounts,
    gauges: {
      waiting: () => streams.waiting,
      commitQueue: () => store.stats().queueLength,
      federationQueue: () => sending.out.statuses().reduce((sum, { pending }) => sum + pending, 0),
      databaseBytes: () => store.sizeBytes(),
    },
  })
  return {
    measurements,
    deps: {
      measurements,
      about: {
        version: PACKAGE_VERSION,
        database: config.storage.database.kind === 'sqlite' ? 'SQLite' : 'PostgreSQL',
      },
      sessions: buildBrowserSessions(ground),
      serverName: config.server.name,
      clock,
    },
  }
}
