import { mkdirSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Json, type Query, TestClient } from '../../support/client.ts'
import { type DatabaseKind, startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { scratchFolder } from '../../support/scratch.ts'

export const AS_TOKEN = 'the-token-of-the-service'
export const HS_TOKEN = 'the-token-of-the-server'

/** A registration as its YAML; members that are undefined are left out. */
export const registration = (members: Readonly<Record<string, unknown>> = {}): Record<string, unknown> => ({
  id: 'irc',
  url: null,
  as_token: AS_TOKEN,
  hs_token: HS_TOKEN,
  sender_localpart: '_irc_bot',
  rate_limited: false,
  namespaces: {
    users: [{ exclusive: true, regex: '@_irc_.*' }],
    aliases: [{ exclusive: true, regex: '#_irc_.*' }],
    rooms: [],
  },
  ...members,
})

/** A folder of registration files. */
export class RegistrationFolder implements Disposable {
  readonly path = scratchFolder('registrations')

  constructor(files: Readonly<Record<string, unknown>> = {}) {
    mkdirSync(this.path, { recursive: true })
    for (const [name, content] of Object.entries(files)) this.write(name, content)
  }

  /** Writes a file in one step, as editors do. A text is written as it is, anything else as JSON, which is YAML. */
  write(name: string, content: unknown): void {
    const file = join(this.path, name)
    writeFileSync(`${file}.new`, typeof content === 'string' ? content : JSON.stringify(content))
    renameSync(`${file}.new`, file)
  }

  remove(name: string): void {
    rmSync(join(this.path, name))
  }

  [Symbol.dispose](): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

export interface ServiceSetup {
  readonly registrations?: readonly Record<string, unknown>[]
  readonly settings?: Readonly<Record<string, Readonly<Record<string, unknown>>>>
  readonly database?: DatabaseKind
}

export interface ServiceWorld extends AsyncDisposable {
  readonly server: TestHomeserver
  readonly folder: RegistrationFolder
  /** Asks as the service, for a user where one is named. */
  as(user?: string, token?: string): ServiceClient
}

/** A client that has the token of an application service. */
export class ServiceClient extends TestClient {
  readonly #query: Query

  constructor(base: () => string, token: string, query: Query) {
    super(base)
    this.accessToken = token
    this.#query = query
  }

  override request(...[method, path, options = {}]: Parameters<TestClient['request']>) {
    return super.request(method, path, { ...options, query: { ...this.#query, ...options.query } })
  }
}

export const startWithServices = async ({
  registrations = [registration()],
  settings = {},
  database = 'sqlite',
}: ServiceSetup = {}): Promise<ServiceWorld> => {
  const folder = new RegistrationFolder()
  for (const [index, one] of registrations.entries()) folder.write(`${index}.yaml`, one)
  const server = await startHomeserver({
    database,
    settings: { ...settings, appservices: { ...settings.appservices, files: [folder.path] } },
  })
  return {
    server,
    folder,
    as: (user, token = AS_TOKEN) => {
      const userId = user === undefined ? undefined : `@${user}:${server.serverName}`
      const client = new ServiceClient(() => server.url, token, userId === undefined ? {} : { user_id: userId })
      client.userId = userId ?? ''
      return client
    },
    [Symbol.asyncDispose]: async () => {
      await server.stop()
      folder[Symbol.dispose]()
    },
  }
}

export const registerGhost = async (world: ServiceWorld, username: string): Promise<ServiceClient> => {
  const body = { type: 'm.login.application_service', username, inhibit_login: true }
  await world.as().post('/v3/register', body)
  return world.as(username)
}

export type { Json }
