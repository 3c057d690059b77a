import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join, resolve } from 'node:path'
import { Command } from 'commander'
import { pinSelf } from '../run/server-process.ts'
import { dendrite } from './dendrite.ts'
import { homeroom } from './homeroom.ts'
import { type Contestant, idOf, measurePeer, type PeerResult } from './measure.ts'
import type { Database } from './peer.ts'
import { renderPeers } from './peers-table.ts'
import { synapse } from './synapse.ts'

const peers = [homeroom, synapse, dendrite]
const databases: readonly Database[] = [
  { kind: 'SQLite', durability: 'full' },
  { kind: 'SQLite', durability: 'relaxed' },
  { kind: 'PostgreSQL', durability: 'full' },
  { kind: 'PostgreSQL', durability: 'relaxed' },
]
const contestants: readonly Contestant[] = databases.flatMap((database) => peers.map((peer) => ({ peer, database })))

interface Flags {
  readonly folder: string
  readonly only?: string
  readonly postgres?: string
  readonly port: string
  readonly seconds: string
  readonly serverCpu?: string
  readonly loadCpu?: string
  readonly install?: true
  readonly table?: true
}

const flags = new Command('bench/peers')
  .description('Measures Homeroom beside Synapse and Dendrite, one server after another, and prints one table.')
  .requiredOption('--folder <path>', 'where the others are installed, servers keep their data, and results are kept')
  .option('--only <text,...>', `only those whose name holds one of these texts: ${contestants.map(idOf).join(', ')}`)
  .option('--postgres <url>', 'a superuser of PostgreSQL; without one, SQLite alone is measured')
  .option('--port <n>', 'where each server listens', '18008')
  .option('--seconds <n>', 'length of each measured stretch', '5')
  .option('--server-cpu <n>', 'pin the servers to this core')
  .option('--load-cpu <n>', 'pin the bench itself to this core')
  .option('--install', 'install the others, and measure nothing')
  .option('--table', 'print the table of the results that are there, and measure nothing')
  .parse()
  .opts<Flags>()

const say = (line: string): void => void process.stderr.write(`${line}\n`)
const folder = resolve(flags.folder)
const results = join(folder, 'results')
mkdirSync(results, { recursive: true })

const wanted = contestants.filter((contestant) => {
  if (contestant.database.kind === 'PostgreSQL' && flags.postgres === undefined) return false
  return flags.only === undefined || flags.only.split(',').some((text) => idOf(contestant).includes(text))
})

const cpu = (text: string | undefined): number | undefined => (text === undefined ? undefined : Number(text))

const measureAll = async (): Promise<void> => {
  for (const peer of new Set(wanted.map((contestant) => contestant.peer))) {
    say(`${peer.name} ${peer.version}: installing it where it is missing`)
    await peer.install(join(folder, peer.name.toLowerCase()))
  }
  if (flags.install === true) return
  const loadCpu = cpu(flags.loadCpu)
  if (loadCpu !== undefined && !pinSelf(loadCpu)) say('taskset is not available: the bench is not pinned')
  const options = { folder, port: Number(flags.port), seconds: Number(flags.seconds), postgres: flags.postgres }
  for (const contestant of wanted) {
    const id = idOf(contestant)
    say(id)
    try {
      const result = await measurePeer(contestant, { ...options, serverCpu: cpu(flags.serverCpu), loadCpu }, say)
      writeFileSync(join(results, `${id}.json`), `${JSON.stringify(result, null, 2)}\n`)
    } catch (error) {
      say(`${id}: ${error instanceof Error ? error.message : String(error)}`)
      process.exitCode = 1
    }
  }
}

for (const signal of ['SIGINT', 'SIGTERM'] as const) process.once(signal, () => process.exit(1))

if (flags.table !== true) await measureAll()
const there = readdirSync(results)
const kept = contestants
  .filter((contestant) => there.includes(`${idOf(contestant)}.json`))
  .map((contestant) => JSON.parse(readFileSync(join(results, `${idOf(contestant)}.json`), 'utf8')) as PeerResult)
if (kept.length > 0) process.stdout.write(renderPeers(kept))
