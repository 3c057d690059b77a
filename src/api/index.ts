import { type AnsweredOnce, type AnyEndpoint, withPutTwins } from '#http'
import { type BrowserAccountsDeps, browserAccountsEndpoints } from './account/index.ts'
import { type AdminApiDeps, adminApiEndpoints } from './admin/index.ts'
import type { SharedSecretRegistrationDeps } from './admin/people/register.ts'
import { type AdminPagesDeps, adminPagesEndpoints } from './admin-pages/index.ts'
import { type AccountDeactivationDeps, accountDeactivationEndpoints } from './client/accounts/account-deactivation.ts'
import { type AccountPagesDeps, accountPagesEndpoints } from './client/accounts/account-pages.ts'
import { type AdminDeps, adminEndpoints } from './client/accounts/admin.ts'
import {
  type AdministrativeContactDeps,
  administrativeContactEndpoints,
} from './client/accounts/administrative-contact.ts'
import { type DeviceManagementDeps, deviceManagementEndpoints } from './client/accounts/device-management.ts'
import { type EmailPageDeps, emailPageEndpoints } from './client/accounts/email-page.ts'
import { type OpenIdDeps, openIdEndpoints } from './client/accounts/openid.ts'
import { type PasswordManagementDeps, passwordManagementEndpoints } from './client/accounts/password-management.ts'
import { type RegistrationDeps, registrationEndpoints } from './client/accounts/registration.ts'
import { type RegistrationTokensDeps, registrationTokensEndpoints } from './client/accounts/registration-tokens.ts'
import { type RenewalPageDeps, renewalPageEndpoints } from './client/accounts/renewal-page.ts'
import { type UnsubscribePageDeps, unsubscribePageEndpoints } from './client/accounts/unsubscribe-page.ts'
import { whoamiEndpoints } from './client/accounts/whoami.ts'
import { type AppservicesDeps, appservicesEndpoints } from './client/appservices/index.ts'
import { type AuthFallbackDeps, authFallbackEndpoints } from './client/authentication/auth-fallback.ts'
import { casLoginEndpoints } from './client/authentication/cas-login.ts'
import { type LoginDeps, loginEndpoints } from './client/authentication/login.ts'
import { type LoginTokenDeps, loginTokenEndpoints } from './client/authentication/login-token.ts'
import { type LogoutDeps, logoutEndpoints } from './client/authentication/logout.ts'
import { type RefreshDeps, refreshEndpoints } from './client/authentication/refresh.ts'
import { type RendezvousDeps, rendezvousEndpoints } from './client/authentication/rendezvous.ts'
import { rendezvousOf2024Endpoints } from './client/authentication/rendezvous-of-2024.ts'
import { samlEndpoints } from './client/authentication/saml.ts'
import { type SignInDeps, signInEndpoints } from './client/authentication/sign-in.ts'
import { ssoLoginRedirectEndpoints } from './client/authentication/sso-login-redirect.ts'
import { type CrossSigningDeps, crossSigningEndpoints } from './client/encryption/cross-signing.ts'
import { type DehydratedDeviceDeps, dehydratedDeviceEndpoints } from './client/encryption/dehydrated-device.ts'
import { type KeyBackupDeps, keyBackupEndpoints } from './client/encryption/key-backup.ts'
import { type KeysDeps, keysEndpoints } from './client/encryption/keys.ts'
import { type ToDeviceDeps, toDeviceEndpoints } from './client/encryption/to-device.ts'
import { type DelayedEventsDeps, delayedEventsEndpoints } from './client/events/delayed-events.ts'
import { type EventContextDeps, eventContextEndpoints } from './client/events/event-context.ts'
import { type FilterDeps, filterEndpoints } from './client/events/filter.ts'
import { type MessagePaginationDeps, messagePaginationEndpoints } from './client/events/message-pagination.ts'
import { type NotificationsDeps, notificationsEndpoints } from './client/events/notifications.ts'
import { type ReadMarkersDeps, readMarkersEndpoints } from './client/events/read-markers.ts'
import { type ReceiptsDeps, receiptsEndpoints } from './client/events/receipts.ts'
import { type RedactionDeps, redactionEndpoints } from './client/events/redaction.ts'
import { type RelationsDeps, relationsEndpoints } from './client/events/relations.ts'
import {
  type RoomEventByTimestampDeps,
  roomEventByTimestampEndpoints,
} from './client/events/room-event-by-timestamp.ts'
import { type RoomSendDeps, roomSendEndpoints } from './client/events/room-send.ts'
import { type RoomStateDeps, roomStateEndpoints } from './client/events/room-state.ts'
import { type SyncDeps, syncEndpoints } from './client/events/sync.ts'
import { type ThreadSubscriptionsDeps, threadSubscriptionsEndpoints } from './client/events/thread-subscriptions.ts'
import { type ThreadsListDeps, threadsListEndpoints } from './client/events/threads-list.ts'
import { type TypingDeps, typingEndpoints } from './client/events/typing.ts'
import { type SearchDeps, searchEndpoints } from './client/finding/search.ts'
import { type UsersDeps, usersEndpoints } from './client/finding/users.ts'
import { authedContentRepoEndpoints } from './client/media/authed-content-repo.ts'
import { contentRepoEndpoints } from './client/media/content-repo.ts'
import type { MediaDeps } from './client/media/media-answers.ts'
import { type OldLoginDeps, oldLoginEndpoints } from './client/of-2015/old-login.ts'
import { type OldRegistrationDeps, oldRegistrationEndpoints } from './client/of-2015/old-registration.ts'
import { type OldSyncDeps, oldSyncEndpoints } from './client/of-2015/old-sync.ts'
import { type RoomInitialSyncDeps, roomInitialSyncEndpoints } from './client/of-2015/room-initial-sync.ts'
import { type AccountDataDeps, accountDataEndpoints } from './client/personal/account-data.ts'
import { type PresenceDeps, presenceEndpoints } from './client/personal/presence.ts'
import { type ProfileDeps, profileEndpoints } from './client/personal/profile.ts'
import { type PusherDeps, pusherEndpoints } from './client/personal/pusher.ts'
import { type PushRulesDeps, pushRulesEndpoints } from './client/personal/pushrules.ts'
import { type TagsDeps, tagsEndpoints } from './client/personal/tags.ts'
import { type BanningDeps, banningEndpoints } from './client/rooms/banning.ts'
import { type CreateRoomDeps, createRoomEndpoints } from './client/rooms/create-room.ts'
import { type DirectoryDeps, directoryEndpoints } from './client/rooms/directory.ts'
import { type InvitingDeps, invitingEndpoints } from './client/rooms/inviting.ts'
import { type JoiningDeps, joiningEndpoints } from './client/rooms/joining.ts'
import { type KickingDeps, kickingEndpoints } from './client/rooms/kicking.ts'
import { type KnockingDeps, knockingEndpoints } from './client/rooms/knocking.ts'
import { type LeavingDeps, leavingEndpoints } from './client/rooms/leaving.ts'
import { type ListJoinedRoomsDeps, listJoinedRoomsEndpoints } from './client/rooms/list-joined-rooms.ts'
import { type ListPublicRoomsDeps, listPublicRoomsEndpoints } from './client/rooms/list-public-rooms.ts'
import { type MutualRoomsDeps, mutualRoomsEndpoints } from './client/rooms/mutual-rooms.ts'
import { type ReportContentDeps, reportContentEndpoints } from './client/rooms/report-content.ts'
import { type RoomSummaryDeps, roomSummaryEndpoints } from './client/rooms/room-summary.ts'
import { type RoomUpgradesDeps, roomUpgradesEndpoints } from './client/rooms/room-upgrades.ts'
import { type RoomsDeps, roomsEndpoints } from './client/rooms/rooms.ts'
import { type SpaceHierarchyDeps, spaceHierarchyEndpoints } from './client/rooms/space-hierarchy.ts'
import { type UserRedactionDeps, userRedactionEndpoints } from './client/rooms/user-redaction.ts'
import { type CapabilitiesDeps, capabilitiesEndpoints } from './client/server/capabilities.ts'
import { type RetentionDeps, retentionEndpoints } from './client/server/retention.ts'
import { type SupportDeps, supportEndpoints } from './client/server/support.ts'
import { versionsEndpoints } from './client/server/versions.ts'
import { type VoipDeps, voipEndpoints } from './client/server/voip.ts'
import { type WellknownDeps, wellknownEndpoints } from './client/server/wellknown.ts'
import { simplifiedMsc3575Endpoints } from './client/sliding-sync/simplified-msc3575.ts'
import type { SlidingSyncDeps } from './client/sliding-sync/sliding-sync.ts'
import { syncV4Endpoints } from './client/sliding-sync/sync-v4.ts'
import { type BackfillDeps, backfillEndpoints } from './federation/backfill.ts'
import { contentRepositoryEndpoints, type MediaForServersDeps } from './federation/content-repository.ts'
import { type EventAuthDeps, eventAuthEndpoints } from './federation/event-auth.ts'
import { type ServedEventsDeps, servedEventsEndpoints } from './federation/events.ts'
import { type KeysQueryDeps, keysQueryEndpoints } from './federation/keys-query.ts'
import { type KeysServerDeps, keysServerEndpoints } from './federation/keys-server.ts'
import { type MembershipsOfOthersDeps, membershipsOfOthersEndpoints } from './federation/memberships.ts'
import { type UserinfoDeps, userinfoEndpoints } from './federation/openid.ts'
import { type PolicyServerDeps, policyServerEndpoints } from './federation/policy-server.ts'
import { type ServedPublicRoomsDeps, servedPublicRoomsEndpoints } from './federation/public-rooms.ts'
import { type QueryDeps, queryEndpoints } from './federation/query.ts'
import { type TransactionsDeps, transactionEndpoints } from './federation/send.ts'
import { type ServedSpacesDeps, servedSpacesEndpoints } from './federation/space-hierarchy.ts'
import { type ThirdPartyInviteDeps, thirdPartyInviteEndpoints } from './federation/third-party-invite.ts'
import { type KeysForServersDeps, userKeysEndpoints } from './federation/user-keys.ts'
import { type ServerVersionDeps, serverVersionEndpoints } from './federation/version.ts'
import { NOT_BUILT } from './not-built.ts'
import { type OAuthDeps, oauthEndpoints, toLegacyLogin } from './oauth/index.ts'

