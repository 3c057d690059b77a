import { BoundedCache, Slices, systemClock, systemRandom } from '#base'
import {
  AccessTokens,
  Filters,
  IgnoredUsers,
  Inboxes,
  InvitePermissions,
  PresenceLists,
  Rooms,
  Thumbnails,
} from '#domain'
import { toPushCandidate } from '#rules'
import { MatrixError } from '#spec'
import type { StoredEvent } from '#store'
import {
  ClientEvents,
  HistoryVisibilities,
  KeyCountsNow,
  PushRules,
  RecentChanges,
  RecentEvents,
  RoomFactsCache,
  RoomHeads,
  StateInWindow,
  SubscribedThreads,
  UserRooms,
} from '#views'
import { SERVICE_CACHES } from './appservice-cases.ts'
import { FEDERATION_CACHES } from './federation-cases.ts'
import type { FilledCache } from './measure.ts'
import { SLIDING_CACHES } from './sliding-cases.ts'

const MEBIBYTE = 1024 * 1024
const LIMIT = 16 * MEBIBYTE

/** A reader of the database with its answers; each case gives the one question that its cache asks. */
const reading = (answers: Readonly<Record<string, (...asked: never[]) => unknown>>): never =>
  Object.fromEntries(
    Object.entries(answers).map(([name, answer]) => [name, async (...asked: never[]) => answer(...asked)]),
  ) as never

const repeated = (count: number, entry: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => entry(index)).join()

/** Contents of nearly 64 KiB that take far more when they are parsed, and ordinary ones. */
const CONTENTS: Readonly<Record<string, (index: number) => string>> = {
  'a long text': (index) => `{"body":"${`${index} `.padEnd(60_000, 'x')}"}`,
  'a long Cyrillic text': (index) => `{"body":"${index}${'ж'.repeat(29_000)}"}`,
  'short messages': (index) => `{"body":"hello ${index}","msgtype":"m.text"}`,
  'empty arrays': (index) => `{"a":[${index},${repeated(19_000, () => '[]')}]}`,
  'empty objects': (index) => `{"a":[${index},${repeated(19_000, () => '{}')}]}`,
  'nested arrays': (index) => `{"a":[${index},${repeated(5_000, () => '[[[[[]]]]]')}]}`,
  'one object with many names': (index) => `{${repeated(5_000, (name) => `"k${index}_${name}":1`)}}`,
  'many objects with a name each': (index) => `{"a":[${repeated(3_500, (name) => `{"k${index}_${name}":1}`)}]}`,
}

const storedEvent = (index: number, content: string, over: object = {}): StoredEvent =>
  ({
    event: index + 1,
    position: index + 1,
    placing: 'timeline',
    eventId: `$${String(index).padStart(43, 'e')}`,
    room: 1,
    roomId: '!room:example.org',
    type: 'm.room.message',
    stateKey: undefined,
    sender: '@alice:example.org',
    originServerTs: 1,
    depth: index,
    json: Buffer.from(`{"content":${content},"sender":"@alice:example.org","type":"m.room.message"}`).toString(),
    redactedBy: undefined,
    replaces: undefined,
    transaction: undefined,
    ...over,
  }) as never

const clientEvents = (content: (index: number) => string, form: 'full' | 'old'): FilledCache => {
  const cache = new ClientEvents(LIMIT)
  const reader = { device: 1, nowMs: 5 }
  return {
    stats: () => cache.stats(),
    // A text that is sent is flat in memory.
    add: (index) => Buffer.byteLength(cache.text(storedEvent(index, content(index)), reader, form)),
  }
}

const texts = (count: number, text: (index: number) => string): readonly string[] =>
  Array.from({ length: count }, (_, index) => text(index))

const FILTERS: Readonly<Record<string, (index: number) => object>> = {
  'of few words': (index) => ({ room: { timeline: { limit: index } } }),
  'with many types': (index) => ({
    room: {
      timeline: { types: texts(1_000, (k) => `a.${index}.${k}`), not_types: texts(1_000, (k) => `b.${index}.${k}`) },
      state: { types: texts(1_000, (k) => `c.${index}.${k}`), not_types: texts(1_000, (k) => `d.${index}.${k}`) },
    },
  }),
  'with many patterns': (index) => {
    const lists = {
      types: texts(100, (k) => `${index}*${k}*x*`),
      not_types: texts(100, (k) => `*${index}*${k}*${'x'.repeat(50)}`),
    }
    return {
      ...{ presence: lists, account_data: lists },
      room: { timeline: lists, state: lists, ephemeral: lists, account_data: lists },
    }
  },
  'with many asterisks': (index) => ({
    room: { timeline: { types: texts(4, (k) => `${index}${k}${'*a'.repeat(115)}`) } },
  }),
  'with paths of fields': (index) => ({ event_fields: texts(490, (k) => `${index}.${k}${`.b${k}`.repeat(9)}`) }),
}

