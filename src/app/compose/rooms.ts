import type { RoomEndpointsDeps } from '#api'
import type { CacheStats, Clock, Random } from '#base'
import {
  Directory,
  type MemberAccounts,
  Memberships,
  type Presence,
  RoomCreation,
  RoomPurge,
  Rooms,
  Sending,
  SetRoomState,
} from '#domain'
import { AnsweredOnce } from '#http'
import type { SigningKey } from '#rules'
import type { ServerName } from '#spec'
import { type Store, writers } from '#store'
import type { Streams } from '#streams'
import {
  Badges,
  ClientEvents,
  EventStream,
  type IgnoredUsers,
  InitialSync,
  type PresenceNow,
  PresenceProfiles,
  PresenceVisibility,
  PublicRooms,
  PushNotices,
  PushRules,
  RecentEvents,
  RoomFactsCache,
  RoomSections,
  RoomStateSection,
  RoomStates,
  Sync,
  Timeline,
  type TypingNow,
  Unread,
  UserRooms,
  Visibility,
} from '#views'

import type { Ground } from './ground.ts'

const MEBIBYTE = 1024 * 1024

export interface RoomsGround {
  readonly store: Store
  readonly streams: Streams
  readonly clock: Clock
  readonly random: Random
  readonly signingKey: SigningKey
  readonly serverName: ServerName
  readonly defaultRoomVersion: string
}

export interface RoomsDomain {
  readonly rooms: Rooms
  readonly sending: Sending
  readonly memberships: Memberships
  readonly creation: RoomCreation
  readonly directory: Directory
  readonly answeredOnce: AnsweredOnce
}

export const buildRooms = (ground: RoomsGround, accounts: MemberAccounts): RoomsDomain => {
  const { store, clock, random, signingKey: key, serverName } = ground
  const { commit } = store
  const reader = store.rooms
  const writer = writers.rooms
  const rooms = new Rooms({ commit, reader, writer, clock, random, key, cacheLimitBytes: 64 * MEBIBYTE })
  const common = { rooms, reader, writer, commit, serverName }
  return {
    rooms,
    sending: new Sending(rooms, reader),
    memberships: new Memberships({ ...common, accounts, clock }),
    creation: new RoomCreation({ rooms, reader, accounts, serverName, defaultVersion: ground.defaultRoomVersion }),
    directory: new Directory(common),
    answeredOnce: new AnsweredOnce(),
  }
}

/** Removes rooms that nobody is in any more; not started. */
export const buildRoomPurge = ({ config, store, clock, logger }: Ground): RoomPurge =>
  new RoomPurge({
    ...{ clock, logger },
    reader: store.roomPurges,
    writer: writers.roomPurges,
    commit: store.commit,
    changesFor: (room) => [writers.receipts.removeRoom(room), writers.accountData.removeRoom(room)],
    afterMs: config.rooms.purgeAfter.ms,
    forgottenByAll: config.rooms.purgeWhen === 'forgotten',
  })

export interface RoomViews {
  readonly clientEvents: ClientEvents
  readonly visibility: Visibility
  readonly sync: Sync
  readonly eventStream: EventStream
  readonly initialSync: InitialSync
  readonly presenceProfiles: PresenceProfiles
  readonly timeline: Timeline
  readonly roomStates: RoomStates
  readonly publicRooms: PublicRooms
  readonly pushNotices: PushNotices
  readonly badges: Badges
  readonly caches: readonly { stats(): CacheStats }[]
}

/** The views over rooms. `ignored`, `typing` and `presence` are answered by the domain, from memory. */
export const buildRoomViews = (
  { store, streams, clock }: RoomsGround,
  now: { readonly ignored: IgnoredUsers; readonly typing: TypingNow; readonly presence: PresenceNow },
): RoomViews => {
  const reader = store.rooms
  const clientEvents = new ClientEvents(48 * MEBIBYTE)
  const visibility = new Visibility({ reader, events: clientEvents, ignored: now.ignored })
  const userRooms = new UserRooms({ reader, limitBytes: 32 * MEBIBYTE })
  const pushRules = new PushRules({ reader: store.accountData, limitBytes: 32 * MEBIBYTE })
  const { receipts } = store
  const unread = new Unread({ rooms: reader, receipts, pushRules, clientEvents, limitBytes: 32 * MEBIBYTE })
  const facts = new RoomFactsCache({ reader, limitBytes: 8 * MEBIBYTE })
  const state = new RoomStateSection({ reader, limitBytes: 32 * MEBIBYTE })
  streams.onNews((news) => {
    userRooms.forget(news)
    pushRules.forget(news)
    facts.forget(news)
  })
  const recent = new RecentEvents({ reader, position: streams.positions().events })
  const sources = { recent, accountData: store.accountData, receipts: store.receipts, typing: now.typing }
  const presenceVisibility = new PresenceVisibility({ presence: now.presence, userRooms, reader })
  const sync = new Sync({
    clock,
    streams,
    reader,
    userRooms,
    sections: new RoomSections({ reader, clientEvents, visibility, unread, facts, state }),
    sources,
    presence: now.presence,
    presenceVisibility,
    pushRules,
    ignored: now.ignored,
  })
  const { ignored, presence } = now
  const stream = {
    ...sources,
    clock,
    streams,
    reader,
    userRooms,
    clientEvents,
    visibility,
    ignored,
    presence,
    presenceVisibility,
  }
  const badges = new Badges({ receipts, pushRules, userRooms, facts, unread, limitBytes: 16 * MEBIBYTE })
  const pushNotices = new PushNotices({
    ...{ reader, receipts: store.receipts, recent, clientEvents, pushRules, userRooms, facts },
    ignored: now.ignored,
  })
  const presenceProfiles = new PresenceProfiles(store.profiles)
  const newest = (): number => streams.positions().events
  const history = { reader, visibility, events: clientEvents, clock, newest }
  const publicRooms = new PublicRooms({ reader, clock, limitBytes: 16 * MEBIBYTE })
  return {
    clientEvents,
    visibility,
    sync,
    eventStream: new EventStream(stream),
    initialSync: new InitialSync({ ...stream, presenceProfiles }),
    presenceProfiles,
    timeline: new Timeline(history),
    roomStates: new RoomStates(history),
    publicRooms,
    pushNotices,
    badges,
    caches: [clientEvents, userRooms, pushRules, unread, facts, state, publicRooms, badges, pushNotices],
  }
}

/** What the endpoints of rooms ask. */
export const roomApi = (
  serverName: ServerName,
  { sending, memberships, creation, directory, answeredOnce }: RoomsDomain,
  { timeline, roomStates, publicRooms }: RoomViews,
  presence: Pick<Presence, 'active'>,
): Omit<RoomEndpointsDeps, 'oldRoomVersion'> => ({
  serverName,
  creation,
  sending,
  memberships,
  directory,
  answeredOnce,
  roomState: new SetRoomState(sending, memberships),
  timeline,
  roomStates,
  publicRooms,
  presence,
})
