import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Query, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { bundleOf, edit, idsOf, react, refer, relating, relationsOf, reply } from './fixture.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
let roomId: string

const DUPLICATE = { status: 400, errcode: 'M_DUPLICATE_ANNOTATION' }

onEveryHomeserver('relations', (start) => {
  beforeAll(async () => {
    homeserver = await start()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
  })
  afterAll(() => homeserver.stop())
  beforeEach(async () => {
    roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
  })

  describe('an annotation', () => {
    it('is taken once from each sender, for each event, type and key, and again after its redaction', async () => {
      const event = await alice.sendText(roomId, 'hello')
      const first = await react(bob, roomId, event)
      await expect(react(bob, roomId, event)).rejects.toMatchObject(DUPLICATE)
      await react(alice, roomId, event)
      await react(bob, roomId, event, '👎')
      await react(bob, roomId, await alice.sendText(roomId, 'another'))
      await bob.send(roomId, 'm.sticker', relating('m.annotation', event, { key: 'not there' }))
      const annotation = { 'm.relates_to': { rel_type: 'm.annotation', event_id: event, key: '👍' } }
      await bob.send(roomId, 'org.example.other', annotation)
      await bob.redact(roomId, first)
      await react(bob, roomId, event)
      await expect(react(bob, roomId, event)).rejects.toMatchObject(DUPLICATE)
      expect((await relationsOf(alice, roomId, `${event}/m.annotation/m.reaction`)).chunk).toHaveLength(3)
    })

    it('that 32 requests bring at once is taken once', async () => {
      const event = await alice.sendText(roomId, 'hello')
      const tries = Array.from({ length: 32 }, () => react(bob, roomId, event))
      const done = await Promise.allSettled(tries)
      const failed = done.flatMap((one) => (one.status === 'rejected' ? [one.reason] : []))
      expect(failed).toHaveLength(31)
      for (const error of failed) expect(error).toMatchObject(DUPLICATE)
      expect((await relationsOf(alice, roomId, event)).chunk).toHaveLength(1)
    })

    it('that is repeated with its transaction is the same one', async () => {
      const event = await alice.sendText(roomId, 'hello')
      const content = { 'm.relates_to': { rel_type: 'm.annotation', event_id: event, key: '👍' } }
      const sent = await bob.send(roomId, 'm.reaction', content, 'once')
      expect(await bob.send(roomId, 'm.reaction', content, 'once')).toBe(sent)
    })

    it('says nothing of the room to whoever is not in it', async () => {
      const carol = await homeserver.register('carol')
      const event = await alice.sendText(roomId, 'hello')
      await expect(react(carol, roomId, event)).rejects.toMatchObject({ errcode: 'M_FORBIDDEN' })
    })
  })

  it('begin no thread at an event that relates to another', async () => {
    const root = await alice.sendText(roomId, 'root')
    const answer = await reply(bob, roomId, root)
    await expect(reply(alice, roomId, answer)).rejects.toMatchObject({ status: 400, errcode: 'M_UNKNOWN' })
    await reply(alice, roomId, root)
  })

  describe('a redaction', () => {
    const redactWith = (client: TestClient, event: string, body: unknown): Promise<unknown> =>
      client.put(`/v3/rooms/${encodeURIComponent(roomId)}/redact/${event}/${client.nextTransaction()}`, body)

    it('takes along what relates to the event by the types that it names, as far as its sender may', async () => {
      const event = await alice.sendText(roomId, 'hello')
      const own = [await edit(alice, roomId, event, 'one'), await edit(alice, roomId, event, 'two')]
      const reaction = await react(bob, roomId, event)
      const reference = await refer(bob, roomId, event)
      const name = 'org.matrix.msc3912.with_relations'
      await redactWith(bob, reference, { [name]: ['m.replace'] })
      await redactWith(alice, event, { [name]: ['m.replace'], reason: 'gone' })
      for (const gone of [event, ...own]) {
        const { unsigned } = await bob.getEvent(roomId, gone)
        expect(unsigned.redacted_because.content.reason).toBe('gone')
      }
      expect(idsOf((await relationsOf(alice, roomId, event)).chunk)).toEqual([reaction])
      const other = await bob.sendText(roomId, 'of bob')
      const answer = await reply(alice, roomId, other)
      const thumb = await react(bob, roomId, other)
      await redactWith(bob, other, { with_rel_types: ['*'] })
      expect((await bob.getEvent(roomId, thumb)).content).toEqual({})
      expect((await bob.getEvent(roomId, answer)).content.body).toBe('reply')
      const third = await bob.sendText(roomId, 'of bob')
      const answers = [await reply(bob, roomId, third), await react(alice, roomId, third)]
      await redactWith(alice, third, { with_rel_types: ['m.thread', 'm.annotation'] })
      for (const gone of answers) expect((await bob.getEvent(roomId, gone)).content).toEqual({})
      for (const types of ['m.replace', [1], ['x'.repeat(300)], Array.from({ length: 101 }, () => 'm.replace')])
        await expect(redactWith(alice, other, { with_rel_types: types })).rejects.toMatchObject({ status: 400 })
    })
  })

  describe('a filter', () => {
    const filtered = async (filter: unknown, query: Query = {}): Promise<string[]> => {
      const page = await alice.messages(roomId, { dir: 'b', limit: 50, filter: JSON.stringify(filter), ...query })
      return idsOf(page.chunk)
    }

    it('passes events by what relates to them, and by what they relate to', async () => {
      const one = await alice.sendText(roomId, 'one')
      const two = await alice.sendText(roomId, 'two')
      const answer = await reply(bob, roomId, one)
      const better = await edit(alice, roomId, two, 'better')
      await refer(alice, roomId, one)
      expect(await filtered({ related_by_rel_types: ['m.thread'] })).toEqual([one])
      expect(await filtered({ related_by_rel_types: ['m.thread', 'm.replace'] })).toEqual([two, one])
      expect(await filtered({ related_by_senders: [bob.userId] })).toEqual([one])
      expect(await filtered({ related_by_senders: [bob.userId], related_by_rel_types: ['m.reference'] })).toEqual([])
      expect(await filtered({ related_by_senders: [alice.userId], related_by_rel_types: ['m.reference'] })).toEqual([
        one,
      ])
      for (const none of [[], ['\0']]) expect(await filtered({ related_by_rel_types: none })).toEqual([])
      expect(await filtered({ related_by_senders: ['@a\0b:localhost'] })).toEqual([])
      for (const prefix of ['', 'org.matrix.msc3874.']) {
        expect(await filtered({ [`${prefix}rel_types`]: ['m.thread', 'm.replace'] })).toEqual([better, answer])
        const types = ['m.room.message']
        const rest = await filtered({ types, [`${prefix}not_rel_types`]: ['m.thread', 'm.replace', 'm.reference'] })
        expect(rest).toEqual([two, one])
      }
      const timeline = { related_by_rel_types: ['m.thread'], limit: 50 }
      const sync = await alice.sync({ filter: JSON.stringify({ room: { timeline } }) })
      expect(idsOf(sync.rooms.join[roomId].timeline.events)).toEqual([one])
      expect(bundleOf(sync.rooms.join[roomId].timeline.events[0])['m.thread'].count).toBe(1)
      for (const list of ['m.thread', [7], { a: 1 }])
        await expect(filtered({ related_by_rel_types: list })).rejects.toMatchObject({ status: 400 })
    })
  })
})
