import { expect, it } from 'vitest'
import { PASS_ON, refusal, reply } from '../../../support/federation-peer/listener.ts'
import type { PeerEvent, PeerRoom } from '../../../support/federation-peer/peer-room.ts'
import { askedFor, openScene, sendEvents, text, until, untilBody } from './scene.ts'

/** An event, `cites`, that is allowed by a profile change which nobody else was sent. */
const citesUnseen = (room: PeerRoom) => {
  const head = room.heads
  const renamed = room.build({
    ...{ type: 'm.room.member', stateKey: room.sender, content: { membership: 'join', displayname: 'Other' } },
  })
  room.addOutlier(renamed)
  const create = room.stateEvent('m.room.create')
  const levels = room.stateEvent('m.room.power_levels')
  if (create === undefined || levels === undefined) throw new Error('the peer knows too little')
  const cites = room.build(text('cites', { prev: head, auth: [create.eventId, levels.eventId, renamed.eventId] }))
  room.add(cites)
  return { cites, renamed }
}

const GAP = '/_matrix/federation/v1/get_missing_events/:roomId'

it('events between are got from the server that sent the last one', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const bodies = ['one', 'two', 'three', 'four']
  const events = bodies.map((body) => room.send(text(body)))
  await sendEvents(scene, events.slice(-1))
  expect(await untilBody(alice, roomId, 'four')).toEqual(bodies)
  const [request] = peer.received.filter(({ path }) => path.includes('get_missing_events'))
  expect(request?.body).toMatchObject({ latest_events: [events[3]?.eventId], limit: 20 })
  expect(request?.body.earliest_events).toHaveLength(1)
  expect(askedFor(peer, '/state_ids')).toEqual([])
})

it('an event whose predecessor its sender does not give is dropped, and the state is not asked for', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const before = room.heads
  room.send(text('missing'))
  peer.on('POST', GAP, () => reply({ events: [] }))
  await sendEvents(scene, [room.send(text('dangling'))])
  await until(
    async () => askedFor(peer, 'get_missing_events').length,
    (count) => count === 1,
  )
  room.heads = before
  await sendEvents(scene, [room.send(text('good'))])
  expect(await untilBody(alice, roomId, 'good')).toEqual(['good'])
  expect(askedFor(peer, '/state_ids')).toEqual([])
})

it('an event that comes while its sender is left alone for a moment, as it did not answer, is not lost', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const missing = [room.send(text('missing'))]
  const first = room.send(text('first'))
  let refused = 0
  peer.on('POST', GAP, () =>
    refused++ === 0 ? refusal(503, 'M_UNKNOWN') : reply({ events: missing.map(({ pdu }) => pdu) }),
  )
  await sendEvents(scene, [first])
  await until(
    async () => refused,
    (count) => count === 1,
  )
  // It refers to the same event that is missing.
  const second = room.send(text('second', { prev: missing.map(({ eventId }) => eventId) }))
  await sendEvents(scene, [second])
  expect((await untilBody(alice, roomId, 'second')).toSorted()).toEqual(['first', 'missing', 'second'])
})

it('a failure is remembered over a restart', async () => {
  await using scene = await openScene()
  const { roomId, room, peer, alice, server } = scene
  const before = room.heads
  room.send(text('missing'))
  peer.on('POST', GAP, () => refusal(403, 'M_FORBIDDEN'))
  const dangling = room.send(text('dangling'))
  await sendEvents(scene, [dangling])
  await until(
    async () => askedFor(peer, 'get_missing_events').length,
    (count) => count === 1,
  )
  await server.restart()
  room.heads = before
  await sendEvents(scene, [dangling, room.send(text('good'))])
  expect(await untilBody(alice, roomId, 'good')).toEqual(['good'])
  expect(askedFor(peer, 'get_missing_events')).toHaveLength(1)
})

it('at the far end of what was pulled the state is asked for, and the branch takes part in the room', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  room.send(text('far'))
  const near = room.send(text('near'))
  const last = room.send(text('last'))
  // The peer gives the nearest event alone, as if the gap were long.
  peer.on('POST', GAP, () => reply({ events: [near.pdu] }))
  await sendEvents(scene, [last])
  expect(await untilBody(alice, roomId, 'last')).toEqual(['far', 'near', 'last'])
  expect(askedFor(peer, '/state_ids')).toHaveLength(1)
  expect([...askedFor(peer, '/event/'), ...askedFor(peer, '/backfill/')]).not.toEqual([])
})

it('a claimed state in which somebody has more power than they have changes nothing', async () => {
  await using scene = await openScene({ room: { room_version: '11' } })
  const { alice, roomId, room, peer } = scene
  const enc = encodeURIComponent(roomId)
  const levels = await alice.ok('GET', `/_matrix/client/v3/rooms/${enc}/state/m.room.power_levels`)
  const create = room.stateEvent('m.room.create')
  const join = room.stateEvent('m.room.member', room.sender)
  if (create === undefined || join === undefined) throw new Error('the peer knows too little')
  const evil = room.build({
    ...{ type: 'm.room.power_levels', stateKey: '', content: { users: { [room.sender]: 100 } } },
    auth: [create.eventId, join.eventId],
  })
  const far = room.send(text('far'))
  const near = room.send(text('near'))
  const last = room.send(text('last'))
  peer.on('POST', GAP, () => reply({ events: [near.pdu] }))
  peer.on('GET', '/_matrix/federation/v1/state_ids/:roomId', () =>
    reply({
      pdu_ids: [create.eventId, join.eventId, evil.eventId],
      auth_chain_ids: [create.eventId, join.eventId],
    }),
  )
  serveEvent(scene, [evil, far])
  await sendEvents(scene, [last])
  await sendEvents(scene, [room.send(text('after'))])
  await until(
    async () => askedFor(peer, '/state_ids').length,
    (count) => count >= 1,
  )
  await untilBody(alice, roomId, 'after').catch(() => [])
  expect(await alice.ok('GET', `/_matrix/client/v3/rooms/${enc}/state/m.room.power_levels`)).toEqual(levels)
})

