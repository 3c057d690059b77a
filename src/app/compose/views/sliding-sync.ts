import type { CacheStats } from '#base'
import {
  BumpStamps,
  type Checkpoints,
  type ClientEvents,
  Connections,
  type EventTexts,
  type IgnoredUsers,
  type InvitesShown,
  JoinedRooms,
  ListsOfUsers,
  Memories,
  OtherRooms,
  type RecentEvents,
  RoomConfigs,
  RoomResults,
  type RoomsInWindow,
  type SharedMessageTexts,
  type SlidingExtension,
  SlidingRooms,
  SlidingSync,
  type StreamNews,
  ToldMembers,
  type UserRooms,
} from '#views'
import type { RoomsGround } from '../rooms/rooms.ts'

export interface SlidingSyncGround {
  readonly ground: RoomsGround
  readonly checkpoints: Checkpoints
  readonly ignored: IgnoredUsers
  readonly invites: InvitesShown
  readonly userRooms: UserRooms
  readonly news: StreamNews
  readonly recent: RecentEvents
  readonly clientEvents: ClientEvents
  readonly texts: EventTexts
  readonly roomsInWindow: RoomsInWindow
  readonly sharedMessages: SharedMessageTexts
}

interface BuiltSlidingSync {
  readonly slidingSync: SlidingSync
  readonly caches: readonly { stats(): CacheStats }[]
}

const MEBIBYTE = 1024 * 1024
const LIMITS_BYTES = {
  connections: 8 * MEBIBYTE,
  lists: 64 * MEBIBYTE,
  memories: 16 * MEBIBYTE,
  members: 16 * MEBIBYTE,
  stamps: 4 * MEBIBYTE,
}

/** Builds sliding sync with its extensions. New extensions are added at the end of the list, and none moves. */
export const buildSlidingSync = (
  parts: SlidingSyncGround,
  extensions: readonly SlidingExtension[],
): BuiltSlidingSync => {
  const { ignored, userRooms, news, checkpoints, ground } = parts
  const { clock, streams } = ground
  const connections = new Connections({ clock, limitBytes: LIMITS_BYTES.connections })
  const memories = new Memories({ checkpoints, clock, limitBytes: LIMITS_BYTES.memories })
  const { rooms, caches } = buildRoomsOfAnswers(parts, memories)
  return {
    slidingSync: new SlidingSync({ clock, streams, userRooms, ignored, connections, rooms, news, extensions }),
    caches: [connections, memories, ...caches],
  }
}

const buildRoomsOfAnswers = (
  { ground, invites, recent, clientEvents, texts, roomsInWindow: rooms, sharedMessages: shared }: SlidingSyncGround,
  memories: Memories,
) => {
  const { store, streams, clock } = ground
  const reader = store.rooms
  const attributes = { rooms: reader, accountData: store.accountData }
  const lists = new ListsOfUsers({ reader, attributes, invites, recent, clock, limitBytes: LIMITS_BYTES.lists })
  streams.onNews(lists)
  const stamps = new BumpStamps({ reader, limitBytes: LIMITS_BYTES.stamps })
  const members = new ToldMembers({ limitBytes: LIMITS_BYTES.members })
  const configs = new RoomConfigs()
  const results = new RoomResults({
    reader,
    joined: new JoinedRooms({ reader, texts, rooms, stamps, members, shared }),
    others: new OtherRooms({ reader, outside: store.outsideRooms, clientEvents, texts, rooms }),
  })
  const writing = { memories, configs, recent, results, reader, clock }
  return {
    rooms: new SlidingRooms({ lists, memories, configs, receipts: store.receipts, writing }),
    caches: [lists, stamps, members, ...configs.caches],
  }
}
