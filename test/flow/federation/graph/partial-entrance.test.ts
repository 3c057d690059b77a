import { expect, test } from 'vitest'
import { type EventId, parseStateTupleKey, type RoomId, type ServerName } from '#spec'
import { onEveryDatabase } from '../../../contract/databases.ts'
import type { PeerEvent, PeerRoom } from '../../../support/federation-peer/peer-room.ts'
import { ANNA, asEntries, checked, GraphHouse, HERE, newPeerRoom } from './graph-house.ts'

const MEMBERS = 30
const serverOf = (member: number): string => `s${member % 5}.example`

/** A room with members of five servers, one of whom was banned. */
const roomOfMembers = (): PeerRoom => {
  const peer = newPeerRoom({ powerLevels: { users_default: 50 } })
  for (let member = 0; member < MEMBERS; member++) {
    const user = `@user${member}:${serverOf(member)}`
    peer.send({ type: 'm.room.member', sender: user, stateKey: user, content: { membership: 'join' } })
  }
  const banned = { type: 'm.room.member', stateKey: '@user3:s3.example', content: { membership: 'ban' } }
  peer.send(banned)
  return peer
}

const annasJoin = (peer: PeerRoom): PeerEvent =>
  peer.build({
    ...{ type: 'm.room.member', stateKey: ANNA, sender: ANNA, key: HERE },
    content: { membership: 'join' },
  })

/** Comes in without the members. */
const enterPartly = async (house: GraphHouse, peer: PeerRoom): Promise<PeerEvent> => {
  const by = annasJoin(peer)
  const whole = peer.stateBefore(by.event.prevEvents)
  const state = new Map([...whole].filter(([key]) => parseStateTupleKey(key)?.type !== 'm.room.member'))
  const events = peer.authChain([...state.values(), ...by.event.authEvents]).map(checked)
  for (const eventId of state.values())
    if (!events.some((one) => one.event.eventId === eventId)) events.push(checked(peer.get(eventId)))
  const servers = ['there.example', ...Array.from({ length: 5 }, (_, server) => `s${server}.example`), 'gone.example']
  await house.graph.enter({
    ...{ roomId: peer.roomId, version: peer.version, events, state, by: checked(by) },
    partial: { from: 'there.example' as ServerName, servers: servers as ServerName[] },
  })
  peer.add(by)
  return by
}

/** Gives the room its members, as they were before the entrance. */
const complete = async (house: GraphHouse, peer: PeerRoom, by: PeerEvent): Promise<boolean> => {
  const state = peer.stateBefore(by.event.prevEvents)
  const events = peer.authChain([...state.values()])
  const missing = [...state.values()].map((eventId) => peer.get(eventId)).filter((one) => !events.includes(one))
  await house.graph.addOutliers(peer.roomId, [...events, ...missing].map(checked))
  return house.graph.complete(peer.roomId, state)
}

/** Sends as Anna, and tells the peer. */
const sendAs = async (
  house: GraphHouse,
  peer: PeerRoom,
  draft: { readonly type: string; readonly stateKey?: string; readonly content: Record<string, string> },
): Promise<EventId> => {
  const eventId = await house.send(peer.roomId, draft)
  const stored = await house.store.rooms.event(eventId)
  peer.receive(JSON.parse(stored?.json ?? ''))
  return eventId
}

const serversIn = async (house: GraphHouse, roomId: RoomId): Promise<Readonly<Record<string, number>>> => {
  const record = await house.store.rooms.roomByRoomId(roomId)
  const servers = await house.store.rooms.serversOf(record?.room ?? 0)
  return Object.fromEntries(servers.map(({ name, joined }) => [name, joined]))
}

