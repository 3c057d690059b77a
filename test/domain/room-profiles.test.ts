import { afterEach, expect, it, vi } from 'vitest'
import { silentLogger } from '#base'
import { RoomProfiles } from '#domain'
import { writers } from '#store'
import { cleanDatabases, makeSqlite } from '../contract/databases.ts'
import { ALICE, createRoom } from '../contract/room-fixtures.ts'
import { SteppedClock } from '../support/stepped-clock.ts'

afterEach(cleanDatabases)

it('a changed profile goes into the rooms when no change came for 50 ms, or one came 500 ms ago', async () => {
  const store = await (await makeSqlite()).open()
  const { room, roomId } = await createRoom(store)
  const user = (await store.rooms.membership(room, ALICE))?.user ?? 0
  const clock = new SteppedClock()
  const done: unknown[] = []
  let looks = 0
  const profiles = new RoomProfiles({
    ...{ clock, logger: silentLogger, commit: store.commit, writer: writers.profileUpdates },
    reader: {
      ...store.profileUpdates,
      profileUpdates: async (limit) => {
        const found = await store.profileUpdates.profileUpdates(limit)
        looks++
        return found
      },
    },
    members: { updateProfile: async (...update) => void done.push(update) },
  })
  const changes = writers.profileUpdates
  profiles.start()
  await vi.waitFor(() => expect(looks).toBe(1))
  await store.commit([changes.begin(user, 'displayname'), changes.begin(user, 'avatar_url')])
  for (let change = 0; change < 11; change++) {
    profiles.hurry()
    expect(looks).toBe(1)
    clock.advance(45)
  }
  profiles.hurry()
  clock.advance(10)
  await vi.waitFor(() => expect(done).toEqual([[ALICE, roomId, undefined]]))
  await vi.waitFor(() => expect(looks).toBe(3))
  profiles.hurry()
  clock.advance(50)
  await vi.waitFor(() => expect(looks).toBe(4))
  await profiles.stop()
  profiles.hurry()
  clock.advance(1_000)
  expect([looks, done.length]).toEqual([4, 1])
})
