import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../../support/client.ts'
import { startFederation } from '../../../support/federation-servers.ts'
import { crossSigningKeys, uploadSigning } from '../../encryption/cross-signing-fixture.ts'
import { deviceKeysOf, queryOf, upload } from '../../encryption/fixture.ts'
import { membersOf } from '../memberships/two-servers.ts'

const bothDatabases = () =>
  startFederation({ database: process.env.HOMEROOM_TEST_POSTGRES ? ['sqlite', 'postgres'] : 'sqlite' })

const changedIn = async (client: TestClient, since: string, userId: string): Promise<string> =>
  (await client.syncUntil(since, ({ device_lists: lists }) => lists?.changed?.includes(userId))).next_batch

/** As a client does: asks again each time it hears that something changed, until it sees what it has to. Returns the token then. */
const seen = async (client: TestClient, since: string, userId: string, holds: (answer: Json) => boolean) => {
  let from = since
  do from = await changedIn(client, from, userId)
  while (!holds(await queryOf(client, userId)))
  return from
}

const hasDevices =
  (userId: string, ...clients: readonly TestClient[]) =>
  (answer: Json): boolean =>
    Object.keys(answer.device_keys[userId] ?? {})
      .toSorted()
      .join() ===
    clients
      .map(({ deviceId }) => deviceId)
      .toSorted()
      .join()

it('users of another server are in device_lists when they come, change their keys, and go', async () => {
  await using servers = await bothDatabases()
  const [alice, bob] = [await servers.at(0).register('alice'), await servers.at(1).register('bob')]
  await upload(bob, { device_keys: deviceKeysOf(bob) })
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  let since = (await alice.sync()).next_batch
  const bobs = (await bob.sync()).next_batch
  await bob.post(`/v3/join/${encodeURIComponent(roomId)}?server_name=first.example`)
  since = await seen(alice, since, bob.userId, hasDevices(bob.userId, bob))
  await changedIn(bob, bobs, alice.userId)

  const phone = await bob.loginAgain()
  await upload(phone, { device_keys: deviceKeysOf(phone) })
  since = await seen(alice, since, bob.userId, hasDevices(bob.userId, bob, phone))
  const keys = crossSigningKeys(bob.userId)
  await uploadSigning(bob, keys.body)
  const master = ({ master_keys: keysOf }: Json): boolean => keysOf[bob.userId] !== undefined
  since = await seen(alice, since, bob.userId, master)
  expect((await queryOf(alice, bob.userId)).master_keys[bob.userId]).toEqual(keys.body.master_key)
  await phone.post('/v3/logout')
  since = await seen(alice, since, bob.userId, hasDevices(bob.userId, bob))

  await bob.post(`/v3/rooms/${encodeURIComponent(roomId)}/leave`)
  await alice.syncUntil(since, ({ device_lists: lists }) => lists?.left?.includes(bob.userId))
})

it('devices that a user of another server got while away are asked for when the user comes back', async () => {
  await using servers = await bothDatabases()
  const [alice, bob] = [await servers.at(0).register('alice'), await servers.at(1).register('bob')]
  await upload(bob, { device_keys: deviceKeysOf(bob) })
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  let since = (await alice.sync()).next_batch
  const join = () => bob.post(`/v3/join/${encodeURIComponent(roomId)}?server_name=first.example`)
  await join()
  since = await seen(alice, since, bob.userId, hasDevices(bob.userId, bob))
  await bob.post(`/v3/rooms/${encodeURIComponent(roomId)}/leave`)
  const phone = await bob.loginAgain()
  await upload(phone, { device_keys: deviceKeysOf(phone) })
  // Alice's client does not look meanwhile: for it he never left.
  await join()
  await seen(alice, since, bob.userId, hasDevices(bob.userId, bob, phone))
})

it('devices that others got while a user was away, with the whole server, are asked for when the user comes back', async () => {
  await using servers = await bothDatabases()
  const [alice, bob] = [await servers.at(0).register('alice'), await servers.at(1).register('bob')]
  await upload(bob, { device_keys: deviceKeysOf(bob) })
  const roomId = await bob.createRoom({ preset: 'public_chat' })
  const join = () => alice.post(`/v3/join/${encodeURIComponent(roomId)}?server_name=second.example`)
  const { next_batch: before } = await alice.sync()
  await join()
  const since = await seen(alice, before, bob.userId, hasDevices(bob.userId, bob))
  await alice.post(`/v3/rooms/${encodeURIComponent(roomId)}/leave`)
  await expect
    .poll(async () => Object.values(await membersOf(bob, roomId)).filter((one) => one === 'join').length, {
      timeout: 20_000,
    })
    .toBe(1)
  const phone = await bob.loginAgain()
  await upload(phone, { device_keys: deviceKeysOf(phone) })
  await join()
  // For her client, which did not look meanwhile, she never left.
  await seen(alice, since, bob.userId, hasDevices(bob.userId, bob, phone))
})

it('messages go to devices of another server once each, in order, also while it is away', async () => {
  await using servers = await bothDatabases()
  const [alice, bob] = [await servers.at(0).register('alice'), await servers.at(1).register('bob')]
  let since = (await bob.sync()).next_batch
  const send = (n: number, txn = `t${n}`) =>
    alice.put(`/v3/sendToDevice/m.test/${txn}`, { messages: { [bob.userId]: { [bob.deviceId]: { n } } } })
  const got: number[] = []
  const receive = async (last: number): Promise<void> => {
    while (got.at(-1) !== last) {
      const sync = await bob.syncUntil(since, ({ to_device }) => to_device.events.length > 0)
      got.push(...sync.to_device.events.map(({ content }: Json) => content.n))
      since = sync.next_batch
    }
  }
  await send(1)
  await send(1)
  await send(2)
  await receive(2)
  await send(1)
  await servers.at(0).restart()
  for (let n = 3; n < 8; n++) await send(n)
  await receive(7)
  expect(got).toEqual([1, 2, 3, 4, 5, 6, 7])
})