const filters = (filter: (index: number) => object): FilledCache => {
  const cache = new Filters(reading({}))
  const [compiled] = cache.caches
  return { stats: () => compiled.stats(), add: (index) => cache.resolve(1, JSON.stringify(filter(index))) }
}

const stateOf = (index: number, type: string, content: string): StoredEvent =>
  storedEvent(index, content, {
    type,
    stateKey: '',
    json: JSON.stringify({
      ...{ auth_events: [], prev_events: [], depth: 1, hashes: {}, origin_server_ts: 1, signatures: {} },
      ...{ room_id: '!room:example.org', sender: '@alice:example.org', state_key: '', type },
      content: JSON.parse(content),
    }),
  })

const recordOf = (room: number) => ({
  ...{ room, roomId: `!${room}:example.org`, version: '11', sequence: 1, joinedCount: 1, invitedCount: 0 },
  ...{ extremities: [], published: false, lastPosition: 1, lastResolvedPosition: 0, lastRemovalPosition: 0 },
})

const liveRooms = (content: (index: number) => string): FilledCache => {
  const rooms = new Rooms({
    ...{ clock: systemClock, random: systemRandom, stateLimits: { bytes: 1e9, entries: 1e6 }, cacheLimitBytes: LIMIT },
    key: undefined as never,
    commit: undefined as never,
    writer: undefined as never,
    reader: reading({
      roomByRoomId: (roomId: string) => recordOf(Number(roomId.slice(1, roomId.indexOf(':')))),
      stateEvent: (room: number, _: unknown, type: string) => stateOf(room, type, content(room)),
    }),
  })
  return {
    stats: () => rooms.stats(),
    add: (index) =>
      rooms.turn(`!${index}:example.org` as never, async (turn) => void (await turn.state('org.example'))),
  }
}

const roomFacts = (): FilledCache => {
  const levels = (room: number) => `{"users":{${repeated(1_800, (k) => `"@user${room}_${k}:example.org":1`)}}}`
  const cache = new RoomFactsCache({
    limitBytes: LIMIT,
    reader: reading({
      room: recordOf,
      state: (room: number) => [
        stateOf(room, 'm.room.create', '{"room_version":"11"}'),
        stateOf(room, 'm.room.power_levels', levels(room)),
      ],
      stateHistory: () => [],
    }),
  })
  return { stats: () => cache.stats(), add: (index) => cache.of(index) }
}

const roomHeads = (content: (index: number) => string): FilledCache => {
  const eventsOf = (room: number, type: string) =>
    Array.from({ length: 3 }, (_, n) =>
      storedEvent(room * 6 + n, content(room * 6 + n), { type, room, stateKey: `${n}` }),
    )
  const placed = (event: StoredEvent) => ({
    change: { position: event.position, type: event.type, stateKey: event.stateKey ?? '' },
    event,
  })
  const headOf = (room: number) => ({
    record: recordOf(room),
    events: eventsOf(room, 'm.room.message'),
    isWhole: false,
    state: eventsOf(room + 0.5, 'm.room.topic').map(placed),
    members: new Map(),
    membersOf: new Set(texts(20, (k) => `@user${room}_${k}:example.org`)),
  })
  const heads = ({ rooms }: { readonly rooms: readonly number[] }) => new Map(rooms.map((room) => [room, headOf(room)]))
  const cache = new RoomHeads({ limitBytes: LIMIT, reader: reading({ heads }) })
  const query = { limit: 3, user: '@alice:example.org' as never, fewMembers: 0 }
  return {
    stats: () => cache.stats(),
    // A room that is read again is kept.
    add: async (room) => {
      for (let read = 0; read < 2; read++) (await cache.open({ rooms: [room], ...query }))()
    },
  }
}

