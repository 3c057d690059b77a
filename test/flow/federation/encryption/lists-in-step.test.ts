import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../../support/client.ts'
import { refusal, reply } from '../../../support/federation-peer/listener.ts'
import type { FederationPeer } from '../../../support/federation-peer/peer.ts'
import { joinRoom, leaveRoom } from '../../../support/federation-peer/visitor.ts'
import type { DatabaseKind } from '../../../support/homeserver.ts'
import { crossSigningKeys } from '../../encryption/cross-signing-fixture.ts'
import { deviceKeysOf, newPair, queryOf, upload } from '../../encryption/fixture.ts'
import { withPeer } from './with-peer.ts'

const QUERY = '/_matrix/federation/v1/user/keys/query'
const DEVICES = '/_matrix/federation/v1/user/devices/:userId'
const THEM = '@visitor:peer.example'

const databases = process.env.HOMEROOM_TEST_POSTGRES ? (['sqlite', 'postgres'] as const) : (['sqlite'] as const)

const keysOf = (deviceId: string): Json => deviceKeysOf({ userId: THEM, deviceId } as never, newPair())

/** The keys of the peer's user, as the peer tells them; a test changes what is here. */
const teller = (peer: FederationPeer) => {
  const told = { id: 10, devices: new Map<string, Json>([['ONE', keysOf('ONE')]]), signing: {} as Json }
  peer.on('POST', QUERY, ({ body }) =>
    reply({
      device_keys: Object.fromEntries(
        Object.keys(body.device_keys).map((userId) => [userId, Object.fromEntries(told.devices)]),
      ),
    }),
  )
  const devices = () => [...told.devices].map(([device_id, keys]) => ({ device_id, keys }))
  peer.on('GET', DEVICES, ({ params }) =>
    reply({ user_id: params.userId, stream_id: told.id, devices: devices(), ...told.signing }),
  )
  return told
}

/** Alice and the peer's user share a room, and the list of that user is kept in step. */
const sharing = async (database: DatabaseKind = 'sqlite') => {
  const both = await withPeer({ database })
  const { peer, server } = both
  const told = teller(peer)
  const alice = await server.register('alice')
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  const room = await joinRoom(peer, 'first.example', roomId)
  const asked = (path = QUERY) =>
    peer.received.filter((request) => request.path.startsWith(path.replace(':userId', ''))).length
  const devices = async (): Promise<string> =>
    Object.keys((await queryOf(alice, THEM)).device_keys[THEM] ?? {})
      .toSorted()
      .join()
  /** Asks until the answer comes from the list here. */
  const inStep = async (): Promise<string> => {
    for (let i = 0; i < 200; i++) {
      const before = asked()
      const found = await devices()
      if (asked() === before) return found
    }
    throw new Error('the list is never in step')
  }
  const update = (edu: Json, edu_type = 'm.device_list_update') =>
    peer.sendTransaction('first.example', [], { edus: [{ edu_type, content: { user_id: THEM, ...edu } }] })
  return { ...both, told, alice, room, roomId, asked, devices, inStep, update }
}

const changed = async (client: TestClient, since: string): Promise<string> =>
  (await client.syncUntil(since, ({ device_lists: lists }) => lists?.changed?.includes(THEM))).next_batch

it.each(databases)('updates that follow each other are taken without asking, on %s', async (database) => {
  const both = await sharing(database)
  await using _ = both
  const { alice, asked, inStep, update } = both
  expect(await inStep()).toBe('ONE')
  const [queries, lists] = [asked(), asked(DEVICES)]
  let since = (await alice.sync()).next_batch
  const two = keysOf('TWO')
  await update({ device_id: 'TWO', stream_id: 11, prev_id: [10], keys: two, device_display_name: 'Two' })
  since = await changed(alice, since)
  const answer = await queryOf(alice, THEM)
  expect(answer.device_keys[THEM].TWO).toEqual({ ...two, unsigned: { device_display_name: 'Two' } })
  await update({ device_id: 'ONE', stream_id: 12, prev_id: [11], deleted: true })
  since = await changed(alice, since)
  expect(await both.devices()).toBe('TWO')
  // Repeated: nothing.
  await update({ device_id: 'ONE', stream_id: 11, prev_id: [10], keys: keysOf('ONE') })
  await update({ device_id: 'THREE', stream_id: 13, prev_id: [12, 11], keys: keysOf('THREE') })
  await changed(alice, since)
  expect(await both.devices()).toBe('THREE,TWO')
  expect([asked(), asked(DEVICES)]).toEqual([queries, lists])
})

