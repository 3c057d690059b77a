import { expect, test, vi } from 'vitest'
import { type Clock, silentLogger, systemClock, systemRandom } from '#base'
import { type JobKind, JobRunner, Jobs } from '#domain'
import type { UserId } from '#spec'
import { type Commit, type JobState, type Store, writers } from '#store'
import { SteppedClock } from '../support/stepped-clock.ts'
import { onEveryDatabase } from './databases.ts'

/** Counts up to `to`, and saves each number. `reached` is told each one before it is saved. */
const counting = (
  reached: (at: number, signal: AbortSignal) => Promise<void> | void,
): JobKind<{ readonly to: number }> => ({
  name: 'count',
  run: async ({ to }, job) => {
    for (let at = Number(job.progress.at ?? 0) + 1; at <= to; at++) {
      await reached(at, job.signal)
      await job.save({ at })
    }
    return { counted: to }
  },
})

/** One process, which `kill` ends as a crash does: from then on nothing of it reaches the database. */
const processOn = (
  store: Store,
  kinds: readonly JobKind[],
  clock: Clock = systemClock,
  mayGoOn: (by: string) => Promise<boolean> = async () => true,
) => {
  const alive = { is: true }
  const dead = new Promise<never>(() => undefined)
  const commit: Commit = (changes) => (alive.is ? store.commit(changes) : dead)
  const common = { reader: store.jobs, writer: writers.jobs, commit, clock }
  const jobs = new Jobs({ ...common, random: systemRandom })
  const runner = new JobRunner({ ...common, jobs, kinds, logger: silentLogger, mayGoOn })
  const kill = (): void => {
    alive.is = false
  }
  return { jobs, runner, kill }
}

const ended = async (jobs: Jobs, id: string, state: JobState) => {
  await vi.waitFor(async () => expect((await jobs.get(id))?.state).toBe(state), { timeout: 10_000, interval: 10 })
  return jobs.get(id)
}

