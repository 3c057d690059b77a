import { DatabaseSync } from 'node:sqlite'
import { afterEach, expect, test } from 'vitest'
import { systemClock, systemRandom } from '#base'
import { Rooms, Sending } from '#domain'
import { signingKeyFromSeed } from '#rules'
import type { RoomId, ServerName, UserId } from '#spec'
import { type Store, writers } from '#store'
import { cleanDatabases, makeSqlite, type TestDatabase } from '../contract/databases.ts'

const SERVER = 'turns.example' as ServerName
const alice = '@alice:turns.example' as UserId
const MEBIBYTE = 1024 * 1024

afterEach(cleanDatabases)

const roomsOver = (store: Store): Rooms => {
  const key = signingKeyFromSeed('ed25519:1', SERVER, Buffer.alloc(32, 7).toString('base64').replace('=', ''))
  if (!key.ok) throw new Error('the seed is no key')
  return new Rooms({
    commit: store.commit,
    reader: store.rooms,
    writer: writers.rooms,
    clock: systemClock,
    random: systemRandom,
    key: key.value,
    stateLimits: { bytes: 16 * MEBIBYTE, entries: 10_000 },
    cacheLimitBytes: 64 * MEBIBYTE,
  })
}

const newRoom = async (rooms: Rooms, version = '11'): Promise<RoomId> => {
  const options = {
    creator: alice,
    version,
    createContent: () => ({ creator: alice }),
    published: false,
    alias: undefined,
  }
  const { roomId } = await rooms.create(options, (turn) =>
    turn.add({ type: 'm.room.member', sender: alice, stateKey: alice, content: { membership: 'join' } }),
  )
  return roomId
}

const messagesOf = async (store: Store, roomId: RoomId): Promise<readonly string[]> => {
  const record = await store.rooms.roomByRoomId(roomId)
  const events = await store.rooms.timeline(record?.room ?? 0, { direction: 'forward', limit: 10_000 })
  return events.filter(({ type }) => type === 'm.room.message').map(({ eventId }) => eventId)
}

/** As another process would hold it. */
const lock = ({ url }: TestDatabase): { release(): void } => {
  const file = new DatabaseSync(url.slice('sqlite:'.length))
  file.exec('begin immediate')
  return {
    release: () => {
      file.exec('rollback')
      file.close()
    },
  }
}

test('a store that refuses for a while: what was acknowledged is there, in order, and nothing else', async () => {
  const database = await makeSqlite()
  const store = await database.open({ busyTimeoutMs: 20 })
  const rooms = roomsOver(store)
  const sending = new Sending({ rooms, reader: store.rooms, relations: store.relations, clock: systemClock })
  const roomId = await newRoom(rooms)
  const send = (body: string): Promise<string> =>
    sending.message(roomId, { type: 'm.room.message', sender: alice, content: { msgtype: 'm.text', body } })
  const acknowledged = [await send('before')]
  const lockHeld = lock(database)
  const under = await Promise.allSettled(Array.from({ length: 40 }, (_, n) => send(`under ${n}`)))
  for (const outcome of under)
    if (outcome.status === 'rejected') expect(outcome.reason).toMatchObject({ name: 'StoreUnavailable' })
  expect(under[0]?.status).toBe('rejected')
  const around = Array.from({ length: 40 }, (_, n) => send(`around ${n}`))
  lockHeld.release()
  for (const outcome of [...under, ...(await Promise.allSettled(around))])
    if (outcome.status === 'fulfilled') acknowledged.push(outcome.value)
  acknowledged.push(await send('after'))
  expect(new Set(await messagesOf(store, roomId))).toEqual(new Set(acknowledged))
})

test.each(['1', '2', '12'])('events sent at once into a room of version %s build on each other', async (version) => {
  const store = await (await makeSqlite()).open()
  const rooms = roomsOver(store)
  const sending = new Sending({ rooms, reader: store.rooms, relations: store.relations, clock: systemClock })
  const roomId = await newRoom(rooms, version)
  const powers = version === '12' ? {} : { users: { [alice]: 100 } }
  const sent = Array.from({ length: 10 }, (_, n) => [
    sending.message(roomId, { type: 'm.room.message', sender: alice, content: { msgtype: 'm.text', body: `${n}` } }),
    sending.state(roomId, { type: 'm.room.topic', stateKey: '', sender: alice, content: { topic: `${n}` } }),
    // It refers to an entry of the state that is not stored yet either.
    sending.state(roomId, {
      type: 'm.room.power_levels',
      stateKey: '',
      sender: alice,
      content: { ...powers, ban: n },
    }),
  ]).flat()
  const eventIds = await Promise.all(sent)
  expect(new Set(eventIds).size).toBe(30)
  expect(await store.rooms.events(eventIds)).toHaveLength(30)
})

test('who was told nothing changed is told so by what is durable', async () => {
  const database = await makeSqlite()
  const store = await database.open({ busyTimeoutMs: 20 })
  const rooms = roomsOver(store)
  const sending = new Sending({ rooms, reader: store.rooms, relations: store.relations, clock: systemClock })
  const roomId = await newRoom(rooms)
  const topic = () =>
    sending.state(roomId, { type: 'm.room.topic', stateKey: '', sender: alice, content: { topic: 'T' } })
  const lockHeld = lock(database)
  // The second rests on the first: it finds the topic set, and must not say so while that is not durable.
  const outcomes = await Promise.allSettled([topic(), topic()])
  expect(outcomes.map(({ status }) => status)).toEqual(['rejected', 'rejected'])
  lockHeld.release()
  const [one, other] = await Promise.all([topic(), topic()])
  expect(one).toBe(other)
  expect(await store.rooms.event(one)).toMatchObject({ eventId: one })
})

test('a room holds no more state in memory than its share, whoever was asked about, and goes on from the database', async () => {
  const database = await makeSqlite()
  const store = await database.open()
  const rooms = roomsOver(store)
  const sending = new Sending({ rooms, reader: store.rooms, relations: store.relations, clock: systemClock })
  const roomId = await newRoom(rooms)
  const nobody = 'x'.repeat(230)
  const ask = (round: number) =>
    rooms.turn(roomId, async (turn) => {
      for (let n = 0; n < 12_000; n++) await turn.state('m.room.member', `@${nobody}${round}${n}:turns.example`)
      throw new Error('refused')
    })
  await expect(ask(1)).rejects.toThrow('refused')
  const heldAfterOne = rooms.stats().sizeBytes
  expect(heldAfterOne).toBeGreaterThan(4 * MEBIBYTE)
  const ids = await Promise.all(
    [1, 2, 3].map((n) =>
      sending.state(roomId, { type: 'm.room.topic', stateKey: '', sender: alice, content: { topic: `${n}` } }),
    ),
  )
  expect(new Set(ids).size).toBe(3)
  expect(rooms.stats().sizeBytes).toBeLessThan(100_000)
  const current = await rooms.turn(roomId, (turn) => turn.state('m.room.topic', ''))
  expect(current?.content).toEqual({ topic: '3' })
})
