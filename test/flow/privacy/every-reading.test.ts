import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { command } from '../../support/operator.ts'

const enc = encodeURIComponent
const ALL_EVENTS = JSON.stringify({ room: { timeline: { limit: 100 } } })

interface Scene {
  readonly roomId: string
  /** A message that others answered. */
  readonly root: string
  /** A message of whoever is not to be heard. */
  readonly hidden: string
}

type Reading = (reader: TestClient, scene: Scene) => Promise<unknown>

const found = async (reader: TestClient, term: string) =>
  reader.post('/v3/search', {
    search_categories: {
      room_events: { search_term: term, event_context: { before_limit: 20, after_limit: 20, include_profile: true } },
    },
  })
const inRoom =
  (path: (scene: Scene) => string): Reading =>
  (reader, scene) =>
    reader.get(`/v3/rooms/${enc(scene.roomId)}${path(scene)}`)
const relationsOf =
  (rest: string): Reading =>
  (reader, { roomId, root }) =>
    reader.get(`/v1/rooms/${enc(roomId)}/relations/${enc(root)}${rest}`)
const subscribed = { timeline_limit: 50 }

/** Every endpoint that gives out messages. */
const READINGS: Readonly<Record<string, Reading>> = {
  'GET /sync': (reader) => reader.sync({ filter: ALL_EVENTS }),
  'POST /v4/sync': (reader, { roomId }) =>
    reader.post('/v4/sync', {
      room_subscriptions: { [roomId]: { ...subscribed, required_state: { include: [] } } },
    }),
  'POST simplified_msc3575/sync': (reader, { roomId }) =>
    reader.post('/unstable/org.matrix.simplified_msc3575/sync', {
      room_subscriptions: { [roomId]: { ...subscribed, required_state: [['*', '*']] } },
    }),
  'GET /messages, backwards': inRoom(() => '/messages?dir=b&limit=100'),
  'GET /messages, forwards': inRoom(() => '/messages?dir=f&limit=100'),
  'GET /messages of 2015': (reader, { roomId }) =>
    reader.get(`/_matrix/client/api/v1/rooms/${enc(roomId)}/messages`, { dir: 'b', limit: 100, from: 'END' }),
  'GET /context': inRoom(({ root }) => `/context/${enc(root)}?limit=100`),
  'GET /event': inRoom(({ root }) => `/event/${enc(root)}`),
  'GET /relations': relationsOf('?limit=50'),
  'GET /relations of threads': relationsOf('/m.thread?limit=50'),
  'GET /relations of one type': relationsOf('/m.reference/m.room.message?limit=50'),
  'GET /relations, recursively': relationsOf('?recurse=true&limit=50'),
  'GET /threads': (reader, { roomId }) => reader.get(`/v1/rooms/${enc(roomId)}/threads?include=all`),
  'POST /search for what was said': (reader) => found(reader, 'secret'),
  'POST /search for what stands beside it': (reader) => found(reader, 'plain'),
  'GET /notifications': (reader) => reader.get('/v3/notifications', { limit: 50 }),
  'GET /initialSync': (reader) => reader.get('/v3/initialSync', { limit: 100 }),
  'GET /rooms/initialSync': inRoom(() => '/initialSync?limit=100'),
  'GET /events': (reader) => reader.get('/v3/events', { from: 't0', timeout: 0 }),
}

const said = (word: string, relation?: Json) => ({
  msgtype: 'm.text',
  body: `${word} everybody`,
  ...(relation === undefined ? {} : { 'm.relates_to': relation }),
})

