import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../../support/client.ts'
import { joinRoom } from '../../../support/federation-peer/visitor.ts'
import { HERE, openScene, sendEvents, text, untilBody } from './scene.ts'

const redactionOf = (target: string, prev?: readonly string[]) => ({
  ...{ type: 'm.room.redaction', content: { redacts: target }, redacts: target },
  ...(prev === undefined ? {} : { prev }),
})

/** Ids of the redactions that a client is shown, in pages and in a first sync. */
const shownTo = async (client: TestClient, roomId: string): Promise<readonly [Json, Json]> => {
  const path = `/_matrix/client/v3/rooms/${encodeURIComponent(roomId)}/messages`
  const { chunk } = await client.ok('GET', path, { query: { dir: 'b', limit: 100 } })
  const { timeline } = (await client.sync()).rooms.join[roomId]
  const idsIn = (events: Json) =>
    events.filter(({ type }: Json) => type === 'm.room.redaction').map((event: Json) => event.event_id)
  return [idsIn(chunk), idsIn(timeline.events)]
}

it.each(['10', '11'])(
  'a redaction that does not count is shown to no client, and one that does is, in version %s',
  async (version) => {
    await using scene = await openScene({ room: { room_version: version } })
    const { alice, roomId, room, peer } = scene
    const other = await joinRoom(peer, HERE, await alice.createRoom({ preset: 'public_chat', room_version: version }))
    const elsewhere = other.send(text('in another room'))
    const said = await alice.sendText(roomId, 'said by somebody else')
    await sendEvents(scene, [elsewhere])
    await untilBody(alice, other.roomId, 'in another room')

    const own = room.send(text('own'))
    const ofOtherRoom = room.send(redactionOf(elsewhere.eventId))
    const withoutPower = room.send(redactionOf(said))
    const ofNothing = room.send({ type: 'm.room.redaction', content: {} })
    const good = room.send(redactionOf(own.eventId))
    await sendEvents(scene, [own, ofOtherRoom, withoutPower, ofNothing, good, room.send(text('after'))])
    expect(await untilBody(alice, roomId, 'after')).toEqual(['said by somebody else', 'after'])
    expect(await shownTo(alice, roomId)).toEqual([[good.eventId], [good.eventId]])
    expect(await untilBody(alice, other.roomId, 'in another room')).toEqual(['in another room'])
  },
)

it('a redaction that comes before what it redacts is not shown, and takes effect when that comes', async () => {
  await using scene = await openScene()
  const { alice, roomId, room } = scene
  const before = room.heads
  const secret = room.send(text('secret'))
  const redaction = room.send(redactionOf(secret.eventId, before))
  await sendEvents(scene, [redaction, room.send(text('between', { prev: [redaction.eventId] }))])
  await untilBody(alice, roomId, 'between')
  expect(await shownTo(alice, roomId)).toEqual([[], []])
  await sendEvents(scene, [secret])
  await sendEvents(scene, [room.send(text('after'))])
  expect(await untilBody(alice, roomId, 'after')).toEqual(['between', 'after'])
  const shown = await alice.getEvent(roomId, secret.eventId)
  expect([shown.content, shown.unsigned.redacted_because?.event_id]).toEqual([{}, redaction.eventId])
})
