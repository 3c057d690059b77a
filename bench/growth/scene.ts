import type { Caller } from './caller.ts'
import type { GrownServer } from './grown-server.ts'

/** The axis that is made larger, and how large. */
export interface Axis {
  readonly name: 'members' | 'rooms' | 'events' | 'users'
  readonly sizes: readonly number[]
  readonly smallSizes: readonly number[]
}

export const axes: readonly Axis[] = [
  { name: 'members', sizes: [10, 1_000, 30_000], smallSizes: [10, 1_000] },
  { name: 'rooms', sizes: [1, 100, 5_000], smallSizes: [1, 300] },
  { name: 'events', sizes: [1_000, 10_000, 100_000], smallSizes: [1_000, 10_000] },
  { name: 'users', sizes: [1_000, 10_000, 100_000], smallSizes: [1_000, 10_000] },
]

/** A server with a room, and the people who do something there. */
export interface Scene {
  readonly server: GrownServer
  readonly alice: Caller
  /** In `room`, and on the axis of rooms in all the others. */
  readonly bob: Caller
  /** Never in `room` but for a moment. */
  readonly carol: Caller
  readonly room: string
  /** An event of `room`, new enough to be read. */
  readonly eventId: string
}

/** The people and rooms before anything grows; its server is stopped. */
export interface Seed extends Scene {
  /** The one that is copied on the axis of rooms. */
  readonly small: string
}

export const plant = async (server: GrownServer): Promise<Seed> => {
  await server.start()
  const [alice, bob, carol] = [server.caller(), server.caller(), server.caller()]
  await alice.register('alice')
  await bob.register('bob')
  await carol.register('carol')
  const room = await alice.createRoom({ preset: 'public_chat', name: 'Grown' })
  const small = await alice.createRoom({ preset: 'public_chat', name: 'Small' })
  for (const roomId of [room, small]) {
    await bob.post(`/join/${encodeURIComponent(roomId)}`)
    for (let sent = 1; sent <= 10; sent++) await alice.send(roomId, `message ${sent}, of the length that people write`)
  }
  await server.stop()
  return { server, alice, bob, carol, room, small, eventId: '' }
}

/** A copy of the seed, grown and started. */
export const grown = async (seed: Seed, axis: Axis['name'], size: number): Promise<Scene> => {
  const server = seed.server.copy()
  const members = axis === 'members' ? size - 2 : 0
  server.grow((rows) => {
    if (members > 0) rows.addMembers(seed.room, seed.bob.userId, members)
    if (axis === 'rooms') rows.copyRoom(seed.small, Math.max(0, size - 2))
    if (axis === 'events') rows.addMessages(seed.room, size)
    if (axis === 'users') rows.addAccounts(seed.bob.userId, size)
    // The newest page is the same at every size.
    rows.addMessages(seed.room, 60)
  })
  await server.start()
  const [alice, bob, carol] = [seed.alice, seed.bob, seed.carol].map((one) => {
    const caller = server.caller()
    caller.userId = one.userId
    caller.token = one.token
    return caller
  }) as [Caller, Caller, Caller]
  if (axis === 'rooms' && size === 1) await bob.post(`/rooms/${encodeURIComponent(seed.small)}/leave`)
  const eventId = await alice.send(seed.room, 'an event to look at')
  return { server, alice, bob, carol, room: seed.room, eventId }
}
