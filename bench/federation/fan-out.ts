import { rmSync } from 'node:fs'
import { join } from 'node:path'
import { Worker } from 'node:worker_threads'
import { silentLogger, systemClock, systemRandom } from '#base'
import { openFederation } from '#net'
import { FederationOut } from '#outbox'
import { signingKeyFromSeed } from '#rules'
import type { ServerName, UserId } from '#spec'
import { openStore, type Store, writers } from '#store'
import { InProcessBus, Streams } from '#streams'
import { applyTo, createRoom, member, message, type TestRoom } from '../../test/contract/room-fixtures.ts'
import { FEDERATION_CERTIFICATE, FEDERATION_KEY, TEST_AUTHORITY } from '../../test/support/certificate.ts'
import { longestStepMs } from '../../test/support/event-loop.ts'
import { scratchFolder } from '../../test/support/scratch.ts'
import { nowMs, pauseMs } from '../measure/now.ts'
import type { Figure } from '../sliding/sliding.ts'

const OWN = 'localhost' as ServerName
const GIVEN_UP_MS = 300_000

/** Homeservers on a thread of their own that take what they get. */
class Destinations {
  readonly names: readonly ServerName[]
  readonly #thread: Worker
  port = 0
  taken = 0

  constructor(count: number) {
    this.names = Array.from({ length: count }, (_, index) => `server${index}.servers.example` as ServerName)
    this.#thread = new Worker(new URL('./destinations-thread.mjs', import.meta.url), {
      workerData: { cert: FEDERATION_CERTIFICATE, key: FEDERATION_KEY },
    })
    this.#thread.on('message', ({ port, taken }: { port?: number; taken?: number }) => {
      this.port = port ?? this.port
      this.taken = taken ?? this.taken
    })
  }

  async until(holds: () => boolean): Promise<void> {
    const endMs = nowMs() + GIVEN_UP_MS
    while (!holds()) {
      if (nowMs() > endMs) throw new Error(`only ${this.taken} transactions came`)
      await pauseMs(5)
    }
  }

  stop(): Promise<number> {
    return this.#thread.terminate()
  }
}

/** Sends over real connections from a store of its own. */
const openOut = async (store: Store, { names, port }: Destinations): Promise<FederationOut> => {
  const [clock, random, bus] = [systemClock, systemRandom, new InProcessBus()]
  const streams = new Streams({
    ...{ clock, bus },
    durable: await store.positions(),
    readDurable: () => store.positions(),
    roomsAround: store.rooms.roomsAround,
    process: 1,
  })
  store.onCommitted(({ announcements: news, before, positions }) =>
    bus.publish({ kind: 'committed', before, positions, news }),
  )
  const key = signingKeyFromSeed('ed25519:bench', OWN, 'A'.repeat(43))
  if (!key.ok) throw new Error('the bench has no key')
  const { client: requests } = openFederation({
    ...{ clock, random, hosts: new Map(), allowedNetworks: ['127.0.0.0/8'], dnsServers: [], userAgent: 'bench' },
    addresses: new Map(names.map((name) => [name, `127.0.0.1:${port}`])),
    authorities: [TEST_AUTHORITY],
    signingKey: key.value,
    allows: () => true,
  })
  const { federationOut: reader, rooms, commit } = store
  return new FederationOut({
    ...{ own: OWN, clock, random, streams, requests, logger: silentLogger, sources: [] },
    store: { reader, writer: writers.federationOut, commit, rooms },
  })
}

const roomWith = async (store: Store, servers: readonly ServerName[]): Promise<TestRoom> => {
  const room = await createRoom(store)
  const userOf = (server: ServerName): UserId => `@someone:${server}` as UserId
  await applyTo(
    store,
    room,
    servers.map((server) => member(userOf(server), 'join', { sender: userOf(server) })),
  )
  return room
}

interface Spent {
  readonly tookMs: number
  readonly cpuMs: number
  readonly longestMs: number
}

const spent = async (work: () => Promise<unknown>): Promise<Spent> => {
  const [startedMs, before] = [nowMs(), process.cpuUsage()]
  const longestMs = await longestStepMs(work)
  const { user, system } = process.cpuUsage(before)
  return { tookMs: nowMs() - startedMs, cpuMs: (user + system) / 1_000, longestMs }
}

const figures = (name: string, { tookMs, cpuMs, longestMs }: Spent): readonly Figure[] => [
  { name: `${name}: until all had it`, value: `${Math.round(tookMs)} ms` },
  { name: `${name}: processor time, both ends`, value: `${Math.round(cpuMs)} ms` },
  { name: `${name}: longest step of the event loop`, value: `${longestMs.toFixed(1)} ms` },
]

/** One message to many servers, over new connections and over open ones; then a start with many servers that are behind. */
export const fanOut = async (
  { servers, behind }: { readonly servers: number; readonly behind: number },
  progress: (line: string) => void,
): Promise<readonly Figure[]> => {
  const folder = scratchFolder('fan-out')
  const destinations = new Destinations(servers)
  const store = await openStore({ url: `sqlite:${join(folder, 'bench.db')}`, clock: systemClock, logger: silentLogger })
  try {
    await destinations.until(() => destinations.port > 0)
    progress(`  ${servers} servers`)
    const room = await roomWith(store, destinations.names)
    const out = await openOut(store, destinations)
    out.start()
    const send = async (): Promise<void> => {
      const wanted = destinations.taken + servers
      await applyTo(store, room, [message()])
      await destinations.until(() => destinations.taken >= wanted)
    }
    const found = [
      ...figures(`a message to ${servers} servers, new connections`, await spent(send)),
      ...figures(`a message to ${servers} servers`, await spent(send)),
    ]
    await out.stop()
    return [...found, ...(await restart(store, destinations, behind, progress))]
  } finally {
    await store.close()
    await destinations.stop()
    rmSync(folder, { recursive: true, force: true })
  }
}

/** A start with servers that failed before and that nobody answers for. */
const restart = async (
  store: Store,
  destinations: Destinations,
  count: number,
  progress: (line: string) => void,
): Promise<readonly Figure[]> => {
  progress(`  a start with ${count} servers behind`)
  const { events: position } = await store.positions()
  const now = systemClock.nowMs()
  const failed = { position: 0, failures: 3, failingSinceMs: now - 60_000, retryAtMs: now, lastSuccessMs: undefined }
  const behind = Array.from({ length: count }, (_, index) => ({
    server: `gone${index}.example` as ServerName,
    ...failed,
  }))
  await store.commit([writers.federationOut.save({ position, rooms: [], behind, caughtUp: [] })])
  global.gc?.()
  const heapBefore = process.memoryUsage().heapUsed
  const out = await openOut(store, destinations)
  const { longestMs, cpuMs } = await spent(async () => {
    out.start()
    await destinations.until(() => out.statuses().length >= count)
  })
  global.gc?.()
  const bytes = (process.memoryUsage().heapUsed - heapBefore) / count
  await out.stop()
  const name = `start with ${count} servers behind`
  return [
    { name: `${name}: processor time until all are known`, value: `${Math.round(cpuMs)} ms` },
    { name: `${name}: longest step of the event loop`, value: `${longestMs.toFixed(1)} ms` },
    { name: `${name}: memory a server`, value: `${Math.round(bytes)} bytes` },
  ]
}
