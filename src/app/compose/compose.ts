import { type ApiDeps, apiEndpoints } from '#api'
import type { CacheStats } from '#base'
import {
  AliasLookup,
  type OpenIdTokens,
  type Pushers,
  type Reports,
  type RoomProfiles,
  rtcTransportsOf,
  TurnServers,
} from '#domain'
import { AnsweredOnce, type AnyEndpoint, type LabelledReading, type RequestSignatures, type TokenIssuer } from '#http'
import { endpointsIn } from '#pages'
import { type LeasedWork, shortLivedSweep, writers } from '#store'
import type { Streams } from '#streams'
import type { Measurements } from '../monitoring/measurements.ts'
import { type BuiltAccounts, buildAccounts } from './accounts/accounts.ts'
import { type BuiltEncryption, buildEncryption } from './accounts/encryption.ts'
import { buildImpersonations } from './accounts/impersonations.ts'
import { oldTransactions } from './accounts/old-transactions.ts'
import { buildProviders } from './accounts/sign-in.ts'
import { buildInviteByAddress } from './accounts/third-party-ids.ts'
import { type BuiltToDevice, buildToDevice } from './accounts/to-device.ts'
import { type BuiltAuditLog, buildAuditLog } from './administration/admin.ts'
import { buildAdministrationApi, startMeasurements } from './administration/admin-pages.ts'
import { type BuiltRoomAdmin, buildRoomAdmin } from './administration/administration.ts'
import { buildNotices } from './administration/notices.ts'
import { buildOperatorChannel } from './administration/operator-channel.ts'
import { type BuiltCalls, buildCalls } from './calls.ts'
import { takeEncryptionEdus } from './devices/encryption-edus.ts'
import { type BuiltKeyBackups, buildKeyBackups } from './devices/key-backups.ts'
import { buildOpenIdTokens } from './devices/openid.ts'
import { buildRendezvous } from './devices/rendezvous.ts'
import { type BuiltElsewhere, buildElsewhere } from './federation/elsewhere.ts'
import { type BuiltFederation, buildFederation } from './federation/federation.ts'
import { buildIncoming, buildReceiving, type Incoming, type Receiving } from './federation/receiving.ts'
import { buildServed } from './federation/served.ts'
import { buildFinding, type Finding } from './finding.ts'
import { aboutServer, operational } from './ground/about-server.ts'
import type { Ground, OpenedGround } from './ground/ground.ts'
import { buildLeases } from './ground/leases.ts'
import { buildStreams } from './ground/streams.ts'
import { turnsOf } from './ground/turns.ts'
import { type BuiltMedia, buildMedia } from './media/media.ts'
import { roomsNeeds } from './members.ts'
import { buildBrowserAccounts } from './oauth/browser-accounts.ts'
import { buildOAuth, buildOAuthSweep } from './oauth/oauth.ts'
import { type BuiltAppServices, buildAppServices } from './outbox/appservices.ts'
import { type BuiltFederationOut, buildFederationOut, takePassingEdus } from './outbox/federation-out.ts'
import { buildMailLinks, buildPush, buildPushers } from './outbox/push.ts'
import { buildPersonal, type Personal } from './personal/personal.ts'
import { buildGuards, withBans } from './rooms/guards.ts'
import type { BuiltJoining } from './rooms/joining.ts'
import { buildModeration, shadowApi } from './rooms/moderation.ts'
import { buildRetention, retentionOf, toldRetention } from './rooms/retention.ts'
import {
  buildListings,
  buildReports,
  buildRoomProfiles,
  buildRoomPurge,
  buildRooms,
  buildTransactionSweep,
  type RoomsDomain,
  roomApi,
} from './rooms/rooms.ts'
import { buildFollowUpgrades, buildUpgradeRest } from './rooms/upgrades.ts'
import { buildRelationFill, relationsApi } from './views/relations.ts'
import { checkpointsIn } from './views/sliding-checkpoints.ts'
import { buildViews, type Views } from './views/views.ts'

