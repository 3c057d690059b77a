import { expect, it } from 'vitest'
import { type SigningKey, signingKeyFromSeed } from '#rules'
import type { JsonObject, Pdu, ServerName } from '#spec'
import type { PeerEvent } from '../../../support/federation-peer/peer-room.ts'
import { joinRoom } from '../../../support/federation-peer/visitor.ts'
import { askedFor, bodiesIn, HERE, openScene, type Scene, sendEvents, text, until, untilBody } from './scene.ts'

/** Sends the bad event and then a good one; the bad one must not be among what is seen. Answers with what is seen. */
const seenAfter = async (scene: Scene, bad: PeerEvent | Pdu): Promise<readonly string[]> => {
  await sendEvents(scene, [bad])
  await sendEvents(scene, [scene.room.send(text('good'))])
  return untilBody(scene.alice, scene.roomId, 'good')
}

const strangerKey = (serverName: string): SigningKey => {
  const key = signingKeyFromSeed('ed25519:peer', serverName as ServerName, Buffer.alloc(32, 9).toString('base64'))
  if (!key.ok) throw new Error(key.failure.reason)
  return key.value
}

it('an event that another key signed is dropped', async () => {
  await using scene = await openScene()
  const bad = scene.room.build(text('bad', { key: strangerKey('peer.example') }))
  expect(await seenAfter(scene, bad)).toEqual(['good'])
})

it('an event without the signature of its sender’s server is dropped', async () => {
  await using scene = await openScene()
  const { pdu } = scene.room.build(text('bad'))
  expect(await seenAfter(scene, { ...pdu, signatures: {} })).toEqual(['good'])
})

it('an event in the name of a user of this server is dropped', async () => {
  await using scene = await openScene()
  const bad = scene.room.build(text('bad', { sender: '@alice:first.example' }))
  expect(await seenAfter(scene, bad)).toEqual(['good'])
})

it('an event that was changed on its way goes on as what its signature covers', async () => {
  await using scene = await openScene()
  const { alice, roomId, room } = scene
  const { eventId, pdu } = room.send(text('true'))
  expect(await sendEvents(scene, [{ ...pdu, content: { msgtype: 'm.text', body: 'false' } }])).toEqual({
    [eventId]: {},
  })
  await sendEvents(scene, [room.send(text('good'))])
  expect(await untilBody(alice, roomId, 'good')).toEqual(['good'])
  const stored = await alice.ok(
    'GET',
    `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(eventId)}`,
  )
  expect(stored).toMatchObject({ sender: room.sender, content: {} })
})

it('what a server adds in unsigned is neither counted nor believed', async () => {
  await using scene = await openScene()
  const { alice, roomId, room } = scene
  const { eventId, pdu } = room.send(text('good'))
  const unsigned = { age: 1, redacted_because: { type: 'm.room.redaction' }, long: 'x'.repeat(70_000), half: 0.5 }
  expect(await sendEvents(scene, [{ ...pdu, unsigned } as Pdu])).toEqual({ [eventId]: {} })
  await untilBody(alice, roomId, 'good')
  const stored = await alice.ok(
    'GET',
    `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/event/${encodeURIComponent(eventId)}`,
  )
  expect(stored.unsigned?.redacted_because).toBeUndefined()
  expect(stored.unsigned?.long).toBeUndefined()
})

const malformed: readonly [string, (pdu: Pdu) => JsonObject][] = [
  ['a fraction in its content', (pdu) => ({ ...pdu, content: { ...pdu.content, half: 0.5 } })],
  ['an integer out of range', (pdu) => ({ ...pdu, content: { ...pdu.content, huge: 2 ** 60 } })],
  ['more than 64 KiB', (pdu) => ({ ...pdu, content: { ...pdu.content, long: 'x'.repeat(66_000) } })],
  ['a type of more than 255 bytes', (pdu) => ({ ...pdu, type: 'ö'.repeat(130) })],
  ['a state key of more than 255 bytes', (pdu) => ({ ...pdu, state_key: 'ö'.repeat(130) })],
  ['more than 20 prev_events', (pdu) => ({ ...pdu, prev_events: Array.from({ length: 21 }, (_, at) => `$${at}`) })],
  ['more than 10 auth_events', (pdu) => ({ ...pdu, auth_events: Array.from({ length: 11 }, (_, at) => `$${at}`) })],
  ['a depth below zero', (pdu) => ({ ...pdu, depth: -1 })],
  ['a depth that is no integer', (pdu) => ({ ...pdu, depth: '7' })],
  ['a depth beyond 2^53', (pdu) => ({ ...pdu, depth: 2 ** 53 })],
  ['a sender that is no user ID', (pdu) => ({ ...pdu, sender: 'somebody' })],
  ['hashes that are none', (pdu) => ({ ...pdu, hashes: { sha512: 'x' } })],
]
it.each(malformed)('an event with %s is dropped', async (_, change) => {
  await using scene = await openScene()
  const { pdu } = scene.room.build(text('bad'))
  expect(await seenAfter(scene, change(pdu) as Pdu)).toEqual(['good'])
})

