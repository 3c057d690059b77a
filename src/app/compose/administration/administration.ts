import type { ApiDeps } from '#api'
import {
  AdministerMedia,
  AdministerRooms,
  AdministerServer,
  AliasLookup,
  type AuditLog,
  DeleteOldMedia,
  DeleteRoom,
  type JobKind,
  type Jobs,
  JoinBranches,
  mediaIn,
  PurgeHistory,
  PurgeMediaCache,
  PurgeRoomHistory,
  QuarantineMany,
  RedactPerson,
} from '#domain'
import type { UserId } from '#spec'
import { type LeasedWork, writers } from '#store'
import { AdminDestinations, AdminMedia, AdminReports, AdminRoomSizes } from '#views'
import type { BuiltAccounts } from '../accounts/accounts.ts'
import type { BuiltFederation } from '../federation/federation.ts'
import type { Ground } from '../ground/ground.ts'
import { buildJobRunner, buildJobs } from '../ground/jobs.ts'
import { buildOverviewFill } from '../ground/overview-fill.ts'
import type { BuiltMedia } from '../media/media.ts'
import type { BuiltFederationOut } from '../outbox/federation-out.ts'
import { buildBlockedRooms, buildRoomRemoval, type RoomsDomain } from '../rooms/rooms.ts'
import type { Views } from '../views/views.ts'
import type { BuiltAuditLog } from './admin.ts'
import { buildNotices } from './notices.ts'

interface RoomAdminNeeds {
  readonly accounts: BuiltAccounts
  readonly rooms: RoomsDomain
  readonly federation: Pick<BuiltFederation, 'requests'>
  readonly views: Pick<Views, 'ofAdministrators'>
  readonly sending: Pick<BuiltFederationOut, 'out'>
  readonly media: Pick<BuiltMedia, 'bytes'>
  readonly audit: Pick<BuiltAuditLog, 'auditLog'>
}

export interface BuiltRoomAdmin {
  readonly jobs: Jobs
  readonly api: Pick<ApiDeps['admin'], 'rooms' | 'server' | 'media'>
  readonly administerRooms: AdministerRooms
  readonly administerServer: AdministerServer
  readonly administerMedia: AdministerMedia
  readonly work: Readonly<Record<string, LeasedWork>>
}

const redactPerson = (
  { store }: Ground,
  { isActive }: Pick<BuiltAccounts, 'isActive'>,
  { sending: redactor }: Pick<RoomsDomain, 'sending'>,
): JobKind => new RedactPerson({ reader: store.sentEvents, rooms: store.rooms, redactor, isActive }) as JobKind

/** Builds what administrators do with rooms, and the jobs that do it. */
export const buildRoomAdmin = (
  ground: Ground,
  {
    accounts,
    rooms,
    federation,
    views,
    sending: { out: sending },
    media: { bytes },
    audit: { auditLog: audit },
  }: RoomAdminNeeds,
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
  const media = buildMediaAdmin(ground, { accounts, jobs, audit, bytes })
  const removal = buildRoomRemoval(ground)
  const kinds = [
    new DeleteRoom({ ...rooms, removal, reader, writer: writers.rooms, commit, serverName }) as JobKind,
    new PurgeRoomHistory(history) as JobKind,
    ...media.kinds,
    redactPerson(ground, accounts, rooms),
  ]
  return {
    jobs,
    administerRooms,
    api: {
      rooms: {
        ...{ ...views.ofAdministrators, ...roomUpkeep(ground, rooms, audit), blocked, jobs },
        rooms: administerRooms,
        aliases: new AliasLookup({ directory: rooms.directory, requests: federation.requests, serverName }),
      },
      media: media.api,
      server: {
        ...{ jobs, nowMs },
        server: administerServer,
        reports: new AdminReports({ reader: store.reports, events: reader }),
        destinations: new AdminDestinations({ reader: store.roomOverviews, sending, nowMs }),
      },
    },
    administerServer,
    administerMedia: media.deeds,
    work: {
      jobs: buildJobRunner(ground, jobs, kinds),
      'room-overviews': buildOverviewFill(ground),
    },
  }
}

const roomUpkeep = ({ store }: Ground, { branchJoins: joins }: Pick<RoomsDomain, 'branchJoins'>, audit: AuditLog) => ({
  branches: new JoinBranches({ joins, reader: store.rooms, audit }),
  sizes: new AdminRoomSizes(store.roomSizes),
})

const buildMediaAdmin = (
  { store, config, clock }: Ground,
  {
    accounts: { accounts },
    jobs,
    audit,
    bytes,
  }: Pick<RoomAdminNeeds, 'accounts'> & {
    readonly jobs: Jobs
    readonly audit: AuditLog
    readonly bytes: BuiltMedia['bytes']
  },
) => {
  const { commit, rooms, mediaStanding: reader, remoteMedia: copies } = store
  const writer = writers.mediaStanding
  const serverName = config.server.name
  const nowMs = (): number => clock.nowMs()
  const deeds = new AdministerMedia({
    ...{ bytes, accounts, jobs, audit, nowMs },
    store: { reader, writer, rooms, commit, serverName },
  })
  const work = { reader, writer, rooms, copies, bytes, commit, serverName, nowMs }
  return {
    deeds,
    api: {
      ...{ deeds, serverName },
      media: new AdminMedia({ reader, rooms, serverName, mediaIn }),
      numberOf: async (userId: UserId) => (await accounts.account(userId))?.user,
    },
    kinds: [
      new QuarantineMany(work) as JobKind,
      new DeleteOldMedia(work) as JobKind,
      new PurgeMediaCache(work) as JobKind,
    ],
  }
}
