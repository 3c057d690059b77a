import { describe, expect, it } from 'vitest'
import { onEveryHomeserver } from '../support/homeserver.ts'
import { scratchFolder } from '../support/scratch.ts'
import { EncryptingClient, encryptedRoom, silenceConsole } from './encrypting-client.ts'
import { NIO, NioClient } from './nio-client.ts'

silenceConsole()

if (NIO === undefined)
  describe.skip('matrix-nio with end-to-end encryption (skipped: no Python)', () => it('talks', () => {}))
else {
  const python = NIO
  onEveryHomeserver('matrix-nio with end-to-end encryption', (start) => {
    it('talks with matrix-js-sdk in one encrypted room, also of what came while it was away', async () => {
      await using homeserver = await start()
      const account = await homeserver.register('bob')
      const folder = scratchFolder('nio')
      const startNio = (): Promise<NioClient> => NioClient.start(python, homeserver.url, account, folder)
      const alice = await new EncryptingClient(() => homeserver.url, await homeserver.register('alice')).start()
      let bob = await startNio()
      try {
        const roomId = await encryptedRoom(alice)
        await alice.account.invite(roomId, account.userId)
        await bob.join(roomId)
        await alice.isIn(roomId, account.userId)

        await alice.says(roomId, 'from js to nio')
        expect(await bob.reads(roomId, 'from js to nio')).toMatchObject({ sender: alice.userId, encrypted: true })
        bob.says(roomId, 'from nio to js')
        const heard = await alice.reads(roomId, 'from nio to js')
        expect([heard.isEncrypted(), heard.getSender()]).toEqual([true, account.userId])

        await bob.stop()
        await alice.says(roomId, 'while you were away')
        bob = await startNio()
        expect(await bob.reads(roomId, 'while you were away')).toMatchObject({ encrypted: true })
        bob.says(roomId, 'back again')
        expect((await alice.reads(roomId, 'back again')).isEncrypted()).toBe(true)
      } finally {
        await bob.stop()
        alice.stop()
      }
    }, 120_000)
  })
}
