import { banListsReader, banListsWriter, banListWrites } from './abuse/ban-lists.ts'
import { blockedServersReader, blockedServersWriter, blockedServerWrites } from './abuse/blocked-servers.ts'
import { newcomerCountsWriter, newcomerCountWrites } from './abuse/newcomer-counts.ts'
import { accountEndsReader, accountEndsWriter, accountEndsWrites } from './accounts/account-ends.ts'
import { accountsReader } from './accounts/accounts-reader.ts'
import { accountsWriter, accountsWrites } from './accounts/accounts-writes.ts'
import {
  dehydratedDevicesReader,
  dehydratedDevicesWriter,
  dehydratedDeviceWrites,
} from './accounts/dehydrated-devices.ts'
import { devicesReader, tokensReader } from './accounts/devices-reader.ts'
import { devicesWriter, devicesWrites } from './accounts/devices-writes.ts'
import { emailValidationsReader } from './accounts/email-validations-reader.ts'
import { emailValidationsWriter, emailValidationsWrites } from './accounts/email-validations-writes.ts'
import { externalIdentitiesReader } from './accounts/external-identities-reader.ts'
import { externalIdentitiesWriter, externalIdentityWrites } from './accounts/external-identities-writes.ts'
import { impersonationsReader, impersonationsWriter, impersonationWrites } from './accounts/impersonations.ts'
import { oauthClientsReader, oauthClientsWriter, oauthClientWrites } from './accounts/oauth-clients.ts'
import { registrationTokensReader } from './accounts/registration-tokens-reader.ts'
import { registrationTokensWriter, registrationTokensWrites } from './accounts/registration-tokens-writes.ts'
import { thirdPartyIdsReader } from './accounts/third-party-ids-reader.ts'
import { thirdPartyIdsWriter, thirdPartyIdsWrites } from './accounts/third-party-ids-writes.ts'
import { tokensWriter, tokensWrites } from './accounts/tokens-writes.ts'
import { auditLogReader, auditLogWriter, auditLogWrites } from './admin/audit-log.ts'
import { peopleMediaReader } from './admin/people-media.ts'
import { peopleReader } from './admin/people-reader.ts'
import { blockedRoomsWriter, blockedRoomWrites, roomOverviewsReader } from './admin/room-overviews.ts'
import { roomSizesReader } from './admin/room-sizes.ts'
import { sentEventsReader } from './admin/sent-events.ts'
import { appservicesOutReader, appservicesOutWriter, appservicesOutWrites } from './appservices/appservices-out.ts'
import { networkRoomsReader, networkRoomsWriter, networkRoomsWrites } from './appservices/network-rooms.ts'
import { crossSigningReader } from './encryption/cross-signing-reader.ts'
import { crossSigningWriter, crossSigningWrites } from './encryption/cross-signing-writes.ts'
import { deviceKeysReader } from './encryption/device-keys-reader.ts'
import { deviceKeysWriter, deviceKeysWrites } from './encryption/device-keys-writes.ts'
import { deviceListsReader } from './encryption/device-lists-reader.ts'
import { deviceListsToldReader, deviceListsToldWriter, deviceListsToldWrites } from './encryption/device-lists-told.ts'
import { keyBackupsReader } from './encryption/key-backups-reader.ts'
import { keyBackupsWriter, keyBackupWrites } from './encryption/key-backups-writes.ts'
import { remoteDeviceListsReader } from './encryption/remote-lists-reader.ts'
import { remoteDeviceListsWriter, remoteDeviceListWrites } from './encryption/remote-lists-writes.ts'
import { toDeviceReader } from './encryption/to-device-reader.ts'
import { toDeviceWriter, toDeviceWrites } from './encryption/to-device-writes.ts'
import type { Db } from './engine/access.ts'
import { type WriteTable, writeTable } from './engine/writes.ts'
import { failedPullsReader, failedPullsWriter, failedPullWrites } from './federation/failed-pulls.ts'
import { federationOutReader } from './federation/federation-out-reader.ts'
import { federationOutWriter, federationOutWrites } from './federation/federation-out-writes.ts'
import { serverKeysReader, serverKeysWriter, serverKeyWrites } from './federation/server-keys.ts'
import {
  stagedTransactionsReader,
  stagedTransactionsWriter,
  stagedTransactionWrites,
} from './federation/staged-transactions.ts'
import { mediaReader } from './media/media-reader.ts'
import { mediaStandingReader, mediaStandingWriter, mediaStandingWrites } from './media/media-standing.ts'
import { mediaWriter, mediaWrites } from './media/media-writes.ts'
import { remoteMediaReader, remoteMediaWriter, remoteMediaWrites } from './media/remote-media.ts'
import { urlPreviewReader } from './media/url-previews-reader.ts'
import { urlPreviewWriter, urlPreviewWrites } from './media/url-previews-writes.ts'
import { accountDataReader } from './personal/account-data-reader.ts'
import { accountDataWriter, accountDataWrites } from './personal/account-data-writes.ts'
import { filtersReader } from './personal/filters-reader.ts'
import { filtersWriter, filterWrites } from './personal/filters-writes.ts'
import { presenceListsReader } from './personal/presence-lists-reader.ts'
import { presenceListsWriter, presenceListWrites } from './personal/presence-lists-writes.ts'
import { presenceStoreReader } from './personal/presence-reader.ts'
import { presenceStoreWriter, presenceWrites } from './personal/presence-writes.ts'
import { profileChangesReader } from './personal/profile-changes-reader.ts'
import { profileUpdatesReader } from './personal/profile-updates-reader.ts'
import { profileUpdatesWriter, profileUpdateWrites } from './personal/profile-updates-writes.ts'
import { profilesReader } from './personal/profiles-reader.ts'
import { profilesWriter, profileWrites } from './personal/profiles-writes.ts'
import { pushersReader } from './personal/pushers-reader.ts'
import { pushersWriter, pusherWrites } from './personal/pushers-writes.ts'
import { receiptsReader } from './personal/receipts-reader.ts'
import { receiptsWriter, receiptWrites } from './personal/receipts-writes.ts'
import {
  threadSubscriptionsReader,
  threadSubscriptionsWriter,
  threadSubscriptionWrites,
} from './personal/thread-subscriptions.ts'
import { homeserverReader, homeserverWriter, homeserverWrites } from './processes/homeserver.ts'
import { jobsReader, jobsWriter, jobWrites } from './processes/jobs.ts'
import { leasesWriter, leaseWrites } from './processes/leases-writes.ts'
import { shortLivedReader } from './processes/short-lived-reader.ts'
import { shortLivedWriter, shortLivedWrites } from './processes/short-lived-writes.ts'
import { signingKeysReader, signingKeysWriter, signingKeyWrites } from './processes/signing-keys.ts'
import { outsideRoomsReader, outsideRoomsWriter, outsideRoomWrites } from './rooms/changes/outside-rooms.ts'
import { roomsWriter, roomWrites } from './rooms/changes/rooms-writes.ts'
import { transactionsWriter, transactionsWrites } from './rooms/changes/transactions-writes.ts'
import { noticeRoomsReader, noticeRoomsWriter, noticeRoomWrites } from './rooms/notice-rooms.ts'
import { relationsReader } from './rooms/relations/relations-reader.ts'
import { relationsWriter, relationWrites } from './rooms/relations/relations-writes.ts'
import { roomPurgesReader } from './rooms/removal/purges-reader.ts'
import { roomPurgesWriter, roomPurgeWrites } from './rooms/removal/purges-writes.ts'
import { retentionReader, retentionWriter, retentionWrites } from './rooms/removal/retention.ts'
import { reportsReader, reportsWriter, reportWrites } from './rooms/reports.ts'
import { roomUpgradesReader, roomUpgradesWriter, roomUpgradeWrites } from './rooms/room-upgrades.ts'
import { roomsReader } from './rooms/rooms-reader.ts'
import { messageIndexReader } from './search/message-index-reader.ts'
import { messageIndexWriter, messageIndexWrites } from './search/message-index-writes.ts'
import { peopleElsewhereReader } from './search/people-elsewhere-reader.ts'
import { peopleElsewhereWriter, peopleElsewhereWrites } from './search/people-elsewhere-writes.ts'
import { userDirectoryReader } from './search/user-directory-reader.ts'
import { userDirectoryWriter, userDirectoryWrites } from './search/user-directory-writes.ts'
import { delayedEventsReader, delayedEventsWriter, delayedEventWrites } from './timed/delayed-events.ts'
import { stickyEventsReader, stickyEventsWriter, stickyEventWrites } from './timed/sticky-events.ts'

