import { expect, it } from 'vitest'
import { refusal, reply } from '../../../support/federation-peer/listener.ts'
import type { FederationPeer } from '../../../support/federation-peer/peer.ts'
import type { PeerRoom } from '../../../support/federation-peer/peer-room.ts'
import { serveRoom } from '../../../support/federation-peer/resident.ts'
import { joinRoom } from '../../../support/federation-peer/visitor.ts'
import { askedFor, HERE, openScene, type Scene, sendEvents, text, until, untilBody } from './scene.ts'

const FEDERATION = '/_matrix/federation/v1'
const GAP = `${FEDERATION}/get_missing_events/:roomId`

interface SceneOfThree extends Scene {
  /** It is in the room as well, and knows of it what the first peer does. */
  readonly other: FederationPeer
  /** The room with the user of the other peer. */
  readonly otherRoom: PeerRoom
}

const openSceneOfThree = async (): Promise<SceneOfThree> => {
  const scene = await openScene({ peers: ['peer.example', 'other-peer.example'], room: { room_version: '11' } })
  const other = scene.peers[1]
  if (other === undefined) throw new Error('no other peer')
  const otherRoom = await joinRoom(other, HERE, scene.roomId)
  serveRoom(other, scene.room)
  return { ...scene, other, otherRoom }
}

it.each([
  ['does not give', () => reply({ events: [] })],
  ['refuses', () => refusal(403, 'M_FORBIDDEN')],
  ['cannot give now', () => refusal(503, 'M_UNKNOWN')],
])('what the sender of an event %s is got from another server in the room', async (_, answer) => {
  await using scene = await openSceneOfThree()
  const { alice, roomId, room, peer, other } = scene
  const events = ['one', 'two', 'three'].map((body) => room.send(text(body)))
  peer.on('POST', GAP, answer)
  await sendEvents(scene, events.slice(-1))
  expect(await untilBody(alice, roomId, 'three')).toEqual(['one', 'two', 'three'])
  expect(askedFor(peer, 'get_missing_events')).toHaveLength(1)
  expect(askedFor(other, 'get_missing_events')).toHaveLength(1)
})

it('auth events that the sender does not give are got from another server in the room', async () => {
  await using scene = await openSceneOfThree()
  const { alice, roomId, room, peer } = scene
  const head = room.heads
  const renamed = room.build({
    ...{ type: 'm.room.member', stateKey: room.sender, content: { membership: 'join', displayname: 'Other' } },
  })
  room.addOutlier(renamed)
  const auth = ['m.room.create', 'm.room.power_levels'].flatMap((type) => room.stateEvent(type)?.eventId ?? [])
  const cites = room.build(text('cites', { prev: head, auth: [...auth, renamed.eventId] }))
  room.add(cites)
  for (const path of ['event_auth/:roomId/:eventId', 'event/:eventId'])
    peer.on('GET', `${FEDERATION}/${path}`, () => refusal(404, 'M_NOT_FOUND'))
  await sendEvents(scene, [cites])
  expect(await untilBody(alice, roomId, 'cites')).toEqual(['cites'])
})

it('the state at the far end of what another server gave is that of the same server', async () => {
  await using scene = await openSceneOfThree()
  const { alice, roomId, room, peer, other } = scene
  room.send(text('far'))
  const near = room.send(text('near'))
  const last = room.send(text('last'))
  peer.on('POST', GAP, () => refusal(404, 'M_NOT_FOUND'))
  other.on('POST', GAP, () => reply({ events: [] }))
  await sendEvents(scene, [last])
  expect(await untilBody(alice, roomId, 'last')).toEqual(['far', 'near', 'last'])
  expect(askedFor(other, '/state_ids')).toHaveLength(1)
  expect(askedFor(other, `/event/${encodeURIComponent(near.eventId)}`)).toHaveLength(1)
})

it('an event whose predecessors no server has is dropped, and each is asked once', async () => {
  await using scene = await openSceneOfThree()
  const { alice, roomId, room, peer, other } = scene
  const before = room.heads
  const missing = room.build(text('missing'))
  const dangling = room.build(text('dangling', { prev: [missing.eventId] }))
  await sendEvents(scene, [dangling])
  room.heads = before
  await sendEvents(scene, [room.send(text('good'))])
  await sendEvents(scene, [dangling])
  expect(await untilBody(alice, roomId, 'good')).toEqual(['good'])
  expect(askedFor(peer, 'get_missing_events')).toHaveLength(1)
  expect(askedFor(other, `/event/${encodeURIComponent(missing.eventId)}`)).toHaveLength(1)
})

it('a server that was asked in vain for what another one had sent is asked at once where it sends that itself', async () => {
  await using scene = await openSceneOfThree()
  const { alice, roomId, room, peer, other, otherRoom } = scene
  const missing = otherRoom.send(text('missing'))
  await sendEvents(scene, [room.build(text('cites', { prev: [missing.eventId] }))])
  await until(
    async () => askedFor(other, `/event/${encodeURIComponent(missing.eventId)}`).length,
    (count) => count === 1,
  )
  expect(askedFor(peer, 'get_missing_events')).toHaveLength(1)
  serveRoom(other, otherRoom)
  const answer = await other.sendTransaction(HERE, [otherRoom.send(text('last')).pdu])
  expect(answer.status).toBe(200)
  expect(await untilBody(alice, roomId, 'last')).toEqual(['missing', 'last'])
})
