import { expect, it } from 'vitest'
import type { UserId } from '#spec'
import { type NewAuditEntry, type Store, writers } from '#store'
import { onEveryDatabase } from './databases.ts'

const entryOf = (atMs: number, differing: Partial<NewAuditEntry> = {}): NewAuditEntry => ({
  by: '@admin:test' as UserId,
  via: 'api',
  action: 'user.lock',
  subject: '@bob:test',
  details: {},
  atMs,
  ...differing,
})

onEveryDatabase('the audit log', (open) => {
  const add = (store: Store, entry: NewAuditEntry, keep = 100) => store.commit([writers.auditLog.add(entry, keep)])
  const times = async (store: Store, page: Partial<Parameters<Store['auditLog']['entries']>[0]> = {}) => {
    const all = { before: Number.MAX_SAFE_INTEGER, limit: 100, sinceMs: 0 }
    return (await store.auditLog.entries({ ...all, ...page })).map(({ atMs }) => atMs)
  }

  it('gives entries back as they were noted, newest first, in pages', async () => {
    const store = await open()
    const details = { reason: 'a "word"\n', list: [1, null, { deep: true }] }
    await add(store, entryOf(1, { by: 'operator', via: 'command', details }))
    await add(store, entryOf(2))
    await add(store, entryOf(3))
    const [newest, second] = await store.auditLog.entries({ before: Number.MAX_SAFE_INTEGER, limit: 2, sinceMs: 0 })
    expect([newest?.atMs, second?.atMs]).toEqual([3, 2])
    const [oldest] = await store.auditLog.entries({ before: second?.entry ?? 0, limit: 2, sinceMs: 0 })
    expect(oldest).toEqual({ entry: expect.any(Number), ...entryOf(1, { by: 'operator', via: 'command', details }) })
  })

  it('finds entries by each set of filters', async () => {
    const store = await open()
    const values = [
      { by: '@admin:test' as UserId, action: 'user.lock', subject: '@bob:test' },
      { by: 'operator' as const, action: 'user.lock', subject: '@carol:test' },
      { by: '@admin:test' as UserId, action: 'user.unlock', subject: '@carol:test' },
      { by: 'operator' as const, action: 'user.unlock', subject: '@bob:test' },
    ]
    for (const [index, value] of values.entries()) await add(store, entryOf(index + 1, value))
    for (const by of [undefined, 'operator'])
      for (const action of [undefined, 'user.lock'])
        for (const subject of [undefined, '@bob:test']) {
          const wanted = values.flatMap((value, index) =>
            (by === undefined || value.by === by) &&
            (action === undefined || value.action === action) &&
            (subject === undefined || value.subject === subject)
              ? [index + 1]
              : [],
          )
          expect(await times(store, { by, action, subject })).toEqual(wanted.toReversed())
        }
  })

  it('keeps a number of entries, and lets go of those before a time in pieces', async () => {
    const store = await open()
    for (const atMs of [1, 2, 3, 4, 5, 6]) await add(store, entryOf(atMs), 5)
    expect(await times(store)).toEqual([6, 5, 4, 3, 2])
    expect(await times(store, { sinceMs: 5 })).toEqual([6, 5])
    expect(await store.commit([writers.auditLog.removeBefore(5, 2)])).toEqual([2])
    expect(await times(store)).toEqual([6, 5, 4])
    expect(await store.commit([writers.auditLog.removeBefore(5, 2)])).toEqual([1])
    expect(await times(store)).toEqual([6, 5])
  })
})
