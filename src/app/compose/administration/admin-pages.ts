import type { ApiDeps, Findings } from '#api'
import type { Pushers, Reports, SetProfile } from '#domain'
import type { Streams } from '#streams'
import { RoomTables } from '#views'
import { PACKAGE_VERSION } from '../../host/package-version.ts'
import { Measurements } from '../../monitoring/measurements.ts'
import type { BuiltAccounts } from '../accounts/accounts.ts'
import type { BuiltFederation } from '../federation/federation.ts'
import type { Ground } from '../ground/ground.ts'
import { buildBrowserSessions } from '../oauth/browser-accounts.ts'
import { oauthClientsOf } from '../oauth/oauth-clients.ts'
import type { BuiltAppServices } from '../outbox/appservices.ts'
import type { BuiltFederationOut } from '../outbox/federation-out.ts'
import type { Personal } from '../personal/personal.ts'
import type { RoomsDomain } from '../rooms/rooms.ts'
import type { Views } from '../views/views.ts'
import { buildAbuseAdmin } from './abuse.ts'
import { type BuiltAuditLog, buildPeopleAdmin } from './admin.ts'
import type { BuiltRoomAdmin } from './administration.ts'

const CHECK_KEPT_MS = 600_000

/** Starts the measuring for the first page of the administration. */
export const startMeasurements = (
  { store, clock, requestCounts: counts }: Ground,
  streams: Pick<Streams, 'waiting'>,
  { out }: Pick<BuiltFederationOut, 'out'>,
): Measurements => {
  const measurements = new Measurements({
    ...{ clock, counts },
    gauges: {
      waiting: () => streams.waiting,
      commitQueue: () => store.stats().queueLength,
      federationQueue: () => out.statuses().reduce((sum, { pending }) => sum + pending, 0),
      databaseBytes: () => store.sizeBytes(),
    },
  })
  measurements.start()
  return measurements
}

export interface AdministrationParts {
  readonly measurements: Measurements
  readonly federation: Pick<BuiltFederation, 'serverCheck'>
  readonly accounts: BuiltAccounts
  readonly audit: BuiltAuditLog
  readonly administration: Pick<
    BuiltRoomAdmin,
    'jobs' | 'api' | 'administerRooms' | 'administerServer' | 'administerMedia'
  >
  readonly rooms: Pick<RoomsDomain, 'directory' | 'memberships'>
  readonly views: Pick<Views, 'ofAdministrators'>
  readonly appServices: Pick<BuiltAppServices, 'states'>
  readonly reports: Reports
  readonly personal: Personal
  readonly pushers: Pushers
}

/** Builds the administration by the API and in a browser, which do the same deeds. */
export const buildAdministrationApi = (
  ground: Ground,
  parts: AdministrationParts,
  profiles: { readonly setProfile: Pick<SetProfile, 'set'> },
): Pick<ApiDeps, 'admin' | 'adminPages'> => {
  const { clock, config, random, shortLived, store } = ground
  const { measurements, reports } = parts
  const { jobs, administerRooms } = parts.administration
  const { server } = parts.administration.api
  const people = buildPeopleAdmin(ground, { ...parts, ...profiles, jobs })
  const abuse = buildAbuseAdmin(ground, parts)
  return {
    admin: { ...parts.administration.api, people, abuse },
    adminPages: {
      ...people,
      oauthClients: oauthClientsOf(ground),
      ...{ measurements, jobs, reports, random, clock },
      auditLog: parts.audit.auditLog,
      registrations: abuse.registrations,
      banLists: abuse.banLists,
      blockedServers: abuse.blockedServers,
      approvalNeeded: config.registration.approval,
      administerRooms,
      administerMedia: parts.administration.administerMedia,
      adminMedia: parts.administration.api.media.media,
      mediaServer: config.server.name,
      adminRoomList: parts.views.ofAdministrators.list,
      adminRoomDetails: parts.views.ofAdministrators.details,
      roomTables: new RoomTables({ reader: store.rooms }),
      roomOverviews: store.roomOverviews,
      directory: parts.rooms.directory,
      appServices: parts.appServices.states,
      tokensNeeded: config.registration.mode === 'token',
      adminReports: server.reports,
      destinations: server.destinations,
      administerServer: parts.administration.administerServer,
      serverCheck: parts.federation.serverCheck,
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