export interface Composed {
  readonly streams: Streams
  readonly issuers: readonly TokenIssuer[]
  /** Tells which homeserver signed a request. */
  readonly signatures: RequestSignatures
  readonly endpoints: readonly AnyEndpoint[]
  /** The endpoints of the operator's own channel. */
  readonly operatorEndpoints: readonly AnyEndpoint[]
  caches(): readonly CacheStats[]
  readonly federationReadings: readonly LabelledReading[]
  /** How often a device replaced its identity keys. */
  replacedKeys(): number
  /** Finishes background work. Has to be called after the edge has stopped and before the store closes. */
  settle(): Promise<void>
}

/** The one place that knows every layer: builds streams, domain, views and api over an open store. Each step has a builder of its own. */
export const compose = async (opened: OpenedGround): Promise<Composed> => {
  const { streams, ground } = await withStreams(opened)
  const federation = await buildFederation(ground)
  const incoming = buildIncoming(ground, federation)
  // Accounts, personal data and rooms need a little of each other, but only when requests come.
  const providers = await buildProviders(ground)
  const appServices = await buildAppServices(ground)
  const audit = buildAuditLog(ground)
  const accounts = buildAccounts(ground, providers, {
    services: appServices.services,
    rooms: { leaveAll: (userId) => rooms.memberships.leaveAll(userId) },
    notices: () => buildNotices(ground, accounts, rooms),
    news: streams,
    ...audit,
  })
  const personal = buildPersonal(ground, streams)
  const { policy } = incoming
  const roomsGround = { ...roomsGroundOf(ground, streams), policy, aliasNamespaces: appServices.aliasNamespaces }
  const followers = buildFollowUpgrades(ground, personal)
  const around = { federation, incoming, accounts, appServices, personal }
  const rooms = buildRooms(roomsGround, roomsNeeds(roomsGround, around, followers))
  const receiving = buildReceiving(ground, incoming, rooms, rooms.joining)
  const toDevice = buildToDevice(ground, streams)
  const keys = buildEncryption(ground, accounts.proofParts, federation.requests, streams)
  takePassingEdus(ground, incoming.edus, personal)
  takeEncryptionEdus(incoming.edus, toDevice, keys)
  const keyBackups = buildKeyBackups(ground)
  const elsewhere = buildElsewhere(ground, { ...federation, ...incoming, ...rooms }, personal)
  const people = peopleNow(personal, toDevice, elsewhere)
  const views = buildViews(roomsGround, people, checkpointsIn(ground.shortLived))
  const media = await buildMedia(ground, federation.requests)
  const push = buildPush(ground, streams, views)
  const sending = buildFederationOut(ground, streams, federation, personal)
  const pushers = buildPushers(ground, streams, push)
  const roomProfiles = buildRoomProfiles(ground, rooms.memberships)
  const finding = buildFinding(ground, streams, { ...views, ...elsewhere })
  const calls = buildCalls(ground, { ...personal, streams, rooms, accounts: accounts.accounts, seen: views.timeline })
  const openIdTokens = buildOpenIdTokens(ground, accounts)
  const reports = buildReports(ground)
  const administration = buildRoomAdmin(ground, { accounts, rooms, federation, views, audit, sending, media })
  const measurements = startMeasurements(ground, streams, sending)
  const parts: Parts = {
    appServices,
    measurements,
    administration,
    incoming,
    push,
    sending,
    ...{ ground, federation, elsewhere, reports, calls, accounts, personal, rooms, receiving, roomProfiles, keys },
    audit,
    ...{ toDevice, keyBackups, views, finding, media, pushers, openIdTokens },
  }
  await appServices.begin(accounts.api.serviceAccounts, { streams, personal, views })
  const leases = buildLeases(ground, workOf(parts))
  await leases.start()
  return {
    streams,
    issuers: [appServices.tokens, accounts.accessTokens, buildImpersonations(ground)],
    signatures: sending.signatures,
    endpoints: endpointsOf(parts),
    operatorEndpoints: buildOperatorChannel(parts),
    caches: () => [...appServices.caches(), ...cachesOf(parts)],
    federationReadings: [...federation.readings, ...sending.readings],
    replacedKeys: () => keys.uploadKeys.replaced,
    settle: async () => {
      measurements.stop()
      await appServices.end()
      await settle(leases, parts)
    },
  }
}

