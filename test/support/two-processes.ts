import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { askPostgres, createPostgres, postgresUrl } from '../contract/databases.ts'
import { TestClient } from './client.ts'
import { CHEAP_PASSWORDS, ServerProcess } from './server-process.ts'

let made = 0

/** Two processes of one homeserver: one name, one signing key, one PostgreSQL database; a data folder each. */
export class TwoProcesses {
  /** Of the database that both use. */
  readonly databaseUrl: string
  readonly #folder: string
  readonly #database: string
  readonly #processes: ServerProcess[] = []

  private constructor(database: string) {
    this.#folder = mkdtempSync(join(tmpdir(), 'homeroom-two-'))
    this.#database = database
    this.databaseUrl = postgresUrl(database)
  }

  /** `env`: more settings, for both. Needs PostgreSQL. */
  static async start(env: Readonly<Record<string, string>> = {}): Promise<TwoProcesses> {
    const database = `homeroom_two_${process.pid}_${made++}`
    await createPostgres(database)
    const two = new TwoProcesses(database)
    try {
      // At once: the key that both use is in the database, whoever was first.
      await Promise.all(
        ['first', 'second'].map((name) =>
          two.#startProcess(name, { ...CHEAP_PASSWORDS, HOMEROOM_STORAGE_SEVERAL_PROCESSES: 'true', ...env }),
        ),
      )
      return two
    } catch (error) {
      await two[Symbol.asyncDispose]()
      throw error
    }
  }

  get first(): ServerProcess {
    return this.#process(0)
  }

  get second(): ServerProcess {
    return this.#process(1)
  }

  get both(): readonly ServerProcess[] {
    return [this.first, this.second]
  }

  /** What both said on their standard error. */
  get errors(): string {
    return this.#processes.map(({ errors }) => errors).join('')
  }

  /** Registers a user at the first process. Answers with a client of one device for each process. */
  async register(username: string): Promise<readonly [TestClient, TestClient]> {
    const clients = [new TestClient(() => this.first.url), new TestClient(() => this.second.url)] as const
    await clients[0].register(username)
    const { userId, deviceId, accessToken } = clients[0]
    Object.assign(clients[1], { userId, deviceId, accessToken })
    return clients
  }

  /** Ends both in good order; their database stays until the fixture is disposed of. */
  async terminate(): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.terminate()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.#processes.map((one) => one.kill()))
    rmSync(this.#folder, { recursive: true, force: true })
    await askPostgres(`drop database ${this.#database} with (force)`)
  }

  async #startProcess(name: string, env: Readonly<Record<string, string>>): Promise<void> {
    const started = new ServerProcess({ dataFolder: join(this.#folder, name), databaseUrl: this.databaseUrl, env })
    this.#processes.push(started)
    await started.ready()
  }

  #process(index: number): ServerProcess {
    const found = this.#processes[index]
    if (found === undefined) throw new Error('the process was not started')
    return found
  }
}
