import { describe, expect, test } from 'vitest'
import type { UserId } from '#spec'
import { onEveryDatabase } from '../../../contract/databases.ts'
import { ANNA, asEntries, GraphHouse, newPeerRoom } from './graph-house.ts'

const message = (body: string) => ({ type: 'm.room.message', content: { msgtype: 'm.text', body } })
const topic = (text: string) => ({ type: 'm.room.topic', stateKey: '', content: { topic: text } })

onEveryDatabase('rooms of other servers', (open) => {
  describe.each(['1', '6', '11', '12'])('of version %s', (version) => {
    test('are entered with their state, and go on from there', async () => {
      const house = new GraphHouse(await open())
      const peer = newPeerRoom({ version })
      await house.enter(peer)
      expect(await house.stateIds(peer.roomId)).toEqual(peer.stateIds())
      expect(await house.extremities(peer.roomId)).toEqual(peer.heads)
      const [one, two] = [peer.send(message('one')), peer.send(topic('two'))]
      expect(await house.receive(peer, [one, two])).toEqual([{ kind: 'accepted' }, { kind: 'accepted' }])
      expect(await house.stateIds(peer.roomId)).toEqual(peer.stateIds())
      expect(await house.receive(peer, [two])).toEqual([{ kind: 'known' }])
      const own = await house.send(peer.roomId, message('three'))
      expect(await house.extremities(peer.roomId)).toEqual([own])
    })

    test('branch and meet again, with the state that the branches resolve to', async () => {
      const house = new GraphHouse(await open())
      const peer = newPeerRoom({ version })
      const join = await house.enter(peer)
      const left = peer.send(topic('left'))
      const onLeft = peer.send({ ...message('on the left'), prev: [left.eventId] })
      const right = peer.send({ ...topic('right'), prev: [join.eventId] })
      const onRight = peer.send({ type: 'm.room.name', stateKey: '', content: { name: 'n' }, prev: [right.eventId] })
      for (const event of [left, right, onRight, onLeft]) {
        expect(await house.receive(peer, [event])).toEqual([{ kind: 'accepted' }])
      }
      expect(await house.extremities(peer.roomId)).toEqual([...peer.heads].sort())
      expect(await house.stateIds(peer.roomId)).toEqual(peer.stateIds())
      for (const { eventId, event } of [left, onLeft, right, onRight]) {
        expect(asEntries(await house.graph.stateBefore(peer.roomId, eventId))).toEqual(
          asEntries(peer.stateBefore(event.prevEvents)),
        )
        expect(asEntries(await house.graph.stateAfter(peer.roomId, eventId))).toEqual(
          asEntries(peer.stateAfter(eventId)),
        )
      }
      const own = await house.send(peer.roomId, message('both'))
      expect(await house.extremities(peer.roomId)).toEqual([own])
      const merge = await house.store.rooms.event(own)
      const { prev_events: prev } = JSON.parse(merge?.json ?? '') as { prev_events: readonly (string | [string])[] }
      expect(prev.map((one) => (typeof one === 'string' ? one : one[0])).sort()).toEqual([...peer.heads].sort())
    })
  })

  test('an event of a branch on which its sender was banned is soft-failed, and one that the branch refuses is rejected', async () => {
    const house = new GraphHouse(await open())
    const peer = newPeerRoom()
    const bob = '@bob:there.example' as UserId
    peer.send({ type: 'm.room.member', stateKey: bob, sender: bob, content: { membership: 'join' } })
    const join = await house.enter(peer)
    const ban = peer.send({ type: 'm.room.member', stateKey: bob, content: { membership: 'ban' } })
    expect(await house.receive(peer, [ban])).toEqual([{ kind: 'accepted' }])
    const late = peer.build({ ...message('before the ban'), sender: bob, prev: [join.eventId] })
    const refused = peer.build({ ...topic('mine'), sender: bob, prev: [join.eventId] })
    expect(await house.receive(peer, [late, refused])).toMatchObject([{ kind: 'soft-failed' }, { kind: 'rejected' }])
    expect(await house.extremities(peer.roomId)).toEqual([ban.eventId])
    expect(await house.receive(peer, [late])).toEqual([{ kind: 'known' }])
    expect(await house.send(peer.roomId, message('on'))).toBeDefined()
  })

  test('what is missing is named, and nothing is stored', async () => {
    const house = new GraphHouse(await open())
    const peer = newPeerRoom()
    await house.enter(peer)
    const [first, second] = [peer.send(message('first')), peer.send(message('second'))]
    expect(await house.receive(peer, [second])).toEqual([{ kind: 'missing', events: [first.eventId] }])
    expect(await house.store.rooms.event(second.eventId)).toBeUndefined()
    expect(await house.receive(peer, [first, second])).toEqual([{ kind: 'accepted' }, { kind: 'accepted' }])
  })

  test('an event after a gap is taken with the state that another server gave, and what lies between comes later', async () => {
    const house = new GraphHouse(await open())
    const peer = newPeerRoom()
    const join = await house.enter(peer)
    const first = peer.send(topic('first'))
    const between = peer.send(message('between'))
    const last = peer.send(message('last'))
    await house.graph.addOutliers(
      peer.roomId,
      [first].map(({ event, pdu }) => ({ event, json: JSON.stringify(pdu) })),
    )
    const stateBefore = peer.stateBefore([between.eventId])
    const { receive } = house.graph
    const verdicts = await receive.call(house.graph, peer.roomId, [
      { event: last.event, json: JSON.stringify(last.pdu), stateBefore },
    ])
    expect(verdicts).toEqual([{ kind: 'accepted' }])
    expect(await house.extremities(peer.roomId)).toEqual([join.eventId, last.eventId].sort())
    const record = await house.store.rooms.roomByRoomId(peer.roomId)
    expect(await house.store.rooms.missingEvents(record?.room ?? 0)).toContain(between.eventId)
    expect(await house.receive(peer, [first, between])).toEqual([{ kind: 'accepted' }, { kind: 'accepted' }])
    expect(await house.extremities(peer.roomId)).toEqual([last.eventId])
    expect(await house.stateIds(peer.roomId)).toEqual(peer.stateIds())
    expect(await house.store.rooms.missingEvents(record?.room ?? 0)).not.toContain(between.eventId)
    const timeline = await house.store.rooms.timeline(record?.room ?? 0, { direction: 'forward', limit: 20 })
    expect(timeline.map(({ eventId }) => eventId)).toEqual([join, last, first, between].map(({ eventId }) => eventId))
    expect(timeline.every(({ event, position }) => event === position)).toBe(true)
    expect(timeline[0]?.sender).toBe(ANNA)
  })

  test('a change of the state that no accepted event made is noted with what it replaced', async () => {
    const house = new GraphHouse(await open())
    const bob = '@bob:there.example' as UserId
    const peer = newPeerRoom({ powerLevels: { users: { '@resident:there.example': 100, [bob]: 50 } } })
    peer.send({ type: 'm.room.member', stateKey: bob, sender: bob, content: { membership: 'join' } })
    const first = peer.send(topic('first'))
    const join = await house.enter(peer)
    const second = peer.send({ ...topic('second'), sender: bob })
    const ban = peer.send({
      type: 'm.room.member',
      stateKey: bob,
      content: { membership: 'ban' },
      prev: [join.eventId],
    })
    expect(await house.receive(peer, [second, ban])).toEqual([{ kind: 'accepted' }, { kind: 'accepted' }])
    expect(await house.stateIds(peer.roomId)).toEqual(peer.stateIds())
    expect(peer.stateIds()['m.room.topic|']).toBe(first.eventId)
    const record = await house.store.rooms.roomByRoomId(peer.roomId)
    const at = (await house.store.rooms.event(ban.eventId))?.position
    expect(await house.store.rooms.resolvedChanges(record?.room ?? 0, 10)).toEqual([
      {
        ...{ room: record?.room, position: at, type: 'm.room.topic', stateKey: '' },
        ...{ before: second.eventId, after: first.eventId },
      },
    ])
  })
})
