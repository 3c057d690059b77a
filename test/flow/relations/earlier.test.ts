import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { bundleOf, edit, idsOf, react, refer, relationsOf, reply, threadsOf } from './fixture.ts'

const run = async (homeserver: TestHomeserver, statements: readonly string[]): Promise<void> => {
  if (homeserver.databaseUrl === undefined) {
    const file = new DatabaseSync(homeserver.databaseFile)
    for (const statement of statements) file.exec(statement)
    file.close()
    return
  }
  const client = new pg.Client({ connectionString: homeserver.databaseUrl })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

/** A database as it was before relations had an index. */
const FORGET = [
  ...['relations', 'indirect_relations', 'threads', 'thread_senders'].map((table) => `delete from ${table}`),
  'update relations_filled set up_to = 0, last = (select max(event) from events)',
]

onEveryHomeserver('relations from before there was an index of them', (start) => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let roomId: string
  let root: string
  beforeAll(async () => {
    homeserver = await start()
    alice = await homeserver.register('alice')
    roomId = await alice.createRoom()
    root = await alice.sendText(roomId, 'root')
  })
  afterAll(() => homeserver.stop())

  const everything = async (): Promise<Json> => {
    const query = { recurse: true, limit: 50 }
    return {
      bundle: bundleOf(await alice.getEvent(roomId, root)),
      relations: idsOf((await relationsOf(alice, roomId, root, query)).chunk),
      direct: idsOf((await relationsOf(alice, roomId, root)).chunk),
      threads: idsOf((await threadsOf(alice, roomId)).chunk),
    }
  }
  const withoutAges = (answer: Json): Json => JSON.parse(JSON.stringify(answer).replaceAll(/"age":\d+/g, '"age":0'))

  it('are found after the start, however many events there are, and with what came since', async () => {
    const first = await reply(alice, roomId, root)
    const gone = await reply(alice, roomId, root)
    await edit(alice, roomId, first, 'better')
    await edit(alice, roomId, root, 'better')
    await refer(alice, roomId, root)
    // More than are looked through at a time.
    for (let text = 0; text < 450; text++) await alice.sendText(roomId, 'text')
    await alice.redact(roomId, gone)
    const late = await reply(alice, roomId, root)
    await react(alice, roomId, late)
    const before = withoutAges(await everything())
    expect(before.bundle['m.thread'].count).toBe(2)
    expect(before.relations).toHaveLength(6)
    await homeserver.whileStopped(() => run(homeserver, FORGET))
    // An answer that is made meanwhile tells what was found so far.
    const isFound = async (): Promise<boolean> => (await everything()).relations.length === before.relations.length
    for (let tries = 0; tries < 500 && !(await isFound()); tries++);
    expect(withoutAges(await everything())).toEqual(before)
    await homeserver.restart()
    expect(withoutAges(await everything())).toEqual(before)
    await react(alice, roomId, first)
    expect((await everything()).relations).toHaveLength(7)
  }, 60_000)

  it('are linked with what relates to them and was sent since the start', async () => {
    const other = await alice.sendText(roomId, 'root')
    const old = await reply(alice, roomId, other)
    const better = await edit(alice, roomId, old, 'better')
    const reaction = await react(alice, roomId, better)
    const upTo = `(select event from events where event_id = '${old}')`
    await homeserver.whileStopped(() =>
      run(homeserver, [
        `delete from relations where event = ${upTo}`,
        `delete from indirect_relations where event >= ${upTo}`,
        `delete from threads where root = '${other}'`,
        `delete from thread_senders where root = '${other}'`,
        `update relations_filled set up_to = ${upTo} - 1, last = ${upTo}`,
      ]),
    )
    const deep = async (event: string): Promise<readonly string[]> =>
      idsOf((await relationsOf(alice, roomId, event, { recurse: true })).chunk)
    for (let tries = 0; tries < 500 && (await deep(other)).length < 3; tries++);
    expect(await deep(other)).toEqual([reaction, better, old])
    expect(await deep(old)).toEqual([reaction, better])
    expect(bundleOf(await alice.getEvent(roomId, other))['m.thread'].count).toBe(1)
  })
})
