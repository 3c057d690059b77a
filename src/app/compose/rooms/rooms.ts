import type { RoomEndpointsDeps } from '#api'
import type { Chore, Clock, Logger, Random } from '#base'
import {
  type AliasNamespaces,
  type Bans,
  BlockedRooms,
  type BuiltGraph,
  Directory,
  type FollowUpgrades,
  guarded,
  Listings,
  type MemberAccounts,
  Memberships,
  type OtherServers,
  type PolicyServers,
  type Presence,
  Reports,
  RoomCreation,
  type RoomGraph,
  type RoomGuards,
  RoomProfiles,
  RoomPurge,
  RoomRemoval,
  Rooms,
  RoomUpgrades,
  roomGraph,
  Sending,
  SetRoomState,
  Successors,
  ThirdPartyInvites,
  transactionSweep,
  type UpgradeFollowers,
  UpgradeSteps,
  withoutBlocked,
} from '#domain'
import type { RetentionSettings, SigningKey } from '#rules'
import type { ServerName } from '#spec'
import { type StateSize, type Store, writers } from '#store'
import type { Streams } from '#streams'
import type {
  Hierarchy,
  MutualRooms,
  NearInTime,
  NetworkRooms,
  Notifications,
  PublicRooms,
  RoomStates,
  SummariesAnywhere,
  Timeline,
} from '#views'
import type { Ground } from '../ground/ground.ts'

const MEBIBYTE = 1024 * 1024

export interface RoomsGround {
  readonly store: Store
  readonly streams: Streams
  readonly clock: Clock
  readonly logger: Logger
  readonly random: Random
  readonly signingKey: SigningKey
  readonly bans: Bans
  readonly guards: RoomGuards
  readonly serverName: ServerName
  readonly defaultRoomVersion: string
  readonly stateLimits: StateSize
  /** Whether rooms of other servers are joined without their members. */
  readonly partialJoins: boolean
  /** undefined: there are no application services. */
  readonly aliasNamespaces?: AliasNamespaces
  /** undefined: no other servers are reached. */
  readonly policy?: PolicyServers
  /** undefined: all messages are kept. */
  readonly retention: RetentionSettings | undefined
}

type Followers = UpgradeFollowers & Pick<FollowUpgrades, 'rest'>

export interface RoomsDomain {
  readonly rooms: Rooms
  readonly graph: RoomGraph
  readonly graphCaches: BuiltGraph['caches']
  readonly branchJoins: BuiltGraph['joins']
  readonly sending: Sending
  readonly memberships: Memberships
  readonly creation: RoomCreation
  readonly directory: Directory
  readonly upgrades: RoomUpgrades
  readonly successors: Successors
  readonly followers: Followers
  readonly thirdPartyInvites: ThirdPartyInvites
}

interface JoiningOfRooms {
  readonly otherServers: OtherServers
}

export interface RoomsNeeds<Joining extends JoiningOfRooms> {
  readonly accounts: MemberAccounts
  readonly followers: Followers
  /** Builds memberships across servers, which need the rooms and are needed by them. */
  joiningOf(rooms: Rooms, graph: RoomGraph): Joining
}

const NO_NAMESPACES: AliasNamespaces = { assertMayName: () => {}, make: async () => false, changed: () => {} }

export const buildRooms = <Joining extends JoiningOfRooms>(
  ground: RoomsGround,
  { accounts, followers, joiningOf }: RoomsNeeds<Joining>,
): RoomsDomain & { readonly joining: Joining } => {
  const { store, clock, random, signingKey: key, serverName, guards } = ground
  const { commit } = store
  const reader = store.rooms
  const writer = writers.rooms
  const rooms = new Rooms({
    ...{ commit, reader, writer, clock, random, key },
    stateLimits: ground.stateLimits,
    ...(ground.policy === undefined ? {} : { policy: ground.policy }),
    cacheLimitBytes: 64 * MEBIBYTE,
  })
  const {
    graph,
    caches,
    joins: branchJoins,
  } = roomGraph({
    ...ground,
    ...{ rooms, reader, writer, commit, cacheLimitBytes: 16 * MEBIBYTE },
  })
  const successors = new Successors({ reader, writer: writers.roomUpgrades, commit, followers })
  const blocked = buildBlockedRooms(ground)
  const namespaces = ground.aliasNamespaces ?? NO_NAMESPACES
  const common = { rooms, reader, writer, commit, serverName, blocked, namespaces }
  const joining = joiningOf(rooms, graph)
  const memberships = new Memberships({
    ...{ rooms, reader, accounts, serverName, clock, successors },
    writing: { writer, commit },
    otherServers: guarded(withoutBlocked(joining.otherServers, blocked), guards),
  })
  const directory = new Directory(common)
  const defaultVersion = ground.defaultRoomVersion
  return {
    rooms,
    graph,
    graphCaches: caches,
    branchJoins,
    joining,
    sending: new Sending({ rooms, reader, relations: store.relations, clock, guards }),
    memberships,
    creation: new RoomCreation({
      ...{ rooms, reader, accounts, memberships, serverName, defaultVersion, namespaces, guards },
    }),
    directory,
    upgrades: buildUpgrades(ground, rooms, accounts, followers),
    successors,
    followers,
    thirdPartyInvites: new ThirdPartyInvites({ rooms, accounts, memberships, serverName, blocked }),
  }
}

