import { expect, test } from 'vitest'
import { Sealer, systemRandom } from '#base'
import { BrowserSessions, type KeptBrowserSession } from '#domain'
import type { UserId } from '#spec'
import { ShortLivedTables, type Store, writers } from '#store'
import { onEveryDatabase } from '../contract/databases.ts'
import { SteppedClock } from '../support/stepped-clock.ts'

const HOUR = 3_600_000
const USER = '@temporary:localhost' as UserId

const sessionsOver = (store: Store, clock: SteppedClock): BrowserSessions => {
  const random = systemRandom
  const parts = { reader: store.shortLived, writer: writers.shortLived, commit: store.commit, clock, random }
  const tables = new ShortLivedTables({ ...parts, sealer: new Sealer({ key: new Uint8Array(32), random }) })
  const table = tables.table<KeptBrowserSession>('browser-session', { lifetimeMs: HOUR })
  return new BrowserSessions({ table, accounts: store.accounts, commit: store.commit, clock, random, secure: false })
}

onEveryDatabase('sessions at browsers', (open) => {
  test('end with the time of an account that has one, and none begins then', async () => {
    const store = await open()
    const clock = new SteppedClock()
    const account = { userId: USER, passwordHash: 'x', guest: false, admin: false, createdAtMs: clock.nowMs() }
    await store.commit([writers.accounts.create(account)])
    const sessions = sessionsOver(store, clock)
    const { setCookie } = await sessions.begin(USER)
    const cookie = /=([A-Za-z0-9]{43});/.exec(setCookie)?.[1]
    await store.commit([writers.accounts.mark(USER, { expiresAtMs: clock.nowMs() + HOUR / 2 })])
    expect((await sessions.of(cookie))?.userId).toBe(USER)
    clock.advance(HOUR / 2)
    expect(await sessions.of(cookie)).toBeUndefined()
    await expect(sessions.begin(USER)).rejects.toThrow('This account has expired')
  })
})
