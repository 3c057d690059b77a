import { readdirSync, readFileSync } from 'node:fs'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { SteppedClock } from '../support/stepped-clock.ts'
import { cleanDatabases, makeSqlite } from './databases.ts'

afterEach(cleanDatabases)

/** Threads of this process for long reads, by the name that the system shows. */
const readingThreads = (): number =>
  readdirSync('/proc/self/task').filter((thread) => {
    try {
      return readFileSync(`/proc/self/task/${thread}/comm`, 'utf8').trim() === 'long reads'
    } catch {
      // It ended meanwhile.
      return false
    }
  }).length

describe.skipIf(process.platform !== 'linux')('threads for long reads', () => {
  it('start when there is work, more of them only where work waits, and end when idle', async () => {
    const clock = new SteppedClock()
    const store = await (await makeSqlite()).open({ clock })
    expect(readingThreads()).toBe(0)

    await expect(store.people.countPeople({})).resolves.toBe(0)
    expect(readingThreads()).toBe(1)

    const asked = [1, 2, 3, 4, 5].map(() => store.people.countPeople({}))
    // Nothing was answered yet: no answer arrives within one turn of the event loop.
    clock.advance(20)
    await vi.waitFor(() => expect(readingThreads()).toBeGreaterThan(1), 10_000)
    await expect(Promise.all(asked)).resolves.toEqual([0, 0, 0, 0, 0])
    expect(readingThreads()).toBeLessThanOrEqual(3)

    clock.advance(5_000)
    await vi.waitFor(() => expect(readingThreads()).toBe(0), 10_000)
    await expect(store.people.countPeople({})).resolves.toBe(0)
    await store.close()
    await vi.waitFor(() => expect(readingThreads()).toBe(0), 10_000)
  })

  it('refuse work that waits when the store is closed', async () => {
    const store = await (await makeSqlite()).open({ clock: new SteppedClock() })
    const asked = [1, 2, 3].map(() => store.people.countPeople({}))
    const refused = Promise.allSettled(asked)
    await store.close()
    expect((await refused).map(({ status }) => status)).toEqual(['rejected', 'rejected', 'rejected'])
  })
})
