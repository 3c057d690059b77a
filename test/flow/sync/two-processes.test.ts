import { expect, it } from 'vitest'
import { onPostgres } from '../../contract/databases.ts'
import type { Json } from '../../support/client.ts'
import { TwoProcesses } from '../../support/two-processes.ts'

/** Longer than a test may take: a request that is not woken fails it. */
const LONG = 600_000
const TIME_MS = 120_000

const bodies = (room: Json): string[] =>
  (room?.timeline.events ?? [])
    .filter(({ type }: Json) => type === 'm.room.message')
    .map(({ content }: Json) => content.body)

/** Nothing carries news between these processes: each finds what it missed by the positions of the commits it hears of. */
onPostgres('two processes that do not hear of each other', () => {
  it(
    'take the tokens of one another, and wake those who wait with the next news',
    async () => {
      await using two = await TwoProcesses.start()
      const [alice, aliceThere] = await two.register('alice')
      const [bob, bobThere] = await two.register('bob')
      const shared = await alice.createRoom({ preset: 'public_chat' })
      await bob.join(shared)
      const ofBob = await bob.createRoom({ preset: 'private_chat' })
      const { next_batch: old } = await aliceThere.sync()

      // A token that the other process cannot know of yet.
      await bob.sendText(shared, 'one')
      const here = await alice.sync({ since: old })
      expect(bodies(here.rooms.join[shared])).toEqual(['one'])
      const there = await aliceThere.sync({ since: here.next_batch })
      expect(there.rooms.join).toEqual({})
      expect(bodies((await aliceThere.sync({ since: old })).rooms.join[shared])).toEqual(['one'])
      const page = await aliceThere.get(`/v3/rooms/${shared}/messages`, { from: here.next_batch, dir: 'b', limit: 1 })
      expect(page.chunk.map(({ content }: Json) => content.body)).toEqual(['one'])

      // News that nobody tells the other process, until it commits something itself.
      const waiting = aliceThere.nextSync(there.next_batch)
      await bob.sendText(shared, 'two')
      await bobThere.sendText(ofBob, 'of no concern')
      expect(bodies((await waiting).rooms.join[shared])).toEqual(['two'])

      const ahead = here.next_batch.replace(/^h1_\d+/, 'h1_1000000')
      for (const path of [`/v3/sync?since=${ahead}`, `/v3/events?timeout=0&from=${ahead}`]) {
        const { status, body } = await aliceThere.request('GET', path)
        expect([status, body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
      }
      await two.terminate()
      expect(two.errors).toBe('')
    },
    TIME_MS,
  )

  it(
    'end the sessions of one another with the next news, and the requests that wait in them',
    async () => {
      await using two = await TwoProcesses.start()
      const [alice, aliceThere] = await two.register('alice')
      const [bob, bobThere] = await two.register('bob')
      const roomId = await alice.createRoom()
      const { next_batch: since } = await bobThere.sync()
      const waiting = bobThere.request('GET', '/v3/sync', { query: { since, timeout: LONG } })
      await bob.post('/v3/logout')
      await alice.sendText(roomId, 'here')
      await aliceThere.createRoom()
      expect((await waiting).status).toBe(401)
      expect((await bobThere.request('GET', '/v3/account/whoami')).status).toBe(401)
      await two.terminate()
      expect(two.errors).toBe('')
    },
    TIME_MS,
  )

  it(
    'show nobody as typing who left by the other one',
    async () => {
      await using two = await TwoProcesses.start()
      const [alice, aliceThere] = await two.register('alice')
      const [bob, bobThere] = await two.register('bob')
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      await bob.join(roomId)
      const { next_batch: since } = await aliceThere.sync({ since: (await alice.sync()).next_batch })
      await bobThere.put(`/v3/rooms/${roomId}/typing/${bob.userId}`, { typing: true, timeout: TIME_MS })
      const typingAt = async (from: string): Promise<Json> => {
        const { rooms, next_batch: next } = await aliceThere.sync({ since: from })
        const typing = rooms.join[roomId]?.ephemeral.events.find(({ type }: Json) => type === 'm.typing')
        return { users: typing?.content.user_ids, next }
      }
      const before = await typingAt(since)
      expect(before.users).toEqual([bob.userId])
      await bob.post(`/v3/rooms/${roomId}/leave`)
      await aliceThere.createRoom()
      expect((await typingAt(before.next)).users).toEqual([])
      await two.terminate()
      expect(two.errors).toBe('')
    },
    TIME_MS,
  )
})