export const buildBlockedRooms = ({
  store,
  clock,
  bans,
}: Pick<RoomsGround, 'store' | 'clock' | 'bans'>): BlockedRooms =>
  new BlockedRooms({ reader: store.roomOverviews, writer: writers.blockedRooms, clock, bans })

const buildUpgrades = (
  { store, clock, logger, serverName }: RoomsGround,
  rooms: Rooms,
  accounts: MemberAccounts,
  followers: UpgradeFollowers,
): RoomUpgrades => {
  const reader = store.rooms
  const writer = writers.roomUpgrades
  return new RoomUpgrades({
    ...{ rooms, logger, followers },
    store: { reader, upgrades: store.roomUpgrades, writer, commit: store.commit },
    steps: new UpgradeSteps({ rooms, reader, writer, clock, logger, serverName }),
    profileOf: (userId) => accounts.profileOf(userId),
  })
}

/** Builds the work that forgets old transaction ids. Does not start it. */
export const buildTransactionSweep = ({ store, clock, logger }: Ground): Chore =>
  transactionSweep({ clock, logger, writer: writers.transactions, commit: store.commit })

/** Builds the work that lists rooms which an earlier version published. Does not start it. */
export const buildListings = ({ store, clock, logger }: Ground, { rooms }: Pick<RoomsDomain, 'rooms'>): Listings =>
  new Listings({ rooms, reader: store.rooms, clock, logger })

export const buildReports = ({ store, clock }: Ground): Reports =>
  new Reports({
    rooms: store.rooms,
    accounts: store.accounts,
    reader: store.reports,
    writer: writers.reports,
    commit: store.commit,
    clock,
  })

export const buildRoomRemoval = ({ store }: Pick<Ground, 'store'>): RoomRemoval =>
  new RoomRemoval({
    reader: store.roomPurges,
    rooms: store.rooms,
    writer: writers.roomPurges,
    commit: store.commit,
    changesFor: (room) => [
      writers.receipts.removeRoom(room),
      writers.networkRooms.removeRoom(room),
      writers.accountData.removeRoom(room),
      writers.threadSubscriptions.removeRoom(room),
      writers.roomUpgrades.removeRoom(room),
      writers.retention.removeRoom(room),
    ],
  })

/** Builds the removal of rooms that nobody is in any more. Does not start it. */
export const buildRoomPurge = (ground: Ground): RoomPurge => {
  const { config, store, clock, logger } = ground
  return new RoomPurge({
    ...{ clock, logger },
    reader: store.roomPurges,
    writer: writers.roomPurges,
    commit: store.commit,
    removal: buildRoomRemoval(ground),
    afterMs: config.rooms.purgeAfter.ms,
    forgottenByAll: config.rooms.purgeWhen === 'forgotten',
  })
}

/** Builds the work that carries changed profiles into rooms. Does not start it. */
export const buildRoomProfiles = ({ store, clock, logger }: Ground, members: Memberships): RoomProfiles =>
  new RoomProfiles({
    ...{ clock, logger, members },
    reader: store.profileUpdates,
    writer: writers.profileUpdates,
    commit: store.commit,
  })

/** The parts that the endpoints of rooms need. */
export const roomApi = (
  serverName: ServerName,
  { sending, memberships, creation, directory, upgrades, successors }: RoomsDomain,
  views: {
    readonly timeline: Timeline
    readonly nearInTime: NearInTime
    readonly roomStates: RoomStates
    readonly publicRooms: PublicRooms
    readonly networkRooms: NetworkRooms
    readonly summariesAnywhere: SummariesAnywhere
    readonly hierarchy: Hierarchy
    readonly notifications: Notifications
    readonly mutualRooms: MutualRooms
  },
  presence: Pick<Presence, 'active'>,
): Omit<
  RoomEndpointsDeps,
  | 'oldRoomVersion'
  | 'answeredOnce'
  | 'reports'
  | 'relations'
  | 'threads'
  | 'redacting'
  | 'delayedEvents'
  | 'inviteByAddress'
  | 'forgetsOnLeave'
  | 'aliases'
  | 'publicRoomsElsewhere'
  | 'momentsElsewhere'
  | 'servers'
  | 'wholeRooms'
  | 'shadowIds'
  | 'newSecret'
> => ({
  serverName,
  creation,
  sending,
  memberships,
  directory,
  upgrades,
  roomState: new SetRoomState({ sending, memberships, successors }),
  timeline: views.timeline,
  nearInTime: views.nearInTime,
  roomStates: views.roomStates,
  publicRooms: views.publicRooms,
  networkRooms: views.networkRooms,
  summariesAnywhere: views.summariesAnywhere,
  hierarchy: views.hierarchy,
  notifications: views.notifications,
  mutualRooms: views.mutualRooms,
  presence,
})
