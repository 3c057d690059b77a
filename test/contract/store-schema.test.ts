import { statSync } from 'node:fs'
import { dirname } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import pg from 'pg'
import { afterEach, expect, test } from 'vitest'
import { cleanDatabases, makeEmptyPostgres, makeSqlite, onPostgres } from './databases.ts'

const pathOf = (url: string): string => url.slice('sqlite:'.length)

afterEach(cleanDatabases)

test('a database of a newer release is refused', async () => {
  const database = await makeSqlite()
  await (await database.open()).close()
  const file = new DatabaseSync(pathOf(database.url))
  file.exec("insert into schema_migrations (name) values ('9999-from-tomorrow')")
  file.close()
  await expect(database.open()).rejects.toMatchObject({ name: 'SchemaTooNew', unknown: ['9999-from-tomorrow'] })
})

onPostgres('the schema', () => {
  afterEach(cleanDatabases)

  test('of a newer release is refused', async () => {
    const database = await makeEmptyPostgres()
    await (await database.open()).close()
    const client = new pg.Client({ connectionString: database.url })
    await client.connect()
    await client.query("insert into schema_migrations (name) values ('9999-from-tomorrow')")
    await client.end()
    await expect(database.open()).rejects.toMatchObject({ name: 'SchemaTooNew' })
  })

  test('is made once by processes that start together', async () => {
    const database = await makeEmptyPostgres()
    const stores = await Promise.all([database.open(), database.open(), database.open()])
    expect(await Promise.all(stores.map((store) => store.positions()))).toHaveLength(3)
  })
})

test('processes that start together on one file make its schema once', async () => {
  const database = await makeSqlite()
  const stores = await Promise.all([database.open(), database.open(), database.open()])
  expect(await Promise.all(stores.map((store) => store.positions()))).toHaveLength(3)
})

test('the folder of the database is for its owner only', async () => {
  const database = await makeSqlite()
  await database.open()
  expect(statSync(dirname(pathOf(database.url))).mode & 0o777).toBe(0o700)
})

test('every table says whose it is and when its rows go', async () => {
  const database = await makeSqlite()
  await (await database.open()).close()
  const file = new DatabaseSync(pathOf(database.url))
  const tables = file.prepare("select name, sql from sqlite_schema where type = 'table'").all()
  file.close()
  expect(tables.length).toBeGreaterThan(5)
  const silent = tables.filter(({ sql }) => !/\/\* owner: \S.*; rows go: \S.*\*\//.test(String(sql)))
  // SQLite's own tables, and those that it makes for an index of texts.
  const made = tables.flatMap(({ name, sql }) =>
    /^create virtual table/i.test(String(sql)) ? [`${String(name)}_`] : [],
  )
  const isOurs = (name: string): boolean => !['sqlite_', ...made].some((start) => name.startsWith(start))
  expect(silent.map(({ name }) => String(name)).filter(isOurs)).toEqual([])
})

test('a file that is no database is refused', async () => {
  const database = await makeSqlite()
  await (await database.open()).close()
  const { writeFileSync } = await import('node:fs')
  writeFileSync(pathOf(database.url), 'not a database '.repeat(1_000))
  await expect(database.open()).rejects.toMatchObject({ name: 'StoreUnavailable', reason: 'broken' })
})

test('an address of another kind of database is refused', async () => {
  const { openStore } = await import('#store')
  const { silentLogger, systemClock } = await import('#base')
  await expect(openStore({ url: 'mysql://x', clock: systemClock, logger: silentLogger })).rejects.toThrow('sqlite:')
})
