import { expect, it } from 'vitest'
import { bodiesIn, HERE, openScene, sendEvents, text, untilBody } from './scene.ts'

const SEND = '/_matrix/federation/v1/send'

it('a transaction is answered for each of its events, and what it brings is seen by members', async () => {
  await using scene = await openScene()
  const { alice, roomId, room } = scene
  const [one, two] = [room.send(text('one')), room.send(text('two'))]
  expect(await sendEvents(scene, [one, two])).toEqual({ [one.eventId]: {}, [two.eventId]: {} })
  expect(await untilBody(alice, roomId, 'two')).toEqual(['one', 'two'])
  // What is known already is good, too.
  expect(await sendEvents(scene, [two])).toEqual({ [two.eventId]: {} })
})

it('a repeated transaction gets the first answer and does nothing again', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const one = room.send(text('one'))
  const first = await peer.sendTransaction(HERE, [one.pdu], { transactionId: 'again' })
  const other = room.send(text('other'))
  const again = await peer.sendTransaction(HERE, [other.pdu], { transactionId: 'again' })
  expect([first.status, again.status]).toEqual([200, 200])
  expect(again.body).toEqual(first.body)
  await scene.server.restart()
  expect((await peer.sendTransaction(HERE, [other.pdu], { transactionId: 'again' })).body).toEqual(first.body)
  await sendEvents(scene, [room.send(text('last'))])
  // The event in between was never taken from the repeated transaction: it came by the gap that it left.
  expect(await untilBody(alice, roomId, 'last')).toEqual(['one', 'other', 'last'])
})

it('repeated while it is under way, a transaction is taken once', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const one = room.send(text('one'))
  const answers = await Promise.all(
    Array.from({ length: 5 }, () => peer.sendTransaction(HERE, [one.pdu], { transactionId: 'same' })),
  )
  for (const { status, body } of answers) expect([status, body]).toEqual([200, { pdus: { [one.eventId]: {} } }])
  expect(await untilBody(alice, roomId, 'one')).toEqual(['one'])
})

it('more than 50 events or 100 EDUs are refused whole', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const one = room.build(text('one'))
  const tooMany = await peer.sendTransaction(
    HERE,
    Array.from({ length: 51 }, () => one.pdu),
  )
  expect([tooMany.status, tooMany.body.errcode]).toEqual([400, 'M_BAD_JSON'])
  const edu = { edu_type: 'm.unknown', content: {} }
  const edus = await peer.sendTransaction(HERE, [one.pdu], { edus: Array.from({ length: 101 }, () => edu) })
  expect([edus.status, edus.body.errcode]).toEqual([400, 'M_BAD_JSON'])
  const most = await peer.sendTransaction(HERE, [], { edus: Array.from({ length: 100 }, () => edu) })
  expect(most.status).toBe(200)
  await sendEvents(scene, [room.send(text('good'))])
  expect(await untilBody(alice, roomId, 'good')).toEqual(['good'])
})

it('a body that is no transaction is refused', async () => {
  await using scene = await openScene()
  const { peer } = scene
  for (const body of [{}, { pdus: {} }, { pdus: [], edus: {} }]) {
    const { status } = await peer.request(HERE, { method: 'PUT', uri: `${SEND}/x`, body })
    expect(status, JSON.stringify(body)).toBe(400)
  }
  const long = await peer.request(HERE, { method: 'PUT', uri: `${SEND}/${'x'.repeat(300)}`, body: { pdus: [] } })
  expect(long.status).toBe(400)
})

it('what is no event, or of an unknown room, is dropped without a word and stops nothing', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const elsewhere = peer.createRoom({ version: '11' })
  const strange = elsewhere.send(text('strange'))
  const good = room.send(text('good'))
  const answer = await sendEvents(scene, [
    7,
    null,
    'text',
    {},
    { room_id: roomId },
    { ...good.pdu, content: 'no object' },
    strange.pdu,
    good.pdu,
  ] as never)
  expect(answer).toEqual({ [good.eventId]: {} })
  expect(await untilBody(alice, roomId, 'good')).toEqual(['good'])
})

it('a room that nobody here is in any more takes nothing', async () => {
  await using scene = await openScene()
  const { alice, roomId, room } = scene
  await alice.ok('POST', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/leave`)
  // Nobody may be put back into a room either.
  const invite = room.build({
    ...{ type: 'm.room.member', stateKey: '@alice:first.example', content: { membership: 'join' } },
    sender: '@alice:first.example',
  })
  const answer = await sendEvents(scene, [room.build(text('too late')), invite])
  for (const said of Object.values(answer)) expect(said).toMatchObject({ error: expect.stringContaining('not in') })
  const { joined_rooms: joined } = await alice.ok('GET', '/_matrix/client/v3/joined_rooms')
  expect(joined).toEqual([])
  expect(await bodiesIn(alice, roomId)).toEqual([])
})

it('a key that stands twice in a signed body is refused', async () => {
  await using scene = await openScene()
  const { peer } = scene
  const twice = '{"pdus":[],"edus":[{"edu_type":"m.x","content":{"a":1,"a":2}}]}'
  const answer = await peer.request(HERE, { method: 'PUT', uri: `${SEND}/twice`, body: twice })
  expect([answer.status, answer.body.errcode]).toEqual([400, 'M_BAD_JSON'])
})
