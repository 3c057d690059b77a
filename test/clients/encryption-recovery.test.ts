import type { CryptoCallbacks } from 'matrix-js-sdk/lib/crypto-api/index.js'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { onEveryHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { EncryptingClient, encryptedRoom, silenceConsole } from './encrypting-client.ts'

silenceConsole()

/** The SDK waits up to ten seconds before it puts new keys into the backup. */
const BACKUP_MS = 120_000
const DEHYDRATED = '/unstable/org.matrix.msc3814.v1/dehydrated_device'

/** The recovery key of a person, which they type into a client that asks for it. */
class RecoveryKey {
  #privateKey: Uint8Array<ArrayBuffer> | undefined

  readonly callbacks: CryptoCallbacks = {
    getSecretStorageKey: async ({ keys }) => {
      const [id] = Object.keys(keys)
      return id === undefined || this.#privateKey === undefined ? null : [id, this.#privateKey]
    },
  }

  /** Makes the identity, the secret storage and a backup, as a client does that is set up for the first time. */
  async setUp(client: EncryptingClient): Promise<void> {
    const key = await client.crypto.createRecoveryKeyFromPassphrase()
    this.#privateKey = key.privateKey as Uint8Array<ArrayBuffer>
    await client.bootstrap()
    await client.crypto.bootstrapSecretStorage({ createSecretStorageKey: async () => key, setupNewKeyBackup: true })
  }
}

onEveryHomeserver('matrix-js-sdk with its Rust cryptography: what is left when no device is', (start) => {
  let homeserver: TestHomeserver
  const clients: EncryptingClient[] = []

  const device = async (
    account: EncryptingClient['account'],
    cryptoCallbacks: CryptoCallbacks = {},
  ): Promise<EncryptingClient> => {
    const client = new EncryptingClient(() => homeserver.url, account, { cryptoCallbacks })
    clients.push(client)
    return client.start()
  }

  beforeAll(async () => {
    homeserver = await start()
  })
  afterAll(async () => {
    for (const client of clients) client.stop()
    await homeserver.stop()
  })

  /** The new device reads who its user is, and signs itself with the keys that secret storage has. */
  const takesUpIdentity = async (fresh: EncryptingClient): Promise<void> => {
    expect(await fresh.crypto.userHasCrossSigningKeys(fresh.userId, true)).toBe(true)
    await fresh.bootstrap()
  }

  it(
    'a key backup is made, and restored on a new device that then reads the history',
    async () => {
      const recovery = new RecoveryKey()
      const account = await homeserver.register('alice')
      const [alice, bob] = [await device(account, recovery.callbacks), await device(await homeserver.register('bob'))]
      await recovery.setUp(alice)
      const roomId = await encryptedRoom(alice, bob)
      await alice.says(roomId, 'from Alice, long ago')
      await bob.says(roomId, 'from Bob, long ago')
      await alice.reads(roomId, 'from Bob, long ago')
      await alice.becomes(async () => (await account.get('/v3/room_keys/version')).count >= 2)
      // Nobody is there who could hand on a key.
      alice.stop()
      await account.post('/v3/logout')
      bob.stop()
      await homeserver.restart()
      const fresh = await device(await account.loginAgain(), recovery.callbacks)
      await takesUpIdentity(fresh)
      await fresh.crypto.loadSessionBackupPrivateKeyFromSecretStorage()
      const { imported } = await fresh.crypto.restoreKeyBackup()
      expect(imported).toBeGreaterThanOrEqual(2)
      for (const text of ['from Alice, long ago', 'from Bob, long ago']) await fresh.reads(roomId, text)
      // The backup goes on: a key of today comes to it by the new device.
      await fresh.crypto.checkKeyBackupAndEnable()
      const { count } = await account.loginAgain().then((other) => other.get('/v3/room_keys/version'))
      await fresh.says(roomId, 'from Alice, today')
      await fresh.becomes(async () => (await fresh.account.get('/v3/room_keys/version')).count > count)
    },
    BACKUP_MS,
  )

  it('a device is deleted: it is out, others see it gone, and no key is sent to it any more', async () => {
    const account = await homeserver.register('alice')
    const [laptop, bob] = [await device(account), await device(await homeserver.register('bob'))]
    const phone = await device(await account.loginAgain())
    const roomId = await encryptedRoom(laptop, phone, bob)
    await bob.says(roomId, 'while the phone is there')
    await phone.reads(roomId, 'while the phone is there')
    phone.stop()
    await laptop.byPassword(async (auth) => {
      await laptop.client.deleteDevice(phone.deviceId, auth ?? undefined)
    })
    const whoami = await phone.account.request('GET', '/v3/account/whoami')
    expect([whoami.status, whoami.body.errcode]).toEqual([401, 'M_UNKNOWN_TOKEN'])
    const devicesSeen = async (): Promise<readonly string[]> => {
      const devices = await bob.crypto.getUserDeviceInfo([laptop.userId], true)
      return [...(devices.get(laptop.userId)?.keys() ?? [])]
    }
    await bob.becomes(async () => !(await devicesSeen()).includes(phone.deviceId))
    expect(await devicesSeen()).toEqual([laptop.deviceId])
    await bob.says(roomId, 'after the phone is gone')
    await laptop.reads(roomId, 'after the phone is gone')
  })

  it('a device is dehydrated, and rehydrated with the keys that it was sent while nobody was there', async () => {
    const recovery = new RecoveryKey()
    const account = await homeserver.register('alice')
    const [alice, bob] = [await device(account, recovery.callbacks), await device(await homeserver.register('bob'))]
    await recovery.setUp(alice)
    expect(await alice.crypto.isDehydrationSupported()).toBe(true)
    await alice.crypto.startDehydration()
    const { device_id: dehydrated } = await account.get(DEHYDRATED)
    const roomId = await encryptedRoom(alice, bob)
    const devicesSeen = async (): Promise<readonly string[]> => {
      const devices = await bob.crypto.getUserDeviceInfo([alice.userId], true)
      return [...(devices.get(alice.userId)?.keys() ?? [])]
    }
    await bob.becomes(async () => (await devicesSeen()).includes(dehydrated))
    alice.stop()
    await account.post('/v3/logout/all')
    await bob.becomes(async () => (await devicesSeen()).join() === dehydrated)
    await bob.says(roomId, 'while nobody was there')
    bob.stop()
    const fresh = await device(await account.loginAgain(), recovery.callbacks)
    await takesUpIdentity(fresh)
    await fresh.crypto.startDehydration()
    await fresh.reads(roomId, 'while nobody was there')
    // The one that was used up made place for another.
    expect((await fresh.account.get(DEHYDRATED)).device_id).not.toBe(dehydrated)
  })
})
