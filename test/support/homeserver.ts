import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, describe } from 'vitest'
import { createHomeserver, type Homeserver, type HomeserverOptions } from '#app'
import { ConfigError, loadConfig } from '#config'
import { askPostgres, createEmptyPostgres, createPostgres, POSTGRES, postgresUrl } from '../contract/databases.ts'
import { TestClient } from './client.ts'
import { scratchFolder } from './scratch.ts'

export type DatabaseKind = 'sqlite' | 'postgres'

export interface HomeserverSetup extends Omit<HomeserverOptions, 'config'> {
  /** As in the YAML file, by section: `{ registration: { mode: 'token' } }`. Rate limits are off unless switched on here. */
  readonly settings?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  /** Default SQLite. */
  readonly database?: DatabaseKind
  /** Puts there what an earlier server left, before the first start. The folder is there, and nothing else. */
  readonly inherit?: (place: Place) => Promise<void>
}

export interface Place {
  readonly dataFolder: string
  /** Of an empty PostgreSQL database, where one was asked for. */
  readonly databaseUrl: string | undefined
}

let made = 0

/** A whole homeserver in this process, on a free port of loopback, with data of its own that goes away with it. */
export class TestHomeserver {
  readonly #options: HomeserverOptions
  readonly #discard: () => Promise<void>
  readonly #names = new Map<string, number>()
  #homeserver: Homeserver
  #url = ''

  constructor(options: HomeserverOptions, discard: () => Promise<void>) {
    this.#options = options
    this.#discard = discard
    this.#homeserver = createHomeserver(options)
  }

  /** Changes with each start. */
  get url(): string {
    return this.#url
  }

  /** Endpoints that it serves now. */
  get endpoints(): Homeserver['endpoints'] {
    return this.#homeserver.endpoints
  }

  get serverName(): string {
    return this.#options.config.server.name
  }

  get dataFolder(): string {
    return this.#options.config.storage.dataFolder
  }

  /** Only on SQLite. */
  get databaseFile(): string {
    const { database } = this.#options.config.storage
    if (database.kind !== 'sqlite') throw new Error('the database is no file')
    return database.path
  }

  /** Only on PostgreSQL. */
  get databaseUrl(): string | undefined {
    const { database } = this.#options.config.storage
    return database.kind === 'postgres' ? database.url : undefined
  }

  async start(): Promise<void> {
    this.#url = (await this.#homeserver.start()).url
  }

  /** Stops it and starts another one on the same data: what was not durable is gone. Clients go on, at the new address. */
  async restart(): Promise<void> {
    await this.whileStopped(async () => {})
  }

  /** The same, with something done to the data meanwhile. */
  async whileStopped(work: () => Promise<void>): Promise<void> {
    await this.#homeserver.stop()
    await work()
    this.#homeserver = createHomeserver(this.#options)
    await this.start()
  }

  /** A client without an account. */
  client(): TestClient {
    return new TestClient(() => this.#url)
  }

  /** A client with a fresh account and its first device. A name that was given out before gets a number. */
  async register(username: string): Promise<TestClient> {
    const times = (this.#names.get(username) ?? 0) + 1
    this.#names.set(username, times)
    const client = this.client()
    await client.register(times === 1 ? username : `${username}-${times}`)
    return client
  }

  /** Stops it for good and removes its data. */
  async stop(): Promise<void> {
    await this.#homeserver.stop()
    await this.#discard()
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

/** Makes and starts a homeserver. Use `await using`, or call `stop`. */
export async function startHomeserver(setup: HomeserverSetup = {}): Promise<TestHomeserver> {
  const { settings = {}, database = 'sqlite', inherit, ...rest } = setup
  const folder = scratchFolder('flow')
  const databaseName = `homeroom_flow_${process.pid}_${made++}`
  const create = inherit === undefined ? createPostgres : createEmptyPostgres
  if (database === 'postgres') await create(databaseName)
  const discard = async (): Promise<void> => {
    rmSync(folder, { recursive: true, force: true })
    if (database === 'postgres') await askPostgres(`drop database ${databaseName} with (force)`)
  }
  try {
    const config = configOf(folder, database === 'postgres' ? databaseName : undefined, settings)
    if (inherit !== undefined) {
      const { dataFolder, database: place } = config.storage
      mkdirSync(dataFolder, { mode: 0o700 })
      await inherit({ dataFolder, databaseUrl: place.kind === 'postgres' ? place.url : undefined })
    }
    const homeserver = new TestHomeserver({ ...rest, config }, discard)
    await homeserver.start()
    return homeserver
  } catch (error) {
    await discard()
    throw error
  }
}

function configOf(
  folder: string,
  postgresName: string | undefined,
  settings: NonNullable<HomeserverSetup['settings']>,
) {
  const storage: Record<string, unknown> = { data: join(folder, 'data') }
  if (postgresName !== undefined) storage.database = postgresUrl(postgresName)
  const merged = {
    ...settings,
    listen: { port: 0, ...settings.listen },
    storage: { ...storage, ...settings.storage },
    passwords: { hashMemory: '8KiB', hashPasses: 1, minLength: 1, ...settings.passwords },
    rateLimits: { enabled: false, ...settings.rateLimits },
    logging: { level: 'silent', ...settings.logging },
  }
  try {
    // JSON is YAML.
    return loadConfig({ file: { name: 'test settings', text: JSON.stringify(merged) } })
  } catch (error) {
    if (error instanceof ConfigError) throw new Error(`the settings of the test are wrong:\n${error.message}`)
    throw error
  }
}

export type StartHomeserver = (setup?: Omit<HomeserverSetup, 'database'>) => Promise<TestHomeserver>

/**
 * One homeserver for all tests of a file, or of the block in which this is called, that do not mind each other's users and rooms. It starts
 * with the first that asks.
 */
export const shareHomeserver = (
  start: StartHomeserver,
  setup: HomeserverSetup = {},
): (() => Promise<TestHomeserver>) => {
  let shared: Promise<TestHomeserver> | undefined
  afterAll(async () => (await shared)?.stop())
  return () => {
    shared ??= start(setup)
    return shared
  }
}

/** The same tests against homeservers on both databases. */
export function onEveryHomeserver(name: string, tests: (start: StartHomeserver) => void): void {
  describe(`${name}, on SQLite`, () => tests((setup) => startHomeserver({ ...setup, database: 'sqlite' })))
  const onPostgres = () => tests((setup) => startHomeserver({ ...setup, database: 'postgres' }))
  if (POSTGRES === undefined) describe.skip(`${name}, on PostgreSQL (skipped: no PostgreSQL)`, onPostgres)
  else describe(`${name}, on PostgreSQL`, onPostgres)
}
