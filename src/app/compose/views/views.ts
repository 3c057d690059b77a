import { type CacheStats, Slices } from '#base'
import {
  AccountDataPart,
  Badges,
  type Checkpoints,
  ClientEvents,
  DeviceListsPart,
  Erasures,
  EventStream,
  EventTexts,
  Gaps,
  Hierarchy,
  type HistoryElsewhere,
  HistoryVisibilities,
  type IgnoredUsers,
  InitialPresence,
  InitialRooms,
  InitialSync,
  type InvitesShown,
  InviteTexts,
  KeyChanges,
  KeyCountsNow,
  KeyCountsPart,
  MailFacts,
  MessageLifetimes,
  MutualRooms,
  NearInTime,
  NetworkRooms,
  Notifications,
  OtherItems,
  type PresenceNow,
  PresencePart,
  PresenceProfiles,
  PresenceVisibility,
  ProfilesPart,
  PublicRooms,
  PushCandidates,
  PushNotices,
  PushVerdicts,
  RecentEvents,
  type Relations,
  RoomFactsCache,
  RoomHeads,
  RoomInfos,
  RoomInitialSync,
  RoomItems,
  RoomStates,
  RoomSummaries,
  RoomsInWindow,
  RoomsPart,
  RoomTexts,
  Search,
  SharedMessageTexts,
  type SlidingSync,
  type SpacesElsewhere,
  StateInWindow,
  StickyEvents,
  StickyRooms,
  StreamNews,
  StreamScopes,
  SummariesAnywhere,
  Sync,
  type Threads,
  Timeline,
  ToDevicePart,
  type TypingNow,
  Unread,
  UserRooms,
  Visibility,
} from '#views'
import type { RoomsGround } from '../rooms/rooms.ts'
import { type AdminRoomViews, buildAdminRoomViews } from './admin-room-views.ts'
import { buildPeople } from './people.ts'
import { buildPushRules } from './push-rules.ts'
import { buildBundled, buildRelationViews } from './relations.ts'
import { buildSlidingExtensions, type InboxesOfDevices } from './sliding-extensions.ts'
import { buildSlidingSync } from './sliding-sync.ts'

const MEBIBYTE = 1024 * 1024

/** The most bytes that each cache holds; beyond that it drops what was not used for longest. `RecentEvents` and `PushNotices` have limits of their own. */
const CACHE_LIMITS_BYTES = {
  clientEvents: 48 * MEBIBYTE,
  userRooms: 32 * MEBIBYTE,
  unread: 32 * MEBIBYTE,
  lazyMembers: 32 * MEBIBYTE,
  roomFacts: 8 * MEBIBYTE,
  roomHeads: 32 * MEBIBYTE,
  erasures: 16 * MEBIBYTE,
  badges: 16 * MEBIBYTE,
  keyCounts: 8 * MEBIBYTE,
  historyVisibilities: 2 * MEBIBYTE,
  sharedMessages: 8 * MEBIBYTE,
  lifetimes: 2 * MEBIBYTE,
}

/** The longest that events are held against push rules at a time; one event may be judged beyond it. */
const JUDGING_SLICE_MS = 2

/** The knowledge that the domain has of people at this moment: whom they ignore, where they type, who is there, for which of their devices messages wait. */
export interface PeopleNow {
  readonly ignored: IgnoredUsers
  readonly invites: InvitesShown
  readonly typing: TypingNow
  readonly presence: PresenceNow
  readonly inboxes: InboxesOfDevices
  /** Rooms that other servers know. */
  readonly spaces: SpacesElsewhere
  /** History that other servers have. */
  readonly history: HistoryElsewhere
}

/** The parts of the views by which it is decided what another server may see. */
export interface SeenByServers {
  readonly visibilities: HistoryVisibilities
  readonly erasures: Erasures
  readonly visibility: Pick<Visibility, 'expiryIn'>
}

