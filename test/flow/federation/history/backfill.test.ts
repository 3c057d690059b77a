import { describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../../support/client.ts'
import { reply } from '../../../support/federation-peer/listener.ts'
import type { PeerRoom } from '../../../support/federation-peer/peer-room.ts'
import { serveRoom } from '../../../support/federation-peer/resident.ts'
import { type Asking, DATABASES, enc, HOME, startAsking } from './asking.ts'

const message = (body: string) => ({ type: 'm.room.message', content: { msgtype: 'm.text', body } })

/** A room of the peer with so many messages, into which Alice comes. */
const joined = async (
  asking: Asking,
  messages: number,
  more: (room: PeerRoom) => void = () => {},
): Promise<{ readonly alice: TestClient; readonly room: PeerRoom }> => {
  const room = asking.peer.createRoom({ version: '11' })
  for (let index = 0; index < messages; index += 1) room.send({ ...message(`m${index}`), ts: 1_000_000 + index })
  more(room)
  serveRoom(asking.peer, room)
  const alice = await asking.home.register('alice')
  await alice.ok('POST', `/v3/join/${enc(room.roomId)}`, { body: {}, query: { via: ['peer.example'] } })
  return { alice, room }
}

/** All bodies that a client sees who reads back to the end, and the number of pages. */
const readBack = async (user: TestClient, roomId: string, limit: number) => {
  const bodies: string[] = []
  let from: string | undefined
  let pages = 0
  do {
    const page: Json = await user.get(`/v3/rooms/${enc(roomId)}/messages`, { dir: 'b', limit, from })
    pages += 1
    for (const { type, content } of page.chunk) if (type === 'm.room.message') bodies.push(content.body)
    from = page.end
  } while (from !== undefined && pages < 100)
  return { bodies, pages }
}

const backwards = (count: number): string[] => Array.from({ length: count }, (_, index) => `m${count - 1 - index}`)
const askedFor = (asking: Asking, word: string): number =>
  asking.peer.received.filter(({ path }) => path.includes(`/${word}/`)).length

describe.each(DATABASES)('a reader who comes to where history is missing, on %s', (database) => {
  it('reads on to the beginning of the room, in order, and later readers ask nobody', async () => {
    await using asking = await startAsking({ database })
    const { alice, room } = await joined(asking, 150)
    expect((await readBack(alice, room.roomId, 20)).bodies).toEqual(backwards(150))
    const before = asking.peer.received.length
    expect((await readBack(alice, room.roomId, 50)).bodies).toEqual(backwards(150))
    expect(asking.peer.received.length).toBe(before)
  })
})

/** The ids of all events that a client sees who reads back to the end, oldest first. */
const idsBack = async (user: TestClient, roomId: string): Promise<string[]> => {
  const ids: string[] = []
  let from: string | undefined
  do {
    const page: Json = await user.get(`/v3/rooms/${enc(roomId)}/messages`, { dir: 'b', limit: 7, from })
    for (const { event_id: id } of page.chunk) ids.unshift(id)
    from = page.end
  } while (from !== undefined)
  return ids
}

describe('history that is fetched', () => {
  it('is whole also where a server says that the join stands no deeper than what came before it', async () => {
    await using asking = await startAsking()
    const room = asking.peer.createRoom({ version: '11' })
    for (let index = 0; index < 10; index += 1) room.send({ ...message(`m${index}`), ts: 1_000_000 + index })
    serveRoom(asking.peer, room)
    const depth = room.get(room.heads[0] ?? '').event.depth
    asking.peer.on('GET', '/_matrix/federation/v1/make_join/:roomId/:userId', ({ params: { userId = '' } }) => {
      const content = { membership: 'join' }
      const { pdu } = room.build({ type: 'm.room.member', sender: userId, stateKey: userId, content })
      return reply({ room_version: '11', event: { ...pdu, depth } })
    })
    for (const [name, limit] of [
      ['alice', 11],
      ['bob', 3],
      ['carol', 1],
    ] as const) {
      const user = await asking.home.register(name)
      await user.ok('POST', `/v3/join/${enc(room.roomId)}`, { body: {}, query: { via: ['peer.example'] } })
      expect((await readBack(user, room.roomId, limit)).bodies, `${limit}`).toEqual(backwards(10))
    }
  })

  it('is whole, from the create event on', async () => {
    await using asking = await startAsking()
    const { alice, room } = await joined(asking, 20)
    expect(await idsBack(alice, room.roomId)).toEqual([...room.events.keys()])
  })

  it('is whole also for somebody who was invited, before the invite and after it', async () => {
    await using asking = await startAsking()
    const { home, peer } = asking
    const alice = await home.register('alice')
    const room = peer.createRoom({ version: '11' })
    for (let index = 0; index < 5; index += 1) room.send(message(`before ${index}`))
    const invite = room.send({ type: 'm.room.member', stateKey: alice.userId, content: { membership: 'invite' } })
    serveRoom(peer, room)
    const uri = `/_matrix/federation/v2/invite/${enc(room.roomId)}/${enc(invite.eventId)}`
    const body = { room_version: '11', event: invite.pdu, invite_room_state: [] }
    await peer.ok(HOME, { method: 'PUT', uri, body })
    for (let index = 0; index < 5; index += 1) room.send(message(`after ${index}`))
    await alice.ok('POST', `/v3/join/${enc(room.roomId)}`, { body: {}, query: { via: ['peer.example'] } })
    expect(await idsBack(alice, room.roomId)).toEqual([...room.events.keys()])
  })

  it('is read on through a page of events that are refused', async () => {
    await using asking = await startAsking()
    const { alice, room } = await joined(asking, 10, (made) => {
      // Nobody of that name ever joined.
      for (let index = 0; index < 120; index += 1)
        made.send({ ...message('forged'), sender: `@stranger:${asking.peer.name}` })
      for (let index = 10; index < 13; index += 1) made.send(message(`m${index}`))
    })
    expect((await readBack(alice, room.roomId, 20)).bodies).toEqual(backwards(13))
  })

  it('shows nothing that the reader may not see by the visibility of then', async () => {
    await using asking = await startAsking()
    const { alice, room } = await joined(asking, 5, (made) => {
      made.send({ type: 'm.room.history_visibility', stateKey: '', content: { history_visibility: 'joined' } })
      made.send(message('hidden'))
    })
    expect((await readBack(alice, room.roomId, 20)).bodies).toEqual(backwards(5))
  })

  it('leaves the current state, the newest events and the stream of clients as they are', async () => {
    await using asking = await startAsking()
    const { alice, room } = await joined(asking, 30, (made) => {
      made.send({ type: 'm.room.topic', stateKey: '', content: { topic: 'old' } })
      made.send({ type: 'm.room.topic', stateKey: '', content: { topic: 'new' } })
    })
    const since = (await alice.get('/v3/sync')).next_batch
    await readBack(alice, room.roomId, 50)
    const sync = await alice.get('/v3/sync', { since, timeout: 0 })
    expect(sync.rooms?.join ?? {}).toEqual({})
    expect(await alice.get(`/v3/rooms/${enc(room.roomId)}/state/m.room.topic/`)).toEqual({ topic: 'new' })
  })

  it('is not waited for where no server answers, and its servers are left alone for a while', async () => {
    await using asking = await startAsking()
    const { alice, room } = await joined(asking, 30)
    await asking.peer.close()
    const path = `/v3/rooms/${enc(room.roomId)}/messages`
    const page = await alice.get(path, { dir: 'b', limit: 50 })
    expect(page.chunk.length).toBeGreaterThan(0)
    await asking.peer.listen()
    await alice.get(path, { dir: 'b', limit: 50 })
    expect(askedFor(asking, 'backfill')).toBe(0)
  })

  it('is not taken where it is not signed, of another room, or no event at all', async () => {
    await using asking = await startAsking()
    const { alice, room } = await joined(asking, 3)
    const other = asking.peer.createRoom({ version: '11' })
    const [event] = room.history(room.heads, 5).filter(({ event: { type } }) => type === 'm.room.message')
    asking.peer.on('GET', '/_matrix/federation/v1/backfill/:roomId', () =>
      reply({
        origin: asking.peer.name,
        origin_server_ts: 1,
        pdus: [null, 7, {}, other.send(message('other')).pdu, { ...event?.pdu, signatures: {} }],
      }),
    )
    const { bodies } = await readBack(alice, room.roomId, 50)
    expect(bodies).toEqual([])
  })

  it('is found by time, and may be looked at from there', async () => {
    await using asking = await startAsking()
    const { alice, room } = await joined(asking, 40)
    const path = `/v1/rooms/${enc(room.roomId)}/timestamp_to_event`
    const found = await alice.get(path, { ts: 1_000_020, dir: 'f' })
    expect(found.origin_server_ts).toBe(1_000_020)
    const context = await alice.get(`/v3/rooms/${enc(room.roomId)}/context/${enc(found.event_id)}`, { limit: 4 })
    expect(context.event.content.body).toBe('m20')
    const later = Number((await alice.get(path, { ts: Date.now() + 60_000, dir: 'b' })).origin_server_ts)
    expect(later).toBeGreaterThan(1_000_040)
    expect(askedFor(asking, 'timestamp_to_event')).toBe(1)
  })
})
