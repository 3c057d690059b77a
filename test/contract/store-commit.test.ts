import { expect, test } from 'vitest'
import { type Committed, headOf, type Store, WriteConflict, writers } from '#store'
import { onEveryDatabase } from './databases.ts'
import {
  ALICE,
  applyTo,
  BOB,
  baseIn,
  changeOf,
  createRoom,
  member,
  message,
  stateEvent,
  type TestEvent,
  type TestRoom,
} from './room-fixtures.ts'

const send = (room: TestRoom, base = room.base) =>
  writers.rooms.apply({ room: room.room, base, ...changeOf([message()]) })

const ELSEWHERE = { sequence: 1, head: '$elsewhere' }

/** Reloads and tries again as a domain room does, until the room was not changed by another meanwhile. */
const sendUntilDone = async (store: Store, room: TestRoom): Promise<void> => {
  for (;;) {
    const base = await baseIn(store, room.room)
    try {
      await store.commit([send(room, base)])
      return
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
    }
  }
}

onEveryDatabase('commits', (open, make) => {
  test('listeners hear before the caller does, in order of position', async () => {
    const store = await open()
    const heard: string[] = []
    const committed: Committed[] = []
    const stop = store.onCommitted((news) => {
      committed.push(news)
      heard.push('listener')
    })
    const room = await createRoom(store)
    await applyTo(store, room, [member(BOB, 'invite')]).then(() => heard.push('caller'))
    expect(heard).toEqual(['listener', 'listener', 'caller'])
    const [alice, bob] = await Promise.all([ALICE, BOB].map((user) => store.rooms.membership(room.room, user)))
    expect(committed.map((news) => news.announcements)).toEqual([
      [{ stream: 'events', position: 2, rooms: [room.room], users: [alice?.user] }],
      [{ stream: 'events', position: 3, rooms: [room.room], users: [bob?.user] }],
    ])
    expect(committed.at(-1)?.positions.events).toBe((await store.positions()).events)
    expect(committed.at(-1)?.before.events).toBe(2)
    stop()
    await applyTo(store, room, [message()])
    expect(committed).toHaveLength(2)
  })

  test('many messages of one room at once are stored as they were given, and told of once a group', async () => {
    const store = await open()
    const room = await createRoom(store)
    const before = (await store.positions()).events
    const committed: Committed[] = []
    store.onCommitted((news) => committed.push(news))
    const events: TestEvent[] = []
    for (let index = 0; index < 40; index++) {
      const prevEvents = events.slice(-1).map(({ eventId }) => eventId)
      const authEvents = events.slice(0, index % 4).map(({ eventId }) => eventId)
      const transaction = index % 3 === 0 ? undefined : { device: 7, scope: 'send here', id: `m${index}` }
      const event = message({
        prevEvents,
        authEvents,
        type: `a.type.${index % 5}`,
        sender: index % 2 === 0 ? ALICE : BOB,
      })
      events.push(transaction === undefined ? event : { ...event, transaction })
    }
    const changes = events.map((event, index) => {
      const last = events[index - 1]
      const base = last === undefined ? room.base : { ...room.base, head: headOf([last]) }
      return writers.rooms.apply({ room: room.room, base, ...changeOf([event]) })
    })
    const applied = await Promise.all(changes.map((change) => store.commit([change])))
    for (const [index, [{ base, positions }]] of applied.entries()) {
      const event = events[index] as TestEvent
      expect(base).toEqual({ ...room.base, head: headOf([event]) })
      expect(positions).toEqual([before + 1 + index])
      const { eventId, type, sender, originServerTs, depth, json, stateKey } = event
      const stored = { eventId, type, sender, originServerTs, depth, json, stateKey, placing: 'timeline' }
      expect(await store.rooms.event(eventId)).toMatchObject(stored)
      const of = event.transaction
      if (of !== undefined) expect(await store.rooms.transactionEvent(of.device, of.scope, of.id)).toBe(eventId)
    }
    for (const { announcements, positions } of committed)
      expect(announcements).toEqual([{ stream: 'events', position: positions.events, rooms: [room.room], users: [] }])
    expect(committed.length).toBeLessThan(events.length)
    expect(committed.at(-1)?.positions.events).toBe(before + events.length)
  })

  test.each(['prevEvents', 'authEvents'])(
    'among many messages one whose %s are not stored fails alone',
    async (where) => {
      const store = await open()
      const rooms = await Promise.all([createRoom(store), createRoom(store), createRoom(store)])
      const sent = await Promise.allSettled(
        rooms.map((room, index) => {
          const event = message(index === 1 ? { [where]: ['$nothing'] } : {})
          return store.commit([writers.rooms.apply({ room: room.room, base: room.base, ...changeOf([event]) })])
        }),
      )
      expect(sent.map(({ status }) => status)).toEqual(['fulfilled', 'rejected', 'fulfilled'])
      expect(sent[1]).toMatchObject({ reason: { kind: 'dangling-reference' } })
    },
  )

  test('a listener that throws harms nobody', async () => {
    const store = await open()
    store.onCommitted(() => {
      throw new Error('from a listener')
    })
    await expect(createRoom(store)).resolves.toMatchObject({ base: { sequence: 1 } })
  })

  test('all changes of a commit happen or none, whatever else is in the group', async () => {
    const store = await open()
    const rooms = await Promise.all(Array.from({ length: 20 }, () => createRoom(store)))
    const announced: number[] = []
    store.onCommitted(({ announcements }) => announced.push(...announcements.map(({ position }) => position)))
    const before = (await store.positions()).events
    // Every third changes its own room, and then one in a way that conflicts after something was written.
    const results = await Promise.allSettled(
      rooms.map((room, index) => store.commit(index % 3 === 0 ? [send(room), send(room, ELSEWHERE)] : [send(room)])),
    )
    expect(results.map(({ status }) => status)).toEqual(
      rooms.map((_, index) => (index % 3 === 0 ? 'rejected' : 'fulfilled')),
    )
    for (const [index, room] of rooms.entries()) {
      const timeline = await store.rooms.timeline(room.room, { direction: 'forward', limit: 9 })
      expect(timeline).toHaveLength(index % 3 === 0 ? 2 : 3)
    }
    const done = rooms.length - Math.ceil(rooms.length / 3)
    expect(announced).toEqual(Array.from({ length: done }, (_, index) => before + 1 + index))
    expect((await store.positions()).events).toBe(before + done)
  })

  test.each([
    ['alone', 0, 1],
    ['first', 0, 3],
    ['between others', 1, 3],
    ['last', 2, 3],
  ])('a commit that wrote and then conflicts keeps nothing: %s in its group', async (_, place, size) => {
    const store = await open()
    const rooms = await Promise.all(Array.from({ length: size }, () => createRoom(store)))
    const before = await store.positions()
    const heard: Committed[] = []
    store.onCommitted((committed) => heard.push(committed))
    const results = await Promise.allSettled(
      rooms.map((room, index) => store.commit(index === place ? [send(room), send(room)] : [send(room)])),
    )
    expect(results.map(({ status }) => status)).toEqual(
      rooms.map((__, index) => (index === place ? 'rejected' : 'fulfilled')),
    )
    for (const [index, room] of rooms.entries()) {
      expect(await store.rooms.timeline(room.room, { direction: 'forward', limit: 9 })).toHaveLength(
        index === place ? 2 : 3,
      )
    }
    expect(heard.flatMap(({ announcements }) => announcements.flatMap((one) => one.rooms))).toEqual(
      rooms.filter((__, index) => index !== place).map(({ room }) => room),
    )
    expect((await store.positions()).events).toBe(before.events + size - 1)
  })

  test('what one operation knows of a room is not believed after another one has changed it', async () => {
    const store = await open()
    const room = await createRoom(store)
    const [first, sticky, last] = [message(), { ...message(), stickyUntilMs: 1 }, message()]
    const on = (base: readonly TestEvent[], event: TestEvent) =>
      writers.rooms.apply({
        room: room.room,
        base: base.length === 0 ? room.base : { ...room.base, head: headOf(base) },
        ...changeOf([event]),
      })
    // Sticky events are written by an operation of their own.
    await expect(store.commit([on([], first), on([first], sticky), on([first], last)])).rejects.toThrow(WriteConflict)
    expect(await store.rooms.event(first.eventId)).toBeUndefined()
    const by = member(BOB, 'join')
    const entrance = writers.rooms.enter({ room: room.room, by, membership: 'join', missing: [] })
    await expect(store.commit([on([], first), entrance, on([first], last)])).rejects.toThrow(WriteConflict)
    await store.commit([on([], first), on([first], sticky), on([sticky], last)])
    expect(await baseIn(store, room.room)).toEqual({ ...room.base, head: headOf([last]) })
  })

  test('a user first seen in a commit that failed is no one, until seen again', async () => {
    const store = await open()
    const room = await createRoom(store)
    const invite = () => writers.rooms.apply({ room: room.room, base: room.base, ...changeOf([member(BOB, 'invite')]) })
    await expect(store.commit([invite(), invite()])).rejects.toThrow(WriteConflict)
    expect(await store.rooms.membership(room.room, BOB)).toBeUndefined()
    const other = await createRoom(store, [stateEvent('m.room.create', '', { sender: BOB }), member(BOB, 'join')])
    await store.commit([invite()])
    const [here, there] = await Promise.all([room, other].map((each) => store.rooms.membership(each.room, BOB)))
    expect(here?.user).toBe(there?.user)
    expect(
      (
        await store.rooms.event(
          (await store.rooms.stateEvent(other.room, 'current', 'm.room.create', ''))?.eventId ?? ('' as never),
        )
      )?.sender,
    ).toBe(BOB)
  })

  test('a change computed from an old room is refused', async () => {
    const store = await open()
    const room = await createRoom(store)
    const both = await Promise.allSettled([store.commit([send(room)]), store.commit([send(room)])])
    expect(both.map(({ status }) => status)).toEqual(['fulfilled', 'rejected'])
    expect(both[1]).toMatchObject({ reason: { name: 'WriteConflict', kind: 'room-changed' } })
    expect(store.stats()).toMatchObject({ conflicts: 1, failures: 0, queueLength: 0 })
  })

  test('two processes write into one room without losing, repeating or skipping anything', async () => {
    const database = await make()
    const stores = [await database.open(), await database.open()]
    const [one] = stores
    if (one === undefined) throw new Error('no store')
    const room = await createRoom(one)
    const sends = 15
    let writing = true
    const seen: number[] = []
    const follow = async (): Promise<void> => {
      let at = 0
      for (let last = false; !last; ) {
        last = !writing
        const upTo = (await one.positions()).events
        const events = await one.rooms.eventsAfter(at, upTo, 1_000)
        seen.push(...events.map(({ position }) => position))
        at = upTo
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    const following = follow()
    const workers = stores
      .flatMap((store) => [store, store])
      .map(async (store) => {
        for (let count = 0; count < sends; count++) await sendUntilDone(store, room)
      })
    await Promise.all(workers)
    writing = false
    await following
    expect(seen).toEqual(Array.from({ length: 2 + 4 * sends }, (_, index) => index + 1))
    expect(await one.rooms.room(room.room)).toMatchObject({ lastPosition: 2 + 4 * sends })
  })

  test('answered before it is synced, a commit is there for every other connection, and after closing', async () => {
    const database = await make()
    const store = await database.open({ durability: 'relaxed' })
    const other = await database.open()
    const room = await createRoom(store)
    const sent = message()
    await applyTo(store, room, [sent])
    expect((await other.rooms.event(sent.eventId))?.json).toBe(sent.json)
    await store.close()
    expect((await other.rooms.room(room.room))?.extremities).toMatchObject([{ eventId: sent.eventId }])
  })

  test('a position that was taken without an event is not given again, by another process or after a restart', async () => {
    const database = await make()
    const [one, two] = [await database.open(), await database.open()]
    const room = await createRoom(one)
    await applyTo(one, room, [member(ALICE, 'leave')])
    const { events } = await one.positions()
    await one.commit([writers.rooms.forget(room.room, ALICE)])
    expect((await two.positions()).events).toBe(events + 1)
    const other = await createRoom(two)
    const timeline = await two.rooms.timeline(other.room, { direction: 'forward', limit: 9 })
    expect(timeline.map(({ position }) => position)).toEqual([events + 2, events + 3])
    await one.commit([writers.rooms.forget(room.room, ALICE)])
    await Promise.all([one.close(), two.close()])
    const again = await database.open()
    expect((await again.positions()).events).toBe(events + 4)
    const last = await createRoom(again)
    expect((await again.rooms.room(last.room))?.lastPosition).toBe(events + 6)
  })

  test('closing finishes what is under way and takes nothing new', async () => {
    const database = await make()
    const store = await database.open()
    const rooms = await Promise.all(Array.from({ length: 5 }, () => createRoom(store)))
    const sent = rooms.map((room) => store.commit([send(room)]))
    const closed = store.close()
    await expect(store.commit([])).rejects.toMatchObject({ name: 'StoreUnavailable', reason: 'closed' })
    await closed
    await Promise.all(sent)
    await expect(store.positions()).rejects.toMatchObject({ name: 'StoreUnavailable' })
    const again = await database.open()
    expect((await again.positions()).events).toBe(15)
  })

  test('text with U+0000 is refused as such, alone, in writing and in asking', async () => {
    const store = await open()
    const [room, other] = [await createRoom(store), await createRoom(store)]
    const named = (alias: string) => store.commit([send(room), writers.rooms.addAlias(alias, room.room, ALICE)])
    const [refused, neighbour] = await Promise.allSettled([named('#a\0b:localhost'), store.commit([send(other)])])
    expect(refused).toMatchObject({ status: 'rejected', reason: { name: 'UnstorableText' } })
    expect(neighbour.status).toBe('fulfilled')
    expect(await store.rooms.timeline(room.room, { direction: 'forward', limit: 9 })).toHaveLength(2)
    await expect(store.rooms.roomOfAlias('#a\0b:localhost')).rejects.toMatchObject({ name: 'UnstorableText' })
    await named('#ab:localhost')
    expect(await store.rooms.roomOfAlias('#ab:localhost')).toMatchObject({ room: room.room })
  })

  test('a change that nobody knows is a fault, and not of its neighbours', async () => {
    const store = await open()
    const [unknown, known] = await Promise.allSettled([
      store.commit([{ operation: 'rooms.burn', input: {} }]),
      createRoom(store),
    ])
    expect(unknown).toMatchObject({ status: 'rejected', reason: { message: 'no write is named rooms.burn' } })
    expect(known.status).toBe('fulfilled')
  })
})
