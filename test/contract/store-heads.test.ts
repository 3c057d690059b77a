import { expect, test } from 'vitest'
import type { UserId } from '#spec'
import { type PlacedEvent, type Store, type StoredEvent, writers } from '#store'
import { onEveryDatabase } from './databases.ts'
import { ALICE, applyTo, BOB, CAROL, createRoom, member, message, stateEvent, type TestRoom } from './room-fixtures.ts'

const FIRST = { type: '', stateKey: '' }
const isMember = ({ type }: StoredEvent): boolean => type === 'm.room.member'
const user = (number: number): UserId => `@user${number}:localhost` as UserId

/** The size of a state is stored with a change of the room. */
const sized = async (store: Store, room: TestRoom, bytes: number): Promise<void> => {
  const [applied] = await store.commit([
    writers.rooms.apply({
      ...{ room: room.room, base: room.base, events: [], state: [], redactions: [] },
      extremities: (await store.rooms.room(room.room))?.extremities ?? [],
      stateSize: { bytes, entries: 5 },
    }),
  ])
  room.base = applied.base
}

const wholeState = async (store: Store, { room }: TestRoom): Promise<readonly PlacedEvent[]> =>
  store.rooms.stateInForce(room, { after: FIRST, beforeType: undefined, limit: 1_000 })

onEveryDatabase('heads of rooms', (open) => {
  const world = async (): Promise<{ readonly store: Store; readonly rooms: readonly TestRoom[] }> => {
    const store = await open()
    const rooms = [await createRoom(store), await createRoom(store), await createRoom(store)]
    const [small, large, plain] = rooms as [TestRoom, TestRoom, TestRoom]
    await applyTo(store, small, [
      ...['m.room.name', 'm.room.topic', 'm.room.join_rules', 'org.example.last'].map((type) => stateEvent(type, '')),
      ...[member(BOB, 'join'), message(), message({ sender: BOB })],
    ])
    await applyTo(store, small, [stateEvent('m.room.name', ''), message()])
    await applyTo(store, large, [
      stateEvent('m.room.topic', ''),
      ...Array.from({ length: 40 }, (_, n) => member(user(n), 'join')),
    ])
    await applyTo(store, large, [member(user(3), 'leave'), message({ sender: user(7) }), message({ sender: user(8) })])
    await applyTo(store, plain, [message()])
    await sized(store, small, 1_000)
    await sized(store, large, 1_000)
    return { store, rooms }
  }

  test('are what each room by itself is told to have', async () => {
    const { store, rooms } = await world()
    for (const limit of [1, 3, 8, 60]) {
      const query = { rooms: rooms.map(({ room }) => room), limit, user: ALICE, fewMembers: 8 }
      const heads = await store.rooms.heads(query)
      expect(new Set(heads.keys())).toEqual(new Set(query.rooms))
      for (const { room } of rooms) {
        const head = heads.get(room)
        expect(head?.record).toEqual(await store.rooms.room(room))
        const page = await store.rooms.timeline(room, { direction: 'backward', limit })
        expect(head?.events).toEqual(page)
        expect(head?.isWhole).toBe(page.length < limit)
      }
    }
  })

  test('have the state beside the members where its size is known, and is small', async () => {
    const { store, rooms } = await world()
    const [small, large, plain] = rooms as [TestRoom, TestRoom, TestRoom]
    const read = async () =>
      store.rooms.heads({ rooms: rooms.map(({ room }) => room), limit: 2, user: ALICE, fewMembers: 8 })
    const heads = await read()
    for (const room of [small, large])
      expect(heads.get(room.room)?.state).toEqual(
        (await wholeState(store, room)).filter(({ event }) => !isMember(event)),
      )
    expect(heads.get(plain.room)?.state).toBeUndefined()
    await sized(store, small, 65_537)
    expect((await read()).get(small.room)?.state).toBeUndefined()
  })

  test('have all members of small rooms, and of large ones the reader and the senders', async () => {
    const { store, rooms } = await world()
    const [small, large] = rooms as [TestRoom, TestRoom]
    const query = { rooms: [small.room, large.room], limit: 2, user: user(3), fewMembers: 8 }
    const heads = await store.rooms.heads(query)
    const [ofSmall, ofLarge] = [heads.get(small.room), heads.get(large.room)]
    expect(ofSmall?.membersOf).toBe('all')
    expect([...(ofSmall?.members.values() ?? [])]).toEqual(
      (await wholeState(store, small)).filter(({ event }) => isMember(event)),
    )
    const asked = ofLarge?.membersOf as ReadonlySet<UserId>
    for (const userId of [user(3), user(7), user(8)]) {
      expect(asked.has(userId)).toBe(true)
      expect(ofLarge?.members.get(userId)?.event).toEqual(
        await store.rooms.stateEvent(large.room, 'current', 'm.room.member', userId),
      )
    }
    expect(ofLarge?.members.has(CAROL)).toBe(false)
    const all = await store.rooms.heads({ ...query, fewMembers: 30 })
    expect(all.get(large.room)?.membersOf).not.toBe('all')
  })

  test('leave out rooms that are not there', async () => {
    const store = await open()
    expect(await store.rooms.heads({ rooms: [4_711], limit: 5, user: ALICE, fewMembers: 8 })).toEqual(new Map())
  })
})

onEveryDatabase('readers of many members', (open) => {
  test('who shares a room is told alike, however many they are', async () => {
    const store = await open()
    const room = await createRoom(store)
    for (const count of [150, 300]) {
      await applyTo(
        store,
        room,
        Array.from({ length: count }, (_, n) => member(user(n), 'join')),
      )
      const others = Array.from({ length: count }, (_, n) => user(n))
      expect([...(await store.rooms.usersSharingRooms(ALICE))].sort()).toEqual(others.sort())
      expect(await store.rooms.usersSharingRooms(ALICE, count)).toEqual([])
    }
  })
})