it.each(databases)('a gap has the whole list asked for once, and clients are told, on %s', async (database) => {
  const both = await sharing(database)
  await using _ = both
  const { told, alice, asked, inStep, update } = both
  await inStep()
  const lists = asked(DEVICES)
  const since = (await alice.sync()).next_batch
  told.devices.set('LOST', keysOf('LOST')).set('TWO', keysOf('TWO'))
  told.id = 12
  await update({ device_id: 'TWO', stream_id: 12, prev_id: [11], keys: keysOf('TWO') })
  await changed(alice, since)
  expect(await inStep()).toBe('LOST,ONE,TWO')
  expect(asked(DEVICES)).toBe(lists + 1)
  told.devices.delete('LOST')
  for (const [prev_id, id] of [
    [[], 20],
    [undefined, 21],
    [['x'], 22],
  ] as const) {
    told.id = id
    await update({ device_id: 'LOST', stream_id: id, prev_id, deleted: true })
    await expect.poll(inStep, { timeout: 10_000 }).toBe('ONE,TWO')
  }
})

it('a server that does not tell the list is asked again later, also after a restart, and its users are asked for meanwhile', async () => {
  const both = await sharing()
  await using _ = both
  const { peer, server, told, asked, update } = both
  await both.inStep()
  peer.on('GET', DEVICES, () => refusal(500, 'M_UNKNOWN'))
  const before = asked(DEVICES)
  told.devices.set('TWO', keysOf('TWO'))
  await update({ device_id: 'TWO', stream_id: 15, prev_id: [14], keys: keysOf('TWO') })
  await expect.poll(() => asked(DEVICES), { timeout: 10_000 }).toBeGreaterThan(before)
  expect(await both.devices()).toBe('ONE,TWO')
  teller(peer).devices.set('THREE', keysOf('THREE'))
  await server.restart()
  // The question shows that the server is there again.
  expect(await both.devices()).toBe('ONE,THREE')
  expect(await both.inStep()).toBe('ONE,THREE')
})

it('what is malformed or of others changes nothing; what nobody here shares a room with is not kept', async () => {
  const both = await sharing()
  await using _ = both
  const { told, inStep, update, asked, room, peer, alice, roomId } = both
  await inStep()
  const lists = asked(DEVICES)
  const right = { device_id: 'TWO', stream_id: 11, prev_id: [10], keys: keysOf('TWO') }
  for (const wrong of [
    { user_id: alice.userId },
    { user_id: '@x:elsewhere.example' },
    { user_id: 7 },
    { device_id: '' },
    { device_id: 'x'.repeat(300) },
    { device_id: ['TWO'] },
    { stream_id: '11' },
    { stream_id: 1.5 },
    { stream_id: -1 },
  ])
    await update({ ...right, ...wrong })
  expect([await inStep(), asked(DEVICES)]).toEqual(['ONE', lists])
  // Keys that cannot be read: the list is asked for.
  told.id = 12
  await update({ ...right, stream_id: 12, keys: { ...right.keys, user_id: alice.userId } })
  await expect.poll(() => asked(DEVICES), { timeout: 10_000 }).toBe(lists + 1)
  expect(await inStep()).toBe('ONE')

  await leaveRoom(peer, 'first.example', room)
  told.devices.set('AWAY', keysOf('AWAY'))
  // Gone, they are asked for each time; and come back, too, until the list was told anew.
  const gone = asked()
  expect([await both.devices(), asked()]).toEqual(['AWAY,ONE', gone + 1])
  expect([await both.devices(), asked()]).toEqual(['AWAY,ONE', gone + 2])
  told.devices.set('BACK', keysOf('BACK'))
  await joinRoom(peer, 'first.example', roomId)
  expect(await both.devices()).toBe('AWAY,BACK,ONE')
  expect(await inStep()).toBe('AWAY,BACK,ONE')
})

