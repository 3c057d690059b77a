import { describe, expect, it } from 'vitest'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { EncryptingClient, encryptedRoom, silenceConsole } from '../encrypting-client.ts'
import { MAUTRIX } from './bridge.ts'
import { Maubot } from './maubot.ts'

silenceConsole()

if (MAUTRIX === undefined) describe.skip('a bot of maubot (skipped: no Python)', () => it('answers', () => {}))
else {
  const python = MAUTRIX
  onEveryHomeserver('a bot of maubot', (start) => {
    it('that has an access token answers in a room, follows an invite, and answers in an encrypted room', async () => {
      await using homeserver = await start()
      await using maubot = await Maubot.start(python)
      const bot = await homeserver.register('bot')
      const alice = await new EncryptingClient(() => homeserver.url, await homeserver.register('alice')).start()
      try {
        const plain = await alice.account.createRoom({ preset: 'public_chat' })
        await bot.join(plain)
        expect(await maubot.addClient(homeserver.url, bot)).toMatchObject({ id: bot.userId, device_id: bot.deviceId })
        await maubot.addEcho(bot.userId)
        // What is said before its first sync is not for it.
        const answers = async (): Promise<boolean> => {
          await alice.account.sendText(plain, '!echo hello')
          const { chunk } = await alice.account.get(`/v3/rooms/${encodeURIComponent(plain)}/messages`, { dir: 'b' })
          return chunk.some((event: { sender: string; content: { body?: string } }) => {
            return event.sender === bot.userId && event.content.body === 'echo: hello'
          })
        }
        await expect.poll(answers, { interval: 500 }).toBe(true)

        const secret = await encryptedRoom(alice)
        await alice.account.invite(secret, bot.userId)
        await alice.isIn(secret, bot.userId)
        await alice.says(secret, '!echo in secret')
        const answer = await alice.reads(secret, 'echo: in secret')
        expect([answer.getSender(), answer.isEncrypted(), answer.isDecryptionFailure()]).toEqual([
          ...[bot.userId, true, false],
        ])
      } finally {
        alice.stop()
      }
    }, 90_000)
  })
}
