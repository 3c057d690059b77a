import { expect, test } from 'vitest'
import type { EventId } from '#spec'
import type { Store } from '#store'
import { onEveryDatabase } from '../../../contract/databases.ts'
import type { PeerEvent } from '../../../support/federation-peer/peer-room.ts'
import { asEntries, checked, GraphHouse, newPeerRoom } from './graph-house.ts'
import { Arrivals, GraphModel, growRoom, type RandomRoom, reordered, seeded } from './graph-model.ts'

/** More by hand: `HOMEROOM_GRAPH_RUNS=200`. */
const RUNS = Number(process.env.HOMEROOM_GRAPH_RUNS ?? 8)
const FIRST = Number(process.env.HOMEROOM_GRAPH_SEED ?? 1)
const SIZE = 40
const ORDERS = 2
const VERSIONS = ['1', '2', '6', '10', '11', '12']

const randomRoom = (seed: number): RandomRoom => {
  const random = seeded(seed)
  const version = VERSIONS[seed % VERSIONS.length] ?? '11'
  return growRoom(new GraphModel(newPeerRoom({ version })), SIZE, random)
}

const firstEvents = ({ model, events }: RandomRoom): readonly PeerEvent[] => {
  const grown = new Set(events.map(({ eventId }) => eventId))
  return [...model.peer.events.values()].filter(({ eventId }) => !grown.has(eventId))
}

/** Comes into the room by the last of its first events, as if that was the join. */
const enterAt = async (house: GraphHouse, room: RandomRoom): Promise<void> => {
  const { peer } = room.model
  const first = firstEvents(room)
  const by = first.at(-1) as PeerEvent
  const state = room.model.stateBefore(by.eventId)
  await house.graph.enter({
    ...{ roomId: peer.roomId, version: peer.version, state },
    ...{ events: first.slice(0, -1).map(checked), by: checked(by) },
  })
}

/** Takes the events, in batches, and asks again for those that came too early. */
const receiveAll = async (
  house: GraphHouse,
  { model }: RandomRoom,
  order: readonly PeerEvent[],
  random: () => number,
) => {
  const verdicts = new Map<EventId, string>()
  for (let from = 0; from < order.length; ) {
    const batch = order.slice(from, from + 1 + Math.floor(random() * 5))
    const given = await house.receive(model.peer, batch)
    for (const [index, { eventId }] of batch.entries()) verdicts.set(eventId, given[index]?.kind ?? 'none')
    from += batch.length
  }
  return verdicts
}

const compare = async (house: GraphHouse, { model, events }: RandomRoom, verdicts: ReadonlyMap<EventId, string>) => {
  const { roomId } = model.peer
  for (const { eventId } of events) {
    const before = asEntries(await house.graph.stateBefore(roomId, eventId))
    expect([eventId, before]).toEqual([eventId, asEntries(model.stateBefore(eventId))])
    const after = asEntries(await house.graph.stateAfter(roomId, eventId))
    expect([eventId, after]).toEqual([eventId, asEntries(model.stateAfter(eventId))])
  }
  const record = await house.store.rooms.roomByRoomId(roomId)
  const accepted = events.filter(({ eventId }) => verdicts.get(eventId) === 'accepted').length
  const timeline = await house.store.rooms.timeline(record?.room ?? 0, { direction: 'forward', limit: 1_000 })
  expect(timeline.length).toBe(accepted + 1)
}

const runOnce = async (store: Store, seed: number, order: number) => {
  const house = new GraphHouse(store)
  const room = randomRoom(seed)
  const { model, events } = room
  const random = seeded(seed * 10 + order)
  const arriving = reordered(events, random)
  await enterAt(house, room)
  const arrivals = new Arrivals(model, firstEvents(room))
  for (const event of arriving) arrivals.take(event)
  const verdicts = await receiveAll(house, room, arriving, random)
  expect(verdicts).toEqual(arrivals.verdicts)
  expect(await house.extremities(model.peer.roomId)).toEqual(arrivals.extremities)
  expect(await house.state(model.peer.roomId)).toEqual(asEntries(arrivals.state))
  await compare(house, room, verdicts)
}

onEveryDatabase('a branching history', (open) => {
  test('has the state of the plain model before and after each event, in whichever order the events come', {
    timeout: 3_600_000,
  }, async () => {
    const store = await open()
    for (let seed = FIRST; seed < FIRST + RUNS; seed++) {
      try {
        for (let order = 0; order < ORDERS; order++) await runOnce(store, seed, order)
      } catch (error) {
        throw new Error(`seed ${seed}`, { cause: error })
      }
    }
  })
})
