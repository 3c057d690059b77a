import type { CacheStats } from '#base'
import {
  AccountDataPart,
  Badges,
  ClientEvents,
  deviceListsPart,
  EventStream,
  EventTexts,
  type IgnoredUsers,
  InitialPresence,
  InitialRooms,
  InitialSync,
  InviteTexts,
  keyCountsPart,
  OtherItems,
  type PresenceNow,
  PresencePart,
  PresenceProfiles,
  PresenceVisibility,
  PublicRooms,
  PushNotices,
  PushRules,
  RecentEvents,
  RoomFactsCache,
  RoomInfos,
  RoomInitialSync,
  RoomItems,
  RoomStates,
  RoomsInWindow,
  RoomsPart,
  RoomTexts,
  StateInWindow,
  StreamNews,
  StreamScopes,
  Sync,
  Timeline,
  type TypingNow,
  toDevicePart,
  Unread,
  UserRooms,
  Visibility,
} from '#views'
import type { RoomsGround } from './rooms.ts'

const MEBIBYTE = 1024 * 1024

/** Facts that the domain has in memory. */
export interface PeopleNow {
  readonly ignored: IgnoredUsers
  readonly typing: TypingNow
  readonly presence: PresenceNow
}

export interface Views {
  readonly sync: Sync
  readonly eventStream: EventStream
  readonly initialSync: InitialSync
  readonly roomInitialSync: RoomInitialSync
  readonly presenceProfiles: PresenceProfiles
  readonly timeline: Timeline
  readonly roomStates: RoomStates
  readonly publicRooms: PublicRooms
  readonly pushNotices: PushNotices
  readonly badges: Badges
  readonly caches: readonly { stats(): CacheStats }[]
}

export const buildViews = (ground: RoomsGround, people: PeopleNow): Views => {
  const known = buildKnown(ground, people)
  const { store, streams, clock } = ground
  const { reader, clientEvents, texts, visibility, presenceProfiles, facts, userRooms, pushRules, unread } = known
  const { recent } = known
  const { receipts } = store
  const history = { reader, visibility, clientEvents, texts, clock, streams }
  const publicRooms = new PublicRooms({ reader, clock, limitBytes: 16 * MEBIBYTE })
  const badges = new Badges({ receipts, pushRules, userRooms, facts, unread, limitBytes: 16 * MEBIBYTE })
  const pushNotices = new PushNotices({
    ...{ reader, receipts, recent, clientEvents, pushRules, userRooms, facts },
    ignored: people.ignored,
  })
  return {
    sync: buildSync(ground, people, known),
    ...buildEventStream(ground, people, known),
    presenceProfiles,
    timeline: new Timeline(history),
    roomStates: new RoomStates(history),
    publicRooms,
    pushNotices,
    badges,
    caches: [...known.caches, publicRooms, badges, pushNotices],
  }
}

type Known = ReturnType<typeof buildKnown>

/** Facts that several views share, kept in memory and corrected by news. */
const buildKnown = ({ store, streams, clock }: RoomsGround, { ignored, typing, presence }: PeopleNow) => {
  const reader = store.rooms
  const { receipts, accountData } = store
  const clientEvents = new ClientEvents(48 * MEBIBYTE)
  const visibility = new Visibility({ reader, events: clientEvents, ignored })
  const userRooms = new UserRooms({ reader, limitBytes: 32 * MEBIBYTE })
  const pushRules = new PushRules({ reader: accountData, limitBytes: 32 * MEBIBYTE })
  const unread = new Unread({ rooms: reader, receipts, pushRules, clientEvents, limitBytes: 32 * MEBIBYTE })
  const facts = new RoomFactsCache({ reader, limitBytes: 8 * MEBIBYTE })
  const state = new StateInWindow({ reader, limitBytes: 32 * MEBIBYTE })
  const recent = new RecentEvents({ reader, position: streams.positions().events })
  for (const cache of [userRooms, pushRules, facts]) streams.onNews(cache)
  return {
    ...{ reader, clientEvents, visibility, userRooms, pushRules, unread, facts, state, recent },
    texts: new EventTexts({ clientEvents, reader, clock, visibility }),
    news: new StreamNews({ recent, accountData, receipts, typing }),
    presenceVisibility: new PresenceVisibility({ presence, userRooms, reader }),
    presenceProfiles: new PresenceProfiles(store.profiles),
    caches: [clientEvents, userRooms, pushRules, unread, facts, state],
  }
}

const buildSync = ({ clock, streams }: RoomsGround, { ignored, presence }: PeopleNow, known: Known): Sync => {
  const { reader, clientEvents, visibility, unread, facts, state, texts, news, userRooms, pushRules } = known
  const { presenceVisibility } = known
  const rooms = new RoomsInWindow({ reader, clientEvents, visibility, unread, facts, state })
  const parts = [
    new RoomsPart({ clock, reader, texts: new RoomTexts({ reader, clientEvents, texts, rooms }) }),
    new AccountDataPart({ pushRules }),
    new PresencePart({ reader, presence, presenceVisibility }),
    toDevicePart,
    deviceListsPart,
    keyCountsPart,
  ]
  return new Sync({ clock, streams, userRooms, ignored, news, parts })
}

const buildEventStream = ({ clock, streams }: RoomsGround, { ignored, presence }: PeopleNow, known: Known) => {
  const { reader, recent, clientEvents, visibility, texts, news, userRooms, presenceVisibility, presenceProfiles } =
    known
  const invites = new InviteTexts({ reader, clientEvents, texts })
  const infos = new RoomInfos({ clock, reader, visibility, texts })
  const initialPresence = new InitialPresence({ reader, presence, presenceVisibility, presenceProfiles })
  return {
    eventStream: new EventStream({
      ...{ clock, streams },
      scopes: new StreamScopes({ reader, userRooms, visibility, ignored }),
      roomItems: new RoomItems({ clock, reader, recent, visibility, texts, invites, presence }),
      otherItems: new OtherItems({ news, presenceVisibility }),
    }),
    initialSync: new InitialSync({
      ...{ clock, streams, userRooms, ignored, news },
      rooms: new InitialRooms({ reader, infos, invites }),
      presence: initialPresence,
    }),
    roomInitialSync: new RoomInitialSync({
      ...{ streams, visibility, ignored, news, infos },
      presence: initialPresence,
    }),
  }
}
