import { mkdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { nowMs } from '../measure/now.ts'
import { median } from '../measure/stats.ts'
import type { Options } from '../run/options.ts'
import type { Report } from '../run/results.ts'
import { runBench, type Say } from '../run/run.ts'
import { startServer } from '../run/server-process.ts'
import { backPagination } from '../scenarios/back-pagination.ts'
import { firstSync } from '../scenarios/first-sync.ts'
import { idle } from '../scenarios/idle.ts'
import { type Scenario, scales } from '../scenarios/scenario.ts'
import { sendOneRoom } from '../scenarios/send-one-room.ts'
import { wakeListeners } from '../scenarios/wake-listeners.ts'
import type { Database, Peer } from './peer.ts'
import { dropDatabase, emptyDatabase } from './postgres.ts'

/** One server that is measured: a peer on a database. */
export interface Contestant {
  readonly peer: Peer
  readonly database: Database
}

export interface PeerOptions {
  readonly folder: string
  readonly port: number
  readonly seconds: number
  readonly serverCpu: number | undefined
  readonly loadCpu: number | undefined
  /** URL of a superuser. */
  readonly postgres: string | undefined
}

/** What is kept of one contestant, as a file. */
export interface PeerResult {
  readonly name: string
  readonly version: string
  readonly database: Database
  /** From the second start on, until it answers; the middle of three. */
  readonly startMs: number
  readonly report: Report
}

const scale = { ...scales.full, listeners: [1, 100], syncRooms: [1, 100], historyMessages: 150 }
/** In the order they run. */
const measured: readonly Scenario[] = [idle, sendOneRoom, backPagination, firstSync, wakeListeners].map((scenario) => ({
  ...scenario,
  cases: (scene) => scenario.cases({ ...scene, scale }),
}))
const STARTS = 3

export const idOf = ({ peer, database }: Contestant): string =>
  `${peer.name}-${database.kind}-${database.durability}`.toLowerCase()

export const measurePeer = async (contestant: Contestant, options: PeerOptions, say: Say): Promise<PeerResult> => {
  const { peer, database } = contestant
  const id = idOf(contestant)
  const installed = join(options.folder, peer.name.toLowerCase())
  const home = join(options.folder, 'run', id)
  rmSync(home, { recursive: true, force: true })
  mkdirSync(home, { recursive: true })
  const databaseName = `bench_${id.replaceAll('-', '_')}`
  const { postgres } = options
  const onPostgres = database.kind === 'PostgreSQL' && postgres !== undefined
  const databaseUrl = onPostgres ? await emptyDatabase(postgres, databaseName, database.durability) : undefined
  try {
    const command = await peer.configure({ installed, home, port: options.port, database, databaseUrl })
    const url = `http://127.0.0.1:${options.port}`
    const startMs = await startTime(command, url, options.serverCpu)
    const report = await runBench(benchOptions(peer.name, url, command, options), measured, say)
    return { name: peer.name, version: peer.version, database, startMs, report }
  } finally {
    rmSync(home, { recursive: true, force: true })
    if (onPostgres) await dropDatabase(postgres, databaseName)
  }
}

/** The first start makes the database, and is not counted. */
const startTime = async (command: string, url: string, cpu: number | undefined): Promise<number> => {
  const times: number[] = []
  for (let start = 0; start <= STARTS; start += 1) {
    const beforeMs = nowMs()
    const server = await startServer(command, url, cpu)
    if (start > 0) times.push(nowMs() - beforeMs)
    await server.stop()
  }
  return median(times)
}

const benchOptions = (label: string, url: string, spawn: string, options: PeerOptions): Options => ({
  targets: [{ label, url, registration: { kind: 'open' }, pids: [], spawn }],
  only: measured.map(({ name }) => name),
  cases: '',
  scale: 'full',
  seconds: options.seconds,
  rounds: 1,
  limits: false,
  limitsDir: undefined,
  serverCpu: options.serverCpu,
  loadCpu: options.loadCpu,
  json: undefined,
  svg: undefined,
})
