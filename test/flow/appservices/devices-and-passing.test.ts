import { describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { deviceKeysOf, newPair, oneTimeKeys, signed } from '../encryption/fixture.ts'
import { registerGhost, registration, type ServiceWorld, startWithServices } from './fixture.ts'
import { openHouse, type ServiceHouse } from './house.ts'

const enc = encodeURIComponent
const ENCRYPTED = {
  receive_ephemeral: true,
  'de.sorunome.msc2409.push_ephemeral': true,
  'org.matrix.msc3202': true,
  'io.element.msc4190': true,
}
const TO_DEVICE = 'de.sorunome.msc2409.to_device'
const LISTS = 'org.matrix.msc3202.device_lists'

const bodiesOf = ({ transactions }: ServiceHouse): readonly Json[] => transactions.map(({ body }) => body)
const ephemeralOf = (house: ServiceHouse, key = 'ephemeral'): readonly Json[] =>
  bodiesOf(house).flatMap((body) => body[key] ?? [])

/** A user of the service with a device that has keys, as an encrypted bridge makes them. */
const ghostWithDevice = async (world: ServiceWorld) => {
  const ghost = await registerGhost(world, '_irc_ann')
  await ghost.put('/v3/devices/BRIDGE')
  const query = { device_id: 'BRIDGE' }
  const device_keys = deviceKeysOf(Object.assign(ghost, { deviceId: 'BRIDGE' }))
  const counts = await ghost.ok('POST', '/v3/keys/upload', {
    query,
    body: { device_keys, one_time_keys: oneTimeKeys('a', 3) },
  })
  expect(counts.one_time_key_counts.signed_curve25519).toBe(3)
  return { ghost, query }
}

describe('a service that encrypts', () => {
  it('gets messages for its devices, and how many keys they have; they are gone once it took them, and not before', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({ registrations: [registration({ url: house.url, ...ENCRYPTED })] })
    const { ghost, query } = await ghostWithDevice(world)
    const bob = await world.server.register('bob')
    await bob.post('/v3/keys/claim', { one_time_keys: { [ghost.userId]: { BRIDGE: 'signed_curve25519' } } })
    house.answer = ({ body }) => (body[TO_DEVICE] === undefined ? { status: 200 } : 'never')
    const content = { ciphertext: 'secret' }
    await bob.put('/v3/sendToDevice/m.room.encrypted/1', { messages: { [ghost.userId]: { BRIDGE: content } } })
    await house.until((one) => bodiesOf(one).some((body) => body[TO_DEVICE] !== undefined))
    const sync = () => ghost.ok('GET', '/v3/sync', { query })
    expect((await sync()).to_device.events).toMatchObject([{ content }])
    house.answer = () => ({ status: 200 })
    await world.server.restart()
    const taken = (one: ServiceHouse) => bodiesOf(one).filter((body) => body[TO_DEVICE] !== undefined)
    await house.until((one) => taken(one).length >= 2)
    const body = taken(house).at(-1)
    expect(body[TO_DEVICE]).toEqual([
      {
        ...{ type: 'm.room.encrypted', sender: bob.userId, content },
        ...{ to_user_id: ghost.userId, to_device_id: 'BRIDGE' },
      },
    ])
    for (const name of ['device_one_time_keys_count', 'device_one_time_key_counts'])
      expect(body[`org.matrix.msc3202.${name}`]).toEqual({ [ghost.userId]: { BRIDGE: { signed_curve25519: 2 } } })
    expect(body['org.matrix.msc3202.device_unused_fallback_key_types']).toEqual({ [ghost.userId]: { BRIDGE: [] } })
    // The next transaction comes when the one before was taken, and its messages removed.
    const room = await ghost.createRoom()
    await ghost.sendText(room, 'after')
    await house.untilMessage('after')
    expect((await sync()).to_device?.events ?? []).toEqual([])
  })

  it('leaves the messages of services without encryption to /sync', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({
      registrations: [registration({ url: house.url, receive_ephemeral: true })],
    })
    const { ghost, query } = await ghostWithDevice(world)
    const bob = await world.server.register('bob')
    await bob.put('/v3/sendToDevice/m.x/1', { messages: { [ghost.userId]: { BRIDGE: { a: 1 } } } })
    const room = await ghost.createRoom()
    await ghost.sendText(room, 'after')
    await house.untilMessage('after')
    expect(bodiesOf(house).some((body) => body[TO_DEVICE] !== undefined)).toBe(false)
    expect((await ghost.ok('GET', '/v3/sync', { query })).to_device.events).toHaveLength(1)
  })

  it('hears whose devices changed, of its own users and of those in rooms with them, and of nobody else', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({ registrations: [registration({ url: house.url, ...ENCRYPTED })] })
    const { ghost } = await ghostWithDevice(world)
    const [bob, carol] = [await world.server.register('bob'), await world.server.register('carol')]
    const room = await ghost.createRoom({ preset: 'public_chat' })
    await bob.join(room)
    await carol.post('/v3/keys/upload', { device_keys: deviceKeysOf(carol) })
    await bob.post('/v3/keys/upload', { device_keys: deviceKeysOf(bob) })
    const changed = (one: ServiceHouse): readonly string[] =>
      bodiesOf(one).flatMap((body) => body[LISTS]?.changed ?? [])
    await house.until((one) => changed(one).includes(bob.userId))
    expect(changed(house)).toContain(ghost.userId)
    expect(changed(house)).not.toContain(carol.userId)
  })

  it('hears with whom it shares no room any more: those who leave, and those whom its last user leaves', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({ registrations: [registration({ url: house.url, ...ENCRYPTED })] })
    const [ghost, second] = [await registerGhost(world, '_irc_ann'), await registerGhost(world, '_irc_ben')]
    const [bob, carol, dave] = [
      await world.server.register('bob'),
      await world.server.register('carol'),
      await world.server.register('dave'),
    ]
    const [one, two] = [
      await ghost.createRoom({ preset: 'public_chat' }),
      await ghost.createRoom({ preset: 'public_chat' }),
    ]
    for (const each of [second, bob, carol, dave]) await each.join(one)
    await bob.join(two)
    const left = (): readonly string[] => bodiesOf(house).flatMap((body) => body[LISTS]?.left ?? [])
    // Bob is still in the other room.
    await bob.leave(one)
    await dave.leave(one)
    await house.until(() => left().includes(dave.userId))
    await ghost.leave(one)
    await ghost.sendText(two, 'one of two users left')
    await house.untilMessage('one of two users left')
    expect(left()).toEqual([dave.userId])
    await second.leave(one)
    await house.until(() => left().length > 1)
    await ghost.leave(two)
    await house.until(() => left().length > 2)
    expect(left()).toEqual([dave.userId, carol.userId, bob.userId])
  })

  it('replaces cross-signing keys of its users without authentication', async () => {
    await using world = await startWithServices({ registrations: [registration(ENCRYPTED)] })
    const { ghost, query } = await ghostWithDevice(world)
    const upload = async () => {
      const master = newPair()
      const masterKey = {
        user_id: ghost.userId,
        usage: ['master'],
        keys: { [`ed25519:${master.publicKey}`]: master.publicKey },
      }
      const own = newPair()
      const selfSigning = {
        user_id: ghost.userId,
        usage: ['self_signing'],
        keys: { [`ed25519:${own.publicKey}`]: own.publicKey },
      }
      const self_signing_key = signed(selfSigning, ghost.userId, `ed25519:${master.publicKey}`, master)
      const body = { master_key: masterKey, self_signing_key }
      await ghost.ok('POST', '/v3/keys/device_signing/upload', { query, body })
      return master.publicKey
    }
    await upload()
    const key = await upload()
    const { master_keys } = await ghost.post('/v3/keys/query', { device_keys: { [ghost.userId]: [] } })
    expect(Object.values(master_keys[ghost.userId].keys)).toEqual([key])
  })
})

