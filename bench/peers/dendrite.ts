import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { must, type Peer, type Place, quoted, SERVER_NAME } from './peer.ts'

const VERSION = 'v0.13.8'
const MODULE = 'github.com/matrix-org/dendrite'
/** Its parts, each of which has a database of its own on SQLite. */
const PARTS = [
  ...['federation_api', 'key_server', 'media_api', 'room_server', 'sync_api', 'relay_api', 'mscs'],
  'user_api',
] as const

/**
 * As shipped: a journal that is rolled back, and every commit on the disk. Relaxed: WAL, synced by time. Its configuration takes no parameters of the driver
 * but behind a question mark that is escaped.
 */
const sqliteUrl = ({ home, database }: Place, part: string): string =>
  `file://${join(home, `${part}.db`)}${database.durability === 'relaxed' ? '%3F_journal_mode=WAL&_synchronous=NORMAL' : ''}`

const databases = (place: Place): Record<string, object> =>
  Object.fromEntries(
    PARTS.map((part) => [
      part,
      { [part === 'user_api' ? 'account_database' : 'database']: { connection_string: sqliteUrl(place, part) } },
    ]),
  )

export const dendrite: Peer = {
  name: 'Dendrite',
  version: VERSION,
  install: async (folder) => {
    const programs = ['dendrite', 'generate-keys']
    if (programs.every((program) => existsSync(join(folder, program)))) return
    mkdirSync(folder, { recursive: true })
    const modules = programs.map((program) => `${MODULE}/cmd/${program}@${VERSION}`)
    // Its SQLite is C.
    await must('go', ['install', ...modules], { GOBIN: folder, CGO_ENABLED: '1' })
  },
  configure: async (place) => {
    const { installed, home, port, databaseUrl } = place
    const key = join(home, 'matrix_key.pem')
    await must(join(installed, 'generate-keys'), ['--private-key', key])
    const own = databaseUrl === undefined ? databases(place) : {}
    const shared = databaseUrl === undefined ? {} : { database: { connection_string: databaseUrl, max_open_conns: 40 } }
    const settings = {
      version: 2,
      global: {
        server_name: SERVER_NAME,
        private_key: key,
        trusted_third_party_id_servers: [],
        jetstream: { storage_path: join(home, 'jetstream') },
        ...shared,
      },
      ...own,
      client_api: { registration_disabled: false, rate_limiting: { enabled: false } },
      media_api: { ...own.media_api, base_path: join(home, 'media') },
      user_api: { ...own.user_api, bcrypt_cost: 4 },
      logging: [{ type: 'std', level: 'warn' }],
    }
    const file = join(home, 'dendrite.yaml')
    // JSON is YAML.
    writeFileSync(file, JSON.stringify(settings, null, 2))
    const flags = ['-config', file, '-http-bind-address', `127.0.0.1:${port}`, '-really-enable-open-registration']
    return `cd ${quoted(home)} && exec ${[join(installed, 'dendrite'), ...flags].map(quoted).join(' ')}`
  },
}
