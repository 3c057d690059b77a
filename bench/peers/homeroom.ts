import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { type Peer, type Place, quoted } from './peer.ts'

const root = fileURLToPath(new URL('../..', import.meta.url))
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string }

/** This working copy. */
export const homeroom: Peer = {
  name: 'Homeroom',
  version,
  install: async () => {},
  configure: async ({ home, port, database, databaseUrl }: Place) => {
    const env = [
      `HOMEROOM_STORAGE_DURABILITY=${database.durability}`,
      'HOMEROOM_PASSWORDS_HASH_MEMORY=64KiB',
      'HOMEROOM_PASSWORDS_HASH_PASSES=1',
    ]
    const flags = ['start', '--port', String(port), '--data', quoted(join(home, 'data')), '--registration', 'open']
    const elsewhere = databaseUrl === undefined ? [] : ['--database', quoted(databaseUrl)]
    const node = [quoted(process.execPath), quoted(join(root, 'bin', 'homeroom.js'))]
    return [...env, 'exec', ...node, ...flags, '--no-rate-limit', '--log-level', 'warn', ...elsewhere].join(' ')
  },
}
