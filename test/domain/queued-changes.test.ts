import { expect, it } from 'vitest'
import { QueuedChanges, WriteConflict } from '#store'

const conflict = (): never => {
  throw new WriteConflict('changed')
}

it('queued changes of one key follow each other in the order of the calls, and those of others do not wait for them', async () => {
  const changes = new QueuedChanges<string>()
  const log: string[] = []
  const gate = Promise.withResolvers<void>()
  const all = ['a', 'a', 'b', 'a'].map((key, index) =>
    changes.run(key, async () => {
      log.push(`${key}${index} begins`)
      if (key === 'a' && index === 0) await gate.promise
      log.push(`${key}${index} ends`)
      return index
    }),
  )
  await all[2]
  expect(log).toEqual(['a0 begins', 'b2 begins', 'b2 ends'])
  gate.resolve()
  expect(await Promise.all(all)).toEqual([0, 1, 2, 3])
  expect(log.slice(3)).toEqual(['a0 ends', 'a1 begins', 'a1 ends', 'a3 begins', 'a3 ends'])
})

it('a queued change that another process overtook runs again; after many times it is told when to try again', async () => {
  const changes = new QueuedChanges<string>()
  let runs = 0
  expect(await changes.run('a', async () => (++runs < 10 ? conflict() : runs))).toBe(10)
  await expect(changes.run('a', async () => conflict())).rejects.toMatchObject({
    name: 'Contended',
    retryAfterMs: 1_000,
  })
  expect(await changes.run('a', async () => 'goes on')).toBe('goes on')
})

it('a queued change that fails otherwise fails at once, and lets the next one through', async () => {
  const changes = new QueuedChanges<string>()
  let runs = 0
  const failed = changes.run('a', async () => {
    runs++
    throw new RangeError('no')
  })
  const next = changes.run('a', async () => 'next')
  await expect(failed).rejects.toThrow(RangeError)
  expect([await next, runs]).toEqual(['next', 1])
})
