import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, Query, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'
import { type ExtensionName, SlidingConnection } from '../sliding-sync/connection.ts'

const enc = encodeURIComponent

/** Two people in a room of theirs, with a message and an answer in its thread. */
interface Scene {
  readonly server: TestHomeserver
  readonly alice: TestClient
  readonly bob: TestClient
  readonly roomId: string
  readonly room: string
  readonly root: string
  readonly reply: string
}

type Proof = (scene: Scene) => Promise<void>

const send = (client: TestClient, room: string, query: Query): Promise<Json> =>
  client.ok('PUT', `${room}/send/org.example/${client.nextTransaction()}`, { body: {}, query })
const setData = (client: TestClient, type: string, content: unknown): Promise<Json> =>
  client.put(`/v3/user/${enc(client.userId)}/account_data/${type}`, content)
const ruleIds = async (client: TestClient): Promise<string[]> => {
  const { global } = await client.get('/v3/pushrules/')
  return Object.values<Json[]>(global).flatMap((rules) => rules.map(({ rule_id }) => rule_id))
}
const inviteStatus = async (host: TestClient, guest: TestClient): Promise<number> => {
  const path = `/v3/rooms/${enc(await host.createRoom())}/invite`
  return (await host.request('POST', path, { body: { user_id: guest.userId } })).status
}
const extensionOf =
  (name: ExtensionName): Proof =>
  async ({ alice, bob, roomId, root }) => {
    await bob.typing(roomId, 30_000)
    await bob.receipt(roomId, root)
    await setData(alice, 'org.example', { a: 1 })
    await bob.put('/v3/sendToDevice/org.example/1', { messages: { [alice.userId]: { '*': {} } } })
    const connection = new SlidingConnection(alice, 'v4')
    const answer = await connection.next({ lists: { all: {} }, extensions: { [name]: { enabled: true } } })
    expect(Object.keys(connection.extension(answer, name)), name).not.toEqual([])
  }
const THREADS = 'io.element.msc4306.thread_subscription'
const subscribes: Proof = async ({ alice, roomId, root, reply }) => {
  const path = `/unstable/io.element.msc4306/rooms/${enc(roomId)}/thread/${enc(root)}/subscription`
  await alice.put(path, { automatic: reply })
  expect(await alice.get(path)).toEqual({ automatic: true })
  const { subscribed } = await alice.get('/unstable/io.element.msc4308/thread_subscriptions', { dir: 'b' })
  expect(subscribed[roomId][root].automatic).toBe(true)
}
const switchesPushers: Proof = async ({ alice }) => {
  const pusher = {
    ...{ kind: 'http', app_id: 'app', pushkey: 'key', app_display_name: 'A', device_display_name: 'D', lang: 'en' },
    data: { url: 'https://push.example.org/_matrix/push/v1/notify' },
  }
  await alice.post('/v3/pushers/set', { ...pusher, 'org.matrix.msc3881.enabled': false })
  expect((await alice.get('/v3/pushers')).pushers[0]['org.matrix.msc3881.enabled']).toBe(false)
}
const takesProfileFields: Proof = async ({ alice }) => {
  for (const of of ['/v3/profile', '/unstable/uk.tcpip.msc4133/profile'])
    expect(await alice.put(`${of}/${enc(alice.userId)}/org.example`, { 'org.example': 1 })).toEqual({})
}

const STATUS = 'org.matrix.msc4426.status'
const setStatus = (client: TestClient, value: string): Promise<Json> =>
  client.put(`/v3/profile/${enc(client.userId)}/${STATUS}`, { [STATUS]: value })
const tellsOfProfiles: Proof = async ({ alice, bob }) => {
  const filter = JSON.stringify({ 'org.matrix.msc4429.profile_fields': { ids: [STATUS] } })
  const { next_batch: since } = await alice.sync({ filter })
  await setStatus(bob, 'away')
  const users = (await alice.sync({ since, filter }))['org.matrix.msc4429.users']
  expect(users).toEqual({ [bob.userId]: { profile_updates: { [STATUS]: 'away' } } })
}
const slidesProfiles: Proof = async ({ alice, bob }) => {
  const name = 'org.matrix.msc4262.profiles'
  const wish = { otherExtensions: { [name]: { enabled: true, fields: [STATUS] } } }
  const connection = new SlidingConnection(alice, 'legacy')
  await connection.next(wish)
  await setStatus(bob, 'back')
  const { extensions } = await connection.next(wish)
  expect(extensions[name]).toEqual({ users: { [bob.userId]: { updated: { [STATUS]: 'back' } } } })
}

