import { expect, it } from 'vitest'
import type { UserId } from '#spec'
import { type Store, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const LIMITS = { ofReporter: 3, ofAll: 5 }

const accountOf = async (store: Store, name: string): Promise<number> => {
  const account = { userId: `@${name}:test` as UserId, passwordHash: 'x', guest: false, admin: false, createdAtMs: 1 }
  const [user] = await store.commit([writers.accounts.create(account)])
  return user
}

onEveryDatabase('reports', (open) => {
  it('are kept up to a number of a reporter and of all, and the oldest go first', async () => {
    const store = await open()
    const [alice, bob, carol] = [
      await accountOf(store, 'alice'),
      await accountOf(store, 'bob'),
      await accountOf(store, 'carol'),
    ]
    const report = (reporter: number, name: string, reason = '') =>
      store.commit([
        writers.reports.add(
          { reporter, subject: { kind: 'user', userId: name as UserId }, reason, reportedAtMs: 5, isFounded: true },
          LIMITS,
        ),
      ])
    const kept = async (): Promise<readonly string[]> =>
      (await store.reports.reports(Number.MAX_SAFE_INTEGER, 100)).map(
        ({ reporter, subject, reason }) =>
          `${reporter.slice(1, 2)} ${subject.kind === 'user' ? subject.userId : ''}${reason}`,
      )
    for (const name of ['@1', '@2', '@3', '@4']) await report(alice, name)
    expect(await kept()).toEqual(['a @4', 'a @3', 'a @2'])
    await report(alice, '@3', ' again')
    expect(await kept()).toEqual(['a @4', 'a @3 again', 'a @2'])
    await report(bob, '@3')
    await report(bob, '@5')
    await report(carol, '@6')
    expect(await kept()).toEqual(expect.arrayContaining(['c @6', 'b @5', 'b @3']))
    expect((await kept()).length).toBeLessThanOrEqual(5)
    const [newest] = await store.reports.reports(Number.MAX_SAFE_INTEGER, 1)
    expect((await store.reports.reports(newest?.report ?? 0, 1))[0]?.subject).toEqual({ kind: 'user', userId: '@5' })
  })
})
