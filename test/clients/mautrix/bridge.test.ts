import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { RegistrationFolder } from '../../flow/appservices/fixture.ts'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { command } from '../../support/operator.ts'
import { EncryptingClient, silenceConsole } from '../encrypting-client.ts'
import { freePort, MAUTRIX, MautrixBridge } from './bridge.ts'

silenceConsole()

const enc = encodeURIComponent
const PUPPETS = {
  ...{ id: 'doublepuppet', url: null, as_token: 'the-token-of-double-puppets', hs_token: 'never-used' },
  ...{ sender_localpart: 'doublepuppet', rate_limited: false },
  namespaces: { users: [{ regex: '@.*:localhost', exclusive: false }] },
}

if (MAUTRIX === undefined) describe.skip('a bridge made with mautrix (skipped: no Python)', () => it('talks', () => {}))
else {
  const python = MAUTRIX
  onEveryHomeserver('a bridge made with mautrix, that encrypts', (start) => {
    let homeserver: TestHomeserver
    let folder: RegistrationFolder
    let bridge: MautrixBridge
    let alice: EncryptingClient
    let roomId: string
    let ghost: string
    const heard: Json[] = []

    const says = async (name: string, text: string, ts?: number): Promise<string> => {
      bridge.process.tell({ room: roomId, name, say: text, ...(ts === undefined ? {} : { ts }) })
      return (await bridge.process.hears(({ said, failed }) => said === text || failed !== undefined)).event
    }
    const reads = (text: string): Promise<Json> => bridge.process.hears((told) => told.text === text)
    const stopBridge = async (): Promise<void> => {
      const waiting = async (): Promise<number> =>
        (await command(homeserver, 'list-appservices')).services.find(({ id }: Json) => id === 'judge').queue.waiting
      await expect.poll(waiting).toBe(0)
      heard.push(...bridge.process.told)
      await bridge.stop()
    }

    beforeAll(async () => {
      const port = await freePort()
      bridge = await MautrixBridge.setUp({
        python,
        homeserver: { address: `http://127.0.0.1:${port}`, domain: 'localhost' },
        doublePuppet: { secrets: { localhost: `as_token:${PUPPETS.as_token}` } },
      })
      folder = new RegistrationFolder({
        'bridge.yaml': `${bridge.registration}org.matrix.msc3202: true\n`,
        'puppets.yaml': PUPPETS,
      })
      homeserver = await start({ settings: { listen: { port }, appservices: { files: [folder.path] } } })
      alice = await new EncryptingClient(() => homeserver.url, await homeserver.register('alice')).start()
      ghost = `@judge_ann:${homeserver.serverName}`
      await bridge.start()
    })
    afterAll(async () => {
      alice.stop()
      await bridge.stop()
      await homeserver.stop()
      folder[Symbol.dispose]()
    })

    it('has a device of its own without a login, and comes with its bot into the room where a person invites a ghost', async () => {
      const { device } = await bridge.process.hears(({ ready }) => ready === true)
      const { device_keys } = await alice.account.post('/v3/keys/query', { device_keys: { '@judgebot:localhost': [] } })
      expect(Object.keys(device_keys['@judgebot:localhost'])).toEqual([device])
      const encryption = { type: 'm.room.encryption', state_key: '', content: { algorithm: 'm.megolm.v1.aes-sha2' } }
      roomId = await alice.account.createRoom({
        preset: 'trusted_private_chat',
        is_direct: true,
        invite: [ghost],
        initial_state: [encryption],
      })
      for (const one of [alice.userId, ghost, '@judgebot:localhost']) await alice.isIn(roomId, one)
      expect((await alice.reads(roomId, 'You talk with the other network now.')).isEncrypted()).toBe(true)
    })

    it('reads what the person writes encrypted, and is read when somebody of the other network answers', async () => {
      await alice.says(roomId, 'hello bridge')
      expect(await reads('hello bridge')).toMatchObject({ sender: alice.userId, room: roomId })
      await says('ann', 'hello alice')
      const answer = await alice.reads(roomId, 'hello alice')
      expect([answer.getSender(), answer.isEncrypted(), answer.isDecryptionFailure()]).toEqual([ghost, true, false])
    })

    it('speaks encrypted as the person themself, with the time of the other network, and does not take it for news', async () => {
      bridge.process.tell({ double: alice.userId, token: 'auto' })
      await bridge.process.hears(({ doubled }) => doubled === alice.userId)
      const eventId = await says('alice', 'from my other phone', 1_600_000_000_000)
      const own = await alice.reads(roomId, 'from my other phone')
      expect([own.getId(), own.getSender(), own.isEncrypted(), own.getTs()]).toEqual([
        ...[eventId, alice.userId, true, 1_600_000_000_000],
      ])
      await alice.says(roomId, 'after the puppet')
      await reads('after the puppet')
      expect(bridge.process.told.some(({ text }) => text === 'from my other phone')).toBe(false)
    })

    it('hears of receipts and typing, and its ghosts type', async () => {
      const eventId = await says('ann', 'read this')
      await alice.reads(roomId, 'read this')
      await alice.account.post(`/v3/rooms/${enc(roomId)}/receipt/m.read/${enc(eventId)}`)
      expect(await bridge.process.hears(({ read }) => read === eventId)).toMatchObject({ by: alice.userId })
      await alice.account.typing(roomId, 30_000)
      await bridge.process.hears(({ typing }) => typing?.includes(alice.userId))
      bridge.process.tell({ room: roomId, name: 'ann', typing: 30_000 })
      await bridge.process.hears(({ typing }) => typing?.includes(ghost))
    })

    it('hears of new devices, which read it then, and of its own keys as they are used up', async () => {
      const before = (await bridge.process.hears(({ keys }) => keys?.length > 0)).txn
      const phone = await new EncryptingClient(() => homeserver.url, await alice.account.loginAgain()).start()
      try {
        await bridge.process.hears(({ changed, txn }) => txn > before && changed.includes(alice.userId))
        await phone.isIn(roomId)
        // The bridge asks for the keys of the new device on its own; what it says before is for the old one alone.
        let times = 0
        const isRead = async (): Promise<boolean> => {
          times += 1
          await says('ann', `to both of you, time ${times}`)
          const events = phone.client.getRoom(roomId)?.getLiveTimeline().getEvents() ?? []
          return events.some((event) => String(event.getContent().body).startsWith('to both of you'))
        }
        await expect.poll(isRead, { interval: 500 }).toBe(true)
        await alice.reads(roomId, 'to both of you, time 1')
        await phone.says(roomId, 'from the phone')
        await reads('from the phone')
        await bridge.process.hears(({ keys, txn }) => txn > before && keys.length > 0)
      } finally {
        phone.stop()
      }
    })

    it('gets what was said while it was away, in order, also over a restart of the homeserver; nothing twice', async () => {
      await stopBridge()
      await alice.says(roomId, 'while the bridge is away')
      alice.stop()
      await homeserver.restart()
      await alice.start()
      await alice.says(roomId, 'after the restart')
      await bridge.start()
      for (const text of ['while the bridge is away', 'after the restart']) await reads(text)
      await says('ann', 'back again')
      expect((await alice.reads(roomId, 'back again')).isEncrypted()).toBe(true)
      await says('alice', 'still my puppet', 1_600_000_000_001)
      expect((await alice.reads(roomId, 'still my puppet')).getSender()).toBe(alice.userId)
      await stopBridge()
      // A transaction whose answer did not arrive comes once more, under its number and with the same content.
      const transactions = new Map<number, Json>()
      for (const { txn, ...content } of heard.filter((told) => told.txn !== undefined)) {
        expect(content).toEqual(transactions.get(txn) ?? content)
        transactions.set(txn, content)
      }
      expect([...transactions.keys()]).toEqual([...transactions.keys()].map((_, index) => index + 1))
      const events = [...transactions.values()].flatMap((one) => one.events)
      expect(new Set(events).size).toBe(events.length)
      // The library works on several events of a transaction at a time, so their order is not the one in which it is done with them.
      const read = heard.filter(({ text }) => text !== undefined)
      for (const { event } of read) expect(events).toContain(event)
      const inOrder = read.toSorted((one, other) => events.indexOf(one.event) - events.indexOf(other.event))
      expect(inOrder.map(({ text }) => text)).toEqual([
        ...['hello bridge', 'after the puppet', 'from the phone'],
        ...['while the bridge is away', 'after the restart'],
      ])
    })
  })
}
