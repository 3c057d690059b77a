import { describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { FORMS, type Form, SlidingConnection, type SlidingWish } from './connection.ts'

const enc = encodeURIComponent
const EXTENSIONS = { account_data: { enabled: true }, receipts: { enabled: true }, typing: { enabled: true } }
const wish = (lazyMembers = true): SlidingWish => ({
  lists: { all: { range: [0, 9], timelineLimit: 1, lazyMembers, requiredState: [['m.room.topic', '']] } },
  extensions: EXTENSIONS,
})
const bodies = (room: Json): readonly string[] => room.timeline.map(({ content }: Json) => content.body)

/** The counts are each reader's own. */
const OWN = { notification_count: undefined, highlight_count: undefined }
const withoutAge = (event: Json): Json => ({ ...event, unsigned: undefined })

/** The text that all who are told of a message have in common is made once; each of these knows, may see or asked for something else. */
onEveryHomeserver('sliding sync, of those who are woken together', (start) => {
  const shared = shareHomeserver(start)

  describe.each(FORMS)('in the %s form', (form: Form) => {
    const crowd = async (names: readonly string[]) => {
      const homeserver = await shared()
      const alice = await homeserver.register('alice')
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      const clients: TestClient[] = []
      for (const name of names) {
        const client = await homeserver.register(name)
        await client.join(roomId)
        clients.push(client)
      }
      await alice.sendText(roomId, 'before')
      const connections = clients.map((client) => new SlidingConnection(client, form, 'room-list'))
      return { alice, roomId, clients, connections }
    }
    /** All wait, one event is sent, and all have answered. */
    const wake = async (
      connections: readonly SlidingConnection[],
      send: () => Promise<unknown>,
      wishOf: (index: number) => SlidingWish = () => wish(),
    ): Promise<readonly Json[]> => {
      const waiting = connections.map((connection, index) => connection.next({ ...wishOf(index), timeout: 60_000 }))
      await send()
      return Promise.all(waiting)
    }

    it('tells each of them the message once, with counts of their own', async () => {
      const { alice, roomId, clients, connections } = await crowd(['bob', 'carol', 'dan', 'eve'])
      const [bob, carol, dan] = clients as [TestClient, TestClient, TestClient]
      for (const connection of connections) await connection.next(wish())
      await carol.put(`/v3/pushrules/global/override/quiet`, {
        actions: [],
        conditions: [{ kind: 'event_match', key: 'room_id', pattern: roomId }],
      })
      for (const connection of connections) await connection.next(wish())
      for (const text of [`for ${bob.userId} one`, 'two', 'three']) {
        const sent = { msgtype: 'm.text', body: text, 'm.mentions': { user_ids: text === 'two' ? [dan.userId] : [] } }
        const answers = await wake(connections, () => alice.send(roomId, 'm.room.message', sent))
        const rooms = answers.map(({ rooms }) => rooms[roomId])
        for (const room of rooms) expect(bodies(room)).toEqual([text])
        const plain = rooms.map((room) => ({ ...room, ...OWN, timeline: room.timeline.map(withoutAge) }))
        for (const room of plain) expect(room).toEqual(plain[0])
        expect(plain[0]).toMatchObject({ required_state: [], num_live: 1, bump_stamp: expect.any(Number) })
        if (form === 'legacy') {
          const counts = rooms.map((room) => [room.notification_count > 0, room.highlight_count])
          const highlights = text === 'two' || text === 'three' ? 1 : 0
          expect(counts).toEqual([
            [true, 0],
            [false, 0],
            [true, highlights],
            [true, 0],
          ])
        }
        for (const connection of connections) expect((await connection.next(wish())).rooms).toEqual({})
      }
    })

    it('tells a reader nothing of a person whom they ignore, and not what came after they left', async () => {
      const { alice, roomId, clients, connections } = await crowd(['bob', 'carol', 'dan'])
      const [, carol, dan] = clients as [TestClient, TestClient, TestClient]
      for (const connection of connections) await connection.next(wish())
      await carol.put(`/v3/user/${enc(carol.userId)}/account_data/m.ignored_user_list`, {
        ignored_users: { [alice.userId]: {} },
      })
      await dan.post(`/v3/rooms/${enc(roomId)}/leave`, {})
      for (const connection of connections) await connection.next(wish())
      const [ofBob, ofCarol, ofDan] = connections as [SlidingConnection, SlidingConnection, SlidingConnection]
      const told = ofBob.next({ ...wish(), timeout: 60_000 })
      await alice.sendText(roomId, 'secret')
      expect(bodies((await told).rooms[roomId])).toEqual(['secret'])
      const [unheard, gone] = [await ofCarol.next(wish()), await ofDan.next(wish())]
      expect(JSON.stringify([unheard.rooms, gone.rooms])).not.toContain('secret')
      expect(gone.rooms).toEqual({})
    })

    it('tells the sender of the transaction, and the sender to those who do not know them', async () => {
      const { alice, roomId, clients, connections } = await crowd(['bob', 'carol', 'dan'])
      const [bob, , dan] = clients as [TestClient, TestClient, TestClient]
      for (const connection of connections) await connection.next(wish())
      await wake(connections, () => bob.sendText(roomId, 'from bob'))
      const late = new SlidingConnection(dan, form, 'another')
      // The newest message is bob's, so of alice nothing is known there.
      await late.next(wish())
      const all = [...connections, new SlidingConnection(alice, form, 'own'), late]
      await all.at(-2)?.next(wish())
      const answers = await wake(all, () => alice.sendText(roomId, 'from alice'))
      const rooms = answers.map((answer) => answer.rooms[roomId])
      for (const room of rooms) expect(bodies(room)).toEqual(['from alice'])
      const senders = rooms.map(({ required_state }) => required_state.map((event: Json) => event.state_key))
      expect(senders).toEqual([[], [], [], [alice.userId], [alice.userId]])
      const transactions = rooms.map(({ timeline }) => timeline[0].unsigned.transaction_id !== undefined)
      expect(transactions).toEqual([false, false, false, true, false])
    })

    it('tells those who lag behind, or ask for more, by what they know and ask for', async () => {
      const { alice, roomId, connections } = await crowd(['bob', 'carol', 'dan'])
      for (const connection of connections) await connection.next(wish())
      const [ofBob, ofCarol, ofDan] = connections as [SlidingConnection, SlidingConnection, SlidingConnection]
      await wake([ofBob, ofDan], () => alice.sendText(roomId, 'first'))
      const more: SlidingWish = { lists: { all: { range: [0, 9], timelineLimit: 5 } }, extensions: EXTENSIONS }
      await wake([ofBob], () => alice.sendText(roomId, 'second'))
      const [lagging, longer] = [await ofCarol.next(wish()), await ofDan.next(more)]
      expect(bodies(lagging.rooms[roomId])).toEqual(['second'])
      expect(lagging.rooms[roomId]).toMatchObject({ limited: true, num_live: 1 })
      expect(bodies(longer.rooms[roomId]).slice(-3)).toEqual(['before', 'first', 'second'])
      const answers = await wake(
        connections,
        () => alice.sendText(roomId, 'third'),
        (index) => (index === 2 ? more : wish()),
      )
      for (const { rooms } of answers) expect(bodies(rooms[roomId])).toEqual(['third'])
      expect(answers.map(({ rooms }) => rooms[roomId].limited)).toEqual([undefined, undefined, undefined])
    })

    it('answers the same position again with the same news', async () => {
      const { alice, roomId, connections } = await crowd(['bob', 'carol', 'dan'])
      for (const connection of connections) await connection.next(wish())
      const before = connections.map(({ pos }) => pos)
      await wake(connections, () => alice.sendText(roomId, 'lost'))
      for (const [index, connection] of connections.entries()) {
        const again = await connection.ask(wish(), before[index])
        expect(bodies(again.body.rooms[roomId])).toEqual(['lost'])
        connection.pos = again.body.pos
        expect((await connection.next(wish())).rooms).toEqual({})
      }
    })
  })
})
