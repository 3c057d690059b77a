import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type FederationServers, startFederation } from '../support/federation-servers.ts'
import { EncryptingClient, encryptedRoom, silenceConsole } from './encrypting-client.ts'
import { requestTo, verifyBySas } from './verification.ts'

silenceConsole()

const LONG = 60_000

describe('matrix-js-sdk with its Rust cryptography, at two homeservers', () => {
  let servers: FederationServers
  let alice: EncryptingClient
  let bob: EncryptingClient
  let phone: EncryptingClient
  let roomId: string
  const clients: EncryptingClient[] = []

  const device = async (at: 0 | 1, account: EncryptingClient['account']): Promise<EncryptingClient> => {
    const client = new EncryptingClient(() => servers.at(at).url, account)
    clients.push(client)
    return client.start()
  }

  beforeAll(async () => {
    servers = await startFederation({
      database: process.env.HOMEROOM_TEST_POSTGRES ? ['sqlite', 'postgres'] : 'sqlite',
    })
    alice = await device(0, await servers.at(0).register('alice'))
    bob = await device(1, await servers.at(1).register('bob'))
  }, LONG)
  afterAll(async () => {
    for (const client of clients) client.stop()
    await servers[Symbol.asyncDispose]()
  })

  it('messages both ways in an encrypted room, by invite', { timeout: LONG }, async () => {
    roomId = await encryptedRoom(alice, bob)
    await alice.says(roomId, 'from Alice')
    for (const reader of [alice, bob]) await reader.reads(roomId, 'from Alice')
    await bob.says(roomId, 'from Bob')
    for (const reader of [alice, bob]) await reader.reads(roomId, 'from Bob')
  })

  it('a device that comes later is sent the keys too, and can be read', { timeout: LONG }, async () => {
    phone = await device(1, await bob.account.loginAgain())
    // The sender knows of the device once its own server told it.
    await alice.becomes(async () => {
      const devices = await alice.crypto.getUserDeviceInfo([bob.userId])
      return devices.get(bob.userId)?.has(phone.deviceId) === true
    })
    await alice.says(roomId, 'for all devices of Bob')
    for (const reader of [bob, phone]) await reader.reads(roomId, 'for all devices of Bob')
    await phone.isIn(roomId, alice.userId)
    await phone.says(roomId, 'from the phone')
    for (const reader of [alice, bob]) await reader.reads(roomId, 'from the phone')
  })

  it('two people verify each other across the servers', { timeout: LONG }, async () => {
    await alice.bootstrap()
    await bob.bootstrap()
    await alice.becomes(() => alice.crypto.userHasCrossSigningKeys(bob.userId))
    await bob.becomes(() => bob.crypto.userHasCrossSigningKeys(alice.userId))
    const received = requestTo(bob)
    const asked = await alice.crypto.requestVerificationDM(bob.userId, roomId)
    await verifyBySas(asked, await received)
    for (const [client, other] of [
      [alice, bob],
      [bob, alice],
    ] as const) {
      await client.becomes(async () =>
        (await client.crypto.getUserVerificationStatus(other.userId)).isCrossSigningVerified(),
      )
    }
  })

  it('one server is away for a while, and its users read what was sent meanwhile', { timeout: LONG }, async () => {
    for (const client of [bob, phone]) client.stop()
    await servers.at(1).restart()
    await alice.says(roomId, 'while Bob was away')
    for (const client of [bob, phone]) await client.start()
    for (const reader of [bob, phone]) await reader.reads(roomId, 'while Bob was away')
    await bob.says(roomId, 'back again')
    expect((await alice.reads(roomId, 'back again')).getSender()).toBe(bob.userId)
  })
})