/** The readers of all ports. A new port has a line here, in `writers`, and in `allWrites`. */
export const readersOver = (db: Db) => ({
  accountData: accountDataReader(db),
  accountEnds: accountEndsReader(db),
  accounts: accountsReader(db),
  banLists: banListsReader(db),
  blockedServers: blockedServersReader(db),
  appservicesOut: appservicesOutReader(db),
  networkRooms: networkRoomsReader(db),
  auditLog: auditLogReader(db),
  crossSigning: crossSigningReader(db),
  delayedEvents: delayedEventsReader(db),
  deviceKeys: deviceKeysReader(db),
  deviceLists: deviceListsReader(db),
  deviceListsTold: deviceListsToldReader(db),
  remoteDeviceLists: remoteDeviceListsReader(db),
  dehydratedDevices: dehydratedDevicesReader(db),
  devices: devicesReader(db),
  emailValidations: emailValidationsReader(db),
  externalIdentities: externalIdentitiesReader(db),
  failedPulls: failedPullsReader(db),
  federationOut: federationOutReader(db),
  filters: filtersReader(db),
  jobs: jobsReader(db),
  impersonations: impersonationsReader(db),
  keyBackups: keyBackupsReader(db),
  homeserver: homeserverReader(db),
  media: mediaReader(db),
  mediaStanding: mediaStandingReader(db),
  remoteMedia: remoteMediaReader(db),
  messageIndex: messageIndexReader(db),
  presence: presenceStoreReader(db),
  presenceLists: presenceListsReader(db),
  profileChanges: profileChangesReader(db),
  profileUpdates: profileUpdatesReader(db),
  profiles: profilesReader(db),
  pushers: pushersReader(db),
  receipts: receiptsReader(db),
  registrationTokens: registrationTokensReader(db),
  relations: relationsReader(db),
  reports: reportsReader(db),
  noticeRooms: noticeRoomsReader(db),
  oauthClients: oauthClientsReader(db),
  outsideRooms: outsideRoomsReader(db),
  people: peopleReader(db),
  peopleMedia: peopleMediaReader(db),
  roomOverviews: roomOverviewsReader(db),
  roomSizes: roomSizesReader(db),
  roomPurges: roomPurgesReader(db),
  rooms: roomsReader(db),
  roomUpgrades: roomUpgradesReader(db),
  retention: retentionReader(db),
  sentEvents: sentEventsReader(db),
  serverKeys: serverKeysReader(db),
  shortLived: shortLivedReader(db),
  signingKeys: signingKeysReader(db),
  stagedTransactions: stagedTransactionsReader(db),
  stickyEvents: stickyEventsReader(db),
  thirdPartyIds: thirdPartyIdsReader(db),
  threadSubscriptions: threadSubscriptionsReader(db),
  toDevice: toDeviceReader(db),
  tokens: tokensReader(db),
  urlPreviews: urlPreviewReader(db),
  peopleElsewhere: peopleElsewhereReader(db),
  userDirectory: userDirectoryReader(db),
})