export interface Views {
  readonly clientEvents: ClientEvents
  readonly sync: Sync
  readonly slidingSync: SlidingSync
  readonly keyChanges: KeyChanges
  readonly eventStream: EventStream
  readonly initialSync: InitialSync
  readonly roomInitialSync: RoomInitialSync
  readonly presenceProfiles: PresenceProfiles
  readonly timeline: Timeline
  readonly relations: Relations
  readonly threads: Threads
  readonly nearInTime: NearInTime
  readonly roomStates: RoomStates
  readonly publicRooms: PublicRooms
  readonly networkRooms: NetworkRooms
  readonly roomSummaries: RoomSummaries
  readonly summariesAnywhere: SummariesAnywhere
  readonly hierarchy: Hierarchy
  readonly notifications: Notifications
  readonly mutualRooms: MutualRooms
  readonly search: Search
  readonly seenByServers: SeenByServers
  readonly pushNotices: PushNotices
  readonly mailFacts: MailFacts
  readonly badges: Badges
  readonly ofAdministrators: AdminRoomViews
  readonly caches: readonly { stats(): CacheStats }[]
}

/** Builds all views over `ground`: the open store, the streams and the clock that the whole server stands on. */
export const buildViews = (ground: RoomsGround, people: PeopleNow, checkpoints: Checkpoints): Views => {
  const shared = buildShared(ground, people)
  const { store, streams, clock } = ground
  const { reader, clientEvents, texts, visibility, presenceProfiles, facts, userRooms, pushRules, unread } = shared
  const { receipts } = store
  const history = { reader, visibility, clientEvents, texts, clock, streams }
  const networkRooms = new NetworkRooms({ reader: store.networkRooms, states: reader })
  const publicRooms = new PublicRooms(reader, (roomId) => ground.bans.bansRoom(roomId))
  const summaries = new RoomSummaries(history)
  const elsewhere = { elsewhere: people.spaces, serverName: ground.serverName }
  const badges = new Badges({
    memberships: reader,
    receipts,
    pushRules,
    ignored: people.ignored,
    userRooms,
    facts,
    unread,
    limitBytes: CACHE_LIMITS_BYTES.badges,
  })
  const { slices, candidates } = shared
  const extensions = buildSlidingExtensions({ ground, inboxes: people.inboxes, ...shared })
  const sliding = buildSlidingSync({ ground, checkpoints, ...people, ...shared }, extensions)
  const verdicts = new PushVerdicts({ reader, candidates, pushRules, facts })
  const pushNotices = new PushNotices({
    reader,
    receipts,
    recent: shared.recent,
    ...{ clientEvents, networkRooms },
    userRooms,
    slices,
    verdicts,
    people,
  })
  return {
    ...{ clientEvents, networkRooms },
    sync: buildSync(ground, people, shared),
    slidingSync: sliding.slidingSync,
    keyChanges: new KeyChanges({ streams, userRooms, lists: shared.deviceLists }),
    ...buildEventStream(ground, people, shared),
    presenceProfiles,
    timeline: new Timeline({ ...history, gaps: new Gaps({ reader, elsewhere: people.history }) }),
    ...buildRelationViews(store, history, { ignored: people.ignored, bundles: shared.bundles }),
    nearInTime: new NearInTime(history),
    roomStates: new RoomStates(history),
    publicRooms,
    roomSummaries: summaries,
    summariesAnywhere: new SummariesAnywhere({ reader, summaries, ...elsewhere }),
    notifications: new Notifications({
      ...history,
      receipts,
      userRooms,
      verdicts,
      ignored: people.ignored,
      invites: people.invites,
    }),
    hierarchy: new Hierarchy({ reader, summaries, clock, ...elsewhere }),
    mutualRooms: new MutualRooms(history),
    search: new Search({ ...history, index: store.messageIndex, userRooms, erasures: shared.erasures }),
    seenByServers: shared,
    pushNotices,
    mailFacts: new MailFacts({ reader, receipts }),
    badges,
    ofAdministrators: buildAdminRoomViews(ground, people.history, shared),
    caches: [...shared.caches, badges, verdicts, ...sliding.caches],
  }
}

