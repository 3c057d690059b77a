import { expect, it } from 'vitest'
import { StickyRooms } from '#views'
import { SteppedClock } from '../support/stepped-clock.ts'

const HOUR_MS = 3_600_000

const heardOf = (position: number, rooms: readonly number[]) =>
  ({ stream: 'stickyEvents', position, rooms, users: [] }) as const

it('rooms without sticky events are known as such, so that a sync asks the store about none of them', () => {
  const clock = new SteppedClock()
  const now = { stickyEvents: 7 }
  const rooms = new StickyRooms({ clock, positions: { positions: () => now } })
  // For an hour after the start there may be some from before.
  expect([rooms.mayHave(1, 0), rooms.mayHave(1, 6), rooms.mayHave(1, 7)]).toEqual([true, true, false])
  clock.advance(HOUR_MS)
  expect([rooms.mayHave(1, 0), rooms.mayHave(1, 6)]).toEqual([false, false])
  rooms.news([heardOf(8, [1]), heardOf(9, [2]), { ...heardOf(10, [3]), stream: 'events' }])
  expect([rooms.mayHave(1, 0), rooms.mayHave(1, 7), rooms.mayHave(1, 8)]).toEqual([true, true, false])
  expect([rooms.mayHave(2, 8), rooms.mayHave(3, 0)]).toEqual([true, false])
  clock.advance(HOUR_MS)
  expect([rooms.mayHave(1, 0), rooms.mayHave(2, 0)]).toEqual([false, false])
})

it('whoever missed news, or heard of too many rooms, asks about all of them for an hour', () => {
  const clock = new SteppedClock()
  const now = { stickyEvents: 0 }
  const rooms = new StickyRooms({ clock, positions: { positions: () => now } })
  expect(rooms.mayHave(1, 0)).toBe(false)
  now.stickyEvents = 5
  rooms.missed()
  expect([rooms.mayHave(1, 4), rooms.mayHave(1, 5)]).toEqual([true, false])
  clock.advance(HOUR_MS)
  expect(rooms.mayHave(1, 4)).toBe(false)
  now.stickyEvents = 30_000
  for (let room = 1; room <= 25_000; room++) rooms.news([heardOf(room, [room])])
  expect([rooms.mayHave(1, 0), rooms.mayHave(25_000, 0), rooms.mayHave(30_000, 0)]).toEqual([true, true, true])
  clock.advance(HOUR_MS)
  expect([rooms.mayHave(1, 0), rooms.mayHave(30_000, 0)]).toEqual([false, false])
})
