import { describe, expect, it } from 'vitest'
import { POSTGRES } from '../contract/databases.ts'
import { Dice, seedOfRun } from '../crash/dice.ts'
import { Ledger } from '../crash/ledger.ts'
import { pause } from '../crash/pause.ts'
import type { DatabaseKind } from '../support/homeserver.ts'
import { TwoKilledServers } from './faults/killed-servers.ts'

/** `HOMEROOM_TEST_FEDERATION_KILLS` for more of them; `HOMEROOM_TEST_SEED` repeats the choices, not the timing. */
const KILLS = Number(process.env.HOMEROOM_TEST_FEDERATION_KILLS ?? 6)
/**
 * Kills between two moments in which all that was acknowledged has to arrive. On a slow machine a start takes longer than the time between two kills: then the
 * servers never meet, their pauses grow, and one that missed 20,000 events is told the newest alone.
 */
const KILLS_A_ROUND = 6

describe('two homeservers that write into shared rooms, killed again and again', () => {
  const cases: readonly (readonly [string, readonly DatabaseKind[]])[] = [
    ['SQLite', ['sqlite', 'sqlite']],
    ['PostgreSQL and SQLite', ['postgres', 'sqlite']],
  ]
  it.each(cases)(
    'lose nothing that was acknowledged, deliver nothing twice, and go on sending: %s',
    { timeout: 60_000 + KILLS * 40_000 },
    async (name, databases) => {
      if (databases.includes('postgres') && POSTGRES === undefined) return
      const ledger = new Ledger()
      const dice = new Dice(seedOfRun())
      const both = await TwoKilledServers.start(databases, ledger, dice.fork())
      try {
        for (let killed = 0; killed < KILLS && ledger.lost.length === 0; killed += KILLS_A_ROUND) {
          await both.underLoad(async () => {
            for (let kill = killed; kill < Math.min(killed + KILLS_A_ROUND, KILLS); kill++) {
              await pause(dice.between(100, 1_900))
              await dice.pick(both.servers).dieAndLive()
            }
            await pause(500)
          })
          await both.settle()
        }
        const kills = both.servers.map((server) => `${server.kills} of ${server.name}`).join(' and ')
        console.info(`federation crash test, ${name}: kills ${kills}, ${ledger.summary()}; seed ${dice.seed}`)
        if (ledger.lost.length > 0)
          console.info(both.servers.map((server) => `${server.name}: ${server.errors}`).join('\n'))
        expect(ledger.lost.slice(0, 20)).toEqual([])
        expect(ledger.faults).toEqual([])
        expect(ledger.events.length).toBeGreaterThan(KILLS * 4)
      } finally {
        await both.stop()
      }
    },
  )
})