type Shared = ReturnType<typeof buildShared>

/** How long rooms keep messages: until the next event of the room. */
const buildLifetimes = ({ store: { rooms: reader }, streams, clock, retention: settings }: RoomsGround) => {
  const lifetimes = new MessageLifetimes({ reader, clock, settings, limitBytes: CACHE_LIMITS_BYTES.lifetimes })
  streams.onNews(lifetimes)
  return lifetimes
}

/**
 * Builds the parts that several views share.
 *
 * Six of them keep the newest value of something, and forget it when news says that it changed: `userRooms` a user's memberships, `heads` the newest events and state of rooms,
 * `pushRules` a user's rules, `keyCounts` the number of a device's keys, `erasures` the users whose content is erased, and `facts` what is the same for all readers of a room until its next event, such as power levels.
 *
 * No other cache of the views hears news, and each stays right by another way:
 * - `clientEvents` and the display names in `PushVerdicts` have a version in their keys: the redactions that an event shows, the position of
 *   the member event.
 * - `recent` reads on to the position that it is asked for, and replaces what the events read redact.
 * - `unread` and `Badges` go on from the positions that they counted up to. They begin anew where the push rules, the ignored users or the
 *   join of the user's stay have another position.
 * - `visibilities` holds what events of history visibility say, which never changes.
 * - `sharedMessages` holds texts of one window for a tenth of a second.
 * - `state` remembers which members a device was sent, and nothing of the store.
 * - What is held by an object, in a `WeakMap`, lives as long as that object, which does not change: an event as it was read, an array of
 *   changes of presence.
 */
const buildShared = (ground: RoomsGround, { ignored, typing, presence }: PeopleNow) => {
  const { store, streams, clock } = ground
  const reader = store.rooms
  const { receipts, accountData } = store
  const limits = CACHE_LIMITS_BYTES
  const clientEvents = new ClientEvents(limits.clientEvents)
  const heads = new RoomHeads({ reader, limitBytes: limits.roomHeads })
  const headed = heads.over(reader)
  const visibilities = new HistoryVisibilities({ reader, clock, limitBytes: limits.historyVisibilities })
  const lifetimes = buildLifetimes(ground)
  const visibility = new Visibility({ reader, events: clientEvents, ignored, visibilities, clock, lifetimes })
  const userRooms = new UserRooms({ reader, limitBytes: limits.userRooms })
  const slices = new Slices({ clock, sliceMs: JUDGING_SLICE_MS })
  const { pushRules, threads } = buildPushRules(ground, slices)
  const candidates = new PushCandidates(clientEvents)
  const unread = new Unread({
    slices,
    candidates,
    rooms: headed,
    receipts,
    pushRules,
    ignored,
    clientEvents,
    limitBytes: limits.unread,
  })
  const facts = new RoomFactsCache({ reader: headed, limitBytes: limits.roomFacts })
  const state = new StateInWindow({ reader: headed, limitBytes: limits.lazyMembers })
  const recent = new RecentEvents({ reader, position: streams.positions().events })
  const keyCounts = new KeyCountsNow({ reader: store.deviceKeys, limitBytes: limits.keyCounts })
  const erasures = new Erasures({ accounts: store.accounts, rooms: reader, clock, limitBytes: limits.erasures })
  const bundles = buildBundled(store, ignored)
  const sharedMessages = new SharedMessageTexts({ clock, limitBytes: limits.sharedMessages })
  for (const cache of [heads, userRooms, facts, keyCounts, erasures]) streams.onNews(cache)
  const people = buildPeople(ground, facts, ignored)
  return {
    reader,
    clientEvents,
    visibility,
    ...{ visibilities, lifetimes },
    userRooms,
    pushRules,
    unread,
    slices,
    candidates,
    ...{ facts, heads, state },
    roomsInWindow: new RoomsInWindow({ reader: headed, clock, visibility, unread, facts, state }),
    recent,
    bundles,
    texts: new EventTexts({ clientEvents, reader, clock, visibility, erasures, bundles, heads }),
    news: new StreamNews({ recent, memberships: reader, accountData, receipts, typing, pushRules, ignored }),
    erasures,
    presenceVisibility: new PresenceVisibility({ presence, userRooms, reader }),
    presenceProfiles: new PresenceProfiles(store.profiles),
    keyCounts,
    sharedMessages,
    ...people.told,
    caches: [
      clientEvents,
      visibilities,
      userRooms,
      ...[pushRules, threads],
      unread,
      unread.floors,
      ...[facts, heads, state],
      keyCounts,
      ...people.recent,
      sharedMessages,
    ],
  }
}

