import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { KeyedChore, silentLogger } from '#base'
import { SteppedClock } from '../support/stepped-clock.ts'

const EVERY_MS = 60_000

/** Keys that are due until their work has ended, and what is done for them. */
class Works {
  readonly clock = new SteppedClock()
  readonly running: string[] = []
  readonly failures: (readonly [string, unknown])[] = []
  readonly due: string[]
  readonly #ends = new Map<string, (error?: Error) => void>()
  readonly chore = new KeyedChore<string>({
    ...{ clock: this.clock, logger: silentLogger, everyMs: EVERY_MS, atOnce: 2, failure: 'could not look' },
    due: async (limit) => this.due.slice(0, limit).map((key) => ({ key, run: (signal) => this.#run(key, signal) })),
    failed: (error, key) => this.failures.push([key, error]),
  })

  constructor(...due: string[]) {
    this.due = due
  }

  #run(key: string, signal: AbortSignal): Promise<void> {
    this.running.push(key)
    return new Promise((resolve, reject) => {
      signal.addEventListener('abort', () => reject(signal.reason))
      this.#ends.set(key, (error) => (error === undefined ? resolve() : reject(error)))
    })
  }

  /** Ends work; it is not due any more unless it failed. */
  async end(key: string, error?: Error): Promise<void> {
    if (error === undefined) this.due.splice(this.due.indexOf(key), 1)
    this.#ends.get(key)?.(error)
    await this.settled()
  }

  async settled(): Promise<void> {
    for (let turns = 0; turns < 5; turns++) await turn()
    this.clock.advance(0)
    for (let turns = 0; turns < 5; turns++) await turn()
  }
}

describe('repeated work by key', () => {
  it('works for so many keys at once, for none twice, and for the next as soon as there is a place', async () => {
    const works = new Works('a', 'b', 'c', 'd')
    works.chore.start()
    await works.settled()
    expect(works.running).toEqual(['a', 'b'])
    works.chore.hurry()
    await works.settled()
    expect(works.running).toEqual(['a', 'b'])
    await works.end('b')
    expect(works.running).toEqual(['a', 'b', 'c'])
    await works.end('a')
    expect(works.running).toEqual(['a', 'b', 'c', 'd'])
    await works.chore.stop()
  })

  it('tells of work that fails, and tries again what is due, but not at once', async () => {
    const works = new Works('a', 'b')
    works.chore.start()
    await works.settled()
    const failure = new Error('no')
    await works.end('a', failure)
    await works.end('b', failure)
    expect(works.failures).toEqual([
      ['a', failure],
      ['b', failure],
    ])
    expect(works.running).toEqual(['a', 'b'])
    works.clock.advance(EVERY_MS)
    await works.settled()
    expect(works.running).toEqual(['a', 'b', 'a', 'b'])
    await works.chore.stop()
  })

  it('stops when all work has ended, which it is told to do, and may be started again', async () => {
    const works = new Works('a', 'b')
    works.chore.start()
    await works.settled()
    await works.chore.stop()
    expect(works.failures.map(([key]) => key)).toEqual(['a', 'b'])
    works.chore.hurry()
    works.clock.advance(EVERY_MS)
    await works.settled()
    expect(works.running).toEqual(['a', 'b'])
    works.chore.start()
    await works.settled()
    expect(works.running).toEqual(['a', 'b', 'a', 'b'])
    await works.chore.stop()
  })
})