it('an event that the room’s rules do not allow is rejected, and what follows it is not', async () => {
  await using scene = await openScene()
  const { alice, roomId, room } = scene
  const topic = room.build({ type: 'm.room.topic', stateKey: '', content: { topic: 'taken over' } })
  room.add(topic)
  await sendEvents(scene, [topic, room.send(text('good'))])
  expect(await untilBody(alice, roomId, 'good')).toEqual(['good'])
  const state = await alice.ok('GET', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/state`)
  expect(state.filter(({ type }: { type: string }) => type === 'm.room.topic')).toEqual([])
})

it('a server that the ACL shuts out is refused, whatever its name’s case, and others are not', async () => {
  await using scene = await openScene({ peers: ['peer.example', 'other-peer.example'] })
  const { alice, roomId, room, peer } = scene
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}`
  const acl = await alice.ok('PUT', `${path}/state/m.room.server_acl`, { body: { allow: ['*'], deny: ['PEER.*'] } })
  const late = room.build(text('shut out'))
  const answer = await sendEvents(scene, [late])
  expect(answer).toEqual({ [late.eventId]: { error: expect.stringContaining('m.room.server_acl') } })
  // Nobody opens the room by redacting the list, as an empty one lets nobody in.
  const redacted = await alice.request('PUT', `${path}/redact/${encodeURIComponent(acl.event_id)}/r1`, { body: {} })
  expect([redacted.status, redacted.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  await alice.ok('PUT', `${path}/state/m.room.server_acl`, { body: { allow: ['*'], deny: ['other-*'] } })
  const back = room.send(text('back'))
  expect(await sendEvents(scene, [back])).toEqual({ [back.eventId]: {} })
  expect(await untilBody(alice, roomId, 'back')).not.toContain('shut out')
  expect(peer.name).toBe('peer.example')
})

it('an event of one room does not get into another', async () => {
  await using scene = await openScene()
  const { alice, roomId, room } = scene
  const other = await alice.createRoom({ preset: 'public_chat' })
  const { pdu } = room.build(text('bad'))
  await sendEvents(scene, [{ ...pdu, room_id: other }])
  await sendEvents(scene, [room.send(text('good'))])
  await untilBody(alice, roomId, 'good')
  expect(await bodiesIn(alice, other)).toEqual([])
})

it('an event that cites an event of another room is rejected, and what follows it is not', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const other = await joinRoom(peer, HERE, await alice.createRoom({ preset: 'public_chat' }))
  const [own, others] = [room, other].map((each) => each.stateEvent('m.room.member', room.sender)?.eventId ?? '')
  const auth = room.build(text('bad')).event.authEvents.map((eventId) => (eventId === own ? (others ?? '') : eventId))
  expect(auth).toContain(others)
  await sendEvents(scene, [room.send(text('bad', { auth }))])
  await sendEvents(scene, [room.send(text('good'))])
  expect(await untilBody(alice, roomId, 'good')).toEqual(['good'])
  expect(askedFor(peer, '/event_auth')).toEqual([])
})

it('a room of an old version takes fractions, and one with given ids only those of its sender’s server', async () => {
  await using scene = await openScene({ room: { room_version: '1' } })
  const { alice, roomId, room } = scene
  const one = room.send(text('one'))
  const forged = { ...room.build(text('forged')).pdu, event_id: '$forged:first.example' }
  await sendEvents(scene, [one, forged as unknown as Pdu])
  await sendEvents(scene, [room.send(text('two'))])
  expect(await untilBody(alice, roomId, 'two')).toEqual(['one', 'two'])
  await until(
    async () =>
      alice.request('GET', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/event/$forged:first.example`),
    ({ status }) => status === 404,
  )
})
