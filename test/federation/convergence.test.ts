import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Clock, systemClock } from '#base'
import { POSTGRES } from '../contract/databases.ts'
import { Dice, seedOfRun } from '../crash/dice.ts'
import { type FederationServers, startFederation } from '../support/federation-servers.ts'
import type { DatabaseKind, TestHomeserver } from '../support/homeserver.ts'
import { makeBusy, openRoom, type People, speakInTurn } from './faults/busy-room.ts'
import { FaultyLinks, late } from './faults/faulty-links.ts'
import { storedRoom } from './faults/stored-room.ts'

/**
 * Homeservers whose links fail, whose clocks are apart and that start again now and then, and whose people do all at once what a room allows: after quiet, all
 * of them have the same state, the same events, the same ones refused, and one and the same end of the history. Each run is a room with a seed of its own;
 * several are under way at once, and faults meet all of them. `HOMEROOM_TEST_RUNS` says how many rooms, `HOMEROOM_TEST_SEED` repeats the choices of the first
 * and of those after it.
 */
const RUNS = Number(process.env.HOMEROOM_TEST_RUNS ?? 8)
const STEPS = Number(process.env.HOMEROOM_TEST_STEPS ?? 25)
const AT_ONCE = 8
const FAULTS = 0.25
const NAMES = ['first.example', 'second.example', 'third.example']
const VERSIONS = ['10', '11', '12', '6']
const BASE = seedOfRun()
const MINUTE_MS = 60_000

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

/** The machine's clock, but for what it shows. */
const clockApart = (byMs: number): Clock => ({ ...systemClock, nowMs: () => systemClock.nowMs() + byMs })

const CLOCKS: Readonly<Record<string, Clock>> = {
  'second.example': clockApart(-17 * MINUTE_MS),
  'third.example': clockApart(45 * MINUTE_MS),
}

/** The seeds of the runs, those together that are under way at once. */
const GROUPS = Array.from({ length: Math.ceil(RUNS / AT_ONCE) }, (_, group) =>
  Array.from({ length: Math.min(AT_ONCE, RUNS - group * AT_ONCE) }, (__, run) => BASE + group * AT_ONCE + run),
)

describe.each(CASES)('$title, whose links fail', ({ names, database }) => {
  const isThere = POSTGRES !== undefined || !database.includes('postgres')
  const dice = new Dice(BASE)
  let links: FaultyLinks | undefined
  let federation: FederationServers | undefined
  let people: readonly People[] = []

  beforeAll(async () => {
    if (!isThere) return
    links = await FaultyLinks.between(names, dice.fork())
    federation = await startFederation({ names, database, route: links.route, clockOf: CLOCKS })
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

  it.skipIf(!isThere).each(GROUPS.map((seeds) => [seeds[0] ?? 0, seeds] as const))(
    'end alike, seeds from %i',
    { timeout: 240_000 },
    async (first, seeds) => {
      if (links === undefined || federation === undefined) throw new Error('they did not start')
      const { servers } = federation
      const rooms = await Promise.all(
        seeds.map(async (seed) => {
          const own = new Dice(seed)
          return { seed, own, roomId: await openRoom(people, own.pick(VERSIONS)) }
        }),
      )
      links.rate = FAULTS
      const faulty = { links, steps: STEPS }
      const working = rooms.map(({ own, roomId }) => makeBusy(people, roomId, { ...faulty, dice: own }))
      await startAgain(servers, new Dice(first))
      const done = await Promise.all(working)
      links.heal()
      for (const steps of done) expect(steps).toBeGreaterThan(STEPS / 2)
      const apart: unknown[] = []
      await Promise.all(
        rooms.map(async ({ seed, roomId }) => {
          try {
            await endsAlike(servers, people, roomId)
          } catch (error) {
            apart.push({ seed, roomId, error })
          }
        }),
      )
      expect(apart).toEqual([])
    },
  )
})

/** One of the servers, while all are busy. */
const startAgain = async (servers: readonly TestHomeserver[], dice: Dice): Promise<void> => {
  await late(dice.between(200, 1_500))
  if (dice.chance(0.7)) await dice.pick(servers).restart()
}

const endsAlike = async (
  servers: readonly TestHomeserver[],
  people: readonly People[],
  roomId: string,
): Promise<void> => {
  await speakInTurn(people, roomId)
  const [first, ...others] = await Promise.all(servers.map((server) => storedRoom(server, roomId)))
  for (const other of others) expect(other).toEqual(first)
  // The heads are the same everywhere; what was said last may have left two that the next event joins.
  expect(first?.extremities.length).toBeGreaterThan(0)
  expect(first?.events.length).toBeGreaterThan(STEPS / 2)
}