export {
  assertOwnForm,
  type BrowserAccountsDeps,
  BrowserGate,
  type BrowserRequest,
  seeOther,
} from './account/index.ts'
export type { AdminApiDeps } from './admin/index.ts'
export type { AdminPagesDeps, Findings } from './admin-pages/index.ts'
export { EMAIL_PAGE } from './client/accounts/email-page.ts'
export { RENEWAL_PAGE } from './client/accounts/renewal-page.ts'
export { UNSUBSCRIBE_PAGE } from './client/accounts/unsubscribe-page.ts'
export type { RendezvousDeps } from './client/authentication/rendezvous.ts'
export type { CrossSigningDeps } from './client/encryption/cross-signing.ts'
export type { KeysDeps } from './client/encryption/keys.ts'
export type { MediaDeps } from './client/media/media-answers.ts'
export { GATES, versionsWithout } from './client/server/versions.ts'
export type { MediaForServersDeps } from './federation/content-repository.ts'
export type { KeysForServersDeps } from './federation/user-keys.ts'
export { NOT_BUILT } from './not-built.ts'
export { NOT_BUILT_2015 } from './not-built-2015.ts'
export type { OAuthDeps } from './oauth/index.ts'
export type { AppServiceStates } from './operator/appservices.ts'
export { type OperatorDeps, operatorEndpoints } from './operator/index.ts'

