import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EventId, Membership, ServerName, UserId } from '#spec'
import { type StateChange, type Store, writers } from '#store'
import { onEveryDatabase } from './databases.ts'
import {
  ALICE,
  applyTo,
  baseIn,
  changeOf,
  createRoom,
  member,
  message,
  stateEvent,
  type TestRoom,
} from './room-fixtures.ts'

const OWN = 'localhost' as ServerName
const NEAR = 'near.example' as ServerName
const FAR = 'far.example:8448' as ServerName
const NINA = `@nina:${NEAR}` as UserId
const NOEL = `@noel:${NEAR}` as UserId
const FAY = `@fay:${FAR}` as UserId

const namesIn = async (store: Store, { room }: TestRoom): Promise<Readonly<Record<string, number>>> =>
  Object.fromEntries((await store.rooms.serversOf(room)).map(({ name, joined }) => [name, joined]))

const namesAt = async (store: Store, { room }: TestRoom, position: number): Promise<readonly string[]> =>
  (await store.rooms.serversAt(room, position)).map(({ name }) => name).sort()

/** A change whose state is what resolution says, and not what its events say. */
const resolve = async (
  store: Store,
  room: TestRoom,
  entries: readonly (readonly [UserId, EventId | null, Membership])[],
) => {
  const event = message()
  const state: readonly StateChange[] = entries.map(([stateKey, entry, membership]) => ({
    type: 'm.room.member',
    stateKey,
    event: entry,
    by: event.eventId,
    membership,
  }))
  const base = await baseIn(store, room.room)
  const [applied] = await store.commit([writers.rooms.apply({ room: room.room, base, ...changeOf([event]), state })])
  room.base = applied.base
}

onEveryDatabase('servers of rooms', (open) => {
  describe('the servers in a room', () => {
    test('come with their first joined user, and go with the last', async () => {
      const store = await open()
      const room = await createRoom(store)
      expect(await namesIn(store, room)).toEqual({ [OWN]: 1 })
      await applyTo(store, room, [member(NINA, 'invite'), member(FAY, 'knock')])
      expect(await namesIn(store, room)).toEqual({ [OWN]: 1 })
      await applyTo(store, room, [member(NINA, 'join')])
      await applyTo(store, room, [member(NOEL, 'join'), member(FAY, 'join')])
      expect(await namesIn(store, room)).toEqual({ [OWN]: 1, [NEAR]: 2, [FAR]: 1 })
      await applyTo(store, room, [member(NINA, 'join'), member(NOEL, 'leave')])
      expect(await namesIn(store, room)).toEqual({ [OWN]: 1, [NEAR]: 1, [FAR]: 1 })
      await applyTo(store, room, [member(NINA, 'ban')])
      expect(await namesIn(store, room)).toEqual({ [OWN]: 1, [FAR]: 1 })
      expect(await store.rooms.isServerIn(room.room, NEAR)).toBe(false)
      expect(await store.rooms.isServerIn(room.room, FAR)).toBe(true)
      expect(await store.rooms.isServerIn(room.room, 'never.example' as ServerName)).toBe(false)
    })

    test('are there from the first event of a new room', async () => {
      const store = await open()
      const room = await createRoom(store, [
        stateEvent('m.room.create', ''),
        member(ALICE, 'join'),
        member(NINA, 'join'),
      ])
      expect(await namesIn(store, room)).toEqual({ [OWN]: 1, [NEAR]: 1 })
    })

    test('follow what resolution makes of memberships', async () => {
      const store = await open()
      const room = await createRoom(store)
      const join = member(NINA, 'join')
      await applyTo(store, room, [join])
      await resolve(store, room, [[NINA, null, 'leave']])
      expect(await namesIn(store, room)).toEqual({ [OWN]: 1 })
      await resolve(store, room, [[NINA, join.eventId, 'join']])
      expect(await namesIn(store, room)).toEqual({ [OWN]: 1, [NEAR]: 1 })
    })

    test('are known for each position', async () => {
      const store = await open()
      const room = await createRoom(store)
      const positions = [
        ...(await applyTo(store, room, [member(NINA, 'join')])),
        ...(await applyTo(store, room, [message()])),
        ...(await applyTo(store, room, [member(NINA, 'leave'), member(NINA, 'join')])),
        ...(await applyTo(store, room, [member(NINA, 'leave')])),
        ...(await applyTo(store, room, [message()])),
      ]
      const known: string[][] = []
      for (const position of positions) known.push([...(await namesAt(store, room, position))])
      expect(known).toEqual([[OWN], [OWN, NEAR], [OWN, NEAR], [OWN], [OWN, NEAR], [OWN]])
    })

    test('are forgotten with the room', async () => {
      const store = await open()
      const room = await createRoom(store)
      await applyTo(store, room, [member(NINA, 'join')])
      const [position = 0] = await applyTo(store, room, [message()])
      await applyTo(store, room, [member(NINA, 'leave'), member(ALICE, 'leave')])
      await store.commit([writers.roomPurges.begin({ ...room })])
      expect(await namesAt(store, room, position)).toEqual([])
    })
  })

  test('rooms are shared with a server while both are in', async () => {
    const store = await open()
    const [one, two, three] = [await createRoom(store), await createRoom(store), await createRoom(store)]
    for (const room of [one, two]) await applyTo(store, room, [member(NINA, 'join')])
    await applyTo(store, three, [member(NINA, 'join'), member(ALICE, 'leave')])
    expect(await store.rooms.roomsSharedWith(NEAR, OWN)).toEqual([one.room, two.room])
    expect(await store.rooms.roomsSharedWith(FAR, OWN)).toEqual([])
  })

  test('counts and spans are those of the log, whatever happens', async () => {
    const store = await open()
    const users = [ALICE, NINA, NOEL, FAY]
    const one = fc.record({
      user: fc.constantFrom(...users),
      membership: fc.constantFrom<Membership>('join', 'leave', 'invite', 'ban'),
    })
    const changes = fc.array(fc.array(one, { minLength: 1, maxLength: 4 }), { maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(changes, async (steps) => {
        const room = await createRoom(store)
        const joined = new Set<UserId>([ALICE])
        const expected: (readonly [number, readonly string[]])[] = []
        const servers = (): readonly string[] =>
          [...new Set([...joined].map((user) => user.slice(user.indexOf(':') + 1)))].sort()
        for (const step of steps) {
          const positions = await applyTo(
            store,
            room,
            step.map(({ user, membership }) => member(user, membership)),
          )
          for (const [index, { user, membership }] of step.entries()) {
            expected.push([positions[index] ?? 0, servers()])
            if (membership === 'join') joined.add(user)
            else joined.delete(user)
          }
        }
        expect(Object.keys(await namesIn(store, room)).sort()).toEqual(servers())
        for (const [position, names] of expected) expect(await namesAt(store, room, position)).toEqual(names)
      }),
      { numRuns: 40 },
    )
  })
})