onEveryDatabase('jobs', (open) => {
  test('whichever step a process is killed at, another one goes on from the progress saved last, and the dead one writes no more', async () => {
    const store = await open()
    for (const killedAt of [1, 2, 5]) {
      const begun: number[] = []
      const first = processOn(store, [
        counting((at) => {
          begun.push(at)
          if (at === killedAt) first.kill()
        }),
      ])
      const id = await first.jobs.start({ name: 'count' }, { to: 5 }, { by: 'operator', key: `k${killedAt}` })
      first.runner.start()
      await vi.waitFor(() => expect(begun).toContain(killedAt), { interval: 5 })
      expect((await first.jobs.get(id))?.progress).toEqual(killedAt === 1 ? {} : { at: killedAt - 1 })
      const second = processOn(store, [counting((at) => void begun.push(at))])
      second.runner.start()
      const job = await ended(second.jobs, id, 'complete')
      expect(job).toMatchObject({ result: { counted: 5 }, progress: { at: 5 }, attempt: 2 })
      const again = begun.filter((at, index) => begun.indexOf(at) !== index)
      expect(new Set(begun).size).toBe(5)
      expect(again).toEqual([killedAt])
      await expect(store.commit([writers.jobs.save({ id, attempt: 1, nowMs: 1 }, { at: 1 })])).rejects.toMatchObject({
        kind: 'job-taken',
      })
      await second.runner.stop()
    }
  })

  test('stopping interrupts a job, and starting again ends it', async () => {
    const store = await open()
    const atTwo = Promise.withResolvers<void>()
    const one = processOn(store, [
      counting(async (at, signal) => {
        if (at !== 2) return
        atTwo.resolve()
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      }),
    ])
    one.runner.start()
    const id = await one.jobs.start({ name: 'count' }, { to: 3 }, { by: 'operator' })
    await atTwo.promise
    await one.runner.stop()
    expect(await one.jobs.get(id)).toMatchObject({ state: 'active' })
    const two = processOn(store, [counting(() => undefined)])
    two.runner.start()
    expect(await ended(two.jobs, id, 'complete')).toMatchObject({ result: { counted: 3 } })
    await two.runner.stop()
  })

  test('a cancelled job ends, whether it runs or waits; an ended one stays as it is', async () => {
    const store = await open()
    const atOne = Promise.withResolvers<void>()
    const { jobs, runner } = processOn(store, [
      counting(async (_, signal) => {
        atOne.resolve()
        await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve()))
      }),
    ])
    const waiting = await jobs.start({ name: 'count' }, { to: 1 }, { by: 'operator' })
    expect(await jobs.cancel(waiting)).toBe(true)
    runner.start()
    const running = await jobs.start({ name: 'count' }, { to: 1 }, { by: 'operator' })
    await atOne.promise
    expect(await jobs.cancel(running)).toBe(true)
    expect(await jobs.cancel(running)).toBe(false)
    await runner.stop()
    expect((await jobs.list({ limit: 10 })).map(({ id, state }) => [id, state])).toEqual([
      [running, 'cancelled'],
      [waiting, 'cancelled'],
    ])
  })

  test('of a kind and key one is open at a time, and the list filters and pages', async () => {
    const store = await open()
    const { jobs, runner } = processOn(store, [counting(() => undefined)])
    const start = (key: string | undefined) =>
      jobs.start({ name: 'count' }, { to: 1 }, { by: 'operator', ...(key === undefined ? {} : { key }) })
    const first = await start('a')
    const keyless = await start(undefined)
    expect([await start('a'), (await start('b')) === first, (await start(undefined)) === keyless]).toEqual([
      first,
      false,
      false,
    ])
    runner.start()
    await ended(jobs, first, 'complete')
    expect(await start('a')).not.toBe(first)
    await vi.waitFor(async () => expect(await store.jobs.openJobs(9)).toEqual([]))
    expect((await jobs.list({ key: 'a', limit: 10 })).map(({ id }) => id)).toContain(first)
    expect(await jobs.list({ kind: 'other', limit: 10 })).toEqual([])
    expect(await jobs.list({ state: 'failed', limit: 10 })).toEqual([])
    const all = await jobs.list({ limit: 10 })
    expect(all).toHaveLength(5)
    expect(await jobs.list({ before: all[1]?.job, limit: 2 })).toEqual(all.slice(2, 4))
    await runner.stop()
  })

  test('one that throws has failed, as has one of an unknown kind and one that never gets anywhere', async () => {
    const store = await open()
    const broken: JobKind = { name: 'broken', run: () => Promise.reject(new Error('secret detail')) }
    const { jobs, runner } = processOn(store, [broken, counting(() => undefined)])
    const ids = [
      await jobs.start({ name: 'broken' }, {}, { by: 'operator' }),
      await jobs.start({ name: 'gone' }, {}, { by: 'operator' }),
      await jobs.start({ name: 'count' }, { to: 1 }, { by: 'operator' }),
    ]
    for (let attempt = 0; attempt < 10; attempt++)
      await store.commit([writers.jobs.begin({ id: ids[2] ?? '', attempt, nowMs: 1 })])
    runner.start()
    for (const id of ids) expect((await ended(jobs, id, 'failed'))?.error).not.toContain('secret')
    await runner.stop()
  })

  test('of somebody who lost the right to start them fail, before they begin and between two steps; others go on', async () => {
    const store = await open()
    const administrators = new Set(['@root:a', '@other:a'])
    const reached: number[] = []
    const { jobs, runner } = processOn(
      store,
      [
        counting((at) => {
          reached.push(at)
          if (at === 2) administrators.delete('@root:a')
        }),
      ],
      systemClock,
      async (by) => by === 'operator' || administrators.has(by),
    )
    const start = (by: string) => jobs.start({ name: 'count' }, { to: 4 }, { by: by as UserId, key: `${by}${++made}` })
    let made = 0
    const ids = [await start('@root:a')]
    runner.start()
    const words = 'Whoever started it may not administer the server any more'
    expect(await ended(jobs, ids[0] ?? '', 'failed')).toMatchObject({ error: words, progress: { at: 2 } })
    expect(reached).toEqual([1, 2])
    expect(await ended(jobs, await start('@root:a'), 'failed')).toMatchObject({ error: words, progress: {} })
    await ended(jobs, await start('@other:a'), 'complete')
    await ended(jobs, await start('operator'), 'complete')
    await runner.stop()
  })

  test('ended ones go after a week, and beyond a thousand; open ones stay', async () => {
    const store = await open()
    const clock = new SteppedClock()
    const { jobs, runner } = processOn(store, [counting(() => undefined)], clock)
    const old = await jobs.start({ name: 'count' }, { to: 1 }, { by: 'operator' })
    runner.start()
    await ended(jobs, old, 'complete')
    await runner.stop()
    const open_ = await jobs.start({ name: 'count' }, { to: 1 }, { by: 'operator' })
    clock.advance(8 * 86_400_000)
    await store.commit([writers.jobs.sweep({ endedBeforeMs: clock.nowMs() - 7 * 86_400_000, keep: 1_000, limit: 9 })])
    expect((await jobs.list({ limit: 9 })).map(({ id }) => id)).toEqual([open_])
    await jobs.cancel(open_)
    const newer = await jobs.start({ name: 'count' }, { to: 1 }, { by: 'operator' })
    await jobs.cancel(newer)
    await store.commit([writers.jobs.sweep({ endedBeforeMs: 0, keep: 1, limit: 9 })])
    expect(await jobs.list({ limit: 9 })).toHaveLength(1)
  })

  test('more than the limit of open ones is refused, and changes nothing', async () => {
    const store = await open()
    const job = (id: string) => ({
      id,
      kind: 'count',
      key: undefined,
      by: 'operator' as const,
      params: {},
      createdAtMs: 1,
    })
    await store.commit([writers.jobs.add(job('a'), 1)])
    await expect(store.commit([writers.jobs.add(job('b'), 1)])).rejects.toMatchObject({ kind: 'too-many-jobs' })
    expect((await store.jobs.openJobs(9)).map(({ id }) => id)).toEqual(['a'])
  })
})
