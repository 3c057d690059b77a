import type { Migration } from '../sql/engine/schema.ts'
import { createStreamsAndUsers } from './0001-create-streams-and-users.ts'
import { createRooms } from './0002-create-rooms.ts'
import { createAccounts } from './0010-create-accounts.ts'
import { createDevices } from './0011-create-devices.ts'
import { createThirdPartyIds } from './0012-create-third-party-ids.ts'
import { createExternalIdentities } from './0013-create-external-identities.ts'
import { createProfiles } from './0020-create-profiles.ts'
import { createAccountData } from './0021-create-account-data.ts'
import { createReceipts } from './0022-create-receipts.ts'
import { createFilters } from './0023-create-filters.ts'
import { createPresence } from './0024-create-presence.ts'
import { createPresenceLists } from './0025-create-presence-lists.ts'
import { createMedia } from './0030-create-media.ts'
import { createUrlPreviews } from './0031-create-url-previews.ts'
import { createPushers } from './0040-create-pushers.ts'
import { createRoomPurges } from './0050-create-room-purges.ts'
import { addReceiptContents } from './0060-add-receipt-contents.ts'
import { createShortLived } from './0070-create-short-lived.ts'
import { createLeases } from './0071-create-leases.ts'
import { createSigningKeys } from './0072-create-signing-keys.ts'
import { addSessionsStream } from './0080-add-sessions-stream.ts'
import { createToDevice } from './0090-create-to-device.ts'
import { createProfileUpdates } from './0095-create-profile-updates.ts'
import { createDeviceKeys } from './0096-create-device-keys.ts'
import { keepReplacedTokens } from './0097-keep-replaced-tokens.ts'
import { indexJoins } from './0120-index-joins.ts'
import { createKeyBackups } from './0130-create-key-backups.ts'
import { createHomeserver } from './0140-create-homeserver.ts'
import { forgetTransactions } from './0150-forget-transactions.ts'
import { createCrossSigning } from './0160-create-cross-signing.ts'
import { listPublishedRooms } from './0170-list-published-rooms.ts'
import { countRoomState } from './0171-count-room-state.ts'
import { indexErasures } from './0180-index-erasures.ts'
import { createDehydratedDevices } from './0190-create-dehydrated-devices.ts'
import { addAccountLocks } from './0200-add-account-locks.ts'
import { tellOneUser } from './0210-tell-one-user.ts'
import { createReports } from './0230-create-reports.ts'
import { createThreadSubscriptions } from './0300-create-thread-subscriptions.ts'
import { addAccountSuspensions } from './0310-add-account-suspensions.ts'
import { indexReceiptsByEvent } from './0320-index-receipts-by-event.ts'
import { createRoomUpgrades } from './0330-create-room-upgrades.ts'
import { createMessageIndex } from './0350-create-message-index.ts'
import { createRelations } from './0360-create-relations.ts'
import { createDelayedEvents } from './0370-create-delayed-events.ts'
import { createUserDirectory } from './0380-create-user-directory.ts'
import { createNoticeRooms } from './0390-create-notice-rooms.ts'
import { createStickyEvents } from './0395-create-sticky-events.ts'
import { switchPushers } from './0420-switch-pushers.ts'
import { placeRelations } from './0430-place-relations.ts'
import { createRetentionProgress } from './0460-create-retention-progress.ts'
import { nameChangedDevices } from './0560-name-changed-devices.ts'
import { createRoomServers } from './0570-create-room-servers.ts'
import { createStagedTransactions } from './0580-create-staged-transactions.ts'
import { createFederationOut } from './0590-create-federation-out.ts'
import { createBranches } from './0620-create-branches.ts'
import { createRemoteMedia } from './0630-create-remote-media.ts'
import { createStrippedRooms } from './0640-create-stripped-rooms.ts'
import { createEntering } from './0690-create-entering.ts'
import { createServerKeys } from './0700-create-server-keys.ts'
import { createRemoteDeviceLists } from './0720-create-remote-device-lists.ts'
import { placeFetchedHistory } from './0740-place-fetched-history.ts'
import { createAuditLog } from './0780-create-audit-log.ts'
import { administerAccounts } from './0781-administer-accounts.ts'
import { createJobs } from './0800-create-jobs.ts'
import { createOauthClients } from './0840-create-oauth-clients.ts'
import { createRoomOverviews } from './0845-create-room-overviews.ts'
import { mailPushersAndApproveAccounts } from './0880-mail-pushers-and-approve-accounts.ts'
import { createAppservices } from './0885-create-appservices.ts'
import { indexAdministrators } from './0886-index-administrators.ts'
import { createImpersonations } from './0888-create-impersonations.ts'
import { createBanLists } from './0889-create-ban-lists.ts'
import { quarantineMedia } from './0905-quarantine-media.ts'
import { grantAdministration } from './0910-grant-administration.ts'
import { createBlockedServers } from './0920-create-blocked-servers.ts'
import { namePropagatedFields } from './0930-name-propagated-fields.ts'
import { placeRemovals } from './0940-place-removals.ts'
import { placeProfileChanges } from './0950-place-profile-changes.ts'
import { tellOfAccountEnds } from './0960-tell-of-account-ends.ts'
import { createPartialRooms } from './0970-create-partial-rooms.ts'
import { createPeopleElsewhere } from './0980-create-people-elsewhere.ts'
import { takeFormerNamesOutLater } from './1000-take-former-names-out-later.ts'

/** All migrations, in the order in which they run. */
export const MIGRATIONS: readonly Migration[] = [
  createStreamsAndUsers,
  createRooms,
  createAccounts,
  createDevices,
  createThirdPartyIds,
  createExternalIdentities,
  createProfiles,
  createAccountData,
  createReceipts,
  createFilters,
  createPresence,
  createPresenceLists,
  createMedia,
  createUrlPreviews,
  createPushers,
  createRoomPurges,
  addReceiptContents,
  createShortLived,
  createLeases,
  createSigningKeys,
  addSessionsStream,
  createToDevice,
  createProfileUpdates,
  createDeviceKeys,
  keepReplacedTokens,
  indexJoins,
  createKeyBackups,
  createHomeserver,
  forgetTransactions,
  createCrossSigning,
  listPublishedRooms,
  countRoomState,
  indexErasures,
  createDehydratedDevices,
  addAccountLocks,
  tellOneUser,
  createReports,
  createThreadSubscriptions,
  addAccountSuspensions,
  indexReceiptsByEvent,
  createRoomUpgrades,
  createMessageIndex,
  createRelations,
  createDelayedEvents,
  createUserDirectory,
  createNoticeRooms,
  createStickyEvents,
  switchPushers,
  placeRelations,
  createRetentionProgress,
  nameChangedDevices,
  createRoomServers,
  createStagedTransactions,
  createFederationOut,
  createBranches,
  createRemoteMedia,
  createStrippedRooms,
  createEntering,
  createServerKeys,
  createRemoteDeviceLists,
  placeFetchedHistory,
  createAuditLog,
  administerAccounts,
  createJobs,
  createOauthClients,
  createRoomOverviews,
  mailPushersAndApproveAccounts,
  createAppservices,
  indexAdministrators,
  createImpersonations,
  createBanLists,
  quarantineMedia,
  grantAdministration,
  createBlockedServers,
  namePropagatedFields,
  placeRemovals,
  placeProfileChanges,
  tellOfAccountEnds,
  createPartialRooms,
  createPeopleElsewhere,
  takeFormerNamesOutLater,
]
