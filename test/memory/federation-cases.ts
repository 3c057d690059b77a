import { generateKeyPairSync } from 'node:crypto'
import { systemClock } from '#base'
import { KnownKeys, RoomEvents, ServerAcls, StateResolver } from '#domain'
import { ROOM_VERSIONS, stateTupleKey } from '#spec'
import type { FilledCache } from './measure.ts'

const MEBIBYTE = 1024 * 1024

const room = { room: 1, roomId: '!room:example.org', version: ROOM_VERSIONS.get('11') }

const eventId = (index: number): string => `$${String(index).padStart(43, 'e')}`

/** One event of a branch with that content, which refers to as many others as it may. */
const eventJson = (index: number, content: string): string =>
  JSON.stringify({
    type: 'm.room.member',
    ...{ room_id: room.roomId, sender: `@user${index}:other.example`, state_key: `@user${index}:other.example` },
    ...{ origin_server_ts: index, depth: index },
    prev_events: Array.from({ length: 20 }, (_, at) => eventId(index * 100 + at)),
    auth_events: Array.from({ length: 10 }, (_, at) => eventId(index * 100 + 50 + at)),
    hashes: { sha256: 'h'.repeat(43) },
    signatures: { 'other.example': { 'ed25519:1': 's'.repeat(86) } },
  }).replace('{', `{"content":${content},`)

const eventsOfBranches = (content: (index: number) => string): FilledCache => {
  const events = new RoomEvents({
    reader: {
      eventTexts: async (asked: readonly string[]) =>
        asked.map((id) => ({
          eventId: id,
          room: room.room,
          placing: 'timeline',
          json: eventJson(indexOf(id), content(indexOf(id))),
        })),
    },
    clock: systemClock,
    limitBytes: 16 * MEBIBYTE,
  } as never)
  return { stats: () => events.stats(), add: (index) => events.load(room as never, [eventId(index)] as never) }
}

const indexOf = (id: string): number => Number(id.replaceAll(/[$e]/g, ''))

const serverAcls = (glob: (index: number, at: number) => string): FilledCache => {
  const acls = new ServerAcls({
    reader: {
      roomByRoomId: async (roomId: string) => ({ room: Number(roomId) }),
      stateEvent: async (number: number) => ({
        eventId: eventId(number),
        json: JSON.stringify({
          content: { allow: ['*'], deny: Array.from({ length: 300 }, (_, at) => glob(number, at)) },
        }),
      }),
    },
  } as never)
  return { stats: () => acls.stats(), add: (index) => acls.allows(`${index}` as never, 'somewhere.example' as never) }
}

const rawKey = (): string =>
  generateKeyPairSync('ed25519')
    .publicKey.export({ format: 'der', type: 'spki' })
    .subarray(-32)
    .toString('base64')
    .slice(0, -1)

/** `answerLength`: of what a server says of its keys. */
const serverKeys = (answerLength: number): FilledCache => {
  const keys = new KnownKeys({
    reader: {
      serverKeys: async (server: string) =>
        Array.from({ length: 4 }, (_, at) => ({
          ...{ server, keyId: `ed25519:${at}_${server}`, publicKey: rawKey(), validUntilMs: 1, expired: false },
          answerJson: `"${server}`.padEnd(answerLength, 'x'),
        })),
    },
  } as never)
  return { stats: () => keys.cache.stats(), add: (index) => keys.keysOf(`server-${index}.example` as never) }
}

const resolvedStates = (entries: number): FilledCache => {
  const resolver = new StateResolver({
    states: { canonical: async (_: number, views: unknown) => views, differences: async () => [] },
    events: { load: async () => new Map(), loadChains: async () => {} },
    clock: systemClock,
    limitBytes: 16 * MEBIBYTE,
  } as never)
  // As they come from the database: pieces that were put together would still be in memory beside the whole.
  const viewOf = (at: number, index: number) => {
    const texts = Array.from({ length: entries }, (_, entry) =>
      JSON.stringify({
        type: 'm.room.member',
        stateKey: `@user${index}_${entry}:other.example`,
        eventId: eventId(index * 1_000 + entry),
      }),
    )
    const parsed = texts.map((text) => JSON.parse(text))
    return { at, over: new Map(parsed.map((one) => [stateTupleKey(one.type, one.stateKey), one])) }
  }
  return {
    stats: () => resolver.stats(),
    add: (index) =>
      resolver.resolve(room as never, [viewOf(2 * index + 1, index), viewOf(2 * index + 2, index)] as never),
  }
}

/** The caches of federation. */
export const FEDERATION_CACHES: Readonly<Record<string, () => FilledCache>> = {
  'events-of-branches: memberships': () =>
    eventsOfBranches((index) => `{"membership":"join","displayname":"User ${index}"}`),
  'events-of-branches: long texts': () => eventsOfBranches((index) => `{"body":"${`${index} `.padEnd(50_000, 'x')}"}`),
  'server-acls: names': () => serverAcls((index, at) => `host-${index}-${at}.example`),
  'server-acls: globs': () => serverAcls((index, at) => `*.${index}-?-${at}.*.example`),
  'server-keys: short answers': () => serverKeys(600),
  'server-keys: long answers': () => serverKeys(8_000),
  'resolved-states: alike but for a few entries': () => resolvedStates(3),
  'resolved-states: with many entries': () => resolvedStates(200),
}
