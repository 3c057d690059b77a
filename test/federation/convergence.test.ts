import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { POSTGRES } from '../contract/databases.ts'
import { Dice, seedOfRun } from '../crash/dice.ts'
import { type FederationServers, startFederation } from '../support/federation-servers.ts'
import type { DatabaseKind } from '../support/homeserver.ts'
import { makeBusy, openRoom, type People, speakInTurn } from './faults/busy-room.ts'
import { FaultyLinks } from './faults/faulty-links.ts'
import { storedRoom } from './faults/stored-room.ts'

/**
 * Homeservers whose links fail, and whose people do all at once what a room allows: after quiet, all of them have the same state, the same events, the
 * same ones refused, and one and the same end of the history. `HOMEROOM_TEST_RUNS` says how many rooms, `HOMEROOM_TEST_SEED` repeats the choices
 * of one.
 */
const RUNS = Number(process.env.HOMEROOM_TEST_RUNS ?? 6)
const STEPS = Number(process.env.HOMEROOM_TEST_STEPS ?? 25)
const FAULTS = 0.25
const NAMES = ['first.example', 'second.example', 'third.example']
const VERSIONS = ['10', '11', '12', '6']
const BASE = seedOfRun()

interface Case {
  readonly title: string
  readonly names: readonly string[]
  readonly database: readonly DatabaseKind[]
}

const CASES: readonly Case[] = [
  { title: 'three servers on SQLite', names: NAMES, database: ['sqlite'] },
  { title: 'two servers on SQLite', names: NAMES.slice(0, 2), database: ['sqlite'] },
  { title: 'three servers on PostgreSQL and SQLite', names: NAMES, database: ['postgres', 'postgres', 'sqlite'] },
]

describe.each(CASES)('$title, whose links fail', ({ names, database }) => {
  const isThere = POSTGRES !== undefined || !database.includes('postgres')
  const dice = new Dice(BASE)
  let links: FaultyLinks | undefined
  let federation: FederationServers | undefined
  let people: readonly People[] = []

  beforeAll(async () => {
    if (!isThere) return
    links = await FaultyLinks.between(names, dice.fork())
    federation = await startFederation({ names, database, route: links.route })
    people = await Promise.all(
      federation.servers.map(async (server) => ({
        serverName: server.serverName,
        admin: await server.register('admin'),
        member: await server.register('member'),
      })),
    )
  }, 120_000)
  afterAll(async () => {
    await federation?.[Symbol.asyncDispose]()
    await links?.[Symbol.asyncDispose]()
  })

  it.skipIf(!isThere).each(Array.from({ length: RUNS }, (_, run) => BASE + run))(
    'end alike, seed %i',
    { timeout: 180_000 },
    async (seed) => {
      if (links === undefined || federation === undefined) throw new Error('they did not start')
      const own = new Dice(seed)
      const roomId = await openRoom(people, own.pick(VERSIONS))
      links.rate = FAULTS
      const done = await makeBusy(people, roomId, { dice: own, links, steps: STEPS })
      links.heal()
      expect(done).toBeGreaterThan(STEPS / 2)
      await speakInTurn(people, roomId)
      const [first, ...others] = await Promise.all(federation.servers.map((server) => storedRoom(server, roomId)))
      for (const other of others) expect(other).toEqual(first)
      // The heads are the same everywhere; what was said last may have left two that the next event joins.
      expect(first?.extremities.length).toBeGreaterThan(0)
      expect(first?.events.length).toBeGreaterThan(STEPS / 2)
    },
  )
})