export type ModerationDeps = UserRedactionDeps

/** The needs of all endpoints, by subject. */
export interface ApiDeps {
  readonly capabilities: CapabilitiesDeps
  readonly wellknown: WellknownDeps
  readonly support: SupportDeps
  readonly accounts: AccountsDeps
  readonly appservices: AppservicesDeps
  readonly admin: AdminApiDeps
  readonly browserAccounts: BrowserAccountsDeps
  readonly adminPages: AdminPagesDeps
  /** undefined: there is none, and clients are told so. */
  readonly oauth: OAuthDeps | undefined
  readonly personal: PersonalDeps
  readonly rooms: RoomEndpointsDeps
  readonly moderation: ModerationDeps
  readonly push: PusherDeps & UnsubscribePageDeps & RenewalPageDeps
  readonly calls: CallsDeps
  readonly voip: VoipDeps
  readonly retention: RetentionDeps
  readonly sync: SyncDeps
  readonly slidingSync: SlidingSyncDeps
  readonly oldSync: OldSyncDeps & RoomInitialSyncDeps
  readonly media: MediaDeps & MediaForServersDeps
  readonly finding: SearchDeps & UsersDeps
  readonly openId: OpenIdDeps & UserinfoDeps
  readonly encryption: EncryptionDeps
  /** undefined: there is none, and clients are not told of any. */
  readonly rendezvous: RendezvousDeps | undefined
  readonly keys: KeysServerDeps & KeysQueryDeps
  /** Questions of other servers. */
  readonly served: ServedDeps
  /** Transactions of other servers, and the events that they want to have signed. */
  readonly received: TransactionsDeps & PolicyServerDeps
  readonly membershipsOfOthers: MembershipsOfOthersDeps
  readonly software: ServerVersionDeps
}

