import { expect, test } from 'vitest'
import { DiskWatch } from '../../src/store/dialects/sqlite/disk-watch.ts'
import { SteppedClock } from '../support/stepped-clock.ts'

/** A commit every `everyMs`, for so long; `syncMs` says how long the sync of the n-th one takes that the serving thread makes. */
const live = ({ everyMs, forMs, syncMs }: { everyMs: number; forMs: number; syncMs: (n: number) => number }) => {
  const clock = new SteppedClock()
  const watch = new DiskWatch(clock)
  let [commits, here, slowMs, elapsedMs] = [0, 0, 0, 0]
  while (elapsedMs < forMs) {
    commits++
    let took = 0
    if (watch.quick) {
      took = syncMs(here++)
      watch.took(took)
      if (took > 1.5) slowMs += took
    }
    clock.advance(everyMs + took)
    elapsedMs += everyMs + took
  }
  return { share: here / commits, slowShare: slowMs / elapsedMs }
}

const MINUTE_MS = 60_000

test('a quick disk is always used', () => {
  expect(live({ everyMs: 1, forMs: MINUTE_MS, syncMs: () => 0.3 })).toEqual({ share: 1, slowShare: 0 })
})

test('a stall every few hundred syncs costs a pause that it deserves, and no longer ones as time goes on', () => {
  const stalls = (ms: number) => live({ everyMs: 1, forMs: 5 * MINUTE_MS, syncMs: (n) => (n % 600 === 599 ? ms : 0.3) })
  expect(stalls(10).share).toBeGreaterThan(0.75)
  expect(stalls(30).share).toBeGreaterThan(0.45)
  for (const ms of [3, 10, 30, 300]) expect(stalls(ms).slowShare).toBeLessThan(0.05)
})

test('a disk that is slow is tried ever more seldom', () => {
  for (const ms of [2, 8, 15, 100]) {
    const { share, slowShare } = live({ everyMs: 1, forMs: 10 * MINUTE_MS, syncMs: () => ms })
    expect(share).toBeLessThan(0.002)
    expect(slowShare).toBeLessThan(0.004)
  }
})

test('a disk that was slow for long and is quick again is used again', () => {
  const { share } = live({ everyMs: 1, forMs: 10 * MINUTE_MS, syncMs: (n) => (n < 12 ? 15 : 0.3) })
  expect(share).toBeGreaterThan(0.5)
})