/** A room in which the second says something in every way: beside, in a thread, about the first's message, and over an own message. */
const conversation = async (server: TestHomeserver) => {
  const [alice, bob, carol] = [
    await server.register('alice'),
    await server.register('bob'),
    await server.register('carol'),
  ]
  const roomId = await alice.createRoom({ preset: 'public_chat', name: 'room' })
  await bob.join(roomId)
  await carol.join(roomId)
  const root = await alice.send(roomId, 'm.room.message', said('plain'))
  const thread = { rel_type: 'm.thread', event_id: root }
  const send = (who: TestClient, word: string, relation?: Json) =>
    who.send(roomId, 'm.room.message', said(word, relation))
  await send(carol, 'plain', thread)
  await send(bob, 'secret', thread)
  await send(bob, 'secret', { rel_type: 'm.reference', event_id: root })
  await bob.send(roomId, 'm.reaction', {
    'm.relates_to': { rel_type: 'm.annotation', event_id: root, key: 'secret' },
  })
  const hidden = await bob.send(roomId, 'm.room.message', { ...said('secret'), body: `secret ${alice.userId} alice` })
  await bob.send(roomId, 'm.room.message', {
    ...said('secret', { rel_type: 'm.replace', event_id: hidden }),
    'm.new_content': said('secret'),
  })
  await send(carol, 'plain')
  return { alice, bob, carol, scene: { roomId, root, hidden } satisfies Scene }
}

const ignore = (who: TestClient, users: readonly string[]) =>
  who.put(`/v3/user/${enc(who.userId)}/account_data/m.ignored_user_list`, {
    ignored_users: Object.fromEntries(users.map((user) => [user, {}])),
  })

/** The readings whose answer has that word, however it is written there; search tells which words it found. */
const readingsWith = async (reader: TestClient, scene: Scene, word: string): Promise<readonly string[]> => {
  const having: string[] = []
  for (const [name, read] of Object.entries(READINGS)) {
    const text = JSON.stringify(await read(reader, scene)).replace(/"highlights":\[[^\]]*\]/g, '')
    if (text.includes(word)) having.push(name)
  }
  return having
}

onEveryHomeserver('every way of reading', (start) => {
  const shared = shareHomeserver(start)

  it('does not let ignored users be heard, and shows the others', async () => {
    const { alice, bob, carol, scene } = await conversation(await shared())
    const all = Object.keys(READINGS)
    // Each of them can fail: before anybody is ignored, all are heard everywhere.
    expect(await readingsWith(alice, scene, 'secret')).toEqual(all)
    await ignore(alice, [bob.userId])
    expect(await readingsWith(alice, scene, 'secret')).toEqual([])
    const ofNobodyElse = ['POST /search for what was said', 'GET /relations of one type', 'GET /notifications']
    expect(await readingsWith(alice, scene, 'plain')).toEqual(
      expect.arrayContaining(all.filter((name) => !ofNobodyElse.includes(name))),
    )
    expect((await alice.request('GET', `/v3/rooms/${enc(scene.roomId)}/event/${enc(scene.hidden)}`)).status).toBe(404)
    expect((await alice.request('GET', `/v3/rooms/${enc(scene.roomId)}/context/${enc(scene.hidden)}`)).status).toBe(404)
    expect((await readingsWith(carol, scene, 'secret')).length).toBeGreaterThan(12)
    // State speaks for the room.
    const { chunk } = await alice.get(`/v3/rooms/${enc(scene.roomId)}/members`)
    expect(chunk.map(({ state_key: user }: Json) => user)).toContain(bob.userId)
  })

  it('gives nobody who joins later what an erased person said', async () => {
    const server = await shared()
    const { alice, bob, scene } = await conversation(server)
    await command(server, 'deactivate-user', { user: bob.userId, erase: true })
    const dave = await server.register('dave')
    await dave.join(scene.roomId)
    expect(await readingsWith(dave, scene, 'secret')).toEqual([])
    expect((await readingsWith(dave, scene, 'plain')).length).toBeGreaterThan(12)
    expect((await dave.getEvent(scene.roomId, scene.hidden)).content).toEqual({})
    expect((await readingsWith(alice, scene, 'secret')).length).toBeGreaterThan(12)
  })
})
