import { afterAll, beforeAll, expect, it } from 'vitest'
import { claim } from '../flow/encryption/fixture.ts'
import { onEveryHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { EncryptingClient, encryptedRoom, silenceConsole } from './encrypting-client.ts'
import { requestTo, verifyBySas } from './verification.ts'

silenceConsole()

onEveryHomeserver('matrix-js-sdk with its Rust cryptography: two users, three devices', (start) => {
  let homeserver: TestHomeserver
  let laptop: EncryptingClient
  let phone: EncryptingClient
  let bob: EncryptingClient
  let roomId: string
  const clients: EncryptingClient[] = []

  const device = async (account: EncryptingClient['account']): Promise<EncryptingClient> => {
    const client = new EncryptingClient(() => homeserver.url, account)
    clients.push(client)
    return client.start()
  }

  beforeAll(async () => {
    homeserver = await start()
    const alice = await homeserver.register('alice')
    laptop = await device(alice)
    phone = await device(await alice.loginAgain())
    bob = await device(await homeserver.register('bob'))
  })
  afterAll(async () => {
    for (const client of clients) client.stop()
    await homeserver.stop()
  })

  it('messages both ways in an encrypted room, readable on every device', async () => {
    roomId = await encryptedRoom(laptop, phone, bob)
    await laptop.says(roomId, 'from the laptop')
    for (const reader of [laptop, phone, bob]) await reader.reads(roomId, 'from the laptop')
    await bob.says(roomId, 'from Bob')
    for (const reader of [laptop, phone, bob]) await reader.reads(roomId, 'from Bob')
    await phone.says(roomId, 'from the phone')
    for (const reader of [laptop, phone, bob]) await reader.reads(roomId, 'from the phone')
  })

  it('messages both ways after a restart of server and clients, and those of before are still readable', async () => {
    for (const client of clients) client.stop()
    await homeserver.restart()
    for (const client of clients) await client.start()
    await bob.says(roomId, 'Bob after the restart')
    await laptop.says(roomId, 'the laptop after the restart')
    for (const reader of [laptop, phone, bob]) {
      for (const text of ['from the laptop', 'Bob after the restart', 'the laptop after the restart']) {
        await reader.reads(roomId, text)
      }
    }
  })

  it('cross-signing is set up without authentication, and signs the device that did it', async () => {
    await laptop.bootstrap()
    await bob.bootstrap()
    expect(await laptop.crypto.isCrossSigningReady()).toBe(true)
    const isSigned = async (): Promise<boolean> =>
      (await bob.crypto.getDeviceVerificationStatus(laptop.userId, laptop.deviceId))?.signedByOwner === true
    await bob.becomes(isSigned)
    const phoneStatus = await bob.crypto.getDeviceVerificationStatus(phone.userId, phone.deviceId)
    expect(phoneStatus?.signedByOwner).toBe(false)
  })

  it('SAS verification of a device: each then trusts the other, and the new one is signed', async () => {
    const received = requestTo(phone)
    const asked = await laptop.crypto.requestDeviceVerification(phone.userId, phone.deviceId)
    await verifyBySas(asked, await received)
    await bob.becomes(
      async () => (await bob.crypto.getDeviceVerificationStatus(phone.userId, phone.deviceId))?.signedByOwner === true,
    )
    await phone.becomes(
      async () =>
        (await phone.crypto.getDeviceVerificationStatus(laptop.userId, laptop.deviceId))?.crossSigningVerified === true,
    )
  })

  it('SAS verification of a person in their room: the other devices of both hear of it', async () => {
    const received = requestTo(bob)
    const asked = await laptop.crypto.requestVerificationDM(bob.userId, roomId)
    await verifyBySas(asked, await received)
    for (const [client, other] of [
      [laptop, bob],
      [bob, laptop],
      [phone, bob],
    ] as const) {
      await client.becomes(async () =>
        (await client.crypto.getUserVerificationStatus(other.userId)).isCrossSigningVerified(),
      )
    }
  })

  it('one-time keys used up, then the fallback key: a device that was away reads what was sent by either', async () => {
    bob.stop()
    const stranger = await homeserver.register('stranger')
    let last: string | undefined
    for (let count = 0; count < 200; count += 1) {
      const name = (await claim(stranger, bob))?.[0]
      if (name === last) break
      last = name
    }
    const fallback = (await claim(stranger, bob))?.[1]
    expect(fallback).toMatchObject({ fallback: true })
    const carol = await device(await homeserver.register('carol'))
    const dave = await device(await homeserver.register('dave'))
    await carol.account.join(await inviteTo(roomId, carol))
    await dave.account.join(await inviteTo(roomId, dave))
    for (const sender of [carol, dave]) {
      await sender.isIn(roomId, bob.userId)
      await sender.says(roomId, `from ${sender.userId} by the fallback key`)
    }
    await bob.start()
    for (const sender of [carol, dave]) await bob.reads(roomId, `from ${sender.userId} by the fallback key`)
    await expect
      .poll(async () => (await bob.account.sync()).device_one_time_keys_count.signed_curve25519)
      .toBeGreaterThan(40)
  })

  const inviteTo = async (room: string, { userId }: EncryptingClient): Promise<string> => {
    await laptop.account.invite(room, userId)
    return room
  }

  it('cross-signing is reset after authentication: others see a new identity, and the devices signed by the old one are not', async () => {
    const before = (await bob.crypto.getUserVerificationStatus(laptop.userId)).isCrossSigningVerified()
    expect(before).toBe(true)
    await laptop.bootstrap({ setupNewCrossSigning: true })
    await bob.becomes(async () => {
      const status = await bob.crypto.getUserVerificationStatus(laptop.userId)
      return !status.isCrossSigningVerified() && status.wasCrossSigningVerified()
    })
    const signed = async (deviceId: string): Promise<boolean | undefined> =>
      (await bob.crypto.getDeviceVerificationStatus(laptop.userId, deviceId))?.signedByOwner
    await bob.becomes(async () => (await signed(laptop.deviceId)) === true && (await signed(phone.deviceId)) === false)
  })
})
