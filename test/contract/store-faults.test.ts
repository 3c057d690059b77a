import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { type Clock, systemClock } from '#base'
import { type Store, StoreUnavailable } from '#store'
import { askPostgres, cleanDatabases, makePostgres, makeSqlite, onEveryDatabase, onPostgres } from './databases.ts'
import { applyTo, baseIn, createRoom, message, type TestRoom } from './room-fixtures.ts'
import { UnsteadyLink } from './unsteady-link.ts'

const eventsOf = async (store: Store, room: TestRoom): Promise<readonly string[]> =>
  (await store.rooms.timeline(room.room, { direction: 'forward', limit: 10_000 })).map(({ eventId }) => eventId)

/** Sends until the store refuses; answers the ids that were acknowledged and the refusal. */
const sendUntilRefused = async (store: Store, room: TestRoom, bytes: number) => {
  const acknowledged: string[] = []
  for (;;) {
    const event = message({ json: JSON.stringify({ body: 'x'.repeat(bytes) }) })
    try {
      await applyTo(store, room, [event])
      acknowledged.push(event.eventId)
    } catch (error) {
      return { acknowledged, error }
    }
  }
}

/** Again and again until it is not refused as unavailable. */
const untilAvailable = async <Result>(act: () => Promise<Result>): Promise<Result> => {
  for (;;) {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof StoreUnavailable)) throw error
      await new Promise((resolve) => setImmediate(resolve))
    }
  }
}

afterEach(cleanDatabases)

test('SQLite on a full disk: refused, nothing lost, reads go on, writes come back with the room for them', async () => {
  const database = await makeSqlite()
  const store = await database.open({ maxSizeBytes: 1_500_000 })
  const room = await createRoom(store)
  const before = await eventsOf(store, room)
  const { acknowledged, error } = await sendUntilRefused(store, room, 20_000)
  expect(error).toMatchObject({ name: 'StoreUnavailable', reason: 'full' })
  expect((error as StoreUnavailable).retryAfterMs).toBeGreaterThan(0)
  expect(acknowledged.length).toBeGreaterThan(5)
  expect(await eventsOf(store, room)).toEqual([...before, ...acknowledged])
  const redaction = message({ type: 'm.room.redaction' })
  await applyTo(
    store,
    room,
    [redaction],
    acknowledged.slice(0, 3).map((target) => ({ target: target as never, json: '{}', redactedBy: redaction.eventId })),
  )
  const after = message({ json: JSON.stringify({ body: 'x'.repeat(20_000) }) })
  await applyTo(store, room, [after])
  expect(await eventsOf(store, room)).toEqual([...before, ...acknowledged, redaction.eventId, after.eventId])
})

test('SQLite locked by another process: refused after a while, reads go on, writes come back with the lock', async () => {
  const database = await makeSqlite()
  const store = await database.open({ busyTimeoutMs: 50 })
  const room = await createRoom(store)
  const holder = spawn(process.execPath, [
    '-e',
    `const { DatabaseSync } = require('node:sqlite')
     const file = new DatabaseSync(${JSON.stringify(database.url.slice('sqlite:'.length))})
     file.exec('begin immediate')
     process.stdin.on('data', () => { file.exec('rollback'); process.exit(0) })
     process.stdout.write('locked')`,
  ])
  await once(holder.stdout, 'data')
  await expect(applyTo(store, room, [message()])).rejects.toMatchObject({ name: 'StoreUnavailable', reason: 'busy' })
  expect(await eventsOf(store, room)).toHaveLength(2)
  holder.stdin.write('release')
  await once(holder, 'exit')
  await applyTo(store, room, [message()])
  expect(await eventsOf(store, room)).toHaveLength(3)
  expect(store.stats().failures).toBe(1)
})

onEveryDatabase('a change that cannot be read', (open) => {
  test('fails alone', async () => {
    const store = await open()
    const room = await createRoom(store)
    await expect(store.commit([{ operation: 'rooms.apply', input: () => 1 }])).rejects.toThrow()
    await expect(store.commit([{ operation: 'rooms.apply', input: null }])).rejects.toThrow()
    await applyTo(store, room, [message()])
    expect(await eventsOf(store, room)).toHaveLength(3)
    expect(store.stats().queueLength).toBe(0)
  })
})