/** Parts that a full cache has no use for. */
const unused = { writer: undefined as never, commit: undefined as never, lastSeen: undefined as never }
const noNews = { onNews: () => {} } as never
const slices = new Slices({ clock: systemClock, sliceMs: 2 })

const ruleWith = (ruleId: string, more: object): object => ({ ruleId, enabled: true, actions: ['notify'], ...more })
/** Rules of up to 512 KiB, the most that a user may have. */
const RULES: Readonly<Record<string, (user: number) => object>> = {
  'long globs': (user) => ({
    content: texts(900, (k) => `${user}x${k}?*`.padEnd(500, 'abc?')).map((pattern, k) =>
      ruleWith(`r${k}`, { pattern }),
    ),
  }),
  'plain words': (user) => ({
    content: texts(2_000, (k) => `word${user}x${k}`).map((pattern, k) => ruleWith(`r${k}`, { pattern })),
  }),
  'many conditions': (user) => ({
    override: texts(100, (k) => `r${k}`).map((ruleId) =>
      ruleWith(ruleId, {
        conditions: texts(32, (k) => `${user}${ruleId}${k}`).map((pattern) => ({
          ...{ kind: 'event_match', key: 'content.a', pattern },
        })),
      }),
    ),
  }),
  'long paths': (user) => ({
    override: texts(200, (k) => `r${k}`).map((ruleId) =>
      ruleWith(ruleId, { conditions: [{ kind: 'event_match', key: `${user}.ab`.repeat(190), pattern: 'x' }] }),
    ),
  }),
  'many actions': (user) => ({
    room: texts(20, (k) => `!${user}r${k}`).map((ruleId) =>
      ruleWith(ruleId, { actions: texts(300, (k) => `t${k}`).map((tweak) => ({ set_tweak: tweak, value: {} })) }),
    ),
  }),
  'rules of rooms': (user) => ({ room: texts(2_000, (k) => `!${user}r${k}:x`).map((ruleId) => ruleWith(ruleId, {})) }),
}

const pushRules = (custom: (user: number) => object): FilledCache => {
  const answer = (user: number) => ({ position: 1, rulesJson: JSON.stringify({ defaults: {}, custom: custom(user) }) })
  const threads = new SubscribedThreads({ limitBytes: LIMIT, reader: reading({ all: () => [] }) })
  const cache = new PushRules({ limitBytes: LIMIT, slices, threads, reader: reading({ pushRules: answer }) })
  const message = { type: 'm.room.message', sender: '@b:c', roomId: '!r', content: { body: 'some words' } }
  const candidate = toPushCandidate({ ...message, eventId: '$x', prevEvents: [], authEvents: [] } as never)
  const context = { userId: '@a:b', displayName: 'A', memberCount: 3, notificationPowerLevels: {}, senderPowerLevel: 0 }
  return {
    stats: () => cache.stats(),
    add: async (user) =>
      (await cache.of({ user, userId: `@${user}:b` as never })).evaluate(candidate, context as never),
  }
}

const subscribedThreads = (rooms: number, threads: number): FilledCache => {
  const all = (user: number) =>
    texts(rooms * threads, (k) => `$${user}-${k}`.padEnd(44, 'x')).map((root, k) => {
      return { room: k % rooms, root, isSubscribed: true, position: k + 1 }
    })
  const cache = new SubscribedThreads({ limitBytes: LIMIT, reader: reading({ all }) })
  return { stats: () => cache.stats(), add: (user) => cache.of(user, 0) }
}

const recentChanges = (rooms: number): FilledCache => {
  const cache = new RecentChanges({ name: 'recent-profiles', stream: 'profiles', position: 0 })
  const inRooms = (index: number) => Array.from({ length: rooms }, (_, room) => 3_000_000_000 + index * rooms + room)
  const add = (index: number) => {
    const news = { stream: 'profiles', position: index + 1, users: [index], around: index } as const
    cache.news([{ ...news, rooms: [] }])
    cache.roomsFound([{ ...news, rooms: inRooms(index) }])
  }
  return { stats: () => cache.stats(), add }
}

const plain = <Key extends {}, Value extends {}>(
  key: (index: number) => Key,
  value: (index: number) => Value,
): FilledCache => {
  const cache = new BoundedCache<Key, Value>({ name: 'plain', limitBytes: LIMIT, sizeBytes: () => 40 })
  return {
    stats: () => cache.stats(),
    add: (index) => {
      const keyOf = key(index)
      cache.set(keyOf, value(index))
      // A key that was looked for is flat in memory.
      cache.get(keyOf)
    },
  }
}