const peopleNow = (personal: Personal, toDevice: BuiltToDevice, { spaces, history }: BuiltElsewhere) => ({
  ...personal,
  ...toDevice,
  spaces,
  history,
  ignored: personal.ignoredUsers,
  invites: personal.invitePermissions,
})

const endpointsOf = (parts: Parts): readonly AnyEndpoint[] => {
  const { ground } = parts
  const { look, images } = ground.look
  return [...operational(ground), ...images, ...endpointsIn(look, apiEndpoints(buildApi(parts)))]
}

/** The background work that one process of the homeserver does, by the names of its leases. */
const workOf = (parts: Parts): Readonly<Record<string, LeasedWork>> => ({
  ...parts.finding.work,
  ...parts.audit.work,
  ...parts.calls.work,
  ...parts.receiving.work,
  ...parts.keys.work,
  'media-sweep': parts.media.sweep,
  'remote-media-sweep': parts.media.remoteSweep,
  'oauth-clients': buildOAuthSweep(parts.ground),
  'room-purge': buildRoomPurge(parts.ground),
  retention: buildRetention(parts.ground),
  ...parts.administration.work,
  'room-upgrades': buildUpgradeRest(parts.ground, parts.rooms),
  'transaction-sweep': buildTransactionSweep(parts.ground),
  'relation-fill': buildRelationFill(parts.ground),
  'room-listings': buildListings(parts.ground, parts.rooms),
  'short-lived-sweep': shortLivedSweep({
    ...parts.ground,
    writer: writers.shortLived,
    commit: parts.ground.store.commit,
  }),
  'to-device-sweep': parts.toDevice.sweep,
  'key-backup-sweep': parts.keyBackups.backupSweep,
  ...parts.accounts.work,
  'room-profiles': parts.roomProfiles,
  push: parts.push,
  ...parts.appServices.work(),
  ...parts.sending.work,
})

const withStreams = async (opened: OpenedGround): Promise<{ streams: Streams; ground: Ground }> => {
  const streams = await buildStreams(opened)
  return { streams, ground: await withBans(opened, streams) }
}

const settle = async (
  leases: { stop(): Promise<void> },
  {
    ground,
    federation,
    sending,
    media,
    accounts,
    personal,
  }: Pick<Parts, 'ground' | 'federation' | 'sending' | 'media' | 'accounts' | 'personal'>,
): Promise<void> => {
  await Promise.all([ground.bans.stop(), ground.blockedServers.stop()])
  await sending.out.stop()
  const federationEnded = federation.close()
  const ended = leases.stop()
  await media.stop()
  await ended
  await accounts.settle()
  await personal.settle()
  await federationEnded
}

const roomsGroundOf = (ground: Ground, streams: Streams) => ({
  ...ground,
  streams,
  guards: buildGuards(ground),
  serverName: ground.config.server.name,
  defaultRoomVersion: ground.config.server.defaultRoomVersion,
  ...{ retention: retentionOf(ground.config), partialJoins: ground.config.federation.partialJoins },
  stateLimits: { bytes: ground.config.rooms.maxStateSize, entries: ground.config.rooms.maxStateEntries },
})

const cachesOf = ({
  accounts,
  federation,
  incoming,
  sending,
  elsewhere,
  personal,
  views,
  media,
  rooms,
  toDevice,
}: Parts): readonly CacheStats[] => [
  ...accounts.caches(),
  ...federation.caches(),
  ...sending.out.caches(),
  ...incoming.caches(),
  ...[
    ...personal.caches,
    ...elsewhere.caches,
    ...views.caches,
    ...media.caches,
    rooms.rooms,
    ...rooms.graphCaches,
    ...rooms.sending.caches,
    toDevice.inboxes,
  ].map((cache) => cache.stats()),
]

