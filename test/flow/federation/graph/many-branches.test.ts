import { expect, test } from 'vitest'
import type { EventId } from '#spec'
import { onEveryDatabase } from '../../../contract/databases.ts'
import { asEntries, checked, GraphHouse, newPeerRoom } from './graph-house.ts'

const message = (body: string) => ({ type: 'm.room.message', content: { msgtype: 'm.text', body } })

onEveryDatabase('a room of many branches', (open) => {
  test('is joined by few events, which say what state comes before them', async () => {
    const house = new GraphHouse(await open())
    const peer = newPeerRoom()
    const join = await house.enter(peer)
    const branches = Array.from({ length: 45 }, (_, index) =>
      index % 3 === 0
        ? peer.send({ type: 'm.room.topic', stateKey: '', content: { topic: `${index}` }, prev: [join.eventId] })
        : peer.send({ ...message(`${index}`), prev: [join.eventId] }),
    )
    for (const verdict of await house.receive(peer, branches)) expect(verdict).toEqual({ kind: 'accepted' })
    expect(await house.extremities(peer.roomId)).toEqual([...peer.heads].sort())
    expect(await house.stateIds(peer.roomId)).toEqual(peer.stateIds())
    await house.joins.join(peer.roomId)
    const left = await house.extremities(peer.roomId)
    expect(left.length).toBeLessThanOrEqual(10)
    const record = await house.store.rooms.roomByRoomId(peer.roomId)
    const timeline = await house.store.rooms.timeline(record?.room ?? 0, { direction: 'forward', limit: 100 })
    const joins = timeline.filter(({ type }) => type === 'org.matrix.dummy_event')
    expect(joins.length).toBeGreaterThan(1)
    for (const { json, eventId } of joins) {
      const { prev_events: prev } = JSON.parse(json) as { prev_events: readonly EventId[] }
      expect(prev.length).toBeLessThanOrEqual(20)
      const pdu = peer.read(JSON.parse(json))
      expect(asEntries(await house.graph.stateBefore(peer.roomId, eventId))).toEqual(asEntries(peer.stateBefore(prev)))
      peer.add(pdu)
    }
    expect(left).toEqual([...peer.heads].sort())
    expect(await house.stateIds(peer.roomId)).toEqual(peer.stateIds())
  })

  test('keeps the extremities that an event of this server does not cite', async () => {
    const house = new GraphHouse(await open())
    const peer = newPeerRoom()
    const join = await house.enter(peer)
    const branches = Array.from({ length: 25 }, (_, index) =>
      peer.send({ ...message(`${index}`), prev: [join.eventId] }),
    )
    await house.receive(peer, branches)
    const own = await house.send(peer.roomId, message('own'))
    const cited = JSON.parse((await house.store.rooms.event(own))?.json ?? '') as { prev_events: readonly EventId[] }
    const rest = branches.map(({ eventId }) => eventId).filter((eventId) => !cited.prev_events.includes(eventId))
    expect(cited.prev_events.length).toBe(20)
    expect(await house.extremities(peer.roomId)).toEqual([...rest, own].sort())
  })

  test('says what state comes before the events of a long branch', { timeout: 60_000 }, async () => {
    const house = new GraphHouse(await open())
    const peer = newPeerRoom()
    const join = await house.enter(peer)
    const trunk = peer.send({ type: 'm.room.topic', stateKey: '', content: { topic: 'trunk' }, prev: [join.eventId] })
    await house.receive(peer, [trunk])
    let prev = join.eventId
    const branch = Array.from({ length: 95 }, (_, index) => {
      const event = peer.send({ type: 'example.entry', stateKey: `${index % 60}`, content: { index }, prev: [prev] })
      prev = event.eventId
      return event
    })
    for (const verdict of await house.receive(peer, branch)) expect(verdict).toEqual({ kind: 'accepted' })
    for (const { eventId } of [...branch.slice(0, 3), ...branch.slice(36, 48), ...branch.slice(80)]) {
      expect(asEntries(await house.graph.stateAfter(peer.roomId, eventId))).toEqual(asEntries(peer.stateAfter(eventId)))
    }
    expect(await house.stateIds(peer.roomId)).toEqual(peer.stateIds())
  })

  test('takes its history from before the join, down to the create event, and no other first event', async () => {
    const house = new GraphHouse(await open())
    const peer = newPeerRoom()
    const [create, ...more] = [...peer.events.values()]
    if (create === undefined) throw new Error('a room without create event')
    await house.enter(peer)
    const history = [create, ...more].map(checked)
    for (const verdict of await house.graph.addHistory(peer.roomId, history))
      expect(verdict).toEqual({ kind: 'accepted' })
    const forged = peer.build({ type: 'm.room.create', stateKey: '', content: { forged: true }, prev: [], auth: [] })
    expect(await house.graph.addHistory(peer.roomId, [checked(forged)])).toMatchObject([{ kind: 'rejected' }])
    const record = await house.store.rooms.roomByRoomId(peer.roomId)
    const found = await house.store.rooms.history(record?.room ?? 0, { direction: 'forward', limit: 20 })
    expect(found.map(({ eventId }) => eventId)).toEqual([...peer.events.keys()])
    expect(await house.stateIds(peer.roomId)).toEqual(peer.stateIds())
  })

  test('keeps an entry of the state whose event comes into the timeline later', async () => {
    const house = new GraphHouse(await open())
    const peer = newPeerRoom()
    const topic = peer.send({ type: 'm.room.topic', stateKey: '', content: { topic: 'before the join' } })
    await house.enter(peer)
    const stateBefore = peer.stateBefore(topic.event.prevEvents)
    const verdicts = await house.graph.receive(peer.roomId, [{ ...checked(topic), stateBefore }])
    expect(verdicts).toEqual([{ kind: 'accepted' }])
    const stored = await house.store.rooms.event(topic.eventId)
    expect(stored?.event).toBe(stored?.position)
    expect(await house.stateIds(peer.roomId)).toEqual(peer.stateIds())
  })
})
