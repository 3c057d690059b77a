import { type HomeserverSetup, startHomeserver, type TestHomeserver } from './homeserver.ts'

export interface TwoServersSetup {
  /** For both. */
  readonly setup?: HomeserverSetup
  /** Settings of one of them, above those for both. */
  readonly first?: HomeserverSetup['settings']
  readonly second?: HomeserverSetup['settings']
}

/** Two homeservers in this process, each with a name, a database and a data folder of its own. */
export class TwoServers {
  readonly first: TestHomeserver
  readonly second: TestHomeserver

  private constructor(first: TestHomeserver, second: TestHomeserver) {
    this.first = first
    this.second = second
  }

  static async start({ setup = {}, first = {}, second = {} }: TwoServersSetup = {}): Promise<TwoServers> {
    const start = (name: string, own: HomeserverSetup['settings'] = {}): Promise<TestHomeserver> => {
      const settings: Record<string, Readonly<Record<string, unknown>>> = { ...setup.settings }
      for (const [section, values] of Object.entries(own)) settings[section] = { ...settings[section], ...values }
      // Nobody registers unasked at a server with a public name.
      const registration = { mode: 'open', ...settings.registration }
      return startHomeserver({
        ...setup,
        settings: { ...settings, registration, server: { ...settings.server, name } },
      })
    }
    const one = await start('first.example', first)
    try {
      return new TwoServers(one, await start('second.example', second))
    } catch (error) {
      await one.stop()
      throw error
    }
  }

  get both(): readonly [TestHomeserver, TestHomeserver] {
    return [this.first, this.second]
  }

  /** Where each name is reached now; a restart changes the address. Names that are not here belong to nobody. */
  get addresses(): ReadonlyMap<string, string> {
    return new Map(this.both.map(({ serverName, url }) => [serverName, url]))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await Promise.all(this.both.map((server) => server.stop()))
  }
}