/** The writers of all ports. */
export const writers = {
  accountData: accountDataWriter,
  accountEnds: accountEndsWriter,
  accounts: accountsWriter,
  banLists: banListsWriter,
  blockedServers: blockedServersWriter,
  newcomerCounts: newcomerCountsWriter,
  auditLog: auditLogWriter,
  crossSigning: crossSigningWriter,
  delayedEvents: delayedEventsWriter,
  deviceKeys: deviceKeysWriter,
  deviceListsTold: deviceListsToldWriter,
  remoteDeviceLists: remoteDeviceListsWriter,
  dehydratedDevices: dehydratedDevicesWriter,
  devices: devicesWriter,
  emailValidations: emailValidationsWriter,
  externalIdentities: externalIdentitiesWriter,
  failedPulls: failedPullsWriter,
  federationOut: federationOutWriter,
  appservicesOut: appservicesOutWriter,
  networkRooms: networkRoomsWriter,
  filters: filtersWriter,
  homeserver: homeserverWriter,
  jobs: jobsWriter,
  leases: leasesWriter,
  impersonations: impersonationsWriter,
  keyBackups: keyBackupsWriter,
  media: mediaWriter,
  mediaStanding: mediaStandingWriter,
  remoteMedia: remoteMediaWriter,
  messageIndex: messageIndexWriter,
  presence: presenceStoreWriter,
  presenceLists: presenceListsWriter,
  profileUpdates: profileUpdatesWriter,
  profiles: profilesWriter,
  pushers: pushersWriter,
  receipts: receiptsWriter,
  registrationTokens: registrationTokensWriter,
  relations: relationsWriter,
  reports: reportsWriter,
  noticeRooms: noticeRoomsWriter,
  oauthClients: oauthClientsWriter,
  outsideRooms: outsideRoomsWriter,
  blockedRooms: blockedRoomsWriter,
  roomPurges: roomPurgesWriter,
  rooms: roomsWriter,
  roomUpgrades: roomUpgradesWriter,
  retention: retentionWriter,
  serverKeys: serverKeysWriter,
  shortLived: shortLivedWriter,
  signingKeys: signingKeysWriter,
  stagedTransactions: stagedTransactionsWriter,
  stickyEvents: stickyEventsWriter,
  thirdPartyIds: thirdPartyIdsWriter,
  threadSubscriptions: threadSubscriptionsWriter,
  toDevice: toDeviceWriter,
  tokens: tokensWriter,
  transactions: transactionsWriter,
  urlPreviews: urlPreviewWriter,
  peopleElsewhere: peopleElsewhereWriter,
  userDirectory: userDirectoryWriter,
} as const

