import { type ChildProcess, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { FEDERATION_CERTIFICATE, FEDERATION_KEY, TEST_AUTHORITY } from '../../support/certificate.ts'
import { TestClient } from '../../support/client.ts'

/** A Python that has Synapse: the gate makes one. */
export const SYNAPSE = process.env.HOMEROOM_TEST_SYNAPSE

const START_MS = 90_000
const STOP_MS = 20_000
const POLL_MS = 100
const LOG_BYTES = 6_000

/** JSON is YAML. */
const settingsOf = (folder: string, tlsPort: number, clientPort: number) => ({
  server_name: `localhost:${tlsPort}`,
  public_baseurl: `http://127.0.0.1:${clientPort}/`,
  pid_file: join(folder, 'pid'),
  signing_key_path: join(folder, 'signing.key'),
  media_store_path: join(folder, 'media'),
  log_config: join(folder, 'log.json'),
  database: { name: 'sqlite3', args: { database: join(folder, 'homeserver.db') } },
  listeners: [
    { port: clientPort, bind_addresses: ['127.0.0.1'], type: 'http', resources: [{ names: ['client', 'media'] }] },
    {
      port: tlsPort,
      bind_addresses: ['127.0.0.1'],
      type: 'http',
      tls: true,
      resources: [{ names: ['federation', 'keys', 'media'] }],
    },
  ],
  tls_certificate_path: join(folder, 'tls.crt'),
  tls_private_key_path: join(folder, 'tls.key'),
  federation_custom_ca_list: [join(folder, 'ca.crt')],
  ip_range_blacklist: [],
  federation_ip_range_blacklist: [],
  trusted_key_servers: [],
  enable_registration: true,
  enable_registration_without_verification: true,
  bcrypt_rounds: 4,
  report_stats: false,
  macaroon_secret_key: 'a',
  form_secret: 'b',
  allow_public_rooms_over_federation: true,
  allow_public_rooms_without_auth: true,
  // By default nobody may list a room, and a room that was to be listed is made unlisted.
  room_list_publication_rules: [{ action: 'allow' }],
  use_presence: true,
  // A peer that was away is tried again soon.
  federation: {
    destination_min_retry_interval: '1s',
    destination_retry_multiplier: 1,
    destination_max_retry_interval: '1s',
    max_short_retries: 1,
    max_short_retry_delay: '1s',
    client_timeout: '20s',
  },
  federation_rr_transactions_per_room_per_second: 1000,
  experimental_features: {},
  ...unlimited,
})

const lots = { per_second: 100_000, burst_count: 100_000 }
const unlimited = {
  rc_message: lots,
  rc_registration: lots,
  rc_login: { address: lots, account: lots, failed_attempts: lots },
  rc_admin_redaction: lots,
  rc_joins: { local: lots, remote: lots },
  rc_joins_per_room: lots,
  rc_invites: { per_room: lots, per_user: lots, per_issuer: lots },
  rc_3pid_validation: lots,
  rc_room_creation: lots,
  rc_presence: { per_user: lots },
  rc_media_create: lots,
  rc_federation: { window_size: 1000, sleep_limit: 100_000, sleep_delay: 1, reject_limit: 100_000, concurrent: 100 },
  rc_key_requests: lots,
  rc_third_party_invite: lots,
}

const LOG = (folder: string) => ({
  version: 1,
  formatters: { brief: { format: '%(asctime)s %(name)s %(levelname)s %(message)s' } },
  handlers: { file: { class: 'logging.FileHandler', formatter: 'brief', filename: join(folder, 'log') } },
  root: { level: process.env.HOMEROOM_TEST_SYNAPSE_LOG ?? 'WARNING', handlers: ['file'] },
  disable_existing_loggers: false,
})

/** Another homeserver, as others run it, with SQLite and on loopback: `localhost:PORT` is its name and its address. */
export class Synapse {
  readonly #folder: string
  readonly #tlsPort: number
  readonly #clientPort: number
  readonly #names = new Map<string, number>()
  #process: ChildProcess | undefined

  private constructor(folder: string, tlsPort: number, clientPort: number) {
    this.#folder = folder
    this.#tlsPort = tlsPort
    this.#clientPort = clientPort
  }

  static async start(): Promise<Synapse> {
    const folder = mkdtempSync(join(tmpdir(), 'homeroom-synapse-'))
    const [tlsPort, clientPort] = [await freePort(), await freePort()]
    const put = (name: string, text: string): void => writeFileSync(join(folder, name), text)
    put('tls.crt', FEDERATION_CERTIFICATE)
    put('tls.key', FEDERATION_KEY)
    put('ca.crt', TEST_AUTHORITY)
    put('log.json', JSON.stringify(LOG(folder)))
    put('homeserver.json', JSON.stringify(settingsOf(folder, tlsPort, clientPort)))
    const made = spawnSync(SYNAPSE ?? 'python3', [...MODULE, join(folder, 'homeserver.json'), '--generate-keys'], {
      encoding: 'utf8',
    })
    if (made.status !== 0) throw new Error(`Synapse does not take its settings: ${made.stderr}`)
    const synapse = new Synapse(folder, tlsPort, clientPort)
    await synapse.run()
    return synapse
  }

  get name(): string {
    return `localhost:${this.#tlsPort}`
  }

  get url(): string {
    return `http://127.0.0.1:${this.#clientPort}`
  }

  /** The end of what it logged. */
  get log(): string {
    return readFileSync(join(this.#folder, 'log'), 'utf8').slice(-LOG_BYTES)
  }

  /** Starts it again, after `halt`. */
  async run(): Promise<void> {
    const output = openSync(join(this.#folder, 'output'), 'a')
    const child = spawn(SYNAPSE ?? 'python3', [...MODULE, join(this.#folder, 'homeserver.json')], {
      cwd: this.#folder,
      stdio: ['ignore', output, output],
    })
    this.#process = child
    const until = Date.now() + START_MS
    for (;;) {
      if (child.exitCode !== null || Date.now() > until)
        throw new Error(
          `Synapse did not start: ${readFileSync(join(this.#folder, 'output'), 'utf8').slice(-LOG_BYTES)}`,
        )
      if (await answers(`${this.url}/_matrix/client/versions`)) return
      await pause(POLL_MS)
    }
  }

  /** Stops it, in good order or not; its data stay. */
  async halt(signal: NodeJS.Signals = 'SIGTERM'): Promise<void> {
    const child = this.#process
    this.#process = undefined
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    child.kill(signal)
    const late = setTimeout(() => child.kill('SIGKILL'), STOP_MS)
    await gone
    clearTimeout(late)
  }

  /** A client with a fresh account. What it is answered is not held against the official data, as those are not our answers. */
  async register(username: string): Promise<TestClient> {
    const times = (this.#names.get(username) ?? 0) + 1
    this.#names.set(username, times)
    const client = new TestClient(this.url, { checked: false })
    await client.register(times === 1 ? username : `${username}-${times}`)
    return client
  }

  async stop(): Promise<void> {
    await this.halt()
    rmSync(this.#folder, { recursive: true, force: true })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.stop()
  }
}

const MODULE = ['-W', 'ignore', '-m', 'synapse.app.homeserver', '-c']

const answers = async (url: string): Promise<boolean> => {
  try {
    return (await fetch(url)).ok
  } catch {
    return false
  }
}

/** A port that nobody has now. */
export const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

const pause = (timeMs: number): Promise<void> =>
  new Promise((resolve) => {
    setTimeout(resolve, timeMs)
  })