/** The proof that each flag of `/versions` is true: what a client does that has read it. */
const PROOFS: Readonly<Record<string, Proof>> = {
  'org.matrix.msc4429': tellsOfProfiles,
  'org.matrix.msc4262': slidesProfiles,
  'org.matrix.msc2285.stable': async ({ alice, roomId, reply }) => {
    expect(await alice.receipt(roomId, reply, 'm.read.private')).toEqual({})
  },
  'org.matrix.msc3952_intentional_mentions': async ({ alice }) =>
    expect(await ruleIds(alice)).toEqual(
      expect.arrayContaining(['.m.rule.is_user_mention', '.m.rule.is_room_mention']),
    ),
  'org.matrix.simplified_msc3575': async ({ alice }) => {
    const answer = await alice.request('POST', '/unstable/org.matrix.simplified_msc3575/sync', { body: {} })
    expect([answer.status, typeof answer.body.pos]).toEqual([200, 'string'])
  },
  'org.matrix.msc3916.stable': async ({ alice }) =>
    expect((await alice.get('/v1/media/config'))['m.upload.size']).toBeGreaterThan(0),
  'org.matrix.msc3981': async ({ alice, root, roomId }) =>
    expect(
      (await alice.get(`/v1/rooms/${enc(roomId)}/relations/${enc(root)}`, { recurse: true })).recursion_depth,
    ).toBeGreaterThanOrEqual(3),
  'org.matrix.msc3912': async ({ alice, room, root, reply, roomId }) => {
    const body = { 'org.matrix.msc3912.with_relations': ['m.thread'] }
    await alice.ok('PUT', `${room}/redact/${enc(root)}/1`, { body })
    await expect
      .poll(async () => (await alice.getEvent(roomId, reply)).content.body, { timeout: 10_000 })
      .toBeUndefined()
  },
  'org.matrix.msc3874': async ({ alice, roomId, reply }) => {
    const filter = JSON.stringify({ 'org.matrix.msc3874.rel_types': ['m.thread'] })
    const { chunk } = await alice.messages(roomId, { dir: 'b', limit: 100, filter })
    expect(chunk.map(({ event_id }: Json) => event_id)).toEqual([reply])
  },
  'org.matrix.msc4222': async ({ alice, roomId }) => {
    const sync = await alice.sync({ 'org.matrix.msc4222.use_state_after': true })
    expect(sync.rooms.join[roomId]).toHaveProperty(['org.matrix.msc4222.state_after'])
  },
  'org.matrix.msc4508': extensionOf('typing'),
  'org.matrix.msc4508.stable': extensionOf('typing'),
  'org.matrix.msc4538': extensionOf('to_device'),
  'org.matrix.msc4543': extensionOf('e2ee'),
  'org.matrix.msc4548': extensionOf('account_data'),
  'org.matrix.msc4551': extensionOf('receipts'),
  'org.matrix.msc4306': async (world) => {
    await subscribes(world)
    const { postcontent } = (await world.alice.get('/v3/pushrules')).global
    expect(postcontent.map(({ conditions: [one] }: Json) => one.kind)).toEqual([THREADS, THREADS])
  },
  'org.matrix.msc4308': subscribes,
  'org.matrix.msc4155': async ({ alice, bob }) => {
    await setData(alice, 'org.matrix.msc4155.invite_permission_config', { blocked_users: [bob.userId] })
    expect(await inviteStatus(bob, alice)).toBe(403)
  },
  'org.matrix.msc4380.stable': async ({ alice, bob }) => {
    await setData(alice, 'm.invite_permission_config', { default_action: 'block' })
    expect(await inviteStatus(bob, alice)).toBe(403)
  },
  'uk.timedout.msc4323': async ({ server, bob }) => {
    const admin = await registerAdmin(server, 'admin')
    const path = `/unstable/uk.timedout.msc4323/admin/lock/${enc(bob.userId)}`
    expect(await admin.get(path)).toEqual({ locked: false })
  },
  'org.matrix.msc4194': async ({ alice, bob, roomId }) => {
    await bob.sendText(roomId, 'bad')
    const path = `/unstable/org.matrix.msc4194/rooms/${enc(roomId)}/redact/user/${enc(bob.userId)}`
    expect((await alice.post(path)).redacted_events).toBeGreaterThan(0)
  },
  'org.matrix.msc3391': async ({ alice }) => {
    await setData(alice, 'org.example', { a: 1 })
    const path = `/v3/user/${enc(alice.userId)}/account_data/org.example`
    await alice.delete(path.replace('/v3', '/unstable/org.matrix.msc3391'))
    expect((await alice.request('GET', path)).status).toBe(404)
  },
  'org.matrix.msc4143': async ({ alice }) =>
    expect(await alice.get('/unstable/org.matrix.msc4143/rtc/transports')).toEqual({ rtc_transports: [] }),
  'org.matrix.msc4354': async ({ alice, bob, room, roomId }) => {
    const { event_id: eventId } = await send(alice, room, { 'org.matrix.msc4354.sticky_duration_ms': 60_000 })
    const { msc4354_sticky: sticky } = (await bob.sync({ filter: '{"room":{"timeline":{"limit":0}}}' })).rooms.join[
      roomId
    ]
    expect(sticky.events.map(({ event_id }: Json) => event_id)).toEqual([eventId])
  },
  'org.matrix.msc3881': switchesPushers,
  'org.matrix.msc3881.stable': switchesPushers,
  'org.matrix.msc4028': async ({ alice }) =>
    expect(await ruleIds(alice)).toContain('.org.matrix.msc4028.encrypted_event'),
  'com.beeper.msc4446': async ({ alice, room, root, reply }) => {
    await alice.post(`${room}/read_markers`, { 'm.fully_read': reply })
    await alice.post(`${room}/read_markers`, { 'm.fully_read': root, 'com.beeper.allow_backward': true })
    const path = room.replace('/v3', `/v3/user/${enc(alice.userId)}`)
    expect(await alice.get(`${path}/account_data/m.fully_read`)).toEqual({ event_id: root })
  },
  'org.matrix.msc4140': async ({ alice, room, roomId }) => {
    const { delay_id: delayId } = await send(alice, room, { 'org.matrix.msc4140.delay': 60_000 })
    await alice.post(`/unstable/org.matrix.msc4140/delayed_events/${delayId}/send`)
    const { chunk } = await alice.messages(roomId, { dir: 'b', limit: 1 })
    expect(chunk[0].unsigned['org.matrix.msc4140.delay_id']).toBe(delayId)
  },
  'uk.tcpip.msc4133': takesProfileFields,
  'uk.tcpip.msc4133.stable': takesProfileFields,
  'org.matrix.msc4069': async ({ alice, roomId }) => {
    const path = `/v3/profile/${enc(alice.userId)}/displayname?org.matrix.msc4069.propagate=false`
    await alice.put(path, { displayname: 'Quiet' })
    expect((await alice.getState(roomId, 'm.room.member', alice.userId)).displayname).not.toBe('Quiet')
  },
  'uk.half-shot.msc2666.query_mutual_rooms': async ({ alice, bob, roomId }) => {
    const path = '/unstable/uk.half-shot.msc2666/user/mutual_rooms'
    expect((await alice.get(path, { user_id: bob.userId })).joined).toContain(roomId)
  },
}

describe('the flags of /versions', () => {
  let server: TestHomeserver
  beforeAll(async () => {
    server = await startHomeserver()
  })
  afterAll(() => server.stop())

  const aScene = async (): Promise<Scene> => {
    const alice = await server.register('alice')
    const bob = await server.register('bob')
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const root = await alice.sendText(roomId, 'root')
    const thread = { 'm.relates_to': { rel_type: 'm.thread', event_id: root } }
    const reply = await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'reply', ...thread })
    return { server, alice, bob, roomId, root, reply, room: `/v3/rooms/${enc(roomId)}` }
  }

  it('are those that are proved here, and no others', async () => {
    const { unstable_features: features } = await server.client().get('/versions')
    const named = Object.keys(features).filter((name) => features[name] === true)
    expect(named.toSorted()).toEqual(Object.keys(PROOFS).toSorted())
  })

  it.each(Object.entries(PROOFS))('%s is true', async (_, proof) => {
    await proof(await aScene())
  })
})
