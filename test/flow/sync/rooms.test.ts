import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const bodies = (room: Json): string[] =>
  room.timeline.events.filter((event: Json) => event.type === 'm.room.message').map((event: Json) => event.content.body)
const types = (events: Json[]): string[] => events.map((event) => event.type)
const filter = (content: object): { filter: string } => ({ filter: JSON.stringify(content) })

onEveryHomeserver('sync shows rooms', (start) => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let bob: TestClient
  beforeAll(async () => {
    homeserver = await start()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
  })
  afterAll(() => homeserver.stop())

  const shared = async (): Promise<string> => {
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Shared' })
    await bob.join(roomId)
    return roomId
  }

  describe('from the beginning', () => {
    it('with state before the timeline, and the timeline in order', async () => {
      const roomId = await alice.createRoom({ name: 'First', topic: 'One' })
      for (let n = 1; n <= 12; n++) await alice.sendText(roomId, `m${n}`)
      const room = (await alice.sync(filter({ room: { timeline: { limit: 5 } } }))).rooms.join[roomId]
      expect(bodies(room)).toEqual(['m8', 'm9', 'm10', 'm11', 'm12'])
      expect(room.timeline.limited).toBe(true)
      expect(new Set(types(room.state.events))).toEqual(
        new Set([
          'm.room.create',
          'm.room.member',
          'm.room.power_levels',
          'm.room.join_rules',
          'm.room.history_visibility',
          'm.room.guest_access',
          'm.room.name',
          'm.room.topic',
        ]),
      )
      expect(room.state.events.every((event: Json) => event.room_id === undefined)).toBe(true)
      const back = await alice.messages(roomId, { from: room.timeline.prev_batch, dir: 'b', limit: 3 })
      expect(back.chunk.map((event: Json) => event.content.body)).toEqual(['m7', 'm6', 'm5'])
    })

    it('without state where the timeline holds it all', async () => {
      const roomId = await alice.createRoom({})
      const room = (await alice.sync(filter({ room: { timeline: { limit: 50 } } }))).rooms.join[roomId]
      expect(types(room.timeline.events)[0]).toBe('m.room.create')
      expect(room.timeline.limited).toBe(false)
      expect(room.state.events).toEqual([])
    })
  })

  describe('since a token', () => {
    it('with what came, and only the rooms where something did', async () => {
      const [busy, quiet] = [await shared(), await shared()]
      const { next_batch: since } = await bob.sync()
      await alice.sendText(busy, 'hello')
      const { rooms } = await bob.sync({ since })
      expect(bodies(rooms.join[busy])).toEqual(['hello'])
      expect(rooms.join[busy].timeline.limited).toBe(false)
      expect(rooms.join).not.toHaveProperty(quiet)
    })

    it('with a gap that says so, and with the state that changed in it', async () => {
      const roomId = await shared()
      const { next_batch: since } = await bob.sync()
      await alice.setState(roomId, 'm.room.topic', '', { topic: 'In the gap' })
      for (let n = 1; n <= 6; n++) await alice.sendText(roomId, `g${n}`)
      const room = (await bob.sync({ since, ...filter({ room: { timeline: { limit: 2 } } }) })).rooms.join[roomId]
      expect(bodies(room)).toEqual(['g5', 'g6'])
      expect(room.timeline.limited).toBe(true)
      expect(room.state.events.map((event: Json) => [event.type, event.content.topic])).toEqual([
        ['m.room.topic', 'In the gap'],
      ])
    })

    it('whole, after a join', async () => {
      const roomId = await alice.createRoom({ preset: 'public_chat' })
      await alice.sendText(roomId, 'before')
      const { next_batch: since } = await bob.sync()
      await bob.join(roomId)
      const room = (await bob.sync({ since })).rooms.join[roomId]
      expect(bodies(room)).toEqual(['before'])
      expect(types([...room.state.events, ...room.timeline.events])).toContain('m.room.create')
    })

    it('with full state when asked, in every room', async () => {
      const roomId = await shared()
      const { next_batch: since } = await bob.sync()
      const room = (await bob.sync({ since, full_state: true })).rooms.join[roomId]
      expect(types(room.state.events)).toContain('m.room.create')
      expect(room.timeline.events).toEqual([])
    })

    it('which never skips nor repeats an event while others write', async () => {
      const roomId = await shared()
      let { next_batch: since } = await bob.sync()
      const writers = Array.from({ length: 4 }, async (_, writer) => {
        for (let n = 0; n < 15; n++) await alice.sendText(roomId, `${writer}-${n}`)
      })
      const seen: string[] = []
      const all = Promise.all(writers)
      while (seen.length < 60) {
        const answer = await bob.sync({ since, timeout: 2000, ...filter({ room: { timeline: { limit: 100 } } }) })
        since = answer.next_batch
        const room = answer.rooms.join[roomId]
        if (room !== undefined) seen.push(...bodies(room))
      }
      await all
      expect(seen).toHaveLength(60)
      expect(new Set(seen).size).toBe(60)
      for (let writer = 0; writer < 4; writer++) {
        const own = seen.filter((body) => body.startsWith(`${writer}-`))
        expect(own).toEqual(Array.from({ length: 15 }, (_, n) => `${writer}-${n}`))
      }
    })

    it('which holds across a restart', async () => {
      const roomId = await shared()
      const { next_batch: since } = await bob.sync()
      await alice.sendText(roomId, 'one')
      await homeserver.restart()
      await alice.sendText(roomId, 'two')
      expect(bodies((await bob.sync({ since })).rooms.join[roomId])).toEqual(['one', 'two'])
    })
  })

  describe('to who waits', () => {
    it('as soon as something comes, and an empty answer when the time is over', async () => {
      const roomId = await shared()
      const { next_batch: since } = await bob.sync()
      const waiting = bob.nextSync(since)
      await alice.sendText(roomId, 'wake up')
      expect(bodies((await waiting).rooms.join[roomId])).toEqual(['wake up'])
      const later = await bob.sync({ since: (await bob.sync()).next_batch, timeout: 1 })
      expect(later.rooms.join).toEqual({})
    })

    it('of an invite, with the stripped state of the room', async () => {
      const { next_batch: since } = await bob.sync()
      const waiting = bob.nextSync(since)
      const roomId = await alice.createRoom({ name: 'Come in', invite: [bob.userId] })
      const answer = (await waiting).rooms.invite[roomId] ?? (await bob.sync({ since })).rooms.invite[roomId]
      const events: Json[] = answer.invite_state.events
      expect(new Set(types(events))).toEqual(
        new Set(['m.room.create', 'm.room.name', 'm.room.join_rules', 'm.room.member']),
      )
      const own = events.find((event) => event.state_key === bob.userId)
      expect([own.content.membership, own.sender]).toEqual(['invite', alice.userId])
      const others = events.filter((event) => event !== own)
      for (const other of others) expect(Object.keys(other).sort()).toEqual(['content', 'sender', 'state_key', 'type'])
    })
  })

  describe('that were left', () => {
    it('up to the end, for who was removed', async () => {
      const roomId = await shared()
      const { next_batch: since } = await bob.sync()
      await alice.sendText(roomId, 'last words')
      await alice.kick(roomId, bob.userId, 'bye')
      await alice.sendText(roomId, 'secret')
      const { rooms } = await bob.sync({ since })
      expect(rooms.join).not.toHaveProperty(roomId)
      expect(bodies(rooms.leave[roomId])).toEqual(['last words'])
      expect(rooms.leave[roomId].timeline.events.at(-1).content).toMatchObject({ membership: 'leave', reason: 'bye' })
    })

    it('in a first sync only when asked for, and not once forgotten', async () => {
      const roomId = await shared()
      await bob.leave(roomId)
      expect((await bob.sync()).rooms.leave).not.toHaveProperty(roomId)
      const withLeft = filter({ room: { include_leave: true } })
      expect((await bob.sync(withLeft)).rooms.leave).toHaveProperty([roomId])
      await bob.post(`/v3/rooms/${encodeURIComponent(roomId)}/forget`)
      expect((await bob.sync(withLeft)).rooms.leave).not.toHaveProperty([roomId])
    })

    it('as left, when an invite was declined', async () => {
      const roomId = await alice.createRoom({ invite: [bob.userId] })
      const { next_batch: since } = await bob.sync()
      await bob.leave(roomId)
      const left = (await bob.sync({ since })).rooms.leave[roomId]
      expect(types(left.timeline.events)).toEqual(['m.room.member'])
      expect(left.state.events).toEqual([])
    })
  })

  it('with a redacted event stripped for whoever syncs after', async () => {
    const roomId = await shared()
    const { next_batch: since } = await bob.sync()
    const eventId = await alice.sendText(roomId, 'oops')
    expect(bodies((await bob.sync({ since })).rooms.join[roomId])).toEqual(['oops'])
    await alice.redact(roomId, eventId, 'typo')
    const events: Json[] = (await bob.sync({ since })).rooms.join[roomId].timeline.events
    const target = events.find((event) => event.event_id === eventId)
    expect(target.content).toEqual({})
    expect(target.unsigned.redacted_because).toMatchObject({ type: 'm.room.redaction', content: { reason: 'typo' } })
  })

  it('with the transaction id for the device that sent, and for no other', async () => {
    const roomId = await shared()
    const { next_batch: since } = await alice.sync()
    await alice.send(roomId, 'm.room.message', { msgtype: 'm.text', body: 'mine' }, 'my-transaction')
    const [own] = (await alice.sync({ since })).rooms.join[roomId].timeline.events
    expect(own.unsigned.transaction_id).toBe('my-transaction')
    const other = await alice.loginAgain()
    const [theirs] = (await other.sync({ since })).rooms.join[roomId].timeline.events
    expect(theirs.unsigned).not.toHaveProperty('transaction_id')
  })
})
