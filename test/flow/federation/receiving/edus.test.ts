import { expect, it } from 'vitest'
import { HERE, openScene, text, until, untilBody } from './scene.ts'

it('unknown and malformed EDUs are ignored, and the rest of the transaction is taken', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const good = room.send(text('good'))
  const edus = [7, null, {}, { edu_type: 'm.nobody.knows', content: {} }, { edu_type: 'm.typing' }, { edu_type: 7 }]
  const answer = await peer.sendTransaction(HERE, [good.pdu], { edus: edus as never })
  expect([answer.status, answer.body]).toEqual([200, { pdus: { [good.eventId]: {} } }])
  expect(await untilBody(alice, roomId, 'good')).toEqual(['good'])
})

it('messages to devices that were acknowledged arrive, whatever happens to the server', async () => {
  await using scene = await openScene()
  const { alice, peer, server } = scene
  const { user_id: userId, device_id: deviceId } = await alice.ok('GET', '/_matrix/client/v3/account/whoami')
  const content = (at: number) => ({
    sender: '@visitor:peer.example',
    type: 'm.test',
    message_id: `m${at}`,
    messages: { [userId]: { [deviceId]: { at } } },
  })
  const forged = { ...content(99), sender: '@alice:first.example' }
  const edus = [forged, ...[1, 2, 3].map(content)].map((each) => ({ edu_type: 'm.direct_to_device', content: each }))
  const answer = await peer.sendTransaction(HERE, [], { edus })
  expect(answer.status).toBe(200)
  await server.restart()
  const got = await until(
    () => alice.ok('GET', '/_matrix/client/v3/sync', { query: { timeout: 0 } }),
    ({ to_device: { events } = { events: [] } }) => events.length >= 3,
  )
  expect(got.to_device.events.map((event: { content: { at: number } }) => event.content.at)).toEqual([1, 2, 3])
})
