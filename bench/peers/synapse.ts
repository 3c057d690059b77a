import { randomBytes } from 'node:crypto'
import { existsSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { ANY_RATE, must, type Peer, type Place, quoted, SERVER_NAME } from './peer.ts'

const VERSION = '1.163.2'
const POSTGRES_DRIVER = 'psycopg2-binary==2.9.13'

/** Python reads a module of this name at its start: the one way to another `synchronous`, for which Synapse has no setting. */
const RELAXED_SQLITE = `import sqlite3

_connect = sqlite3.connect


def connect(*args, **kwargs):
    connection = _connect(*args, **kwargs)
    connection.execute("PRAGMA synchronous = NORMAL")
    return connection


sqlite3.connect = connect
`

const rates = {
  ...{ rc_message: ANY_RATE, rc_registration: ANY_RATE, rc_joins_per_room: ANY_RATE, rc_room_creation: ANY_RATE },
  rc_login: { address: ANY_RATE, account: ANY_RATE, failed_attempts: ANY_RATE },
  rc_joins: { local: ANY_RATE, remote: ANY_RATE },
  rc_invites: { per_room: ANY_RATE, per_user: ANY_RATE, per_issuer: ANY_RATE },
}

const logging = (file: string): object => ({
  version: 1,
  handlers: { file: { class: 'logging.FileHandler', filename: file } },
  root: { level: 'WARNING', handlers: ['file'] },
})

const databaseOf = ({ home, databaseUrl }: Place): object => {
  if (databaseUrl === undefined) return { name: 'sqlite3', args: { database: join(home, 'homeserver.db') } }
  return { name: 'psycopg2', args: { dsn: databaseUrl, cp_min: 5, cp_max: 10 } }
}

export const synapse: Peer = {
  name: 'Synapse',
  version: VERSION,
  install: async (folder) => {
    if (existsSync(join(folder, 'installed'))) return
    await must('python3', ['-m', 'venv', folder])
    await must(join(folder, 'bin', 'pip'), ['install', '--quiet', `matrix-synapse==${VERSION}`, POSTGRES_DRIVER])
    writeFileSync(join(folder, 'installed'), VERSION)
  },
  configure: async (place) => {
    const { installed, home, port, database } = place
    const file = join(home, 'homeserver.yaml')
    const log = join(home, 'log.yaml')
    // JSON is YAML.
    writeFileSync(log, JSON.stringify(logging(join(home, 'homeserver.log'))))
    const settings = {
      server_name: SERVER_NAME,
      pid_file: join(home, 'homeserver.pid'),
      listeners: [
        { port, type: 'http', tls: false, bind_addresses: ['127.0.0.1'], resources: [{ names: ['client'] }] },
      ],
      database: databaseOf(place),
      log_config: log,
      media_store_path: join(home, 'media'),
      signing_key_path: join(home, 'signing.key'),
      macaroon_secret_key: randomBytes(24).toString('hex'),
      form_secret: randomBytes(24).toString('hex'),
      report_stats: false,
      trusted_key_servers: [],
      enable_registration: true,
      enable_registration_without_verification: true,
      bcrypt_rounds: 4,
      ...rates,
    }
    writeFileSync(file, JSON.stringify(settings, null, 2))
    const python = join(installed, 'bin', 'python')
    const start = ['-m', 'synapse.app.homeserver', '--config-path', file]
    await must(python, [...start, '--generate-keys'])
    const command = `exec ${[python, ...start].map(quoted).join(' ')}`
    if (database.kind !== 'SQLite' || database.durability === 'full') return command
    const modules = join(home, 'python')
    mkdirSync(modules)
    writeFileSync(join(modules, 'sitecustomize.py'), RELAXED_SQLITE)
    return `PYTHONPATH=${quoted(modules)} ${command}`
  },
}
