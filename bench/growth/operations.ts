import { pauseMs } from '../measure/now.ts'
import { type Caller, enc } from './caller.ts'
import type { Axis, Scene } from './scene.ts'

/** Cost allowed to grow with the size of the axis, each unit costing no more than before. Everything else is flat. */
type Grows = readonly Axis['name'][]

export interface Operation {
  readonly name: string
  readonly linear: Grows
  /** Makes what the operation needs, unmeasured; answers with the operation. `count` is how often it will be called. */
  prepare(scene: Scene, count: number): Promise<() => Promise<unknown>>
  /** `wall`: time until the answer, where work behind the answer is not to count. */
  readonly measure?: 'wall'
  /** Calls in one measured stretch where they may cost much; else there are 40. */
  readonly calls?: number
  /** Rooms that were read before are partly kept in memory, small sizes wholly: where the cost may follow the size, the server is started anew before each call. */
  readonly keepsWhatItRead?: true
  /** A call takes long however little it costs, so there are few everywhere. */
  readonly isSlow?: true
}

export const lazyFilter = `filter=${enc('{"room":{"state":{"lazy_load_members":true},"timeline":{"limit":10}}}')}`
const plain = `filter=${enc('{"room":{"timeline":{"limit":10}}}')}`

export const operations: readonly Operation[] = [
  {
    name: 'send',
    linear: [],
    prepare:
      async ({ alice, room }) =>
      () =>
        alice.send(room, 'one more message'),
  },
  {
    name: 'sync: one change',
    linear: [],
    prepare: async ({ alice, bob, room }) => {
      const since = await bob.sync(lazyFilter)
      await alice.send(room, 'news')
      return () => bob.sync(`since=${since}&${lazyFilter}`)
    },
  },
  {
    name: 'sync: nothing new',
    linear: [],
    prepare: async ({ bob }) => {
      const since = await bob.sync(lazyFilter)
      return () => bob.sync(`since=${since}&${lazyFilter}`)
    },
  },
  {
    name: 'sync: one change, after a restart',
    linear: [],
    prepare: async ({ server, alice, bob, room }) => {
      const since = await bob.sync(lazyFilter)
      await alice.send(room, 'news')
      await server.restart()
      return () => bob.sync(`since=${since}&${lazyFilter}`)
    },
  },
  {
    name: 'messages: a page',
    linear: [],
    prepare:
      async ({ bob, room }) =>
      () =>
        bob.get(`/rooms/${enc(room)}/messages?dir=b&limit=20&filter=${enc('{"lazy_load_members":true}')}`),
  },
  {
    name: 'event',
    linear: [],
    prepare:
      async ({ bob, room, eventId }) =>
      () =>
        bob.get(`/rooms/${enc(room)}/event/${enc(eventId)}`),
  },
  {
    name: 'context',
    linear: [],
    prepare:
      async ({ bob, room, eventId }) =>
      () =>
        bob.get(`/rooms/${enc(room)}/context/${enc(eventId)}?filter=${enc('{"lazy_load_members":true}')}`),
  },
  {
    name: 'state: one entry',
    linear: [],
    prepare:
      async ({ bob, room }) =>
      () =>
        bob.get(`/rooms/${enc(room)}/state/m.room.name`),
  },
  {
    name: 'receipt',
    linear: [],
    prepare: async ({ alice, bob, room }, count) => {
      const events: string[] = []
      for (let sent = 0; sent < count; sent++) events.push(await alice.send(room, 'to be read'))
      return () => bob.post(`/rooms/${enc(room)}/receipt/m.read/${enc(events.shift() ?? '')}`)
    },
  },
  {
    name: 'typing',
    linear: [],
    prepare: async ({ bob, room }) => {
      let typing = false
      return () => {
        typing = !typing
        return bob.put(`/rooms/${enc(room)}/typing/${enc(bob.userId)}`, { typing, timeout: 30_000 })
      }
    },
  },
  {
    name: 'account data',
    linear: [],
    prepare: async ({ bob }) => {
      let value = 0
      return () => bob.put(`/user/${enc(bob.userId)}/account_data/org.example.bench`, { value: ++value })
    },
  },
  {
    name: 'profile',
    linear: [],
    prepare:
      async ({ carol, bob }) =>
      () =>
        carol.get(`/profile/${enc(bob.userId)}`),
  },
  {
    name: 'createRoom',
    linear: [],
    prepare:
      async ({ carol }) =>
      () =>
        carol.createRoom({ preset: 'private_chat', name: 'New' }),
  },
  {
    name: 'join and leave',
    linear: [],
    prepare:
      async ({ carol, room }) =>
      async () => {
        await carol.post(`/join/${enc(room)}`)
        await carol.post(`/rooms/${enc(room)}/leave`)
      },
  },
  {
    name: 'login',
    linear: [],
    calls: 5,
    prepare:
      async ({ server }) =>
      () => {
        const identifier = { type: 'm.id.user', user: 'carol' }
        return server
          .caller()
          .post('/login', { type: 'm.login.password', identifier, password: 'bench-carol', device_id: 'BENCH' })
      },
  },
  {
    name: 'publicRooms: a page',
    linear: [],
    prepare:
      async ({ carol }) =>
      () =>
        carol.get('/publicRooms?limit=20'),
  },
  {
    name: 'first sync, lazy',
    linear: ['rooms'],
    calls: 1,
    keepsWhatItRead: true,
    prepare:
      async ({ bob }) =>
      () =>
        bob.sync(lazyFilter),
  },
  {
    name: 'first sync, all members',
    linear: ['rooms', 'members'],
    calls: 1,
    keepsWhatItRead: true,
    prepare:
      async ({ bob }) =>
      () =>
        bob.sync(plain),
  },
  {
    name: 'members',
    linear: ['members'],
    calls: 1,
    prepare:
      async ({ bob, room }) =>
      () =>
        bob.get(`/rooms/${enc(room)}/members`),
  },
  {
    name: 'joined_members',
    linear: ['members'],
    calls: 1,
    prepare:
      async ({ bob, room }) =>
      () =>
        bob.get(`/rooms/${enc(room)}/joined_members`),
  },
  {
    name: 'profile field: the answer',
    linear: [],
    measure: 'wall',
    calls: 20,
    prepare: async ({ bob }) => {
      let value = 0
      return () => bob.put(`/profile/${enc(bob.userId)}/org.example.bench`, { 'org.example.bench': ++value })
    },
  },
  {
    name: 'login with a new device: the answer',
    linear: [],
    measure: 'wall',
    calls: 5,
    prepare:
      async ({ server }) =>
      () => {
        const identifier = { type: 'm.id.user', user: 'bob' }
        return server.caller().post('/login', { type: 'm.login.password', identifier, password: 'bench-bob' })
      },
  },
  {
    name: 'displayname: the answer',
    linear: [],
    measure: 'wall',
    calls: 5,
    prepare: async ({ bob }) => {
      let made = 0
      return () => bob.put(`/profile/${enc(bob.userId)}/displayname`, { displayname: nameOf(++made) })
    },
  },
  {
    name: 'displayname: the rooms behind',
    linear: ['rooms'],
    calls: 1,
    isSlow: true,
    prepare: async ({ bob }) => {
      const { joined_rooms: rooms } = (await bob.get('/joined_rooms')) as { joined_rooms: readonly string[] }
      let made = 0
      return async () => {
        const displayname = nameOf(--made)
        await bob.put(`/profile/${enc(bob.userId)}/displayname`, { displayname })
        for (const room of rooms) await untilNamed(bob, room, displayname)
      }
    },
  },
]

const NAMES = ['Roberta Adams', 'Gustav Klein', 'Mei Ling', 'Yusuf Demir', 'Ingrid Solberg', 'Chloé Vidal']
/** Quite another name than that before, as far as `made` goes. */
const nameOf = (made: number): string => `${NAMES[Math.abs(made) % NAMES.length]} ${made}`

/** Resolves when the member event has the name, and looks again seldom, as looking costs the server something too. */
const untilNamed = async (bob: Caller, room: string, displayname: string): Promise<void> => {
  const path = `/rooms/${enc(room)}/state/m.room.member/${enc(bob.userId)}`
  for (let pause = 60; (await bob.get(path)).displayname !== displayname; pause = Math.min(2 * pause, 400))
    await pauseMs(pause)
}
