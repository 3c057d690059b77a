import type { ApiDeps } from '#api'
import {
  AdministerRooms,
  AdministerServer,
  AliasLookup,
  DeleteRoom,
  type JobKind,
  type Jobs,
  PurgeHistory,
  PurgeRoomHistory,
} from '#domain'
import { type LeasedWork, writers } from '#store'
import { AdminDestinations, AdminReports } from '#views'
import type { BuiltAccounts } from './accounts.ts'
import type { BuiltAuditLog } from './admin.ts'
import type { BuiltFederation } from './federation.ts'
import type { BuiltFederationOut } from './federation-out.ts'
import type { Ground } from './ground.ts'
import { buildJobRunner, buildJobs } from './jobs.ts'
import { buildNotices } from './notices.ts'
import { buildOverviewFill } from './overview-fill.ts'
import { buildBlockedRooms, buildRoomRemoval, type RoomsDomain } from './rooms.ts'
import type { Views } from './views.ts'

interface RoomAdminNeeds {
  readonly accounts: BuiltAccounts
  readonly rooms: RoomsDomain
  readonly federation: Pick<BuiltFederation, 'requests'>
  readonly views: Pick<Views, 'ofAdministrators'>
  readonly sending: Pick<BuiltFederationOut, 'out'>
  readonly audit: Pick<BuiltAuditLog, 'auditLog'>
}

export interface BuiltRoomAdmin {
  readonly jobs: Jobs
  readonly api: Pick<ApiDeps['admin'], 'rooms' | 'server'>
  readonly administerRooms: AdministerRooms
  readonly administerServer: AdministerServer
  readonly work: Readonly<Record<string, LeasedWork>>
}

/** Builds what administrators do with rooms, and the jobs that do it. */
export const buildRoomAdmin = (
  ground: Ground,
  { accounts, rooms, federation, views, sending: { out: sending }, audit: { auditLog: audit } }: RoomAdminNeeds,
): BuiltRoomAdmin => {
  const { store, config } = ground
  const jobs = buildJobs(ground)
  const { commit, rooms: reader } = store
  const serverName = config.server.name
  const blocked = buildBlockedRooms(ground)
  const history = new PurgeHistory({
    ...{ commit, serverName },
    reader: store.retention,
    rooms: reader,
    writer: writers.retention,
  })
  const administerRooms = new AdministerRooms({
    ...{ blocked, history, jobs, audit },
    rooms: rooms.rooms,
    memberships: rooms.memberships,
    accounts: accounts.accounts,
    store: { reader, commit, serverName },
  })
  const administerServer = new AdministerServer({
    ...{ jobs, audit, commit, sending },
    reports: writers.reports,
    notices: buildNotices(ground, accounts, rooms),
  })
  const nowMs = (): number => ground.clock.nowMs()
  const removal = buildRoomRemoval(ground)
  const kinds = [
    new DeleteRoom({ ...rooms, removal, reader, writer: writers.rooms, commit, serverName }) as JobKind,
    new PurgeRoomHistory(history) as JobKind,
  ]
  return {
    jobs,
    administerRooms,
    api: {
      rooms: {
        ...views.ofAdministrators,
        ...{ blocked, jobs },
        rooms: administerRooms,
        aliases: new AliasLookup({ directory: rooms.directory, requests: federation.requests, serverName }),
      },
      server: {
        ...{ jobs, nowMs },
        server: administerServer,
        reports: new AdminReports({ reader: store.reports, events: reader }),
        destinations: new AdminDestinations({ reader: store.roomOverviews, sending, nowMs }),
      },
    },
    administerServer,
    work: {
      jobs: buildJobRunner(ground, jobs, kinds),
      'room-overviews': buildOverviewFill(ground),
    },
  }
}