interface Parts {
  readonly appServices: BuiltAppServices
  readonly measurements: Measurements
  readonly administration: BuiltRoomAdmin
  readonly incoming: Incoming
  readonly push: LeasedWork
  readonly sending: BuiltFederationOut
  readonly ground: Ground
  readonly federation: BuiltFederation
  readonly elsewhere: BuiltElsewhere
  readonly reports: Reports
  readonly audit: BuiltAuditLog
  readonly calls: BuiltCalls
  readonly accounts: BuiltAccounts
  readonly personal: Personal
  readonly rooms: RoomsDomain & { readonly joining: BuiltJoining }
  readonly receiving: Receiving
  readonly roomProfiles: RoomProfiles
  readonly keys: BuiltEncryption
  readonly toDevice: BuiltToDevice
  readonly keyBackups: BuiltKeyBackups
  readonly views: Views
  readonly finding: Finding
  readonly media: BuiltMedia
  readonly pushers: Pushers
  readonly openIdTokens: OpenIdTokens
}

const roomsApi = ({
  ground,
  rooms,
  views,
  personal,
  calls,
  reports,
  elsewhere,
  federation,
}: Parts): ApiDeps['rooms'] => ({
  ...roomApi(ground.config.server.name, rooms, views, personal.presence),
  ...calls.api,
  ...relationsApi(ground, rooms.sending, views),
  ...shadowApi(ground),
  reports: reports,
  ...elsewhere.rooms,
  forgetsOnLeave: ground.config.rooms.forgetOnLeave,
  aliases: new AliasLookup({ ...rooms, requests: federation.requests, serverName: ground.config.server.name }),
  inviteByAddress: buildInviteByAddress(ground, rooms, personal),
  oldRoomVersion: ground.config.server.oldClientsRoomVersion,
  answeredOnce: new AnsweredOnce(oldTransactions(ground.shortLived)),
})

const buildApi = (parts: Parts): ApiDeps => {
  const {
    ground,
    calls,
    accounts,
    personal,
    rooms,
    receiving,
    roomProfiles,
    keys,
    toDevice,
    keyBackups,
    views,
    media,
    pushers,
    openIdTokens,
  } = parts
  const { config, clock } = ground
  const personalApi = personal.api(roomProfiles, turnsOf(ground, 'profile-turn'))
  return {
    accounts: accounts.api,
    ...buildAdministrationApi(ground, parts, personalApi),
    browserAccounts: buildBrowserAccounts(ground, accounts, { ...personalApi, profiles: personal.profiles }),
    oauth: buildOAuth(ground, accounts),
    appservices: parts.appServices.api(accounts.api.serviceAccounts),
    personal: {
      ...personalApi,
      presenceProfiles: views.presenceProfiles,
      profiles: parts.elsewhere.profiles,
    },
    rooms: roomsApi(parts),
    media: media.api,
    finding: parts.finding.api,
    moderation: buildModeration(ground, rooms),
    push: { pushers, ...buildMailLinks(ground) },
    calls: calls.api,
    voip: {
      turnServers: new TurnServers({ settings: config.voip, clock }),
      rtcTransports: rtcTransportsOf(config.voip.livekitUrls),
    },
    retention: { retention: toldRetention(config) },
    openId: { openIdTokens },
    encryption: {
      ...{ ...keys, serviceAccounts: accounts.api.serviceAccounts },
      ...toDevice,
      ...keyBackups,
      keyChanges: views.keyChanges,
    },
    rendezvous: buildRendezvous(ground),
    served: buildServed(ground, views, rooms, personal),
    membershipsOfOthers: rooms.joining.api,
    received: receiving,
    keys: parts.federation.keys,
    sync: { sync: views.sync, inboxes: toDevice.inboxes, filters: personal.filters, presence: personal.presence },
    slidingSync: { slidingSync: views.slidingSync, presence: personal.presence },
    oldSync: { ...views, presence: personal.presence },
    ...aboutServer(ground),
  }
}
