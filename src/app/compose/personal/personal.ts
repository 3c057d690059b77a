import type { PersonalDeps } from '#api'
import { type CacheStats, type Clock, type Logger, Slices } from '#base'
import type { Config } from '#config'
import {
  AccountData,
  Filters,
  IgnoredUsers,
  InvitePermissions,
  NOTICES_LOCALPART,
  type OperatorChecks,
  Presence,
  PresenceLists,
  Profiles,
  PushRules,
  Receipts,
  type RoomProfiles,
  SetProfile,
  type SetProfileParts,
  Tags,
  Typing,
  UpgradedRooms,
} from '#domain'
import { type UserId, userIdOf } from '#spec'
import { QueuedChanges, type Store, type Turns, type UserNumber, writers } from '#store'
import type { Streams } from '#streams'

/** The longest that a user's list of ignored users is read at a time. */
const LIST_SLICE_MS = 2

export interface PersonalGround {
  readonly checks?: OperatorChecks | undefined
  readonly config: Config
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
}

export interface Personal {
  /** Its `memberFields` are the profile in member events. */
  readonly profiles: Profiles
  readonly presence: Presence
  readonly typing: Typing
  readonly ignoredUsers: IgnoredUsers
  readonly invitePermissions: InvitePermissions
  /** The user who speaks for the server. */
  readonly speaker: UserId
  /** Whether a user of this server wants no invites from that sender, and the sender is told so. */
  refusesInvite(userId: UserId, from: UserId): Promise<boolean>
  readonly filters: Filters
  readonly pushRules: PushRules
  readonly upgradedRooms: UpgradedRooms
  /** The parts that the endpoints need; changed profiles are carried into rooms by `rooms`. */
  api(rooms: Pick<RoomProfiles, 'hurry'>, profileTurns: Turns): Omit<PersonalDeps, 'presenceProfiles'>
  /** Stores what is only in memory. Has to be called before the store closes. */
  settle(): Promise<void>
  readonly caches: readonly { stats(): CacheStats }[]
}

/** The user who speaks for the server. */
export const noticesUser = ({ server }: Pick<Config, 'server'>): UserId => userIdOf(NOTICES_LOCALPART, server.name)

const profileCheckOf = (checks: OperatorChecks | undefined): SetProfileParts['check'] =>
  checks?.checks('profile') !== true
    ? undefined
    : async (userId, field, value) => {
        await checks.ask('profile', () => ({ user_id: userId, field, value }))
      }

const isActive = async ({ accounts }: PersonalGround['store'], userId: UserId): Promise<boolean> => {
  const account = await accounts.account(userId)
  return account !== undefined && account.deactivatedAtMs === undefined
}

const buildAccountData = ({ accountData: reader, commit, rooms }: Store) => {
  const changes = new QueuedChanges<UserNumber>()
  const parts = { reader, writer: writers.accountData, commit, rooms, changes }
  return {
    changes,
    accountData: new AccountData(parts),
    tags: new Tags(parts),
    pushRules: new PushRules(parts),
    upgradedRooms: new UpgradedRooms(parts),
  }
}

/** Builds profiles, presence, typing, receipts, account data, tags, filters and push rules. */
export const buildPersonal = ({ config, store, clock, logger, checks }: PersonalGround, streams: Streams): Personal => {
  const { commit, rooms } = store
  const { changes: accountDataChanges, upgradedRooms, ...kept } = buildAccountData(store)
  const profiles = new Profiles({
    reader: store.profiles,
    writer: writers.profiles,
    accounts: { exists: (userId) => isActive(store, userId) },
  })
  const typing = new Typing({ clock, streams, rooms })
  const presenceLists = new PresenceLists({
    reader: store.presenceLists,
    writer: writers.presenceLists,
    commit,
    acceptsAll: config.presence.acceptInvites,
  })
  const presence = new Presence({
    enabled: config.presence.enabled,
    lists: presenceLists,
    clock,
    log: logger,
    streams,
    rooms,
    store: { reader: store.presence, writer: writers.presence, commit },
  })
  const inviting = buildInviting({ config, store, clock }, streams)
  const { ignoredUsers, invitePermissions } = inviting
  const filters = new Filters({ reader: store.filters, writer: writers.filters, commit })
  const receipts = new Receipts({
    clock,
    rooms,
    receipts: writers.receipts,
    accountData: writers.accountData,
    readMarkers: store.accountData,
    markerChanges: accountDataChanges,
    commit,
  })
  return {
    pushRules: kept.pushRules,
    upgradedRooms,
    profiles,
    presence,
    typing,
    ...inviting,
    speaker: noticesUser(config),
    filters,
    api: (roomProfiles, turns) => ({
      profiles,
      setProfile: new SetProfile({
        ...{ profiles, commit, turns, check: profileCheckOf(checks) },
        updates: writers.profileUpdates,
        rooms: roomProfiles,
        news: presence,
      }),
      presence,
      typing,
      receipts,
      ...kept,
      filters,
    }),
    settle: () => presence.flush(),
    caches: [ignoredUsers, invitePermissions, ...filters.caches, presenceLists],
  }
}

/** Builds what decides by whom a user may be invited. */
const buildInviting = (
  { config, store, clock }: Pick<PersonalGround, 'config' | 'store' | 'clock'>,
  streams: Streams,
): Pick<Personal, 'ignoredUsers' | 'invitePermissions' | 'refusesInvite'> => {
  const slices = new Slices({ clock, sliceMs: LIST_SLICE_MS })
  const ofPeople = { reader: store.accountData, news: streams, slices }
  const ignoredUsers = new IgnoredUsers({ ...ofPeople, people: store.deviceLists })
  const invitePermissions = new InvitePermissions({
    ...ofPeople,
    ignored: ignoredUsers,
    speaker: noticesUser(config),
  })
  return {
    ignoredUsers,
    invitePermissions,
    refusesInvite: async (userId, from) => {
      const account = userId === from ? undefined : await store.accounts.account(userId)
      return account !== undefined && (await invitePermissions.verdict(account.user, from)) === 'block'
    },
  }
}
