import { expect, it } from 'vitest'
import { reply } from '../../../support/federation-peer/listener.ts'
import { joinAnswer, serveRoom } from '../../../support/federation-peer/resident.ts'
import { bodiesIn, HERE, openScene, text, untilBody } from './scene.ts'

it('what happens in a room while this server is let in is not lost', async () => {
  await using scene = await openScene()
  const { alice, peer } = scene
  const room = peer.createRoom({ version: '11' })
  serveRoom(peer, room)
  let sent: Promise<{ readonly status: number }> | undefined
  peer.on('PUT', '/_matrix/federation/v2/send_join/:roomId/:eventId', async ({ params, body }) => {
    if (params.roomId !== room.roomId) return undefined
    const answer = joinAnswer(peer, room, body)
    // The resident sends the next message before its own answer to the join has arrived, and nothing after it.
    sent = peer.sendTransaction(HERE, [room.send(text('right after')).pdu])
    await new Promise((resolve) => setTimeout(resolve, 300))
    return reply(answer)
  })
  const path = `/_matrix/client/v3/join/${encodeURIComponent(room.roomId)}`
  await alice.ok('POST', path, { query: { via: peer.name }, body: {} })
  expect((await sent)?.status).toBe(200)
  expect(await untilBody(alice, room.roomId, 'right after')).toEqual(await bodiesIn(alice, room.roomId))
})
