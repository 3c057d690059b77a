import { setImmediate as turn } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { silentLogger, WokenWork } from '#base'
import { SteppedClock } from '../support/stepped-clock.ts'

const RETRY_MS = 60_000

type Piece = 'more' | 'later' | 'nothing'

/** Pieces of work that end as a test says. */
class Pieces {
  readonly clock = new SteppedClock()
  /** Keys of the pieces that began, in that order. */
  readonly begun: string[] = []
  readonly failures: (readonly [string, unknown])[] = []
  looks: (() => Promise<void>)[] = []
  readonly #ends = new Map<string, PromiseWithResolvers<Piece>>()
  readonly work = new WokenWork<string>({
    ...{ clock: this.clock, logger: silentLogger, retryMs: RETRY_MS, failure: 'could not look' },
    look: async () => this.looks.shift()?.(),
    piece: (key) => {
      this.begun.push(key)
      const end = Promise.withResolvers<Piece>()
      this.#ends.set(key, end)
      return end.promise
    },
    failed: (error, key) => this.failures.push([key, error]),
  })

  async end(key: string, how: Piece | Error): Promise<void> {
    const end = this.#ends.get(key)
    if (how instanceof Error) end?.reject(how)
    else end?.resolve(how)
    await this.settled()
  }

  async settled(): Promise<void> {
    for (let turns = 0; turns < 5; turns++) await turn()
  }

  async stop(...working: readonly string[]): Promise<void> {
    const stopped = this.work.stop()
    for (const key of working) await this.end(key, 'more')
    await stopped
  }
}

describe('work that is done whenever something came', () => {
  it('is done for one key in pieces, one after the other, until nothing is left, and for several keys at once', async () => {
    const pieces = new Pieces()
    pieces.work.start()
    pieces.work.wake('a')
    pieces.work.wake('b')
    expect(pieces.begun).toEqual(['a', 'b'])
    await pieces.end('a', 'more')
    expect(pieces.begun).toEqual(['a', 'b', 'a'])
    await pieces.end('a', 'nothing')
    expect([pieces.begun, pieces.work.size]).toEqual([['a', 'b', 'a'], 1])
    await pieces.stop('b')
    expect([pieces.begun, pieces.work.size]).toEqual([['a', 'b', 'a'], 0])
  })

  it('is done again for a key for which something came during the last piece', async () => {
    const pieces = new Pieces()
    pieces.work.start()
    pieces.work.wake('a')
    pieces.work.wake('a')
    expect(pieces.begun).toEqual(['a'])
    await pieces.end('a', 'nothing')
    expect(pieces.begun).toEqual(['a', 'a'])
    await pieces.end('a', 'nothing')
    expect(pieces.begun).toEqual(['a', 'a'])
    await pieces.stop()
  })

  it('waits before it goes on where it failed or has to be done later', async () => {
    const pieces = new Pieces()
    pieces.work.start()
    pieces.work.wake('a')
    const failure = new Error('no')
    await pieces.end('a', failure)
    expect(pieces.failures).toEqual([['a', failure]])
    pieces.clock.advance(RETRY_MS - 1_000)
    await pieces.settled()
    expect(pieces.begun).toEqual(['a'])
    pieces.clock.advance(1_000)
    await pieces.settled()
    expect(pieces.begun).toEqual(['a', 'a'])
    await pieces.end('a', 'later')
    expect([pieces.begun, pieces.failures.length]).toEqual([['a', 'a'], 1])
    pieces.clock.advance(RETRY_MS)
    await pieces.settled()
    expect(pieces.begun).toEqual(['a', 'a', 'a'])
    await pieces.stop('a')
  })

  it('begins with what waited before the start, for which it looks until a look succeeds', async () => {
    const pieces = new Pieces()
    pieces.work.wake('a')
    expect(pieces.begun).toEqual([])
    pieces.looks = [
      () => Promise.reject(new Error('no')),
      async () => {
        for (const key of ['a', 'b']) pieces.work.wake(key)
      },
    ]
    pieces.work.start()
    await pieces.settled()
    expect(pieces.begun).toEqual([])
    pieces.clock.advance(RETRY_MS)
    await pieces.settled()
    expect(pieces.begun).toEqual(['a', 'b'])
    await pieces.stop('a', 'b')
  })

  it('stops without waiting for a pause, and may be started again', async () => {
    const pieces = new Pieces()
    pieces.work.start()
    pieces.work.wake('a')
    await pieces.end('a', 'later')
    await pieces.stop()
    pieces.work.wake('a')
    pieces.clock.advance(RETRY_MS)
    await pieces.settled()
    expect(pieces.begun).toEqual(['a'])
    pieces.work.start()
    pieces.work.wake('a')
    expect(pieces.begun).toEqual(['a', 'a'])
    await pieces.stop('a')
  })
})
