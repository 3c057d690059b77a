import { expect, it } from 'vitest'
import { HERE, openScene, sendEvents, text, until, untilBody } from './scene.ts'

const typing = (roomId: string, userId: string, is = true) => ({
  edu_type: 'm.typing',
  content: { room_id: roomId, user_id: userId, typing: is },
})

it('unknown and malformed EDUs are ignored, and the rest of the transaction is taken', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const good = room.send(text('good'))
  const edus = [7, null, {}, { edu_type: 'm.nobody.knows', content: {} }, { edu_type: 'm.typing' }, { edu_type: 7 }]
  const answer = await peer.sendTransaction(HERE, [good.pdu], { edus: edus as never })
  expect([answer.status, answer.body]).toEqual([200, { pdus: { [good.eventId]: {} } }])
  expect(await untilBody(alice, roomId, 'good')).toEqual(['good'])
})

it('who types is taken from the server of that user alone, and not past an ACL', async () => {
  await using scene = await openScene()
  const { alice, roomId, room, peer } = scene
  const typists = async (): Promise<readonly string[]> => {
    const answer = await alice.ok('GET', '/_matrix/client/v3/sync', { query: { timeout: 0 } })
    const events = answer.rooms.join[roomId].ephemeral.events
    return events.find(({ type }: { type: string }) => type === 'm.typing')?.content.user_ids ?? []
  }
  await peer.sendTransaction(HERE, [], { edus: [typing(roomId, '@alice:first.example'), typing(roomId, room.sender)] })
  expect(await until(typists, (users) => users.length > 0)).toEqual([room.sender])
  await peer.sendTransaction(HERE, [], { edus: [typing(roomId, room.sender, false)] })
  await until(typists, (users) => users.length === 0)
  await alice.ok('PUT', `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.server_acl`, {
    body: { allow: ['*'], deny: ['peer.example'] },
  })
  const refused = room.build(text('refused'))
  await peer.sendTransaction(HERE, [], { edus: [typing(roomId, room.sender)] })
  // Later work of the same server is done, so the earlier one was looked at.
  expect(await sendEvents(scene, [refused])).toMatchObject({ [refused.eventId]: { error: expect.any(String) } })
  expect(await typists()).toEqual([])
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
