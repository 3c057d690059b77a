import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { expect, test } from 'vitest'
import type { UserId } from '#spec'
import { type Store, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const USERS = 30_000
const READS = 50
/** How much longer the reads may take; with a look at all users it is ten times as long and more. */
const FACTOR = 4

/** The least of several rounds, which go on while it is not below what is given: PostgreSQL works in a process of its own, so no processor time of this one tells. */
const leastMs = async (store: Store, below: number): Promise<number> => {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 40 && (round < 8 || least >= below); round++) {
    const begun = performance.now()
    for (let read = 0; read < READS; read++) await store.profileUpdates.profileUpdates(20)
    least = Math.min(least, performance.now() - begun)
  }
  return least
}

/** On a connection of its own. */
const perform = async (url: string, statements: readonly string[]): Promise<void> => {
  if (url.startsWith('sqlite:')) {
    const database = new DatabaseSync(url.slice('sqlite:'.length))
    for (const statement of statements) database.exec(statement)
    database.close()
    return
  }
  const client = new pg.Client({ connectionString: url })
  await client.connect()
  for (const statement of statements) await client.query(statement)
  await client.end()
}

onEveryDatabase('changed profiles that wait for their rooms', (_open, make) => {
  /** A database that has statistics of its many users, and none of what waits: few rows come and go there. */
  const withUsers = async (count: number): Promise<Store> => {
    const database = await make()
    await (await database.open()).close()
    const numbers = `with recursive n (i) as (select 1 union all select i + 1 from n where i < ${count})`
    await perform(database.url, [
      `${numbers} insert into users (user_id) select '@user' || i || ':localhost' from n`,
      'analyze users',
    ])
    return database.open()
  }

  test('are read without a look at all users, whatever the planner makes of its statistics', async () => {
    const [few, many] = [await withUsers(10), await withUsers(USERS)]
    const last = `@user${USERS}:localhost` as UserId
    for (const [store, number] of [
      [few, 10],
      [many, USERS],
    ] as const)
      await store.commit([writers.profileUpdates.begin(number, 'displayname')])
    expect(await many.profileUpdates.profileUpdates(20)).toMatchObject([{ userId: last, field: 'displayname' }])
    const without = await leastMs(few, Number.POSITIVE_INFINITY)
    expect((await leastMs(many, without * FACTOR)) / without).toBeLessThan(FACTOR)
  }, 60_000)
})