export type AccountsDeps = LoginDeps &
  LoginTokenDeps & { readonly signInPages: SignInDeps } & LogoutDeps &
  RefreshDeps &
  RegistrationDeps &
  AccountPagesDeps &
  OldRegistrationDeps &
  OldLoginDeps &
  RegistrationTokensDeps &
  PasswordManagementDeps &
  AccountDeactivationDeps &
  DeviceManagementDeps &
  AuthFallbackDeps &
  AdministrativeContactDeps &
  AdminDeps &
  EmailPageDeps &
  SharedSecretRegistrationDeps

const accountsEndpoints = (deps: AccountsDeps, hasOAuth: boolean): readonly AnyEndpoint[] => [
  ...loginEndpoints({ ...deps, hasOAuth }),
  ...loginTokenEndpoints(deps),
  ...ssoLoginRedirectEndpoints(deps.signInPages, hasOAuth ? toLegacyLogin : undefined),
  ...casLoginEndpoints(deps.signInPages),
  ...signInEndpoints(deps.signInPages),
  ...samlEndpoints(deps.signInPages),
  ...logoutEndpoints(deps),
  ...refreshEndpoints(deps),
  ...registrationEndpoints(deps),
  ...accountPagesEndpoints(deps),
  ...oldRegistrationEndpoints(deps),
  ...oldLoginEndpoints(deps),
  ...registrationTokensEndpoints(deps),
  ...passwordManagementEndpoints(deps),
  ...accountDeactivationEndpoints(deps),
  ...whoamiEndpoints(),
  ...deviceManagementEndpoints(deps),
  ...authFallbackEndpoints(deps),
  ...administrativeContactEndpoints(deps),
  ...adminEndpoints(deps),
  ...emailPageEndpoints(deps),
]

export type PersonalDeps = ProfileDeps &
  PresenceDeps &
  TypingDeps &
  ReceiptsDeps &
  ReadMarkersDeps &
  AccountDataDeps &
  TagsDeps &
  FilterDeps &
  PushRulesDeps

const personalEndpoints = (deps: PersonalDeps): readonly AnyEndpoint[] => [
  ...profileEndpoints(deps),
  ...presenceEndpoints(deps),
  ...typingEndpoints(deps),
  ...receiptsEndpoints(deps),
  ...readMarkersEndpoints(deps),
  ...accountDataEndpoints(deps),
  ...tagsEndpoints(deps),
  ...filterEndpoints(deps),
  ...pushRulesEndpoints(deps),
]

export type EncryptionDeps = KeysDeps &
  KeysForServersDeps &
  CrossSigningDeps &
  ToDeviceDeps &
  KeyBackupDeps &
  DehydratedDeviceDeps

const encryptionEndpoints = (deps: EncryptionDeps): readonly AnyEndpoint[] => [
  ...keysEndpoints(deps),
  ...crossSigningEndpoints(deps),
  ...toDeviceEndpoints(deps),
  ...keyBackupEndpoints(deps),
  ...dehydratedDeviceEndpoints(deps),
  ...userKeysEndpoints(deps),
]

export type RoomEndpointsDeps = CreateRoomDeps &
  RoomSendDeps &
  RoomStateDeps &
  RedactionDeps &
  JoiningDeps &
  KnockingDeps &
  InvitingDeps &
  LeavingDeps &
  KickingDeps &
  BanningDeps &
  ListJoinedRoomsDeps &
  RoomsDeps &
  MessagePaginationDeps &
  EventContextDeps &
  RoomEventByTimestampDeps &
  RelationsDeps &
  ThreadsListDeps &
  NotificationsDeps &
  DirectoryDeps &
  MutualRoomsDeps &
  RoomSummaryDeps &
  RoomUpgradesDeps &
  ThirdPartyInviteDeps &
  SpaceHierarchyDeps &
  ReportContentDeps &
  ListPublicRoomsDeps & { readonly answeredOnce: Pick<AnsweredOnce, 'once'> }