const buildSticky = (
  store: RoomsGround['store'],
  clock: RoomsGround['clock'],
  streams: RoomsGround['streams'],
): StickyEvents => {
  const rooms = new StickyRooms({ clock, positions: streams })
  streams.onNews(rooms)
  return new StickyEvents({ reader: store.stickyEvents, events: store.rooms, rooms, clock })
}

const buildSync = (
  { store, clock, streams }: RoomsGround,
  { ignored, invites, presence, inboxes }: PeopleNow,
  shared: Shared,
): Sync => {
  const { reader, clientEvents, texts, news, userRooms, pushRules } = shared
  const { accountData } = store
  const sticky = buildSticky(store, clock, streams)
  const roomTexts = new RoomTexts({
    reader,
    outside: store.outsideRooms,
    clientEvents,
    texts,
    rooms: shared.roomsInWindow,
    accountData,
    sticky,
    shared: shared.sharedMessages,
  })
  const streamed = [
    new ProfilesPart({ changes: shared.profileChanges }),
    new RoomsPart({ clock, reader, news, heads: shared.heads, texts: roomTexts, invites }),
    new AccountDataPart({ reader: accountData, pushRules }),
  ]
  const parts = [
    new PresencePart({ reader, presence, presenceVisibility: shared.presenceVisibility }),
    new ToDevicePart({ reader: store.toDevice, inboxes }),
    new DeviceListsPart({ lists: shared.deviceLists }),
    new KeyCountsPart({ counts: shared.keyCounts }),
  ]
  return new Sync({ clock, streams, userRooms, ignored, news, parts, streamed })
}

const buildEventStream = (
  { store, clock, streams }: RoomsGround,
  { ignored, invites: invitesShown, presence }: PeopleNow,
  shared: Shared,
) => {
  const { reader, recent, clientEvents, visibility, texts, news, userRooms, presenceVisibility, presenceProfiles } =
    shared
  const invites = new InviteTexts({ reader, outside: store.outsideRooms, clientEvents, texts, invites: invitesShown })
  const infos = new RoomInfos({ clock, reader, visibility, texts })
  const initialPresence = new InitialPresence({ reader, presence, presenceVisibility, presenceProfiles })
  return {
    eventStream: new EventStream({
      clock,
      streams,
      scopes: new StreamScopes({ reader, userRooms, visibility, ignored, invites: invitesShown }),
      roomItems: new RoomItems({ clock, reader, recent, visibility, texts, invites, presence }),
      otherItems: new OtherItems({ news, presenceVisibility }),
    }),
    initialSync: new InitialSync({
      clock,
      streams,
      userRooms,
      ignored,
      news,
      rooms: new InitialRooms({ reader, infos, invites }),
      presence: initialPresence,
    }),
    roomInitialSync: new RoomInitialSync({
      streams,
      visibility,
      ignored,
      news,
      infos,
      presence: initialPresence,
    }),
  }
}
