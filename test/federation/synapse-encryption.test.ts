import { afterAll, expect, it } from 'vitest'
import { EncryptingClient, silenceConsole } from '../clients/encrypting-client.ts'
import { BOTH_WAYS, membershipBecomes, type SideName, syncShows, withSynapse } from './synapse/pair.ts'

silenceConsole()

const ENCRYPTION = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }

withSynapse('Homeroom and Synapse: an encrypted chat, matrix-js-sdk on both', (pair) => {
  const clients: EncryptingClient[] = []
  afterAll(() => {
    for (const client of clients) client.stop()
  })
  const device = async (side: SideName, name: string): Promise<EncryptingClient> => {
    const url = (): string => (side === 'Homeroom' ? pair().homeroom.url : pair().synapse.url)
    const client = new EncryptingClient(url, await pair().side(side).register(name))
    clients.push(client)
    return client.start()
  }

  for (const [maker, joiner] of BOTH_WAYS) {
    it(`in a room made on ${maker}: both read each other, and a device that comes later reads what is said then`, async () => {
      const alice = await device(maker, 'alice')
      const bob = await device(joiner, 'bob')
      const roomId = await alice.account.createRoom({
        preset: 'private_chat',
        invite: [bob.userId],
        initial_state: [ENCRYPTION],
      })
      await syncShows(bob.account, (sync) => sync.rooms?.invite?.[roomId])
      await bob.account.join(roomId)
      await membershipBecomes(alice.account, roomId, bob.userId, 'join')
      for (const one of [alice, bob]) for (const { userId } of [alice, bob]) await one.isIn(roomId, userId)

      await alice.says(roomId, 'for your eyes')
      await bob.reads(roomId, 'for your eyes')
      await bob.says(roomId, 'and for yours')
      await alice.reads(roomId, 'and for yours')

      const url = (): string => (joiner === 'Homeroom' ? pair().homeroom.url : pair().synapse.url)
      const second = new EncryptingClient(url, await bob.account.loginAgain())
      clients.push(second)
      await second.start()
      await alice.becomes(async () => {
        const devices = await alice.crypto.getUserDeviceInfo([bob.userId], true)
        return devices.get(bob.userId)?.has(second.deviceId) ?? false
      })
      await alice.says(roomId, 'to all your devices')
      for (const one of [bob, second]) await one.reads(roomId, 'to all your devices')

      await alice.bootstrap()
      await bob.bootstrap()
      await alice.becomes(async () => {
        await alice.crypto.getUserDeviceInfo([bob.userId], true)
        return alice.crypto.userHasCrossSigningKeys(bob.userId, true)
      })
      expect(await bob.crypto.userHasCrossSigningKeys(alice.userId, true)).toBe(true)
    })
  }
})
