import { DatabaseSync } from 'node:sqlite'
import { afterEach, expect, test } from 'vitest'
import { systemClock, systemRandom } from '#base'
import { Rooms, Sending } from '#domain'
import { signingKeyFromSeed } from '#rules'
import type { RoomId, ServerName, UserId } from '#spec'
import { type Committed, type Store, writers } from '#store'
import { cleanDatabases, makeSqlite, type TestDatabase } from '../contract/databases.ts'

const SERVER = 'in-place.example' as ServerName
const alice = '@alice:in-place.example' as UserId
const MEBIBYTE = 1024 * 1024

afterEach(cleanDatabases)

const roomOver = async (store: Store) => {
  const key = signingKeyFromSeed('ed25519:1', SERVER, Buffer.alloc(32, 7).toString('base64').replace('=', ''))
  if (!key.ok) throw new Error('the seed is no key')
  const rooms = new Rooms({
    commit: store.commit,
    reader: store.rooms,
    writer: writers.rooms,
    clock: systemClock,
    random: systemRandom,
    key: key.value,
    stateLimits: { bytes: 16 * MEBIBYTE, entries: 10_000 },
    cacheLimitBytes: 64 * MEBIBYTE,
  })
  const { roomId } = await rooms.create(
    { creator: alice, version: '11', createContent: () => ({ creator: alice }), published: false, alias: undefined },
    (turn) => turn.add({ type: 'm.room.member', sender: alice, stateKey: alice, content: { membership: 'join' } }),
  )
  const sending = new Sending({ rooms, reader: store.rooms, relations: store.relations, clock: systemClock })
  return {
    roomId,
    send: (body: string) =>
      sending.message(roomId, { type: 'm.room.message', sender: alice, content: { msgtype: 'm.text', body } }),
    setTopic: (topic: string) =>
      sending.state(roomId, { type: 'm.room.topic', stateKey: '', sender: alice, content: { topic } }),
  }
}

const eventsOf = async (store: Store, roomId: RoomId): Promise<readonly string[]> => {
  const record = await store.rooms.roomByRoomId(roomId)
  const events = await store.rooms.timeline(record?.room ?? 0, { direction: 'forward', limit: 10_000 })
  return events.map(({ eventId }) => eventId)
}

/** As another process would hold it. */
const lock = ({ url }: TestDatabase): (() => void) => {
  const file = new DatabaseSync(url.slice('sqlite:'.length))
  file.exec('begin immediate')
  return () => {
    file.exec('rollback')
    file.close()
  }
}

/** Whether the event is stored before another thread could have answered: two turns of the event loop later. */
const isStoredAtOnce = async (database: TestDatabase, send: () => Promise<unknown>): Promise<boolean> => {
  const file = new DatabaseSync(database.url.slice('sqlite:'.length), { readOnly: true })
  const count = (): number => Number(file.prepare('select count(*) as n from events').get()?.n)
  const before = count()
  const sent = send()
  for (let turn = 0; turn < 2; turn++) await new Promise((resolve) => setImmediate(resolve))
  const isStored = count() > before
  await sent
  file.close()
  return isStored
}

/** Whether each event refers to the one before it. */
const isChain = async (store: Store, eventIds: readonly string[]): Promise<boolean> => {
  const stored = await store.rooms.events(eventIds as never)
  const byId = new Map(stored.map((event) => [event.eventId as string, event]))
  return eventIds.every((eventId, index) => {
    const pdu = JSON.parse(byId.get(eventId)?.json ?? '{}') as { readonly prev_events?: readonly string[] }
    return index === 0 || pdu.prev_events?.[0] === eventIds[index - 1]
  })
}

test.each([true, false])(
  'commits of both threads have one order, and are announced without a gap (in place: %s)',
  async (commitsInPlace) => {
    const store = await (await makeSqlite()).open({ commitsInPlace })
    const { roomId, send, setTopic } = await roomOver(store)
    const groups: Committed[] = []
    store.onCommitted((committed) => groups.push(committed))
    const acknowledged: string[] = []
    for (let round = 0; round < 30; round++) {
      acknowledged.push(await send(`alone ${round}`))
      // State is written by the other thread, and messages follow it before it is committed.
      const together = [send(`before ${round}`), setTopic(`${round}`), send(`after ${round}`)]
      acknowledged.push(...(await Promise.all(together)))
      acknowledged.push(...(await Promise.all(Array.from({ length: round }, (_, n) => send(`${n} of ${round}`)))))
    }
    const stored = (await eventsOf(store, roomId)).slice(-acknowledged.length)
    expect(new Set(stored)).toEqual(new Set(acknowledged))
    expect(await isChain(store, stored)).toBe(true)
    for (const [index, { before, positions }] of groups.entries()) {
      expect(positions.events).toBeGreaterThan(before.events ?? 0)
      if (index > 0) expect(before.events).toBe(groups[index - 1]?.positions.events)
    }
  },
)

test('a lone message is committed by the serving thread', async () => {
  const database = await makeSqlite()
  const store = await database.open()
  const { send } = await roomOver(store)
  await send('the first')
  const found: boolean[] = []
  for (let n = 0; n < 20; n++) {
    found.push(await isStoredAtOnce(database, () => send(`${n}`)))
    // A late sync of a busy machine, or what came before, may have put it onto the thread for a moment.
    await new Promise((resolve) => setTimeout(resolve, found.at(-1) === true ? 0 : 200))
  }
  expect(found).toContain(true)
})

test('where commits came together just before, those of one turn of the event loop are one group', async () => {
  // However long a group takes here, the one before was just before.
  const store = await (await makeSqlite()).open({ clock: { ...systemClock, monotonicMs: () => 0 } })
  const groupsOf = async (commits: number): Promise<number> => {
    const before = store.stats().groupSizes.count
    await Promise.all(Array.from({ length: commits }, () => store.commit([writers.messageIndex.next()])))
    return store.stats().groupSizes.count - before
  }
  await groupsOf(3)
  for (let n = 0; n < 20; n++) expect(await groupsOf(3)).toBe(1)
})

test('the serving thread waits for no lock of another process: the writing thread does, and the message is sent', async () => {
  const database = await makeSqlite()
  const store = await database.open({ commitsInPlace: true })
  const { send } = await roomOver(store)
  await send('before')
  const release = lock(database)
  let turns = 0
  let isSent = false
  const sent = send('during').then((eventId) => {
    isSent = true
    return eventId
  })
  const startedMs = performance.now()
  while (performance.now() - startedMs < 200) {
    await new Promise((resolve) => setImmediate(resolve))
    turns++
  }
  expect(turns).toBeGreaterThan(50)
  expect(isSent).toBe(false)
  release()
  expect(await store.rooms.events([(await sent) as never])).toHaveLength(1)
  await send('after')
})
