import { systemClock } from '#base'
import { ListsOfUsers, Memories, RoomConfigs, SharedMessageTexts, type SlidingRequest, ToldMembers } from '#views'
import { simplifiedMsc3575Endpoints } from '../../src/api/client/sliding-sync/simplified-msc3575.ts'
import { RepeatedBodies } from '../../src/http/reading/repeated-bodies.ts'
import { ExtensionsOfRequests } from '../../src/views/sliding-sync/asked-extensions.ts'
import { Base, RoomMemory } from '../../src/views/sliding-sync/connection/room-memory.ts'
import { NO_NEWS } from '../../src/views/sliding-sync/extension.ts'
import type { FilledCache } from './measure.ts'

const LIMIT = 16 * 1024 * 1024

const roomIdOf = (user: number, room: number): string => `!${`${user}_${room}`.padStart(43, 'r')}`

const lists = (): FilledCache => {
  const roomsByActivity = async (user: number) =>
    Array.from({ length: 1_000 }, (_, room) => ({
      ...{ room, roomId: roomIdOf(user, room), membership: 'join', position: room, forgotten: false },
      ...{ lastPosition: room, setBy: `@u${user}_${room}:example.org`, everJoined: true },
    }))
  const none = { global: async () => undefined, ofTypeInRooms: async () => [], entriesOfRooms: async () => [] }
  const cache = new ListsOfUsers({
    ...{ reader: { roomsByActivity }, attributes: { rooms: none, accountData: none }, invites: undefined },
    ...{ recent: { between: async () => [] }, clock: systemClock, limitBytes: LIMIT },
  } as never)
  const want = { now: { events: 1_000, accountData: 1 }, filters: [{}, { isEncrypted: false }] }
  return {
    stats: () => cache.stats(),
    add: (user) =>
      cache.read({ ...want, viewer: { user, userId: '@a:b' } } as never, function* () {
        yield undefined
      }),
  }
}

/** A memory of many rooms, some of which went out of scope, as a checkpoint. */
const checkpoint = (): string => {
  const memory = new RoomMemory(Base.EMPTY)
  for (let room = 1; room <= 5_000; room++)
    memory.set(room, { until: undefined, timelineLimit: room % 20, state: 281_474_976_710_655 - (room % 5) })
  return Base.pack(memory)
}

const memories = (): FilledCache => {
  const packed = checkpoint()
  const find = async () => ({ run: 1, number: 1, packed, writtenAtMs: 1 })
  const cache = new Memories({ checkpoints: { find, put: async () => {} }, clock: systemClock, limitBytes: LIMIT })
  const pos = { memory: '1~1~', run: 1 }
  return {
    stats: () => cache.stats(),
    add: (device) => cache.read({ pos, viewer: { device }, connectionId: 'room-list' } as never),
  }
}

const configs = (): FilledCache => {
  const cache = new RoomConfigs()
  const [known, combined] = cache.caches
  const sum = () => {
    const [one, other] = [known?.stats(), combined?.stats()]
    if (one === undefined || other === undefined) throw new Error('two caches are kept')
    return { ...one, sizeBytes: one.sizeBytes + other.sizeBytes, limitBytes: one.limitBytes + other.limitBytes }
  }
  const include = (index: number) =>
    Array.from({ length: 50 }, (_, k) => ({ type: `org.example.type.${index}.${k}`, stateKey: '' }))
  return {
    stats: sum,
    add: (index) =>
      cache.combine([
        { timelineLimit: 20, requiredState: { include: include(index), exclude: [], lazyMembers: true } },
      ] as never),
  }
}

const messages = (): FilledCache => {
  const cache = new SharedMessageTexts({ clock: systemClock, limitBytes: LIMIT })
  const add = (index: number) =>
    cache.keep(`${index} 1 2 20 v4`, { text: `${index}`.padEnd(2_000, 'x'), timeline: { events: [] } as never })
  return { stats: () => cache.stats(), add }
}

const members = (): FilledCache => {
  const cache = new ToldMembers({ limitBytes: LIMIT })
  const answer = { request: { viewer: { device: 1 }, connectionId: 'room-list' }, run: 1, generation: 1 } as never
  const told = (room: number) =>
    Array.from({ length: 300 }, (_, k) => `@${`${room}_${k}`.padStart(100, 'x')}:example.org` as never)
  return { stats: () => cache.stats(), add: (room) => cache.of(answer, room, false).add(told(room)) }
}

/** Bodies with what the endpoint and the views make of them, which lives as long. */
const requests = (entries: number) => (): FilledCache => {
  const bodies = new RepeatedBodies()
  const configs = new RoomConfigs()
  const extensions = new ExtensionsOfRequests([
    { name: 'receipts', parse: (member: object) => ({ ...member }), concerns: () => false, read: () => NO_NEWS },
  ])
  const sync = async (request: SlidingRequest): Promise<string> => {
    for (const list of request.lists.values()) configs.combine([list])
    extensions.askedBy(request)
    return ''
  }
  const presence = { syncing: async () => () => {} }
  const [endpoint] = simplifiedMsc3575Endpoints({ slidingSync: { sync }, presence } as never)
  const requiredState = (index: number) =>
    Array.from({ length: entries }, (_, k) => [`org.example.type.${k}`, k === 0 ? `${index}` : ''])
  const text = (index: number) =>
    JSON.stringify({
      conn_id: 'room-list',
      lists: { all: { ranges: [[0, 19]], timeline_limit: 1, required_state: requiredState(index), filters: {} } },
      extensions: { receipts: { enabled: true, rooms: [`${index}`] } },
    })
  return {
    stats: () => bodies.stats(),
    add: async (index) => {
      for (let time = 0; time < 2; time++) {
        const bytes = Buffer.from(text(index))
        if (bodies.of('sync', bytes) === undefined) bodies.keep('sync', bytes, JSON.parse(bytes.toString()))
      }
      const body = bodies.of('sync', Buffer.from(text(index)))
      await endpoint?.handler({ requester: { user: 1, device: 1, userId: '@a:b' }, query: {}, body } as never)
    },
  }
}

/** The caches of sliding sync. The two of configs hold the same lists of state, and are measured together. */
export const SLIDING_CACHES: Readonly<Record<string, () => FilledCache>> = {
  'sliding-lists': lists,
  'sliding-memories': memories,
  'sliding-room-configs': configs,
  'shared-messages': messages,
  'sliding-members': members,
  'request-bodies:short': requests(2),
  'request-bodies:as of Element X': requests(14),
  'request-bodies:long': requests(190),
}
