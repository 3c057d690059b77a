import { rmSync } from 'node:fs'
import { afterEach, expect, it } from 'vitest'
import { askPostgres, createPostgres, onPostgres, postgresUrl } from '../contract/databases.ts'
import { type Json, TestClient } from '../support/client.ts'
import { scratchFolder } from '../support/scratch.ts'
import { CHEAP_PASSWORDS, ServerProcess } from '../support/server-process.ts'
import { TwoProcesses } from '../support/two-processes.ts'
import { Dice, seedOfRun } from './dice.ts'

const enc = encodeURIComponent
const EVENTS = 300
const SPREAD_MS = 3_000
const KILLS = 3
const ENV = { ...CHEAP_PASSWORDS, HOMEROOM_DELAYED_EVENTS_MAX_SCHEDULED: '1000' }

const undo: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const one of undo.splice(0).reverse()) await one()
})

const schedule = async (client: TestClient, roomId: string, index: number, delayMs: number): Promise<string> => {
  const path = `/v3/rooms/${enc(roomId)}/delayed_event/org.example.delayed/${index}`
  return (await client.put(path, { delay_ms: delayMs, content: { index } })).delay_id
}

/** How often the event of each index is in the room. */
const countsIn = async (client: TestClient, roomId: string): Promise<ReadonlyMap<number, number>> => {
  const counts = new Map<number, number>()
  for (let from: string | undefined; ; ) {
    const page: Json = await client.messages(roomId, { dir: 'b', limit: 1_000, from })
    for (const { type, content } of page.chunk)
      if (type === 'org.example.delayed') counts.set(content.index, (counts.get(content.index) ?? 0) + 1)
    from = page.end
    if (from === undefined) return counts
  }
}

const eachOnce = new Map(Array.from({ length: EVENTS }, (_, index) => [index, 1]))
const whenAllEnded = (client: TestClient) =>
  expect
    .poll(async () => (await client.get('/v1/delayed_events')).delayed_events.length, {
      timeout: 60_000,
      interval: 200,
    })
    .toBe(0)

const killedAgainAndAgain = async (databaseUrl: string | undefined): Promise<void> => {
  const dice = new Dice(seedOfRun())
  const dataFolder = scratchFolder('delayed')
  undo.push(async () => rmSync(dataFolder, { recursive: true, force: true }))
  const start = async (): Promise<ServerProcess> => {
    const server = new ServerProcess({ dataFolder, databaseUrl, env: ENV })
    undo.push(() => server.kill())
    await server.ready()
    return server
  }
  let server = await start()
  const alice = new TestClient(() => server.url)
  await alice.register('alice')
  const roomId = await alice.createRoom()
  const delays = Array.from({ length: EVENTS }, () => dice.between(500, 500 + SPREAD_MS))
  await Promise.all(delays.map((delayMs, index) => schedule(alice, roomId, index, delayMs)))
  for (let kill = 0; kill < KILLS; kill++) {
    const sent = (await countsIn(alice, roomId)).size
    const wanted = Math.min(EVENTS, sent + dice.between(1, EVENTS / 3))
    await expect
      .poll(async () => (await countsIn(alice, roomId)).size, { timeout: 30_000 })
      .toBeGreaterThanOrEqual(wanted)
    await server.kill()
    server = await start()
  }
  await whenAllEnded(alice)
  expect(await countsIn(alice, roomId)).toEqual(eachOnce)
}

it('delayed events are sent once each although the server is killed again and again while they are due', async () => {
  await killedAgainAndAgain(undefined)
}, 120_000)

onPostgres('delayed events', () => {
  it('are sent once each although the server is killed again and again while they are due', async () => {
    const database = `homeroom_delayed_${process.pid}`
    await createPostgres(database)
    undo.push(() => askPostgres(`drop database ${database} with (force)`))
    await killedAgainAndAgain(postgresUrl(database))
  }, 120_000)

  it('are sent once each although two processes are told to send them while they are due', async () => {
    await using two = await TwoProcesses.start(ENV)
    const clients = await two.register('alice')
    const roomId = await clients[0].createRoom()
    const ids = await Promise.all(
      Array.from({ length: EVENTS }, (_, index) =>
        schedule(index % 2 === 0 ? clients[0] : clients[1], roomId, index, 300 + index),
      ),
    )
    const send = async (client: TestClient, delayId: string): Promise<number> =>
      (await client.request('POST', `/v1/delayed_events/${delayId}/send`, { body: {} })).status
    const answers = await Promise.all(ids.flatMap((id) => clients.map((client) => send(client, id))))
    // One may be told to come back, where both wrote into the room again and again; nothing else is refused.
    expect(new Set(answers.filter((status) => status !== 200 && status !== 503))).toEqual(new Set())
    for (const id of ids) await expect.poll(() => send(clients[0], id), { timeout: 30_000 }).toBe(200)
    expect(await countsIn(clients[1], roomId)).toEqual(eachOnce)
    const [first] = ids
    expect((await clients[1].get(`/v1/delayed_events/${first}`)).event_id).toBeDefined()
  }, 120_000)
})
