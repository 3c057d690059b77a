import { describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { FORMS, type Form, SlidingConnection, type SlidingWish } from './connection.ts'

const enc = encodeURIComponent
const KEY = 'org.matrix.msc4354.sticky_events'
const asking = (config: Json = {}, more: SlidingWish = {}): SlidingWish => ({
  ...more,
  otherExtensions: { [KEY]: { enabled: true, ...config } },
})

const stick = async (client: TestClient, roomId: string): Promise<string> => {
  const path = `/v3/rooms/${enc(roomId)}/send/org.example.sticky/${client.nextTransaction()}`
  return (await client.ok('PUT', path, { body: {}, query: { 'org.matrix.msc4354.sticky_duration_ms': 600_000 } }))
    .event_id
}

onEveryHomeserver('sticky events in sliding sync', (start) => {
  const shared = shareHomeserver(start)

  describe.each(FORMS)('in the %s form', (form: Form) => {
    const begin = async () => {
      const homeserver = await shared()
      const [alice, bob] = [await homeserver.register('alice'), await homeserver.register('bob')]
      const roomId = await bob.createRoom({ preset: 'public_chat' })
      return { alice, bob, roomId, connection: new SlidingConnection(alice, form, 'room-list') }
    }
    const idsIn = (answer: Json, roomId: string): string[] =>
      (answer.extensions[KEY]?.rooms[roomId]?.events ?? []).map(({ event_id }: Json) => event_id)

    it('come in their order until their own token acknowledges them, the rest at once, and wake', async () => {
      const { alice, bob, roomId, connection } = await begin()
      await alice.join(roomId)
      const sent = [await stick(bob, roomId), await stick(bob, roomId), await stick(bob, roomId)]
      const first = await connection.next(asking({ limit: 2 }))
      expect(idsIn(first, roomId)).toEqual(sent.slice(0, 2))
      const { next_batch: since } = first.extensions[KEY]
      const second = await connection.next({ ...asking({ since }), timeout: 60_000 })
      expect(idsIn(second, roomId)).toEqual(sent.slice(2))
      const { next_batch: upTo } = second.extensions[KEY]
      expect((await connection.next(asking({ since: upTo }))).extensions).toEqual({})
      const waiting = connection.next({ ...asking({ since: upTo }), timeout: 60_000 })
      const last = await stick(bob, roomId)
      expect(idsIn(await waiting, roomId)).toEqual([last])
    })

    it('are left out where a timeline has them, and come to whoever joins later', async () => {
      const { alice, bob, roomId, connection } = await begin()
      const early = await stick(bob, roomId)
      for (let sent = 0; sent < 3; sent++) await bob.sendText(roomId, 'more')
      const lists = { lists: { all: { timelineLimit: 2 } } }
      const { extensions } = await connection.next(asking({}, lists))
      expect(extensions).toEqual({})
      await alice.join(roomId)
      const joined = await connection.next(asking({}, lists))
      expect(idsIn(joined, roomId)).toEqual([early])
      const { next_batch: since } = joined.extensions[KEY]
      const shown = await stick(bob, roomId)
      const answer = await connection.next(asking({ since }, lists))
      expect(answer.rooms[roomId].timeline.map(({ event_id }: Json) => event_id)).toEqual([shown])
      expect(idsIn(answer, roomId)).toEqual([])
    })

    it('are refused with a limit or a token of another kind', async () => {
      const { connection } = await begin()
      for (const config of [{ limit: 0 }, { limit: 'x' }, { since: 'x' }, { since: 1 }]) {
        const { status, body } = await connection.ask(asking(config))
        expect([status, body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
      }
    })
  })
})