const answerOf = ({ pdu }: PeerEvent) => ({ origin: 'peer.example', origin_server_ts: 1, pdus: [pdu] })

const serveEvent = ({ peer }: Awaited<ReturnType<typeof openScene>>, events: readonly PeerEvent[]): void => {
  peer.on('GET', '/_matrix/federation/v1/event/:eventId', ({ params }) => {
    const found = events.find(({ eventId }) => eventId === params.eventId)
    return found === undefined ? refusal(404, 'M_NOT_FOUND') : reply(answerOf(found))
  })
}

it('bad events in an answer are passed over, and the good ones taken', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const one = room.send(text('one'))
  const two = room.send(text('two'))
  const stray = room.build(text('stray'))
  const bad = { ...stray.pdu, content: { body: 'bad', half: 0.5 } }
  const large = { ...stray.pdu, content: { body: 'x'.repeat(70_000) } }
  peer.on('POST', GAP, () => reply({ events: [bad, 7, null, large, one.pdu] }))
  await sendEvents(scene, [two])
  expect(await untilBody(alice, roomId, 'two')).toEqual(['one', 'two'])
})

it('more events than were asked for, of other rooms or in a circle, do no harm', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const elsewhere = peer.createRoom({ version: '11' })
  const strangers = Array.from({ length: 300 }, (_, at) => elsewhere.send(text(`stranger ${at}`)).pdu)
  const before = room.heads
  room.send(text('missing'))
  const last = room.send(text('last'))
  peer.on('POST', GAP, () => reply({ events: strangers }))
  await sendEvents(scene, [last])
  await until(
    async () => askedFor(peer, 'get_missing_events').length,
    (count) => count === 1,
  )
  room.heads = before
  await sendEvents(scene, [room.send(text('good'))])
  expect(await untilBody(alice, roomId, 'good')).toEqual(['good'])
})

it('auth events that are missing are got, and the event is judged by them', async () => {
  await using scene = await openScene({ room: { room_version: '11' } })
  const { alice, roomId, room, peer } = scene
  const { cites, renamed } = citesUnseen(room)
  await sendEvents(scene, [cites])
  await until(
    async () => askedFor(peer, 'event_auth').length + askedFor(peer, `/event/${renamed.eventId}`).length,
    (count) => count > 0,
  )
  expect(await untilBody(alice, roomId, 'cites')).toEqual(['cites'])
})

it('an event whose sender is away right after it sent it is not lost', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  let asked = 0
  peer.on('POST', GAP, () => {
    asked++
    return asked > 1 ? serveGap() : refusal(503, 'M_UNKNOWN')
  })
  const one = room.send(text('one'))
  const two = room.send(text('two'))
  const serveGap = () => reply({ events: [one.pdu] })
  // Nothing else ever comes that would refer to it.
  await sendEvents(scene, [two])
  expect(await untilBody(alice, roomId, 'two')).toEqual(['one', 'two'])
  expect(asked).toBe(2)
})

it('an event at the far end of a gap whose sender is away for a moment when it is asked for is not lost', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const far = room.send(text('far'))
  const near = room.send(text('near'))
  const last = room.send(text('last'))
  peer.on('POST', GAP, () => reply({ events: [near.pdu] }))
  let asked = 0
  peer.on('GET', '/_matrix/federation/v1/event/:eventId', ({ params }) => {
    if (params.eventId !== far.eventId || ++asked > 1) return PASS_ON
    return refusal(503, 'M_UNKNOWN')
  })
  // Nothing else ever comes that would refer to it.
  await sendEvents(scene, [last])
  expect(await untilBody(alice, roomId, 'last')).toContain('near')
  expect(asked).toBeGreaterThan(1)
})

it('an auth event whose sender is away for a moment when it is asked for does not lose what it allows', async () => {
  await using scene = await openScene({ room: { room_version: '11' } })
  const { alice, roomId, room, peer } = scene
  const { cites, renamed } = citesUnseen(room)
  peer.on('GET', '/_matrix/federation/v1/event_auth/:roomId/:eventId', () => reply({ auth_chain: [] }))
  let asked = 0
  peer.on('GET', '/_matrix/federation/v1/event/:eventId', ({ params }) => {
    if (params.eventId !== renamed.eventId || ++asked > 1) return PASS_ON
    return refusal(503, 'M_UNKNOWN')
  })
  await sendEvents(scene, [cites])
  expect(await untilBody(alice, roomId, 'cites')).toEqual(['cites'])
  expect(asked).toBeGreaterThan(1)
})
