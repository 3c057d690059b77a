import type { AdminPagesDeps, Findings } from '#api'
import type { Jobs, Reports } from '#domain'
import type { Streams } from '#streams'
import { Measurements } from '../measurements.ts'
import { PACKAGE_VERSION } from '../package-version.ts'
import type { BuiltAccounts } from './accounts.ts'
import type { BuiltAuditLog } from './admin.ts'
import { buildBrowserSessions } from './browser-accounts.ts'
import type { BuiltFederation } from './federation.ts'
import type { BuiltFederationOut } from './federation-out.ts'
import type { Ground } from './ground.ts'

export interface BuiltAdminPages {
  readonly deps: AdminPagesDeps
  readonly measurements: Measurements
}

export interface AroundAdminPages {
  readonly streams: Pick<Streams, 'waiting'>
  readonly sending: Pick<BuiltFederationOut, 'out'>
  readonly federation: Pick<BuiltFederation, 'serverCheck'>
  readonly accounts: Pick<BuiltAccounts, 'administration'>
  readonly audit: Pick<BuiltAuditLog, 'auditLog'>
  readonly jobs: Jobs
  readonly reports: Reports
}

const CHECK_KEPT_MS = 600_000

/** Builds the administration pages, and the measuring for the first of them. Does not start it. */
export const buildAdminPages = (ground: Ground, around: AroundAdminPages): BuiltAdminPages => {
  const { streams, sending, federation, accounts, audit, jobs, reports } = around
  const { store, clock, config, random, shortLived } = ground
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
      ...{ measurements, jobs, reports, random, clock },
      auditLog: audit.auditLog,
      registrationTokens: accounts.administration.registrationTokens,
      tokensNeeded: config.registration.mode === 'token',
      sending: sending.out,
      serverCheck: federation.serverCheck,
      checks: shortLived.table<Findings>('server-check', { lifetimeMs: CHECK_KEPT_MS }),
      federationEnabled: config.federation.enabled,
      about: {
        version: PACKAGE_VERSION,
        database: config.storage.database.kind === 'sqlite' ? 'SQLite' : 'PostgreSQL',
      },
      sessions: buildBrowserSessions(ground),
      serverName: config.server.name,
    },
  }
}