it.each(['m.signing_key_update', 'org.matrix.signing_key_update'])('%s replaces cross-signing keys', async (type) => {
  const both = await sharing()
  await using _ = both
  const { told, alice, inStep, update, asked } = both
  await inStep()
  const queries = asked()
  const since = (await alice.sync()).next_batch
  const { master_key, self_signing_key } = crossSigningKeys(THEM).body
  told.signing = { master_key, self_signing_key }
  await update({ master_key, self_signing_key }, type)
  await changed(alice, since)
  const answer = await queryOf(alice, THEM)
  expect([answer.master_keys[THEM], answer.self_signing_keys[THEM]]).toEqual([master_key, self_signing_key])
  // Signed by another master key: the server is asked.
  const lists = asked(DEVICES)
  expect(asked()).toBe(queries)
  await update({ master_key, self_signing_key: crossSigningKeys(THEM).body.self_signing_key }, type)
  await expect.poll(() => asked(DEVICES), { timeout: 10_000 }).toBe(lists + 1)
})

it('a message of a device that the list does not have makes the list outdated', async () => {
  const both = await sharing()
  await using _ = both
  const { peer, told, alice, asked, inStep } = both
  await inStep()
  const lists = asked(DEVICES)
  const send = (sender_key: string, message_id: string) => {
    const messages = { [alice.userId]: { [alice.deviceId]: { algorithm: 'm.olm.v1.curve25519-aes-sha2', sender_key } } }
    const content = { sender: THEM, type: 'm.room.encrypted', message_id, messages }
    return peer.sendTransaction('first.example', [], { edus: [{ edu_type: 'm.direct_to_device', content }] })
  }
  await send(told.devices.get('ONE').keys['curve25519:ONE'], 'known')
  told.devices.set('NEW', keysOf('NEW'))
  await send('unknown', 'unknown')
  await expect.poll(() => asked(DEVICES), { timeout: 10_000 }).toBe(lists + 1)
  expect(await inStep()).toBe('NEW,ONE')
})

it('servers that share a room are told of changes here, each naming the one before', async () => {
  const both = await sharing()
  await using _ = both
  const { peer, alice } = both
  const edus = () => peer.receivedEdus('m.device_list_update').map(({ content }) => content)
  const keys = deviceKeysOf(alice)
  await upload(alice, { device_keys: keys })
  const first = (
    await peer.eduWhich(({ content }) => content.device_id === alice.deviceId && content.keys !== undefined)
  ).content
  expect(first).toMatchObject({ user_id: alice.userId, keys })
  expect(first).not.toHaveProperty('device_display_name')
  const listed = await peer.get(
    'first.example',
    `/_matrix/federation/v1/user/devices/${encodeURIComponent(alice.userId)}`,
  )
  expect(listed.stream_id).toBe(first.stream_id)

  const phone = await alice.loginAgain()
  const made = (await peer.eduWhich(({ content }) => content.device_id === phone.deviceId)).content
  expect(made.prev_id).toEqual([first.stream_id])
  const { master_key, self_signing_key, user_signing_key } = crossSigningKeys(alice.userId).body
  await alice.post('/v3/keys/device_signing/upload', { master_key, self_signing_key, user_signing_key })
  const signing = await peer.eduWhich(({ edu_type }) => edu_type === 'm.signing_key_update')
  expect(signing.content).toEqual({ user_id: alice.userId, master_key, self_signing_key })
  await phone.post('/v3/logout')
  const gone = (await peer.eduWhich(({ content }) => content.deleted === true)).content
  expect(gone).toMatchObject({ device_id: phone.deviceId, prev_id: [made.stream_id] })
  expect(new Set(edus().map(({ stream_id }) => stream_id)).size).toBe(edus().length)
  expect(JSON.stringify(peer.receivedEdus())).not.toContain(
    user_signing_key.keys[Object.keys(user_signing_key.keys)[0] ?? ''],
  )
})

