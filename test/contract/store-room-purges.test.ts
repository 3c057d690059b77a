import { expect, test } from 'vitest'
import { writers } from '#store'
import { onEveryDatabase } from './databases.ts'
import { ALICE, applyTo, BOB, createRoom, member, message, stateEvent, type TestRoom } from './room-fixtures.ts'

const FAR = Number.MAX_SAFE_INTEGER

onEveryDatabase('the removal of rooms', (open) => {
  const emptied = async (store: Awaited<ReturnType<typeof open>>): Promise<TestRoom> => {
    const room = await createRoom(store)
    await applyTo(store, room, [message(), stateEvent('m.room.topic', ''), message(), member(ALICE, 'leave')])
    return room
  }
  const left = { forgottenByAll: false, beforeMs: FAR, limit: 10 }

  test('finds rooms without anybody, by age and by what was forgotten', async () => {
    const store = await open()
    const lived = await createRoom(store)
    const invited = await createRoom(store, [stateEvent('m.room.create', ''), member(BOB, 'invite')])
    const knocked = await createRoom(store, [stateEvent('m.room.create', ''), member(BOB, 'knock')])
    const [one, two] = [await emptied(store), await emptied(store)]
    await store.commit([writers.rooms.forget(two.room, ALICE)])
    const found = async (query: Partial<typeof left>) =>
      (await store.roomPurges.emptyRooms({ ...left, ...query })).map(({ room }) => room)
    expect(await found({})).toEqual([one.room, two.room])
    expect(await found({})).not.toEqual(expect.arrayContaining([lived.room, invited.room, knocked.room]))
    expect(await found({ forgottenByAll: true })).toEqual([two.room])
    expect(await found({ limit: 1 })).toEqual([one.room])
    expect(await found({ beforeMs: 1_000 })).toEqual([])
  })

  test('takes the room away at once, its rows in pieces, and leaves nothing', async () => {
    const store = await open()
    const [room, other] = [await emptied(store), await emptied(store)]
    const { roomId } = room
    await store.commit([writers.rooms.addAlias('#gone:localhost', room.room, ALICE)])
    const { roomPurges } = writers
    await store.commit([roomPurges.begin(room)])
    expect(await store.rooms.roomByRoomId(roomId)).toBeUndefined()
    expect(await store.rooms.roomOfAlias('#gone:localhost')).toBeUndefined()
    expect((await store.rooms.roomsOfUser(ALICE)).map((of) => of.room)).toEqual([other.room])
    expect(await store.roomPurges.roomsBeingPurged()).toEqual([{ room: room.room, roomId }])

    const steps: boolean[] = []
    for (let more = true; more; steps.push(more)) [{ more }] = await store.commit([roomPurges.continue(room.room, 4)])
    expect(steps).toEqual([true, false])
    await store.commit([roomPurges.finish(room.room)])
    expect(await store.roomPurges.roomsBeingPurged()).toEqual([])
    expect(await store.rooms.timeline(room.room, { direction: 'forward', limit: 10 })).toEqual([])
    expect(await store.rooms.timeline(other.room, { direction: 'forward', limit: 10 })).toHaveLength(6)
    expect(await store.rooms.state(other.room, { at: 'current' })).toHaveLength(3)
  })

  test('does not take a room that changed since it was looked at, or that somebody is in', async () => {
    const store = await open()
    const room = await emptied(store)
    const seen = { ...room }
    await applyTo(store, room, [member(BOB, 'join')])
    const refused = { name: 'WriteConflict', kind: 'room-changed' }
    await expect(store.commit([writers.roomPurges.begin(seen)])).rejects.toMatchObject(refused)
    await expect(store.commit([writers.roomPurges.begin(room)])).rejects.toMatchObject(refused)
    expect((await store.rooms.roomByRoomId(room.roomId))?.joinedCount).toBe(1)
  })

  test.each([
    ['a knock', () => member(BOB, 'knock')],
    ['an invite', () => member(BOB, 'invite')],
    ['a change of its state', () => stateEvent('m.room.topic', '')],
    ['a message', () => message()],
  ])('does not take a room that %s moved since it was looked at', async (_, event) => {
    const store = await open()
    const room = await emptied(store)
    const seen = await store.roomPurges.emptyRooms(left)
    await applyTo(store, room, [event()])
    const refused = { name: 'WriteConflict', kind: 'room-changed' }
    for (const found of seen) {
      await expect(store.commit([writers.roomPurges.begin(found)])).rejects.toMatchObject(refused)
    }
    expect(seen).toHaveLength(1)
    expect(await store.rooms.timeline(room.room, { direction: 'forward', limit: 10 })).toHaveLength(7)
  })
})