const roomEndpoints = (deps: RoomEndpointsDeps): readonly AnyEndpoint[] => [
  ...withPutTwins(
    [
      ...createRoomEndpoints(deps),
      ...joiningEndpoints(deps),
      ...invitingEndpoints(deps),
      ...leavingEndpoints(deps),
      ...kickingEndpoints(deps),
      ...banningEndpoints(deps),
    ],
    deps.answeredOnce,
  ),
  ...roomSendEndpoints(deps),
  ...roomStateEndpoints(deps),
  ...redactionEndpoints(deps),
  ...knockingEndpoints(deps),
  ...listJoinedRoomsEndpoints(deps),
  ...roomsEndpoints(deps),
  ...messagePaginationEndpoints(deps),
  ...eventContextEndpoints(deps),
  ...roomEventByTimestampEndpoints(deps),
  ...relationsEndpoints(deps),
  ...threadsListEndpoints(deps),
  ...notificationsEndpoints(deps),
  ...directoryEndpoints(deps),
  ...listPublicRoomsEndpoints(deps),
  ...mutualRoomsEndpoints(deps),
  ...roomSummaryEndpoints(deps),
  ...roomUpgradesEndpoints(deps),
  ...thirdPartyInviteEndpoints(deps),
  ...spaceHierarchyEndpoints(deps),
  ...reportContentEndpoints(deps),
]

export type CallsDeps = ThreadSubscriptionsDeps & DelayedEventsDeps

const callsEndpoints = (deps: CallsDeps): readonly AnyEndpoint[] => [
  ...threadSubscriptionsEndpoints(deps),
  ...delayedEventsEndpoints(deps),
]

export type ServedDeps = ServedEventsDeps &
  EventAuthDeps &
  BackfillDeps &
  ServedPublicRoomsDeps &
  ServedSpacesDeps &
  QueryDeps

const endpointsForServers = (deps: ServedDeps): readonly AnyEndpoint[] => [
  ...servedEventsEndpoints(deps),
  ...eventAuthEndpoints(deps),
  ...backfillEndpoints(deps),
  ...servedPublicRoomsEndpoints(deps),
  ...servedSpacesEndpoints(deps),
  ...queryEndpoints(deps),
]

export const apiEndpoints = (deps: ApiDeps): readonly AnyEndpoint[] => [
  ...versionsEndpoints({ notBuilt: NOT_BUILT, rendezvous: deps.rendezvous !== undefined }),
  ...capabilitiesEndpoints(deps.capabilities),
  ...wellknownEndpoints(deps.wellknown),
  ...supportEndpoints(deps.support),
  ...accountsEndpoints(deps.accounts, deps.oauth !== undefined),
  ...appservicesEndpoints(deps.appservices),
  ...adminApiEndpoints(deps.admin),
  ...browserAccountsEndpoints(deps.browserAccounts),
  ...adminPagesEndpoints(deps.adminPages),
  ...oauthEndpoints(deps.oauth),
  ...personalEndpoints(deps.personal),
  ...roomEndpoints(deps.rooms),
  ...userRedactionEndpoints(deps.moderation),
  ...encryptionEndpoints(deps.encryption),
  ...(deps.rendezvous === undefined
    ? []
    : [...rendezvousEndpoints(deps.rendezvous), ...rendezvousOf2024Endpoints(deps.rendezvous)]),
  ...searchEndpoints(deps.finding),
  ...usersEndpoints(deps.finding),
  ...pusherEndpoints(deps.push),
  ...unsubscribePageEndpoints(deps.push),
  ...renewalPageEndpoints(deps.push),
  ...callsEndpoints(deps.calls),
  ...voipEndpoints(deps.voip),
  ...retentionEndpoints(deps.retention),
  ...syncEndpoints(deps.sync),
  ...simplifiedMsc3575Endpoints(deps.slidingSync),
  ...syncV4Endpoints(deps.slidingSync),
  ...oldSyncEndpoints(deps.oldSync),
  ...roomInitialSyncEndpoints(deps.oldSync),
  ...contentRepoEndpoints(deps.media),
  ...authedContentRepoEndpoints(deps.media),
  ...contentRepositoryEndpoints(deps.media),
  ...openIdEndpoints(deps.openId),
  ...userinfoEndpoints(deps.openId),
  ...keysServerEndpoints(deps.keys),
  ...keysQueryEndpoints(deps.keys),
  ...endpointsForServers(deps.served),
  ...transactionEndpoints(deps.received),
  ...policyServerEndpoints(deps.received),
  ...membershipsOfOthersEndpoints(deps.membershipsOfOthers),
  ...serverVersionEndpoints(deps.software),
]

export interface ServedEndpoint {
  readonly method: string
  /** The path as the specification writes it: `/_matrix/client/v3/rooms/{roomId}/send`. */
  readonly path: string
}

/** All paths of all endpoints, for comparing with the official data. */
export const servedEndpoints = (endpoints: readonly AnyEndpoint[]): readonly ServedEndpoint[] =>
  endpoints.flatMap(({ method, paths }) =>
    paths.map((path) => ({ method, path: path.replaceAll(/:([A-Za-z]+)/g, '{$1}') })),
  )
