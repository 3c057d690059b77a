import { expect, it } from 'vitest'
import { joinRoom } from '../../../support/federation-peer/visitor.ts'
import { askedFor, HERE, openScene, text, until, untilBody } from './scene.ts'

it('a room whose events cannot be completed stops no other, nor does its server', async () => {
  await using scene = await openScene({ peers: ['peer.example', 'hostile.example'] })
  const { alice, roomId, room, peer, peers } = scene
  const hostile = peers[1]
  if (hostile === undefined) throw new Error('no hostile peer')
  // The hostile server answers nothing for what it is asked about the gap, in many rooms.
  hostile.on('POST', '/_matrix/federation/v1/get_missing_events/:roomId', () => new Promise(() => {}))
  const rooms = await Promise.all(
    Array.from({ length: 4 }, async () => joinRoom(hostile, HERE, await alice.createRoom({ preset: 'public_chat' }))),
  )
  for (const each of rooms) {
    each.send(text('never given'))
    await hostile.sendTransaction(HERE, [each.send(text('dangling')).pdu])
  }
  await until(
    async () => askedFor(hostile, 'get_missing_events').length,
    (count) => count === 4,
  )
  const begun = performance.now()
  await peer.sendTransaction(HERE, [room.send(text('good')).pdu])
  expect(await untilBody(alice, roomId, 'good')).toEqual(['good'])
  expect(performance.now() - begun).toBeLessThan(5_000)
  // People go on in the hostile server's room, too.
  const besieged = rooms[0]?.roomId ?? ''
  await alice.send(besieged, 'm.room.message', { msgtype: 'm.text', body: 'still here' })
  expect(await untilBody(alice, besieged, 'still here')).toEqual(['still here'])
})

it('what waits for one server in one room is bounded', async () => {
  await using scene = await openScene()
  const { room, peer } = scene
  peer.on('POST', '/_matrix/federation/v1/get_missing_events/:roomId', () => new Promise(() => {}))
  room.send(text('never given'))
  let refused = 0
  for (let transaction = 0; transaction < 24 && refused === 0; transaction++) {
    const pdus = Array.from({ length: 50 }, (_, at) => room.build(text(`${transaction} ${at}`)).pdu)
    const { body } = await peer.sendTransaction(HERE, pdus)
    refused = Object.values(body.pdus as Record<string, { error?: string }>).filter(({ error }) => error).length
  }
  expect(refused).toBeGreaterThan(0)
}, 60_000)
