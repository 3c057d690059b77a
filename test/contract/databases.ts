import { rmSync } from 'node:fs'
import { join } from 'node:path'
import pg from 'pg'
import { afterEach, describe } from 'vitest'
import { silentLogger, systemClock } from '#base'
import { openStore, type Store, type StoreOptions } from '#store'
import { scratchFolder } from '../support/scratch.ts'
import { templatePrefix } from '../support/template-databases.ts'

/** A URL of a PostgreSQL superuser; each test makes databases of its own there and drops them. */
export const POSTGRES = process.env.HOMEROOM_TEST_POSTGRES

/** A database that goes away after the test. */
export interface TestDatabase {
  readonly url: string
  /** Opens it, once more where it is open already; closed after the test. */
  open(options?: Partial<StoreOptions>): Promise<Store>
}

export type MakeDatabase = () => Promise<TestDatabase>

/** Runs in reverse order after each test. */
const afterTest: (() => Promise<unknown>)[] = []
const clean = async (): Promise<void> => {
  for (const undo of afterTest.splice(0).reverse()) await undo()
}

const databaseAt = (url: string): TestDatabase => ({
  url,
  open: async (options = {}) => {
    const store = await openStore({ url, clock: systemClock, logger: silentLogger, ...options })
    afterTest.push(() => store.close())
    return store
  },
})

export const makeSqlite: MakeDatabase = async () => {
  const folder = scratchFolder('store')
  afterTest.push(async () => rmSync(folder, { recursive: true, force: true }))
  return databaseAt(`sqlite:${join(folder, 'data', 'homeroom.db')}`)
}

/** One statement as superuser, on a connection of its own. */
export const askPostgres = async (text: string, values: readonly unknown[] = []): Promise<readonly unknown[]> => {
  const client = new pg.Client({ connectionString: POSTGRES })
  await client.connect()
  try {
    return (await client.query(text, [...values])).rows as unknown[]
  } finally {
    await client.end()
  }
}

/** The URL of another database at the same server. */
export const postgresUrl = (database: string): string => {
  const url = new URL(POSTGRES ?? '')
  url.pathname = `/${database}`
  return url.href
}

export const createEmptyPostgres = (name: string): Promise<unknown> =>
  askPostgres(`create database ${name} template template0 encoding 'UTF8'`)

let template: Promise<string> | undefined

/** A database with today's schema and nothing in it: a copy, for making the schema takes longer. */
export const createPostgres = async (name: string): Promise<void> => {
  template ??= createTemplate(`${templatePrefix(process.ppid)}${process.pid}`)
  await askPostgres(`create database ${name} template ${await template}`)
}

const createTemplate = async (name: string): Promise<string> => {
  await createEmptyPostgres(name)
  const store = await openStore({ url: postgresUrl(name), clock: systemClock, logger: silentLogger })
  await store.close()
  return name
}

let made = 0

const makeWith =
  (create: (name: string) => Promise<unknown>): MakeDatabase =>
  async () => {
    if (POSTGRES === undefined) throw new Error('HOMEROOM_TEST_POSTGRES is not set')
    const name = `homeroom_test_${process.pid}_${made++}`
    await create(name)
    afterTest.push(() => askPostgres(`drop database ${name} with (force)`))
    return databaseAt(postgresUrl(name))
  }

export const makePostgres = makeWith(createPostgres)
/** Without a schema. */
export const makeEmptyPostgres = makeWith(createEmptyPostgres)

/** The same tests on both databases; `open` makes an empty one for each call. */
export const onEveryDatabase = (
  name: string,
  tests: (open: () => Promise<Store>, make: MakeDatabase) => void,
): void => {
  const run = (make: MakeDatabase): void => {
    afterEach(clean)
    tests(async () => (await make()).open(), make)
  }
  describe(`${name} on SQLite`, () => run(makeSqlite))
  onPostgres(name, () => run(makePostgres))
}

export const onPostgres = (name: string, tests: () => void): void => {
  if (POSTGRES === undefined) describe.skip(`${name}: skipped: no PostgreSQL`, tests)
  else describe(`${name} on PostgreSQL`, tests)
}

export { clean as cleanDatabases }
