import { describe, expect, test } from 'vitest'
import type { EventId } from '#spec'
import { type RoomChange, type Store, writers } from '#store'
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

/** Applies a change that says more than a history without branches does. */
const apply = async (
  store: Store,
  room: TestRoom,
  events: readonly TestEvent[],
  more: Partial<RoomChange>,
): Promise<readonly number[]> => {
  const [applied] = await store.commit([
    writers.rooms.apply({ room: room.room, base: room.base, ...changeOf(events), ...more }),
  ])
  room.base = applied.base
  expect(await baseIn(store, room.room)).toEqual(applied.base)
  return applied.positions
}

/** Another room, which no change of the first one may touch. */
const bystander = async (store: Store) => {
  const { room } = await createRoom(store)
  const [record, state] = [await store.rooms.room(room), await store.rooms.state(room, { at: 'current' })]
  return {
    isUntouched: async () => {
      expect(await store.rooms.room(room)).toEqual(record)
      expect(await store.rooms.state(room, { at: 'current' })).toEqual(state)
    },
  }
}

const extremity = ({ eventId, depth }: TestEvent) => ({ eventId, depth })
const NOWHERE = '$nowhere' as EventId

onEveryDatabase('rooms whose history branches', (open) => {
  test('a change on top of one that never came about is refused, though as many changes were made', async () => {
    const store = await open()
    const room = await createRoom(store)
    const [ours, onOurs, theirs] = [message(), message(), message()]
    const before = room.base
    const after = { sequence: before.sequence, head: ours.eventId }
    await store.commit([writers.rooms.apply({ room: room.room, base: before, ...changeOf([theirs]) })])
    const refused = { name: 'WriteConflict', kind: 'room-changed' }
    for (const [base, event] of [
      [before, ours],
      [after, onOurs],
    ] as const) {
      const change = writers.rooms.apply({ room: room.room, base, ...changeOf([event]) })
      await expect(store.commit([change])).rejects.toMatchObject(refused)
    }
    expect((await store.rooms.room(room.room))?.extremities).toEqual([extremity(theirs)])
  })

  test('extremities branch, and join again', async () => {
    const store = await open()
    const room = await createRoom(store)
    const other = await bystander(store)
    const [one, two] = [message(), message()]
    await apply(store, room, [one], {})
    await apply(store, room, [two], { extremities: [one, two].map(extremity) })
    expect((await store.rooms.room(room.room))?.extremities).toEqual([one, two].map(extremity))
    const stale = { ...room, base: { ...room.base, head: two.eventId } }
    await expect(applyTo(store, stale, [message()])).rejects.toMatchObject({ kind: 'room-changed' })
    const joined = message({ prevEvents: [one.eventId, two.eventId] })
    await apply(store, room, [joined], {})
    expect((await store.rooms.room(room.room))?.extremities).toEqual([extremity(joined)])
    await other.isUntouched()
  })

  test('a change without an event in the timeline is counted', async () => {
    const store = await open()
    const room = await createRoom(store)
    const other = await bystander(store)
    const before = room.base
    const head = (await store.rooms.room(room.room))?.extremities ?? []
    await apply(store, room, [message({ placing: 'outlier' })], { extremities: head })
    expect(room.base).toEqual({ sequence: before.sequence + 1, head: before.head })
    await expect(applyTo(store, { ...room, base: before }, [message()])).rejects.toMatchObject({ kind: 'room-changed' })
    await applyTo(store, room, [message()])
    await other.isUntouched()
  })

  describe('a reference', () => {
    test('leads to what is stored in the room, stands before it in the change, or is said to be missing', async () => {
      const store = await open()
      const [room, other] = [await createRoom(store), await createRoom(store)]
      const elsewhere = message()
      await applyTo(store, other, [elsewhere])
      for (const event of [
        message({ prevEvents: [NOWHERE] }),
        message({ authEvents: [NOWHERE] }),
        message({ authEvents: [elsewhere.eventId] }),
      ]) {
        await expect(applyTo(store, room, [event])).rejects.toMatchObject({ kind: 'dangling-reference' })
      }
      const first = message()
      await applyTo(store, room, [first, message({ prevEvents: [first.eventId], authEvents: [first.eventId] })])
      await applyTo(store, room, [message({ prevEvents: [room.base.head as EventId], authEvents: [first.eventId] })])
      await apply(store, room, [message({ prevEvents: [NOWHERE] })], { missing: [NOWHERE] })
      expect(await store.rooms.missingEvents(room.room)).toEqual([NOWHERE])
    })

    test('to an event whose commit failed is refused in the commits after it', async () => {
      const store = await open()
      const room = await createRoom(store)
      const never = message()
      const failing = writers.rooms.apply({ room: room.room, base: room.base, ...changeOf([never]) })
      const again = writers.rooms.apply({ room: room.room, base: room.base, ...changeOf([message()]) })
      const referring = changeOf([message({ authEvents: [never.eventId] })])
      const results = await Promise.allSettled([
        // The second change of it conflicts after the first has written.
        store.commit([failing, again]),
        store.commit([writers.rooms.apply({ room: room.room, base: room.base, ...referring })]),
      ])
      expect(results).toMatchObject([{ reason: { kind: 'room-changed' } }, { reason: { kind: 'dangling-reference' } }])
    })
  })

  test('history comes in the order of its graph, the timeline in that of the stream', async () => {
    const store = await open()
    const create = stateEvent('m.room.create', '', { depth: 1 })
    const room = await createRoom(store, [create])
    const late = message({ depth: 20 })
    const early = message({ depth: 10 })
    await apply(store, room, [late], { missing: ['$gap' as EventId] })
    await applyTo(store, room, [early])
    const head = (await store.rooms.room(room.room))?.extremities ?? []
    const fetched = [4, 3].map((depth) => message({ depth, placing: 'history', prior: { at: 1, differs: [] } }))
    await apply(store, room, [...fetched, message({ eventId: '$gap' as EventId, depth: 15, placing: 'history' })], {
      extremities: head,
      missing: [],
    })
    expect(await store.rooms.missingEvents(room.room)).toEqual([])
    const order = [create.depth, 3, 4, 10, 15, 20]
    const all = await store.rooms.history(room.room, { direction: 'forward', limit: 10 })
    expect(all.map(({ depth }) => depth)).toEqual(order)
    expect(
      (await store.rooms.history(room.room, { direction: 'backward', limit: 10 })).map(({ depth }) => depth),
    ).toEqual(order.toReversed())
    for (const [index, place] of all.entries()) {
      const after = await store.rooms.history(room.room, { after: place, direction: 'forward', limit: 2 })
      expect(after.map(({ depth }) => depth)).toEqual(order.slice(index + 1, index + 3))
      const upTo = await store.rooms.history(room.room, { upTo: place, direction: 'backward', limit: 1 })
      expect(upTo.map(({ depth }) => depth)).toEqual([order[index]])
    }
    expect(
      (await store.rooms.timeline(room.room, { direction: 'forward', limit: 9 })).map(({ depth }) => depth),
    ).toEqual([create.depth, 20, 10])
    expect(await store.rooms.placeAt(room.room, 2)).toEqual({ depth: 20, event: 2 })
    expect(await store.rooms.placeAt(room.room, 99)).toEqual({ depth: 10, event: 3 })
    expect(await store.rooms.placeAt(room.room, 0)).toBeUndefined()
    expect((await store.positions()).events).toBe(3)
  })

  describe('state', () => {
    test('changes at the position of a message where resolution brings an entry back, or takes one away', async () => {
      const store = await open()
      const [first, second] = [stateEvent('m.room.topic', ''), stateEvent('m.room.topic', '')]
      const room = await createRoom(store, [stateEvent('m.room.create', ''), first, second, member(BOB, 'join')])
      const merge = message()
      const [at = 0] = await apply(store, room, [merge], {
        state: [
          { type: 'm.room.topic', stateKey: '', event: first.eventId, by: merge.eventId },
          { type: 'm.room.member', stateKey: BOB, event: null, by: merge.eventId },
        ],
      })
      expect(await store.rooms.room(room.room)).toMatchObject({ lastResolvedPosition: at, joinedCount: 0 })
      const topic = async (when: number | 'current') =>
        (await store.rooms.stateEvent(room.room, when, 'm.room.topic', ''))?.eventId
      expect([await topic(2), await topic(3), await topic(at), await topic('current')]).toEqual(
        [first, second, first, first].map(({ eventId }) => eventId),
      )
      expect(await store.rooms.stateEvent(room.room, 'current', 'm.room.member', BOB)).toBeUndefined()
      expect((await store.rooms.state(room.room, { at: 'current' })).map(({ type }) => type).sort()).toEqual([
        'm.room.create',
        'm.room.topic',
      ])
      expect((await store.rooms.stateChanges(room.room, at - 1, at)).map(({ eventId }) => eventId)).toEqual([
        first.eventId,
      ])
      expect(await store.rooms.membershipsBetween(room.room, BOB, 0, 1_000)).toEqual([
        { membership: 'join', position: 4 },
        { membership: 'leave', position: at },
      ])
      const steps = await store.rooms.stateHistory(room.room, 'm.room.topic', '', 100)
      expect(steps.map(({ position, event }) => [position, event?.eventId])).toEqual([
        [2, first.eventId],
        [3, second.eventId],
        [at, first.eventId],
      ])
      const gone = await store.rooms.stateHistory(room.room, 'm.room.member', BOB, 100)
      expect(gone.map(({ position, event }) => [position, event === undefined])).toEqual([
        [4, false],
        [at, true],
      ])
      // Later events of their own are no work of resolution.
      await applyTo(store, room, [stateEvent('m.room.topic', '')])
      expect((await store.rooms.room(room.room))?.lastResolvedPosition).toBe(at)
    })

    test('before an event is the log before it, or the log somewhere but for what differs', async () => {
      const store = await open()
      const [create, topic] = [stateEvent('m.room.create', ''), stateEvent('m.room.topic', '')]
      const room = await createRoom(store, [create, topic, member(ALICE, 'join')])
      const plain = message()
      const branched = message({
        prior: {
          at: 3,
          differs: [
            { type: 'm.room.name', stateKey: '', event: create.eventId },
            { type: 'm.room.topic', stateKey: '', event: null },
          ],
        },
      })
      const outlier = message({ placing: 'outlier' })
      const [position = 0] = await applyTo(store, room, [plain, branched, outlier])
      expect(await store.rooms.priorState(plain.eventId)).toEqual({ at: position - 1, differs: [] })
      expect(await store.rooms.priorState(branched.eventId)).toEqual(branched.prior)
      expect(await store.rooms.priorState(outlier.eventId)).toBeUndefined()
      expect(await store.rooms.priorState(NOWHERE)).toBeUndefined()
    })

    test('nothing is changed by an event that is not in the timeline', async () => {
      const store = await open()
      const room = await createRoom(store)
      const outlier = stateEvent('m.room.topic', '', { placing: 'outlier' })
      const state = [{ type: 'm.room.topic', stateKey: '', event: outlier.eventId, by: outlier.eventId }]
      const head = (await store.rooms.room(room.room))?.extremities ?? []
      await expect(apply(store, room, [outlier], { state, extremities: head })).rejects.toThrow('timeline')
      expect(await store.rooms.event(outlier.eventId)).toBeUndefined()
    })
  })
})
