import { expect, test } from 'vitest'
import { silentLogger } from '#base'
import { Leases, type Store, writers } from '#store'
import { SteppedClock } from '../support/stepped-clock.ts'
import { onEveryDatabase } from './databases.ts'

const MINUTE = 60_000

/** One process: what it does now, and what it did so far. */
const process = (store: Pick<Store, 'commit'>, clock: SteppedClock, owner: string) => {
  const log: string[] = []
  const { leases: writer } = writers
  const leases = new Leases({ writer, commit: store.commit, clock, logger: silentLogger, owner, lifetimeMs: MINUTE })
  for (const name of ['sweep', 'push']) {
    leases.add(name, {
      start: () => log.push(`+${name}`),
      stop: () => {
        log.push(`-${name}`)
        return Promise.resolve()
      },
    })
  }
  return { leases, log }
}

/** Lets the rounds that a step of the clock has begun come to their end. */
const settled = async (store: Store): Promise<void> => {
  for (let turn = 0; turn < 20; turn++) await store.commit([writers.leases.release('nobody', 'nobody')])
}

onEveryDatabase('a lease', (open) => {
  test('is held by one, renewed by it alone, and free once it ran out or was given back', async () => {
    const store = await open()
    const hold = async (owner: string, nowMs: number): Promise<boolean> =>
      (await store.commit([writers.leases.hold({ name: 'a', owner, nowMs, untilMs: nowMs + 10 })]))[0]
    expect([await hold('one', 0), await hold('two', 9), await hold('one', 9), await hold('two', 18)]).toEqual([
      true,
      false,
      true,
      false,
    ])
    expect([await hold('two', 19), await hold('one', 20)]).toEqual([true, false])
    await store.commit([writers.leases.release('a', 'one')])
    expect(await hold('one', 21)).toBe(false)
    await store.commit([writers.leases.release('a', 'two')])
    expect(await hold('one', 21)).toBe(true)
  })

  test('lets one of two processes work, and the other one once that one has stopped', async () => {
    const store = await open()
    const clock = new SteppedClock()
    const [one, two] = [process(store, clock, 'one'), process(store, clock, 'two')]
    await one.leases.start()
    await two.leases.start()
    for (let step = 0; step < 9; step++) {
      clock.advance(MINUTE / 3)
      await settled(store)
    }
    expect([one.log, two.log]).toEqual([['+sweep', '+push'], []])
    await one.leases.stop()
    expect(one.log).toEqual(['+sweep', '+push', '-sweep', '-push'])
    clock.advance(MINUTE / 3)
    await settled(store)
    expect(two.log).toEqual(['+sweep', '+push'])
    await two.leases.stop()
  })

  test('is lost by a process that cannot renew it, which stops its work, and taken over when it has run out', async () => {
    const store = await open()
    const clock = new SteppedClock()
    let isCut = false
    const commit: Store['commit'] = (changes) => (isCut ? new Promise(() => {}) : store.commit(changes))
    const [one, two] = [process({ commit }, clock, 'one'), process(store, clock, 'two')]
    await one.leases.start()
    await two.leases.start()
    isCut = true
    clock.advance(MINUTE / 3)
    await settled(store)
    expect([one.log, two.log]).toEqual([['+sweep', '+push'], []])
    clock.advance((MINUTE * 2) / 3)
    await settled(store)
    expect(one.log).toEqual(['+sweep', '+push', '-sweep', '-push'])
    clock.advance(MINUTE / 3)
    await settled(store)
    expect(two.log).toEqual(['+sweep', '+push'])
    await two.leases.stop()
  })
})
