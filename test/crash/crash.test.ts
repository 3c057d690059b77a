import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { askPostgres, createEmptyPostgres, POSTGRES, postgresUrl } from '../contract/databases.ts'
import { MailServer, PUBLIC_URL } from '../support/other-servers/smtp.ts'
import { CHEAP_PASSWORDS } from '../support/server-process.ts'
import { CrashRun } from './crash-run.ts'
import { killsOfRun, seedOfRun } from './dice.ts'
import { pause } from './pause.ts'

const kills = killsOfRun()
/** Far beyond what it takes, which is 2 to 4 s a kill on a busy machine, more than half of that the start of a process. */
const TIME_MS = 60_000 + kills * 12_000
/** On a machine slower than that no more is killed, and what was done is judged, so that there is a verdict in any case. */
const KILLING_MS = TIME_MS * 0.8
const TOLD_EVERY = 10

const databaseOf = (run: string): string => `homeroom_${run.toLowerCase().replaceAll(' ', '_')}_${process.pid}`

/** Runs with a data folder of its own, and on PostgreSQL with a database of its own; all of it goes away afterwards. */
const withRun = async (kind: 'SQLite' | 'PostgreSQL', name: string, body: (run: CrashRun) => Promise<void>) => {
  const folder = mkdtempSync(join(tmpdir(), 'homeroom-crash-'))
  const database = databaseOf(name)
  let databaseUrl: string | undefined
  if (kind === 'PostgreSQL') {
    await createEmptyPostgres(database)
    databaseUrl = postgresUrl(database)
  }
  const mails = await MailServer.start()
  const env = {
    ...CHEAP_PASSWORDS,
    HOMEROOM_SERVER_PUBLIC_BASE_URL: PUBLIC_URL,
    HOMEROOM_MAIL_SMTP_HOST: '127.0.0.1',
    HOMEROOM_MAIL_SMTP_PORT: String(mails.port),
    HOMEROOM_MAIL_SECURITY: 'none',
    HOMEROOM_MAIL_FROM: 'noreply@chat.example',
  }
  const setup = { dataFolder: join(folder, 'data'), databaseUrl, env }
  const run = new CrashRun({ name, setup, mails, seed: seedOfRun() })
  try {
    await body(run)
  } finally {
    await run.stop()
    await mails[Symbol.asyncDispose]()
    rmSync(folder, { recursive: true, force: true })
    if (databaseUrl !== undefined) await askPostgres(`drop database ${database} with (force)`)
  }
}

const tellTrouble = ({ ledger, logs }: CrashRun): void => {
  if (ledger.lost.length + ledger.faults.length > 0) console.log(`the servers' logs:\n${logs}`)
}

const killAgainAndAgain = (kind: 'SQLite' | 'PostgreSQL') => () =>
  withRun(kind, kind, async (run) => {
    try {
      await run.open()
      const startedMs = performance.now()
      const takesMs = (): number => performance.now() - startedMs
      while (run.kills < kills && takesMs() < KILLING_MS) {
        await run.live()
        if (run.kills % TOLD_EVERY === 0)
          console.log(`crash test, ${kind}: ${run.kills} of ${kills} kills after ${Math.round(takesMs() / 1_000)} s`)
      }
      await run.close()
    } finally {
      console.log(run.summary())
      tellTrouble(run)
    }
    expect(run.ledger.lost).toEqual([])
    expect(run.ledger.faults).toEqual([])
    // The test itself has to have had teeth.
    expect(run.kills, `kills within ${KILLING_MS / 1_000} s: this machine is too slow for more`).toBe(kills)
    expect(run.ledger.events.length).toBeGreaterThan(kills)
    expect(run.ledger.accounts.length).toBeGreaterThan(0)
    expect(run.ledger.rooms.length).toBeGreaterThan(0)
    expect(run.ledger.accountDataWrites).toBeGreaterThan(0)
    expect(run.ledger.personalWrites).toBeGreaterThan(0)
    expect(run.ledger.addresses).toBeGreaterThan(0)
    expect(run.ledger.directMessages).toBeGreaterThan(0)
    expect(run.ledger.backedUpKeys).toBeGreaterThan(0)
    expect(run.ledger.claims).toBeGreaterThan(0)
    expect(run.ledger.askedAgain).toBeGreaterThan(kills)
    expect(run.limitedTimelines).toBeGreaterThan(0)
  })

// Both at once: most of a life is waiting for a process to start.
describe.concurrent('a server killed at random moments', () => {
  it('has all that it acknowledged, on SQLite', killAgainAndAgain('SQLite'), TIME_MS)

  it.skipIf(POSTGRES === undefined)(
    `has all that it acknowledged, on PostgreSQL${POSTGRES === undefined ? ' (skipped: no PostgreSQL)' : ''}`,
    killAgainAndAgain('PostgreSQL'),
    TIME_MS,
  )
})

const CUT_RUN = 'PostgreSQL with connections cut'
const CUT =
  "select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and application_name = 'homeroom' and random() < $2"

describe('a server whose connections to PostgreSQL are cut at random moments', () => {
  it.skipIf(POSTGRES === undefined)(
    `has all that it acknowledged, and serves again by itself${POSTGRES === undefined ? ' (skipped: no PostgreSQL)' : ''}`,
    () =>
      withRun('PostgreSQL', CUT_RUN, async (run) => {
        let cuts = 0
        let connections = 0
        const cutAgainAndAgain = async (): Promise<void> => {
          while (cuts < kills) {
            await pause(run.dice.between(20, 300))
            // Sometimes all at once, sometimes one or another.
            const share = run.dice.pick([1, 0.5, 0.2])
            connections += (await askPostgres(CUT, [databaseOf(CUT_RUN), share])).length
            cuts += 1
          }
        }
        try {
          await run.open()
          await run.disturbed(cutAgainAndAgain)
          await run.close()
        } finally {
          console.log(run.summary(`${connections} connections cut at ${cuts} moments`))
          tellTrouble(run)
        }
        expect(run.ledger.lost).toEqual([])
        expect(run.ledger.faults).toEqual([])
        expect(connections).toBeGreaterThan(cuts / 2)
        expect(run.ledger.unavailableAnswers).toBeGreaterThan(0)
        expect(run.ledger.events.length).toBeGreaterThan(cuts)
      }),
    TIME_MS,
  )
})