it.each(databases)(
  'a server hears of the devices of those who come into a room with it, once, on %s',
  async (database) => {
    const both = await sharing(database)
    await using _ = both
    const { peer, server, alice, roomId } = both
    const bob = await server.register('bob')
    await upload(bob, { device_keys: deviceKeysOf(bob) })
    const phone = await bob.loginAgain()
    await upload(phone, { device_keys: deviceKeysOf(phone) })
    // It follows nothing that the server could know, so that the whole list is asked for.
    const isFirst = ({ user_id, prev_id }: Json): boolean => user_id === bob.userId && prev_id.length === 0
    const told = () => peer.receivedEdus('m.device_list_update').filter(({ content }) => isFirst(content))
    await bob.join(roomId)
    const { content } = await peer.eduWhich((edu) => isFirst(edu.content))
    const listed = await peer.get(
      'first.example',
      `/_matrix/federation/v1/user/devices/${encodeURIComponent(bob.userId)}`,
    )
    expect(listed.devices.map(({ device_id }: Json) => device_id).toSorted()).toEqual(
      [bob.deviceId, phone.deviceId].toSorted(),
    )
    expect(content.stream_id).toBe(listed.stream_id)
    // A changed name is no join, and another room with the same server tells it nothing.
    await bob.put(`/v3/profile/${encodeURIComponent(bob.userId)}/displayname`, { displayname: 'Bobby' })
    const other = await alice.createRoom({ preset: 'public_chat' })
    await joinRoom(peer, 'first.example', other)
    await bob.join(other)
    const last = 'the last message'
    await alice.sendText(other, last)
    const came = () => peer.received.some(({ body }) => JSON.stringify(body ?? {}).includes(last))
    await expect.poll(came, { timeout: 20_000 }).toBe(true)
    await upload(bob, { device_keys: deviceKeysOf(bob) })
    await peer.eduWhich(({ content: { user_id, stream_id } }) => user_id === bob.userId && stream_id > listed.stream_id)
    expect(told()).toHaveLength(1)
  },
)

it('a change waits for a server that is away, also over a restart', async () => {
  const both = await sharing()
  await using _ = both
  const { peer, server, alice } = both
  await upload(alice, { device_keys: deviceKeysOf(alice) })
  await peer.eduWhich(({ content }) => content.device_id === alice.deviceId && content.keys !== undefined)
  await peer.close()
  const phone = await alice.loginAgain()
  await upload(phone, { device_keys: deviceKeysOf(phone) })
  await server.restart()
  await peer.listen()
  // It is heard of.
  await peer.sendTransaction('first.example', [])
  const told = await peer.eduWhich(({ content }) => content.device_id === phone.deviceId && content.keys !== undefined)
  expect(told.content.keys.device_id).toBe(phone.deviceId)
})

it('answers that are too long are asked for in parts, and one user whose list is too long stands back alone', async () => {
  const both = await sharing()
  await using _ = both
  const { peer, alice, inStep, asked } = both
  await inStep()
  const large = (userId: string) =>
    deviceKeysOf({ userId, deviceId: 'L' } as never, newPair(), { padding: 'x'.repeat(30_000) })
  const users = Array.from({ length: 60 }, (_, n) => `@user${n}:${peer.name}`)
  peer.on('POST', QUERY, ({ body }) =>
    reply({
      device_keys: Object.fromEntries(Object.keys(body.device_keys).map((userId) => [userId, { L: large(userId) }])),
    }),
  )
  const answer = await alice.post('/v3/keys/query', {
    device_keys: Object.fromEntries(users.map((userId) => [userId, []])),
  })
  expect([Object.keys(answer.device_keys).length, answer.failures]).toEqual([60, {}])
  expect(Object.keys(answer.device_keys[users[59] ?? ''])).toEqual(['L'])
  expect(asked()).toBeGreaterThan(2)
})