/** Every cache of the views and the domain that can be had without a whole server, by its name and what is put in. */
export const CACHES: Readonly<Record<string, () => FilledCache>> = {
  ...Object.fromEntries(
    Object.entries(CONTENTS).flatMap(([name, content]) => [
      [`client-events: ${name}`, () => clientEvents(content, 'full')],
      [`client-events: ${name}, in the form of 2015`, () => clientEvents(content, 'old')],
      [`live-rooms: ${name}`, () => liveRooms(content)],
      [`room-heads: ${name}`, () => roomHeads(content)],
    ]),
  ),
  ...Object.fromEntries(Object.entries(FILTERS).map(([name, filter]) => [`filters: ${name}`, () => filters(filter)])),
  ...SLIDING_CACHES,
  ...SERVICE_CACHES,
  ...FEDERATION_CACHES,
  'room-facts': roomFacts,
  'rooms-of-users': () => {
    const record = (user: number) => (_: unknown, room: number) => ({
      ...{
        room,
        roomId: `!${`${user}_${room}`.padStart(18, 'r')}:example.org`,
        membership: 'join',
        position: room,
        forgotten: false,
      },
    })
    const roomsOfUser = (userId: string) => Array.from({ length: 500 }, record(Number(userId)))
    const cache = new UserRooms({ limitBytes: LIMIT, reader: reading({ roomsOfUser }) })
    return { stats: () => cache.stats(), add: (user) => cache.of({ userId: `${user}` as never, user }) }
  },
  ...Object.fromEntries([0, 1, 500].map((rooms) => [`recent-changes: ${rooms} rooms`, () => recentChanges(rooms)])),
  'ignored-users': () => {
    const users = (user: number) => repeated(2_000, (k) => `"@${`${user}_${k}`.padStart(200, 'x')}:example.org":{}`)
    const global = (user: number) => ({ contentJson: `{"ignored_users":{${users(user)}}}`, position: 1 })
    const people = reading({ userIds: () => [] })
    const cache = new IgnoredUsers({ news: noNews, slices, people, reader: reading({ global }) })
    return { stats: () => cache.stats(), add: (user) => cache.ignoredBy(user) }
  },
  'invite-permissions': () => {
    const users = (user: number) => repeated(2_000, (k) => `"@${`${user}_${k}`.padStart(200, 'x')}:example.org"`)
    const servers = (user: number) => repeated(500, (k) => `"${`${user}_${k}`.padStart(200, 'x')}*.example.org"`)
    const global = (user: number) => ({
      contentJson: `{"blocked_users":[${users(user)}],"allowed_servers":[${servers(user)}]}`,
      position: 1,
    })
    const ignored = { ignoredBy: async () => new Set<never>() }
    const cache = new InvitePermissions({
      speaker: undefined,
      news: noNews,
      slices,
      ignored,
      reader: reading({ global }),
    })
    return { stats: () => cache.stats(), add: (user) => cache.showsAll(user) }
  },
  'presence-lists': () => {
    const mutual = (user: number) =>
      Array.from({ length: 1_000 }, (_, k) => ({
        user: k,
        userId: `@${`${user}_${k}`.padStart(200, 'x')}:example.org`,
      }))
    const cache = new PresenceLists({ ...unused, acceptsAll: false, reader: reading({ mutual }) })
    return { stats: () => cache.stats(), add: (user) => cache.seenBy(user) }
  },
  inboxes: () => {
    const devicesWithMessages = (user: number) => Array.from({ length: 300 }, (_, device) => user * 1_000 + device)
    const cache = new Inboxes({ ...unused, news: noNews, reader: reading({ devicesWithMessages }) })
    return { stats: () => cache.stats(), add: (user) => cache.hasMessages({ user, device: 1 }) }
  },
  'history-visibilities': () => {
    const jsonOf = (events: readonly number[]) =>
      events.map((event) => [event, '{"content":{"history_visibility":"shared"}}'])
    const cache = new HistoryVisibilities({ limitBytes: 2 * MEBIBYTE, clock: systemClock, reader: reading({ jsonOf }) })
    return { stats: () => cache.stats(), add: (event) => cache.of(new Set([event + 0.5])) }
  },
  'access-tokens': () => {
    const record = (hash: string) => ({
      ...{
        token: 1,
        accessHash: hash,
        user: 1,
        userId: `@${hash}:example.org`,
        deviceId: hash.slice(0, 10),
        device: 1,
      },
      ...{ guest: false, admin: false, accessExpiresAtMs: undefined, unconfirmed: false },
    })
    const cache = new AccessTokens({
      ...unused,
      ...{ clock: systemClock, news: noNews, reader: reading({ byAccessHash: (hash: string) => record(`${hash}`) }) },
    })
    return { stats: () => cache.stats(), add: (index) => cache.check(`hra_${String(index).padStart(43, 'x')}`) }
  },
  'recent-events': () => {
    const event = (position: number) => storedEvent(position - 1, CONTENTS['a long Cyrillic text']?.(position) ?? '')
    const eventsAfter = (after: number, upTo: number) =>
      Array.from({ length: upTo - after }, (_, index) => event(after + index + 1))
    const cache = new RecentEvents({ position: 0, reader: reading({ eventsAfter }) })
    return { stats: () => cache.stats(), add: (index) => cache.between(index, index + 1) }
  },
  'key-counts': () => {
    const counts = (device: number) => ({
      oneTimeKeys: Object.fromEntries(texts(60, (k) => `algorithm${device}_${k}`).map((name) => [name, 1])),
      unusedFallbackKeys: texts(60, (k) => `algorithm${device}_${k}`),
      position: 1,
    })
    const cache = new KeyCountsNow({ limitBytes: 8 * MEBIBYTE, reader: reading({ counts }) })
    return { stats: () => cache.stats(), add: (device) => cache.of({ user: 1, device }) }
  },
  'lazy-members': () => {
    const state = (room: number, { stateKeys }: { readonly stateKeys: readonly string[] }) =>
      stateKeys.map((stateKey) => storedEvent(room, '{}', { type: 'm.room.member', stateKey }))
    const stateEvent = (room: number, _: unknown, __: string, userId: string) =>
      storedEvent(room, '{}', { type: 'm.room.member', stateKey: userId })
    const cache = new StateInWindow({ limitBytes: LIMIT, reader: reading({ state, stateEvent }) })
    const add = (room: number) => {
      const timeline = texts(500, (k) => `@${`${room}_${k}`.padStart(200, 'x')}:example.org`).map((sender) => ({
        sender,
      }))
      const matcher = { lazyLoadMembers: true, type: () => true, sender: () => true }
      return Array.fromAsync(
        cache.pages({
          room,
          userId: '@a:b',
          device: 1,
          extent: 'none',
          since: 0,
          now: 1,
          knownUpTo: undefined,
          at: 0,
          timeline,
          matcher,
        } as never),
      )
    }
    return { stats: () => cache.stats(), add }
  },
  images: () => {
    const withPath = () => {
      throw new MatrixError('M_UNKNOWN', 'This file is no image that can be read', { status: 400 })
    }
    const store = { files: reading({ withPath }) }
    const cache = new Thumbnails({ store, images: {}, clock: systemClock, concurrency: 1 } as never)
    const wanted = { width: 32, height: 32, method: 'crop', animated: false } as never
    const add = (index: number) =>
      cache.thumbnail({ sha256: String(index).padStart(64, '0'), sizeBytes: 1 } as never, wanted).catch(() => {})
    return { stats: () => cache.stats(), add }
  },
  'subscribed-threads': () => subscribedThreads(1, 3),
  'subscribed-threads: many in a room': () => subscribedThreads(1, 500),
  'subscribed-threads: many rooms': () => subscribedThreads(200, 1),
  'push-rules': () => pushRules(() => ({})),
  ...Object.fromEntries(
    Object.entries(RULES).map(([name, custom]) => [`push-rules: ${name}`, () => pushRules(custom)]),
  ),
  // Caches whose values are a number, a short text or an object of two members are this, with keys of their own.
  'plain: numbers by number': () =>
    plain(
      (index) => index + 0.5,
      () => 1.5,
    ),
  'plain: numbers by text': () =>
    plain(
      (index) => `${index}`.padStart(40, 'x'),
      (index) => index,
    ),
  'plain: objects by a long text': () =>
    plain(
      (index) => `${index}`.padStart(800, 'ж'),
      (index) => ({ untilMs: index + 0.5 }),
    ),
}
