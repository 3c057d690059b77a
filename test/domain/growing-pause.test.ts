import { expect, it } from 'vitest'
import { growingPause } from '#base'

it('pauses double after each failure, up to the longest, however many failures there were', () => {
  const pauses = { firstMs: 1_000, longestMs: 5_000 }
  expect([0, 1, 2, 3, 4, 5_000].map((failures) => growingPause(failures, pauses))).toEqual([
    1_000, 1_000, 2_000, 4_000, 5_000, 5_000,
  ])
})