/** The writes of all ports, for the writing thread. */
export const allWrites = (): WriteTable =>
  writeTable([
    ...accountDataWrites,
    ...accountEndsWrites,
    ...accountsWrites,
    ...banListWrites,
    ...blockedServerWrites,
    ...newcomerCountWrites,
    ...auditLogWrites,
    ...crossSigningWrites,
    ...delayedEventWrites,
    ...deviceKeysWrites,
    ...deviceListsToldWrites,
    ...remoteDeviceListWrites,
    ...dehydratedDeviceWrites,
    ...devicesWrites,
    ...emailValidationsWrites,
    ...thirdPartyIdsWrites,
    ...registrationTokensWrites,
    ...tokensWrites,
    ...transactionsWrites,
    ...externalIdentityWrites,
    ...failedPullWrites,
    ...federationOutWrites,
    ...appservicesOutWrites,
    ...networkRoomsWrites,
    ...filterWrites,
    ...homeserverWrites,
    ...jobWrites,
    ...leaseWrites,
    ...impersonationWrites,
    ...keyBackupWrites,
    ...mediaWrites,
    ...mediaStandingWrites,
    ...remoteMediaWrites,
    ...messageIndexWrites,
    ...presenceListWrites,
    ...presenceWrites,
    ...profileUpdateWrites,
    ...profileWrites,
    ...pusherWrites,
    ...receiptWrites,
    ...relationWrites,
    ...reportWrites,
    ...noticeRoomWrites,
    ...oauthClientWrites,
    ...outsideRoomWrites,
    ...blockedRoomWrites,
    ...roomPurgeWrites,
    ...roomUpgradeWrites,
    ...retentionWrites,
    ...roomWrites,
    ...serverKeyWrites,
    ...shortLivedWrites,
    ...signingKeyWrites,
    ...stagedTransactionWrites,
    ...stickyEventWrites,
    ...threadSubscriptionWrites,
    ...toDeviceWrites,
    ...urlPreviewWrites,
    ...peopleElsewhereWrites,
    ...userDirectoryWrites,
  ])

export type Readers = ReturnType<typeof readersOver>