onEveryDatabase('a room that is entered without its members', (open) => {
  test('is as one that was entered whole, once they are there', async () => {
    const house = new GraphHouse(await open())
    const peer = roomOfMembers()
    const { roomId } = peer
    const by = await enterPartly(house, peer)
    expect(Object.keys(await serversIn(house, roomId)).sort()).toEqual([
      'gone.example',
      'here.example',
      's0.example',
      's1.example',
      's2.example',
      's3.example',
      's4.example',
      'there.example',
    ])
    const sent = [
      by.eventId,
      await sendAs(house, peer, { type: 'm.room.message', content: { body: 'first' } }),
      await sendAs(house, peer, { type: 'm.room.topic', stateKey: '', content: { topic: 'one' } }),
      await sendAs(house, peer, { type: 'm.room.message', content: { body: 'second' } }),
      await sendAs(house, peer, { type: 'm.room.topic', stateKey: '', content: { topic: 'two' } }),
      await sendAs(house, peer, { type: 'm.room.name', stateKey: '', content: { name: 'Here' } }),
      await sendAs(house, peer, { type: 'm.room.message', content: { body: 'third' } }),
    ]
    expect(await complete(house, peer, by)).toBe(true)
    for (const eventId of sent) {
      const expected = peer.stateBefore(peer.get(eventId).event.prevEvents)
      expect(asEntries(await house.graph.stateBefore(roomId, eventId))).toEqual(asEntries(expected))
    }
    expect(await house.stateIds(roomId)).toEqual(peer.stateIds())
    expect(await house.extremities(roomId)).toEqual([sent.at(-1)])
    // One of the servers has nobody in the room, whatever was said; the banned user was the sixth of another.
    expect(await serversIn(house, roomId)).toEqual({
      ...{ 'here.example': 1, 'there.example': 1, 's0.example': 6, 's1.example': 6, 's2.example': 6 },
      ...{ 's3.example': 5, 's4.example': 6 },
    })
    expect((await house.store.rooms.roomByRoomId(roomId))?.joinedCount).toBe(MEMBERS - 1 + 2)
    // Branches from before the members were there meet as everywhere.
    const beside = peer.send({
      ...{ type: 'm.room.topic', stateKey: '', content: { topic: 'beside' }, sender: '@user1:s1.example' },
      prev: [sent[1] ?? ''],
    })
    const above = peer.send({ type: 'm.room.message', content: { body: 'above' }, prev: [...peer.heads] })
    expect((await house.receive(peer, [beside, above])).map(({ kind }) => kind)).toEqual(['accepted', 'accepted'])
    expect(await house.stateIds(roomId)).toEqual(peer.stateIds())
    expect(await house.extremities(roomId)).toEqual([above.eventId])
    const [banned] = await house.receive(peer, [
      peer.build({
        type: 'm.room.message',
        sender: '@user3:s3.example',
        content: {},
        auth: peer.get(beside.eventId).event.authEvents,
      }),
    ])
    expect(banned?.kind).toBe('rejected')
  })

  test('has many changes while it waits', { timeout: 60_000 }, async () => {
    const house = new GraphHouse(await open())
    const peer = roomOfMembers()
    const by = await enterPartly(house, peer)
    const sent: EventId[] = []
    for (let change = 0; change < 100; change++)
      sent.push(
        await sendAs(house, peer, { type: 'm.room.topic', stateKey: `${change % 7}`, content: { topic: `${change}` } }),
      )
    expect(await complete(house, peer, by)).toBe(true)
    for (const eventId of sent) {
      const expected = peer.stateBefore(peer.get(eventId).event.prevEvents)
      expect(asEntries(await house.graph.stateBefore(peer.roomId, eventId))).toEqual(asEntries(expected))
    }
  })

  test('does not guess who is in it', async () => {
    const house = new GraphHouse(await open())
    const peer = roomOfMembers()
    const by = await enterPartly(house, peer)
    const invite = { type: 'm.room.member', stateKey: '@new:s1.example', content: { membership: 'invite' } }
    await expect(house.send(peer.roomId, invite)).rejects.toMatchObject({ retryAfterMs: expect.any(Number) })
    expect(await complete(house, peer, by)).toBe(true)
    const invited = await house.send(peer.roomId, invite)
    expect(await house.stateIds(peer.roomId)).toMatchObject({ 'm.room.member|@new:s1.example': invited })
  })

  test('takes no state that contradicts what it was told first, and no state twice', async () => {
    const house = new GraphHouse(await open())
    const peer = roomOfMembers()
    const by = await enterPartly(house, peer)
    const state = new Map(peer.stateBefore(by.event.prevEvents))
    const other = peer.send({ type: 'm.room.join_rules', stateKey: '', content: { join_rule: 'invite' } })
    await house.graph.addOutliers(peer.roomId, [checked(other)])
    const lie = new Map(
      [...state].map(([key, eventId]) => [
        key,
        eventId === peer.stateBefore(by.event.prevEvents).get(key) &&
        parseStateTupleKey(key)?.type === 'm.room.join_rules'
          ? other.eventId
          : eventId,
      ]),
    )
    expect(await house.graph.complete(peer.roomId, lie)).toBe(false)
    expect((await house.store.rooms.partialRooms(Date.now(), 10)).map(({ roomId }) => roomId)).toEqual([peer.roomId])
    expect(await complete(house, peer, by)).toBe(true)
    expect(await house.store.rooms.partialRooms(Date.now(), 10)).toEqual([])
    expect(await complete(house, peer, by)).toBe(false)
  })

  test('is entered whole after it was left', async () => {
    const house = new GraphHouse(await open())
    const peer = roomOfMembers()
    await enterPartly(house, peer)
    await sendAs(house, peer, { type: 'm.room.member', stateKey: ANNA, content: { membership: 'leave' } })
    await house.enter(peer)
    expect(await house.stateIds(peer.roomId)).toEqual(peer.stateIds())
    expect(await serversIn(house, peer.roomId)).toEqual({
      ...{ 'here.example': 1, 'there.example': 1, 's0.example': 6, 's1.example': 6, 's2.example': 6 },
      ...{ 's3.example': 5, 's4.example': 6 },
    })
    expect(await house.store.rooms.partialRooms(Date.now(), 10)).toEqual([])
  })
})
