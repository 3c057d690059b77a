import { expect, test } from 'vitest'
import { Sealer, systemRandom } from '#base'
import { SharedTurns, ShortLivedTables, type Store, type Turns, writers } from '#store'
import { SteppedClock } from '../support/stepped-clock.ts'
import { onEveryDatabase } from './databases.ts'

const MINUTE = 60_000

let processes = 0
/** The turns of one process. */
const turnsOf = (
  { shortLived: reader, commit }: Store,
  clock: SteppedClock,
  owner = `process ${++processes}`,
): Turns => {
  const sealer = new Sealer({ key: new Uint8Array(32), random: systemRandom })
  const writer = writers.shortLived
  const tables = new ShortLivedTables({ reader, writer, commit, sealer, clock, random: systemRandom })
  return new SharedTurns({ table: tables.table('email-turn', { lifetimeMs: MINUTE }), clock, owner })
}

onEveryDatabase('turns that processes share', (open) => {
  test('come one after the other for one key, whoever asks, and pass on where one throws', async () => {
    const store = await open()
    const clock = new SteppedClock()
    const turnsOfThree = [turnsOf(store, clock), turnsOf(store, clock), turnsOf(store, clock)]
    let inside = 0
    let most = 0
    const work = async (fails: boolean): Promise<void> => {
      inside++
      most = Math.max(most, inside)
      await store.commit([writers.leases.release('nobody', 'nobody')])
      inside--
      if (fails) throw new Error('it does not work')
    }
    const all = turnsOfThree.flatMap((turns) => [turns.run('a', () => work(true)), turns.run('a', () => work(false))])
    const outcomes = await Promise.allSettled(all)
    expect(most).toBe(1)
    expect(outcomes.map(({ status }) => status === 'fulfilled')).toEqual([false, true, false, true, false, true])
  })

  test('of other keys are not waited for, nor one whose process has died', async () => {
    const store = await open()
    const clock = new SteppedClock()
    const [dead, alive] = [turnsOf(store, clock), turnsOf(store, clock)]
    await new Promise<void>((begun) => {
      void dead.run('a', () => {
        begun()
        return new Promise(() => {})
      })
    })
    expect(await alive.run('b', () => Promise.resolve('b'))).toBe('b')
    clock.advance(MINUTE)
    expect(await alive.run('a', () => Promise.resolve('a'))).toBe('a')
  })

  test('of a process that was killed end when it starts again, and no others', async () => {
    const store = await open()
    const clock = new SteppedClock()
    const [killed, other] = [turnsOf(store, clock, 'killed'), turnsOf(store, clock, 'other')]
    await beginTurn(killed)
    const ofOther = await beginTurn(other, 'b')
    const again = turnsOf(store, clock, 'killed')
    expect(await again.run('a', () => Promise.resolve('a'))).toBe('a')
    let isBegun = false
    const ofAgain = again.run('b', async () => {
      isBegun = true
    })
    expect(isBegun).toBe(false)
    await ofOther.finish()
    await ofAgain
    expect(isBegun).toBe(true)
  })

  test('that lasted too long do not end the turn of somebody else', async () => {
    const store = await open()
    const clock = new SteppedClock()
    const [slow, quick, third] = [turnsOf(store, clock), turnsOf(store, clock), turnsOf(store, clock)]
    const ofSlow = await beginTurn(slow)
    clock.advance(MINUTE)
    const ofQuick = await beginTurn(quick)
    await ofSlow.finish()
    let isQuickDone = false
    const ofThird = third.run('a', () => Promise.resolve(isQuickDone))
    for (let turn = 0; turn < 5; turn++) await store.commit([writers.leases.release('nobody', 'nobody')])
    isQuickDone = true
    await ofQuick.finish()
    expect(await ofThird).toBe(true)
  })
})

/** Answers once the turn has begun; it lasts until `finish` is called. */
const beginTurn = (turns: Turns, key = 'a'): Promise<{ finish(): Promise<void> }> =>
  new Promise((begun) => {
    let end = (): void => {}
    const whole = turns.run(key, () => {
      const lasting = new Promise<void>((resolve) => {
        end = resolve
      })
      begun({
        finish: () => {
          end()
          return whole
        },
      })
      return lasting
    })
  })