describe('passing news', () => {
  it.each([
    ['ephemeral', { receive_ephemeral: true }],
    ['de.sorunome.msc2409.ephemeral', { 'de.sorunome.msc2409.push_ephemeral': true }],
  ])('come as %s: typing, receipts that are public, and presence', async (key, flags) => {
    await using house = await openHouse()
    await using world = await startWithServices({ registrations: [registration({ url: house.url, ...flags })] })
    const ghost = await registerGhost(world, '_irc_ann')
    const [bob, stranger] = [await world.server.register('bob'), await world.server.register('stranger')]
    const room = await ghost.createRoom({ preset: 'public_chat' })
    await bob.join(room)
    const elsewhere = await stranger.createRoom()
    const eventId = await ghost.sendText(room, 'hello')
    await stranger.typing(elsewhere, 30_000)
    await stranger.put(`/v3/presence/${enc(stranger.userId)}/status`, { presence: 'online', status_msg: 'alone' })
    await bob.post(`/v3/rooms/${enc(room)}/receipt/m.read.private/${enc(eventId)}`)
    await bob.post(`/v3/rooms/${enc(room)}/receipt/m.read/${enc(eventId)}`)
    await bob.typing(room, 30_000)
    await bob.put(`/v3/presence/${enc(bob.userId)}/status`, { presence: 'online', status_msg: 'here' })
    const found = (type: string) => (one: ServiceHouse) => ephemeralOf(one, key).some((edu) => edu.type === type)
    for (const type of ['m.typing', 'm.receipt', 'm.presence']) await house.until(found(type))
    await house.until((one) => ephemeralOf(one, key).some(({ content }) => content.status_msg === 'here'))
    const edus = ephemeralOf(house, key)
    expect(edus).toContainEqual({ type: 'm.typing', room_id: room, content: { user_ids: [bob.userId] } })
    expect(edus.find(({ type }) => type === 'm.receipt')).toEqual({
      type: 'm.receipt',
      room_id: room,
      content: { [eventId]: { 'm.read': { [bob.userId]: { ts: expect.any(Number) } } } },
    })
    expect(JSON.stringify(edus)).not.toContain(stranger.userId)
    expect(JSON.stringify(edus)).not.toContain('m.read.private')
  })

  it('come without others behind them, also where they are news while a transaction is made', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({ registrations: [registration({ url: house.url, ...ENCRYPTED })] })
    const ghost = await registerGhost(world, '_irc_ann')
    const room = await ghost.createRoom({ preset: 'public_chat' })
    const readers: TestClient[] = []
    for (let count = 0; count < 8; count++) readers.push(await world.server.register(`reader${count}`))
    for (const reader of readers) await reader.join(room)
    const read = (one: ServiceHouse, eventId: string): readonly string[] =>
      ephemeralOf(one).flatMap(({ content }) => Object.keys(content[eventId]?.['m.read'] ?? {}))
    const changed = (one: ServiceHouse, userId: string): number =>
      bodiesOf(one).filter((body) => body[LISTS]?.changed.includes(userId)).length
    for (let round = 0; round < 120; round++) {
      const eventId = await ghost.sendText(room, `message ${round}`)
      const before = readers.map(({ userId }) => changed(house, userId))
      const asked = readers.flatMap((reader, index) => [
        ghost.sendText(room, `more ${round} ${index}`),
        reader.post(`/v3/rooms/${enc(room)}/receipt/m.read/${enc(eventId)}`),
        reader.post('/v3/keys/upload', { device_keys: deviceKeysOf(reader) }),
      ])
      await Promise.all(asked)
      await house.until((one) => new Set(read(one, eventId)).size === readers.length)
      await house.until((one) => readers.every(({ userId }, index) => changed(one, userId) > (before[index] ?? 0)))
      house.asked.length = 0
    }
  }, 60_000)

  it('tell private receipts to the service whose users they are, however many', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({
      registrations: [registration({ url: house.url, receive_ephemeral: true })],
    })
    const [ghost, second] = [await registerGhost(world, '_irc_ann'), await registerGhost(world, '_irc_ben')]
    const room = await ghost.createRoom({ preset: 'public_chat' })
    await second.join(room)
    const eventId = await ghost.sendText(room, 'hello')
    const { port } = house
    await house[Symbol.asyncDispose]()
    // Threads have a receipt each.
    const roots: string[] = []
    for (let count = 0; count < 130; count++) roots.push(await ghost.sendText(room, `thread ${count}`))
    for (const root of roots)
      await ghost.post(`/v3/rooms/${enc(room)}/receipt/m.read.private/${enc(root)}`, { thread_id: root })
    await second.post(`/v3/rooms/${enc(room)}/receipt/m.read.private/${enc(eventId)}`)
    await house.listen(port)
    await world.as().post('/v1/appservice/irc/ping', {})
    const told = (one: ServiceHouse): ReadonlySet<string> =>
      new Set(
        ephemeralOf(one).flatMap(({ type, room_id, content }) =>
          type === 'm.receipt' && room_id === room
            ? Object.keys(content).filter((id) => content[id]['m.read.private'] !== undefined)
            : [],
        ),
      )
    await house.until((one) => told(one).size === 131)
    expect(told(house)).toEqual(new Set([...roots, eventId]))
  })

  it('do not come to a service that did not ask for them', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({ registrations: [registration({ url: house.url })] })
    const ghost = await registerGhost(world, '_irc_ann')
    const room = await ghost.createRoom()
    await ghost.typing(room, 30_000)
    await ghost.sendText(room, 'after')
    await house.untilMessage('after')
    for (const body of bodiesOf(house)) expect(Object.keys(body)).toEqual(['events'])
  })
})
