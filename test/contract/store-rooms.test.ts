import { describe, expect, test } from 'vitest'
import type { EventId, RoomId } from '#spec'
import { headOf, type RoomChange, type Store, writers } from '#store'
import { onEveryDatabase } from './databases.ts'
import {
  ALICE,
  applyTo,
  BOB,
  CAROL,
  changeOf,
  createRoom,
  member,
  message,
  newRoomId,
  stateEvent,
  type TestRoom,
} from './room-fixtures.ts'

const everyRoom = { direction: 'forward', beyond: { joinedCount: 1_000, room: 0 }, limit: 10 } as const

/** A change without events. */
const changeRoom = async (
  store: Store,
  roomId: RoomId,
  change: Pick<RoomChange, 'published' | 'listing' | 'stateSize'>,
): Promise<void> => {
  const record = await store.rooms.roomByRoomId(roomId)
  if (record === undefined) throw new Error('no such room')
  const { room, sequence, extremities } = record
  const base = { sequence, head: headOf(extremities) }
  await store.commit([
    writers.rooms.apply({ room, base, events: [], state: [], extremities, redactions: [], ...change }),
  ])
}

onEveryDatabase('rooms', (open) => {
  describe('a new room', () => {
    test('has its events, state, counts and extremities at once', async () => {
      const store = await open()
      const events = [
        stateEvent('m.room.create', ''),
        member(ALICE, 'join'),
        stateEvent('m.room.name', ''),
        member(BOB, 'invite'),
      ]
      const roomId = newRoomId()
      const [created] = await store.commit([
        writers.rooms.create({
          roomId,
          version: '11',
          published: true,
          alias: { alias: '#hall:localhost', creator: ALICE },
          change: changeOf(events),
        }),
      ])
      expect(created.positions).toEqual([1, 2, 3, 4])
      const last = events[3]
      expect(await store.rooms.roomByRoomId(roomId)).toEqual({
        room: created.room,
        roomId,
        version: '11',
        sequence: created.base.sequence,
        extremities: [{ eventId: last?.eventId, depth: last?.depth }],
        joinedCount: 1,
        invitedCount: 1,
        published: true,
        policed: false,
        lastPosition: 4,
        lastResolvedPosition: 0,
        lastRemovalPosition: 0,
        stateSize: undefined,
      })
      expect(await store.rooms.room(created.room)).toEqual(await store.rooms.roomByRoomId(roomId))
      expect((await store.rooms.state(created.room, { at: 'current' })).map((event) => event.eventId).sort()).toEqual(
        events.map((event) => event.eventId).sort(),
      )
      expect(await store.rooms.roomOfAlias('#hall:localhost')).toEqual({ room: created.room, roomId, creator: ALICE })
      expect((await store.rooms.listedRooms(everyRoom)).map((room) => room.roomId)).toEqual([roomId])
      expect((await store.positions()).events).toBe(4)
    })

    test('takes a state event twice in one change: the later one holds', async () => {
      const store = await open()
      const [first, second] = [stateEvent('m.room.topic', ''), stateEvent('m.room.topic', '')]
      const { room } = await createRoom(store, [stateEvent('m.room.create', ''), first, second])
      expect((await store.rooms.stateEvent(room, 'current', 'm.room.topic', ''))?.eventId).toBe(second.eventId)
      expect((await store.rooms.stateEvent(room, 2, 'm.room.topic', ''))?.eventId).toBe(first.eventId)
      const { eventId, json } = first
      expect((await store.rooms.event(second.eventId))?.replaces).toEqual({ eventId, json, position: 2 })
    })

    test('is refused where its id or its alias is taken, and leaves nothing behind', async () => {
      const store = await open()
      const { roomId } = await createRoom(store)
      const again = writers.rooms.create({ roomId, version: '12', published: false, change: changeOf([message()]) })
      await expect(store.commit([again])).rejects.toMatchObject({ name: 'WriteConflict', kind: 'room-exists' })
      const named = () =>
        writers.rooms.create({
          roomId: newRoomId(),
          version: '12',
          published: true,
          alias: { alias: '#one:localhost', creator: ALICE },
          change: changeOf([message()]),
        })
      await store.commit([named()])
      const before = await store.positions()
      await expect(store.commit([named()])).rejects.toMatchObject({ name: 'WriteConflict', kind: 'alias-exists' })
      expect(await store.positions()).toEqual(before)
      expect((await store.rooms.roomsToList(0, 10)).roomIds).toHaveLength(1)
    })
  })

  describe('an event', () => {
    test('comes back as it was stored', async () => {
      const store = await open()
      const room = await createRoom(store)
      const sent = message({
        sender: BOB,
        json: '{"body":"é \\u0000 😀"}',
        transaction: { device: 7, scope: 'send', id: 'm1' },
      })
      const [position] = await applyTo(store, room, [sent])
      expect(await store.rooms.event(sent.eventId)).toEqual({
        event: position,
        position,
        placing: 'timeline',
        eventId: sent.eventId,
        room: room.room,
        roomId: room.roomId,
        type: 'm.room.message',
        stateKey: undefined,
        sender: BOB,
        originServerTs: sent.originServerTs,
        depth: sent.depth,
        json: sent.json,
        redactedBy: undefined,
        replaces: undefined,
        transaction: { device: 7, id: 'm1' },
      })
      expect(await store.rooms.event('$nothing' as EventId)).toBeUndefined()
      expect(await store.rooms.transactionEvent(7, 'send', 'm1')).toBe(sent.eventId)
      expect(await store.rooms.transactionEvent(8, 'send', 'm1')).toBeUndefined()
    })

    test('is stored once for one transaction', async () => {
      const store = await open()
      const room = await createRoom(store)
      const transaction = { device: 7, scope: 'send', id: 'm1' }
      await applyTo(store, room, [message({ transaction })])
      await expect(applyTo(store, room, [message({ transaction })])).rejects.toMatchObject({ kind: 'transaction-used' })
      await applyTo(store, room, [message({ transaction: { ...transaction, scope: 'redact' } })])
      expect(await store.rooms.timeline(room.room, { direction: 'forward', limit: 10 })).toHaveLength(4)
    })

    test('is not stored again under the same id', async () => {
      const store = await open()
      const room = await createRoom(store)
      const sent = message()
      await applyTo(store, room, [sent])
      await expect(applyTo(store, room, [sent])).rejects.toMatchObject({ kind: 'event-exists' })
    })

    test('is not redacted by a change of another room', async () => {
      const store = await open()
      const [room, other] = [await createRoom(store), await createRoom(store)]
      const target = message()
      await applyTo(store, other, [target])
      const redaction = message({ type: 'm.room.redaction' })
      await applyTo(store, room, [redaction], [{ target: target.eventId, json: '{}', redactedBy: redaction.eventId }])
      expect(await store.rooms.event(target.eventId)).toMatchObject({ json: target.json, redactedBy: undefined })
    })

    test('loses its content by redaction, and says by what', async () => {
      const store = await open()
      const room = await createRoom(store)
      const target = message()
      await applyTo(store, room, [target])
      const redaction = message({ type: 'm.room.redaction' })
      await applyTo(store, room, [redaction], [{ target: target.eventId, json: '{}', redactedBy: redaction.eventId }])
      expect(await store.rooms.event(target.eventId)).toMatchObject({
        json: '{}',
        redactedBy: { eventId: redaction.eventId, json: redaction.json },
      })
    })

    test('that was rejected or soft-failed, or is an outlier, is known, but in no timeline', async () => {
      const store = await open()
      const room = await createRoom(store, [stateEvent('m.room.create', '')])
      const shown = message()
      const hidden = [
        message({ placing: 'rejected' }),
        message({ placing: 'soft-failed' }),
        message({ placing: 'outlier' }),
      ]
      await applyTo(store, room, [...hidden, shown])
      const timeline = await store.rooms.timeline(room.room, { direction: 'backward', limit: 1 })
      expect(timeline.map((event) => event.eventId)).toEqual([shown.eventId])
      expect(await store.rooms.eventsAfter(1, 9, 9)).toHaveLength(1)
      const known = await store.rooms.events([...hidden.map((event) => event.eventId), '$nothing' as EventId])
      expect(known.map((event) => event.placing)).toEqual(['rejected', 'soft-failed', 'outlier'])
      expect(known.every((event) => event.event < 0 && event.position === 0)).toBe(true)
    })
  })

  test('the timeline is read in both directions between two positions', async () => {
    const store = await open()
    const room = await createRoom(store)
    const other = await createRoom(store)
    const positions: number[] = []
    for (let index = 0; index < 5; index++) {
      positions.push(...(await applyTo(store, room, [message()])))
      await applyTo(store, other, [message()])
    }
    const read = async (query: Parameters<typeof store.rooms.timeline>[1]) =>
      (await store.rooms.timeline(room.room, query)).map((event) => event.position)
    const [first = 0, second, third, fourth, fifth = 0] = positions
    expect(await read({ after: first, before: fifth, direction: 'forward', limit: 9 })).toEqual([second, third, fourth])
    expect(await read({ before: fifth, direction: 'backward', limit: 2 })).toEqual([fourth, third])
    expect(await read({ after: first, direction: 'forward', limit: 1 })).toEqual([second])
  })

  test('state is filtered by type and by key', async () => {
    const store = await open()
    const room = await createRoom(store, [
      stateEvent('m.room.create', ''),
      member(ALICE, 'join'),
      member(BOB, 'join'),
      stateEvent('m.room.name', ''),
    ])
    const keys = async (query: Parameters<typeof store.rooms.state>[1]) =>
      (await store.rooms.state(room.room, query)).map((event) => `${event.type} ${event.stateKey}`).sort()
    await applyTo(store, room, [member(BOB, 'leave'), stateEvent('m.room.name', '')])
    for (const at of ['current', 4] as const) {
      expect(await keys({ at, types: ['m.room.name', 'm.room.create'] })).toEqual(['m.room.create ', 'm.room.name '])
      expect(await keys({ at, notTypes: ['m.room.member'] })).toEqual(['m.room.create ', 'm.room.name '])
      expect(await keys({ at, types: ['m.room.member'], stateKeys: [BOB, CAROL] })).toEqual([`m.room.member ${BOB}`])
      expect(await keys({ at, types: ['m.room.name', 'm.room.create'], notTypes: ['m.room.name'] })).toEqual([
        'm.room.create ',
      ])
      expect(await keys({ at })).toHaveLength(4)
      expect(await keys({ at, types: [] })).toEqual([])
    }
  })

  test('memberships, their counts and their history follow the member events', async () => {
    const store = await open()
    const room = await createRoom(store)
    const [invited = 0] = await applyTo(store, room, [member(BOB, 'invite')])
    expect(await store.rooms.room(room.room)).toMatchObject({ joinedCount: 1, invitedCount: 1 })
    const [joined = 0] = await applyTo(store, room, [member(BOB, 'join')])
    expect(await store.rooms.room(room.room)).toMatchObject({ joinedCount: 2, invitedCount: 0 })
    expect(await store.rooms.shareRoom(ALICE, BOB)).toBe(true)
    expect(await store.rooms.usersSharingRooms(ALICE)).toEqual([BOB])
    await applyTo(store, room, [member(BOB, 'join'), member(CAROL, 'knock')])
    expect(await store.rooms.room(room.room)).toMatchObject({ joinedCount: 2, invitedCount: 0 })
    const [left = 0] = await applyTo(store, room, [member(BOB, 'leave')])
    expect(await store.rooms.room(room.room)).toMatchObject({ joinedCount: 1, invitedCount: 0 })
    expect(await store.rooms.shareRoom(ALICE, BOB)).toBe(false)
    expect(await store.rooms.membership(room.room, BOB)).toMatchObject({
      userId: BOB,
      membership: 'leave',
      position: left,
    })
    expect(await store.rooms.membershipsBetween(room.room, BOB, 0, 1_000)).toEqual([
      { membership: 'invite', position: invited },
      { membership: 'join', position: joined },
      { membership: 'join', position: joined + 1 },
      { membership: 'leave', position: left },
    ])
    expect((await store.rooms.members(room.room, ['join', 'knock'])).map((one) => one.userId)).toEqual([ALICE, CAROL])
    expect(await store.rooms.firstMembers(room.room, ['join', 'leave'], 1, ALICE)).toMatchObject([{ userId: BOB }])
    expect(await store.rooms.stateHistory(room.room, 'm.room.member', BOB, 100)).toHaveLength(4)
    expect(await store.rooms.stateHistory(room.room, 'm.room.member', BOB, 2)).toHaveLength(2)
    expect(await store.rooms.membershipsBetween(room.room, BOB, joined, left - 1)).toEqual([
      { membership: 'join', position: joined + 1 },
    ])
    expect(await store.rooms.membershipAt(room.room, BOB, left - 1)).toEqual({
      membership: 'join',
      position: joined + 1,
    })
    expect(await store.rooms.membershipAt(room.room, BOB, invited - 1)).toBeUndefined()
    expect(await store.rooms.lastStay(room.room, BOB)).toEqual({ joined: joined + 1, ended: left })
    expect(await store.rooms.lastStay(room.room, BOB, joined)).toEqual({ joined, ended: joined + 1 })
    expect(await store.rooms.lastStay(room.room, BOB, invited)).toBeUndefined()
    expect(await store.rooms.lastStay(room.room, CAROL)).toBeUndefined()
  })

  test('an entry is found as it was right before each event', async () => {
    const store = await open()
    const room = await createRoom(store)
    const [invited = 0] = await applyTo(store, room, [member(BOB, 'invite')])
    const [joined = 0] = await applyTo(store, room, [member(BOB, 'join')])
    const [left = 0] = await applyTo(store, room, [member(BOB, 'leave')])
    const asked = [invited, joined, left, left + 50]
    const found = await store.rooms.entryBefore('m.room.member', BOB, asked)
    expect([...found].sort(([one], [other]) => one - other)).toEqual([
      [invited, { entry: undefined, membership: undefined }],
      [joined, { entry: invited, membership: 'invite' }],
      [left, { entry: joined, membership: 'join' }],
    ])
    expect(await store.rooms.entryBefore('m.room.member', CAROL, [left])).toEqual(
      new Map([[left, { entry: undefined, membership: undefined }]]),
    )
    const texts = await store.rooms.jsonOf([joined, left + 50])
    expect([...texts.keys()]).toEqual([joined])
  })

  test('a room is forgotten only after leaving, and until the next membership', async () => {
    const store = await open()
    const room = await createRoom(store)
    const forgotten = async () => (await store.rooms.roomsOfUser(ALICE)).map((record) => record.forgotten)
    await store.commit([writers.rooms.forget(room.room, ALICE)])
    expect(await forgotten()).toEqual([false])
    await applyTo(store, room, [member(ALICE, 'leave')])
    await store.commit([writers.rooms.forget(room.room, ALICE)])
    expect(await forgotten()).toEqual([true])
    await applyTo(store, room, [member(ALICE, 'join')])
    expect(await store.rooms.roomsOfUser(ALICE)).toMatchObject([
      { roomId: room.roomId, membership: 'join', forgotten: false },
    ])
  })

  test('a change of a user concerns the rooms that they are in, and those that they left after a position, page by page', async () => {
    const store = await open()
    const rooms = [await createRoom(store), await createRoom(store), await createRoom(store), await createRoom(store)]
    const [one, two, three, four] = rooms as [TestRoom, TestRoom, TestRoom, TestRoom]
    await createRoom(store, [stateEvent('m.room.create', ''), member(BOB, 'join')])
    await applyTo(store, one, [member(ALICE, 'leave')])
    const { events: after } = await store.positions()
    await applyTo(store, two, [member(ALICE, 'leave')])
    await store.commit([writers.rooms.forget(two.room, ALICE)])
    const user = (await store.rooms.membership(four.room, ALICE))?.user ?? 0
    const page = (beyond: number, limit: number) => store.rooms.roomsAround({ user, after, beyond, limit })
    expect(await page(0, 10)).toEqual([two.room, three.room, four.room])
    expect([await page(0, 2), await page(three.room, 2)]).toEqual([[two.room, three.room], [four.room]])
    const { events } = await store.positions()
    expect(await store.rooms.roomsAround({ user, after: events, beyond: 0, limit: 10 })).toEqual([
      three.room,
      four.room,
    ])
  })

  test('the size of the state is kept as it was told, and counted where nobody told it', async () => {
    const store = await open()
    const events = [stateEvent('m.room.create', ''), { ...member(ALICE, 'join'), json: `{"a":"${'é'.repeat(50)}"}` }]
    const room = await createRoom(store, events)
    const [create] = events
    const bytes = Buffer.byteLength(create?.json ?? '')
    expect(await store.rooms.stateSize(room.room, 20)).toEqual({ bytes: bytes + 108 - 20, entries: 1 })
    expect(await store.rooms.stateSize(room.room, 1_000)).toEqual({ bytes, entries: 1 })
    await changeRoom(store, room.roomId, { stateSize: { bytes: 7, entries: 3 } })
    expect(await store.rooms.room(room.room)).toMatchObject({ stateSize: { bytes: 7, entries: 3 } })
  })

  test('aliases and the directory', async () => {
    const store = await open()
    const room = await createRoom(store)
    await store.commit([
      writers.rooms.addAlias('#b:localhost', room.room, BOB),
      writers.rooms.addAlias('#a:localhost', room.room, ALICE),
    ])
    expect(await store.rooms.aliasesOf(room.room)).toEqual(['#a:localhost', '#b:localhost'])
    await expect(store.commit([writers.rooms.addAlias('#a:localhost', room.room, BOB)])).rejects.toMatchObject({
      kind: 'alias-exists',
    })
    await store.commit([writers.rooms.removeAlias('#a:localhost')])
    expect(await store.rooms.roomOfAlias('#a:localhost')).toBeUndefined()
    expect(await store.rooms.aliasesOf(room.room, 0)).toEqual([])
    const join = await applyTo(store, room, [member(BOB, 'join')])
    expect(join).toHaveLength(1)
    expect(await store.rooms.listedRooms(everyRoom)).toEqual([])
    const listing = { shownJson: '{"a":1}', searchable: '100% of_it!', roomType: 'm.space' }
    await changeRoom(store, room.roomId, { listing })
    expect(await store.rooms.listedRooms(everyRoom)).toEqual([])
    await changeRoom(store, room.roomId, { published: true })
    expect(await store.rooms.listedRooms(everyRoom)).toMatchObject([{ room: room.room, listing: undefined }])
    expect(await store.rooms.roomsToList(0, 1)).toEqual({ roomIds: [room.roomId], upTo: expect.any(Number) })
    await changeRoom(store, room.roomId, { published: true, listing })
    expect(await store.rooms.roomsToList(0, 10)).toEqual({ roomIds: [], upTo: undefined })
    const listed = { room: room.room, roomId: room.roomId, joinedCount: 2, listing }
    expect(await store.rooms.listedRooms(everyRoom)).toEqual([listed])
    for (const term of ['100%', 'f_i', 'it!']) {
      expect(await store.rooms.listedRooms({ ...everyRoom, term })).toEqual([listed])
      expect(await store.rooms.countListed({ term, roomTypes: ['m.space', ''] }, 10)).toBe(1)
    }
    for (const term of ['100_', '%it', 'of%it'])
      expect(await store.rooms.listedRooms({ ...everyRoom, term })).toEqual([])
    expect(await store.rooms.listedRooms({ ...everyRoom, roomTypes: [''] })).toEqual([])
    await changeRoom(store, room.roomId, { published: false })
    expect(await store.rooms.listedRooms(everyRoom)).toEqual([])
    expect(await store.rooms.newestRoom()).toBe(room.room)
  })

  test('a room of thousands is read whole, off the event loop', async () => {
    const store = await open()
    const users = Array.from({ length: 1_500 }, (_, index) => member(`@u${index}:localhost` as typeof ALICE, 'join'))
    const { room } = await createRoom(store, [stateEvent('m.room.create', ''), ...users])
    expect((await store.rooms.room(room))?.joinedCount).toBe(1_500)
    expect(await store.rooms.members(room, ['join'])).toHaveLength(1_500)
    expect(await store.rooms.state(room, { at: 'current' })).toHaveLength(1_501)
    expect(await store.rooms.state(room, { at: 700 })).toHaveLength(700)
  })

  test('text with U+0000 is refused on writing and on asking, and nothing else suffers', async () => {
    const store = await open()
    const room = await createRoom(store)
    await expect(applyTo(store, room, [stateEvent('m.room.name', 'a\0b')])).rejects.toThrow('U+0000')
    await expect(store.rooms.stateEvent(room.room, 'current', 'm.room.name', 'a\0b')).rejects.toThrow('U+0000')
    await applyTo(store, room, [message()])
    expect(await store.rooms.timeline(room.room, { direction: 'forward', limit: 9 })).toHaveLength(3)
  })
})
