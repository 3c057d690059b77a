import { expect, it } from 'vitest'
import type { Json, TestClient } from '../support/client.ts'
import { BOTH_WAYS, eventArrives, membershipBecomes, syncShows, withSynapse } from './synapse/pair.ts'

const enc = encodeURIComponent

const ephemeral = (sync: Json, roomId: string, type: string): Json =>
  sync.rooms?.join?.[roomId]?.ephemeral?.events?.find((event: Json) => event.type === type)?.content

withSynapse('Homeroom and Synapse: what passes', (pair) => {
  for (const [maker, joiner] of BOTH_WAYS) {
    const shared = async (): Promise<[TestClient, TestClient, string]> => {
      const alice = await pair().side(maker).register('alice')
      const bob = await pair().side(joiner).register('bob')
      const roomId = await alice.createRoom({ preset: 'private_chat', invite: [bob.userId] })
      await syncShows(bob, (sync) => sync.rooms?.invite?.[roomId])
      await bob.join(roomId)
      await membershipBecomes(alice, roomId, bob.userId, 'join')
      return [alice, bob, roomId]
    }

    it(`somebody of ${joiner} types, and stops`, async () => {
      const [alice, bob, roomId] = await shared()
      await bob.typing(roomId, 30_000)
      await syncShows(alice, (sync) => ephemeral(sync, roomId, 'm.typing')?.user_ids.includes(bob.userId) || undefined)
      const { next_batch: since } = await alice.sync()
      await bob.typing(roomId, 0)
      const after = await alice.syncUntil(since, (sync) => ephemeral(sync, roomId, 'm.typing') !== undefined)
      expect(ephemeral(after, roomId, 'm.typing').user_ids).toEqual([])
    })

    it(`somebody of ${joiner} has read a message, in a thread too`, async () => {
      const [alice, bob, roomId] = await shared()
      const read = await alice.sendText(roomId, 'read this')
      const inThread = await alice.send(roomId, 'm.room.message', {
        msgtype: 'm.text',
        body: 'in the thread',
        'm.relates_to': { rel_type: 'm.thread', event_id: read },
      })
      await eventArrives(bob, roomId, inThread)
      await bob.receipt(roomId, read)
      await syncShows(alice, (sync) => ephemeral(sync, roomId, 'm.receipt')?.[read]?.['m.read']?.[bob.userId])
      await bob.receipt(roomId, inThread, 'm.read', { thread_id: read })
      const receipt = await syncShows(
        alice,
        (sync) => ephemeral(sync, roomId, 'm.receipt')?.[inThread]?.['m.read']?.[bob.userId],
      )
      expect(receipt).toMatchObject({ thread_id: read })
    })

    it(`somebody of ${joiner} is online, and says what they do`, async () => {
      const [alice, bob] = await shared()
      await bob.put(`/v3/presence/${enc(bob.userId)}/status`, { presence: 'online', status_msg: 'at work' })
      await bob.sync({ set_presence: 'online' })
      await syncShows(alice, (sync) =>
        sync.presence?.events?.find(
          (event: Json) => event.sender === bob.userId && event.content.status_msg === 'at work',
        ),
      )
    })

    it(`somebody of ${joiner} takes another name, which the room learns`, async () => {
      const [alice, bob, roomId] = await shared()
      await bob.put(`/v3/profile/${enc(bob.userId)}/displayname`, { displayname: 'Robert' })
      await syncShows(alice, (sync) =>
        sync.rooms?.join?.[roomId]?.timeline?.events?.find(
          (event: Json) => event.state_key === bob.userId && event.content.displayname === 'Robert',
        ),
      )
    })

    it(`a message between devices, and a change of devices, come from ${joiner}`, async () => {
      const [alice, bob] = await shared()
      const { next_batch: since } = await alice.sync()
      const messages = { [alice.userId]: { [alice.deviceId]: { hello: 'device' } } }
      await bob.put(`/v3/sendToDevice/org.example.test/${enc(bob.nextTransaction())}`, { messages })
      await syncShows(alice, (sync) =>
        sync.to_device?.events?.find((event: Json) => event.type === 'org.example.test' && event.sender === bob.userId),
      )
      await bob.loginAgain({ initial_device_display_name: 'second' })
      const other = await bob.loginAgain()
      const { device_id: _, ...keys } = {
        device_id: other.deviceId,
        user_id: bob.userId,
        algorithms: ['m.olm.v1.curve25519-aes-sha2'],
        keys: { [`ed25519:${other.deviceId}`]: 'A'.repeat(43), [`curve25519:${other.deviceId}`]: 'A'.repeat(43) },
        signatures: { [bob.userId]: { [`ed25519:${other.deviceId}`]: 'A'.repeat(86) } },
      }
      await other.post('/v3/keys/upload', { device_keys: { ...keys, device_id: other.deviceId } })
      await alice.syncUntil(since, (sync) => sync.device_lists?.changed?.includes(bob.userId))
      await expect
        .poll(
          async () => {
            const { device_keys } = await alice.post('/v3/keys/query', { device_keys: { [bob.userId]: [] } })
            return Object.keys(device_keys[bob.userId] ?? {})
          },
          { timeout: 20_000 },
        )
        .toContain(other.deviceId)
    })
  }
})
