import { expect, it } from 'vitest'
import { serveRoom } from '../../../support/federation-peer/resident.ts'
import { askedFor, bodiesIn, openScene, type Scene, sendEvents, text, untilBody } from './scene.ts'

/** A room of the peer's, of fewer events than one answer about a gap may have, into which Alice comes. */
const enteredRoom = async ({ alice, peer }: Scene, version: string) => {
  const room = peer.createRoom({ version })
  serveRoom(peer, room)
  const said = room.send(text('before'))
  const path = `/_matrix/client/v3/join/${encodeURIComponent(room.roomId)}`
  await alice.ok('POST', path, { query: { via: peer.name }, body: {} })
  return { room, roomId: room.roomId, said }
}

/** Events that clients are told of by sync as new, beside memberships. */
const bodiesInSync = async ({ alice }: Scene, roomId: string, since: string): Promise<readonly string[]> => {
  const answer = await alice.ok('GET', '/_matrix/client/v3/sync', { query: { since } })
  const { events } = answer.rooms.join[roomId].timeline
  return events.map(({ type, content }: { type: string; content: { body?: string } }) => content.body ?? type)
}

it.each(['6', '11', '12'])(
  'what others did at the same time as the join arrives with the next event, in version %s',
  async (version) => {
    await using scene = await openScene()
    const { alice, peer } = scene
    const { room, roomId, said } = await enteredRoom(scene, version)
    const { next_batch: since } = await alice.ok('GET', '/_matrix/client/v3/sync')
    room.send(text('beside', { prev: [said.eventId] }))
    expect(room.heads).toHaveLength(2)
    await sendEvents(scene, [room.send(text('after'))])
    expect(await untilBody(alice, roomId, 'after')).toContain('beside')
    // The history from before the join is not told as new.
    expect(await bodiesInSync(scene, roomId, since)).toEqual(['beside', 'after'])
    await sendEvents(scene, [room.send(text('at last'))])
    expect((await untilBody(alice, roomId, 'at last')).toSorted()).toEqual(['after', 'at last', 'before', 'beside'])
    expect(askedFor(peer, 'get_missing_events')).toHaveLength(1)
  },
)

it.each(['6', '11', '12'])(
  'a branch that began long before the join arrives with the event that joins it to the others, in version %s',
  async (version) => {
    await using scene = await openScene()
    const { alice, peer } = scene
    const { room, roomId } = await enteredRoom(scene, version)
    const create = room.stateEvent('m.room.create')
    const founder = room.stateEvent('m.room.member', room.sender)
    if (create === undefined || founder === undefined) throw new Error('the peer knows too little')
    // Nothing but the first two events was there for who made it.
    room.send(text('beside', { prev: [founder.eventId] }))
    await sendEvents(scene, [room.send(text('after'))])
    expect(await untilBody(alice, roomId, 'after')).toContain('beside')
    await sendEvents(scene, [room.send(text('at last'))])
    expect(await untilBody(alice, roomId, 'at last')).toContain('after')
    expect(await bodiesIn(alice, roomId)).toContain('before')
    expect(peer.received.filter(({ path }) => path.includes('get_missing_events'))).toHaveLength(1)
  },
)