/** The system's clock, moved forward by hand: for the pauses between attempts. */
const steppedClock = () => {
  let aheadMs = 0
  const clock: Clock = { ...systemClock, monotonicMs: () => systemClock.monotonicMs() + aheadMs }
  return {
    clock,
    step: (ms: number) => {
      aheadMs += ms
    },
  }
}

onPostgres('PostgreSQL in trouble', () => {
  let link: UnsteadyLink
  let url: string
  let database: Awaited<ReturnType<typeof makePostgres>>

  beforeEach(async () => {
    database = await makePostgres()
    const direct = new URL(database.url)
    link = new UnsteadyLink({ host: direct.hostname, port: Number(direct.port || 5432) })
    direct.hostname = '127.0.0.1'
    direct.port = String(await link.open())
    url = direct.href
  })

  afterEach(async () => {
    await cleanDatabases()
    await link.close()
  })

  test('connections ended by an administrator under load: what was acknowledged is there, and service goes on', async () => {
    const store = await database.open()
    const rooms = await Promise.all(Array.from({ length: 8 }, () => createRoom(store)))
    const acknowledged = new Map(rooms.map((room) => [room, 0]))
    let kills = 5
    const load = rooms.map(async (room) => {
      while (kills > 0) {
        room.base = await untilAvailable(() => baseIn(store, room.room))
        try {
          await applyTo(store, room, [message()])
          acknowledged.set(room, (acknowledged.get(room) ?? 0) + 1)
        } catch (error) {
          expect(error).toBeInstanceOf(StoreUnavailable)
        }
      }
    })
    const name = new URL(database.url).pathname.slice(1)
    for (; kills > 0; kills--) {
      await askPostgres('select pg_terminate_backend(pid) from pg_stat_activity where datname = $1', [name])
      await untilAvailable(() => createRoom(store))
    }
    await Promise.all(load)
    for (const room of rooms) {
      const stored = await untilAvailable(() => eventsOf(store, room))
      // A commit whose answer was lost may have been done: so there may be more, never fewer.
      expect(stored.length - 2).toBeGreaterThanOrEqual(acknowledged.get(room) ?? 0)
      const record = await untilAvailable(() => store.rooms.room(room.room))
      expect(record?.extremities).toMatchObject([{ eventId: stored.at(-1) }])
    }
  })

  test('unreachable for a while: refused at once, not hammered, and back by itself', async () => {
    const { clock, step } = steppedClock()
    const store = await database.open({ url, clock })
    const room = await createRoom(store)
    link.cut()
    const refused = { name: 'StoreUnavailable', reason: 'disconnected' }
    for (let attempt = 0; attempt < 3; attempt++) {
      await expect(applyTo(store, room, [message()])).rejects.toMatchObject(refused)
      await expect(store.rooms.room(room.room)).rejects.toMatchObject(refused)
    }
    link.restore()
    // Within the pause after the last attempt it does not even try.
    await expect(applyTo(store, room, [message()])).rejects.toMatchObject(refused)
    step(10_000)
    await applyTo(store, room, [message()])
    expect(await untilAvailable(() => eventsOf(store, room))).toHaveLength(3)
  })

  test('the answer to a commit is lost: refused, and not done twice', async () => {
    const store = await database.open({ url })
    const room = await createRoom(store)
    const told: number[] = []
    store.onCommitted(({ announcements }) => told.push(announcements.length))
    const sent = message()
    link.loseAnswerTo('commit')
    await expect(applyTo(store, room, [sent])).rejects.toMatchObject({ name: 'StoreUnavailable' })
    expect(told).toEqual([])
    const stored = await untilAvailable(() => eventsOf(store, room))
    expect(stored.filter((eventId) => eventId === sent.eventId)).toHaveLength(1)
    room.base = await untilAvailable(() => baseIn(store, room.room))
    await untilAvailable(() => applyTo(store, room, [message()]))
    expect((await untilAvailable(() => store.positions())).events).toBe(4)
  })

  test('not there at the start: one typed error', async () => {
    link.cut()
    await expect(database.open({ url })).rejects.toMatchObject({ name: 'StoreUnavailable', reason: 'disconnected' })
  })
})
