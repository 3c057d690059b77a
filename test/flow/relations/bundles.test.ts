import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { bundleOf, edit, idsOf, ignore, laterEdit, react, refer, relating, reply, text } from './fixture.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
let roomId: string

const bundle = async (reader: TestClient, eventId: string) => bundleOf(await reader.getEvent(roomId, eventId))

onEveryHomeserver('what relates to an event', (start) => {
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

  it('is bundled with it in every answer that holds it', async () => {
    const { next_batch: since } = await bob.sync()
    const root = await alice.sendText(roomId, 'root')
    const last = await edit(alice, roomId, root, 'edited')
    const answer = await reply(bob, roomId, root, 'answer')
    const reference = await refer(bob, roomId, root)
    const expected = {
      'm.replace': { event_id: last, type: 'm.room.message', sender: alice.userId, room_id: roomId },
      'm.thread': { latest_event: { event_id: answer, room_id: roomId }, count: 1, current_user_participated: true },
      'm.reference': { chunk: [{ event_id: reference }] },
    }
    const isRoot = ({ event_id: eventId }: { readonly event_id: string }) => eventId === root
    const path = `/v3/rooms/${encodeURIComponent(roomId)}`
    const first = await bob.sync()
    const later = await bob.sync({ since })
    const context = await bob.get(`${path}/context/${encodeURIComponent(root)}`)
    const around = await bob.get(`${path}/context/${encodeURIComponent(answer)}`)
    const answers = [
      ...[first, later].map((sync) => sync.rooms.join[roomId].timeline.events.find(isRoot)),
      (await bob.messages(roomId, { dir: 'b', limit: 50 })).chunk.find(isRoot),
      context.event,
      around.events_before.find(isRoot),
      await bob.getEvent(roomId, root),
    ]
    for (const event of answers) {
      expect(bundleOf(event)).toMatchObject(expected)
      expect(event.content.body).toBe('root')
      expect(bundleOf(event)['m.replace'].content['m.new_content'].body).toBe('edited')
      expect(Object.keys(bundleOf(event))).toEqual(['m.replace', 'm.thread', 'm.reference'])
    }
  })

  it('is not bundled where nothing relates, or annotations alone', async () => {
    const event = await alice.sendText(roomId, 'hello')
    await react(bob, roomId, event)
    expect(await bundle(bob, event)).toBeUndefined()
  })

  describe('as its replacement', () => {
    it('is the newest one by its sender and of its type', async () => {
      const event = await alice.sendText(roomId, 'one')
      await laterEdit(alice, roomId, event, 'two')
      const three = await laterEdit(alice, roomId, event, 'three')
      await laterEdit(bob, roomId, event, 'not mine')
      await alice.send(roomId, 'm.sticker', relating('m.replace', event, { 'm.new_content': text('other type') }))
      await alice.send(roomId, 'm.room.message', relating('m.replace', event, text('no new content')))
      expect((await bundle(bob, event))['m.replace'].event_id).toBe(three)
    })

    it('follows redactions of the replacement and of the event', async () => {
      const event = await alice.sendText(roomId, 'one')
      const two = await laterEdit(alice, roomId, event, 'two')
      const three = await laterEdit(alice, roomId, event, 'three')
      await alice.redact(roomId, three)
      expect((await bundle(bob, event))['m.replace'].event_id).toBe(two)
      await alice.redact(roomId, two)
      expect(await bundle(bob, event)).toBeUndefined()
      await laterEdit(alice, roomId, event, 'four')
      await alice.redact(roomId, event)
      expect(await bundle(bob, event)).toBeUndefined()
    })

    it('is none of a replacement, and none of state', async () => {
      const event = await alice.sendText(roomId, 'one')
      const two = await laterEdit(alice, roomId, event, 'two')
      await laterEdit(alice, roomId, two, 'three')
      expect(await bundle(bob, two)).toBeUndefined()
      expect((await bundle(bob, event))['m.replace'].event_id).toBe(two)
      await alice.setState(roomId, 'm.room.topic', '', { topic: 'tea' })
      const { chunk } = await alice.messages(roomId, { dir: 'b', limit: 1 })
      const content = relating('m.replace', chunk[0].event_id, { 'm.new_content': { topic: 'milk' } })
      await alice.send(roomId, 'm.room.topic', content)
      await alice.setState(roomId, 'm.room.topic', '', content)
      expect(await bundle(bob, chunk[0].event_id)).toBeUndefined()
    })

    it('is encrypted where the event is, and needs no readable new content', async () => {
      const secret = { algorithm: 'm.megolm.v1.aes-sha2', ciphertext: 'abc', session_id: 's' }
      const event = await alice.send(roomId, 'm.room.encrypted', secret)
      await laterEdit(alice, roomId, event, 'in the clear')
      expect(await bundle(bob, event)).toBeUndefined()
      const two = await alice.send(roomId, 'm.room.encrypted', relating('m.replace', event, secret))
      expect((await bundle(bob, event))['m.replace'].event_id).toBe(two)
    })
  })

  describe('as its thread', () => {
    it('counts replies that are not redacted, tells the latest with its own replacement, and who took part', async () => {
      const root = await alice.sendText(roomId, 'root')
      const first = await reply(alice, roomId, root, 'first')
      const second = await reply(alice, roomId, root, 'second')
      const better = await edit(alice, roomId, second, 'better')
      const thread = (await bundle(bob, root))['m.thread']
      expect(thread).toMatchObject({ count: 2, current_user_participated: false, latest_event: { event_id: second } })
      expect(bundleOf(thread.latest_event)['m.replace'].event_id).toBe(better)
      expect((await bundle(alice, root))['m.thread'].current_user_participated).toBe(true)
      await alice.redact(roomId, second)
      expect((await bundle(bob, root))['m.thread']).toMatchObject({ count: 1, latest_event: { event_id: first } })
      await alice.redact(roomId, first)
      expect(await bundle(bob, root)).toBeUndefined()
    })

    it('leaves out ignored users, and what they sent last', async () => {
      const carol = await homeserver.register('carol')
      await carol.join(roomId)
      const root = await alice.sendText(roomId, 'root')
      const first = await reply(alice, roomId, root)
      await reply(bob, roomId, root)
      const reference = await refer(alice, roomId, root)
      await refer(bob, roomId, root)
      await ignore(carol, bob.userId)
      expect(await bundle(carol, root)).toMatchObject({
        'm.thread': { count: 1, latest_event: { event_id: first } },
        'm.reference': { chunk: [{ event_id: reference }] },
      })
      await ignore(carol)
      expect((await bundle(carol, root))['m.thread'].count).toBe(2)
    })
  })

  it('ends for a reader where they left, and has gaps where they were away', async () => {
    await alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: 'joined' })
    const root = await alice.sendText(roomId, 'root')
    const one = await edit(alice, roomId, root, 'one')
    const before = await reply(alice, roomId, root)
    await bob.leave(roomId)
    await edit(alice, roomId, root, 'two')
    await reply(alice, roomId, root)
    await refer(alice, roomId, root)
    expect(await bundle(bob, root)).toMatchObject({
      'm.replace': { event_id: one },
      'm.thread': { count: 1, latest_event: { event_id: before } },
    })
    expect(await bundle(bob, root)).not.toHaveProperty('m.reference')
    await bob.join(roomId)
    expect((await bundle(bob, root))['m.replace'].event_id).toBe(one)
    const after = await reply(alice, roomId, root)
    const reference = await refer(alice, roomId, root)
    expect(await bundle(bob, root)).toMatchObject({
      'm.replace': { event_id: one },
      'm.thread': { count: 2, latest_event: { event_id: after } },
      'm.reference': { chunk: [{ event_id: reference }] },
    })
    expect((await bundle(alice, root))['m.thread'].count).toBe(3)
  })

  it('stays in its room', async () => {
    const other = await bob.createRoom()
    const root = await alice.sendText(roomId, 'root')
    await reply(bob, other, root)
    await edit(bob, other, root, 'elsewhere')
    await refer(bob, other, root)
    expect(await bundle(alice, root)).toBeUndefined()
  })

  it('does no harm, however it is named', async () => {
    const root = await alice.sendText(roomId, 'root')
    const long = 'x'.repeat(3_000)
    const named = [
      { rel_type: long, event_id: root },
      { rel_type: 'm.thread', event_id: long },
      { rel_type: 'm.thread', event_id: `$${long}` },
      { rel_type: 'm.thread', event_id: 7 },
      { rel_type: ['m.thread'], event_id: root },
      { rel_type: 'a\0b', event_id: root },
      { rel_type: '', event_id: root },
      { rel_type: 'm.annotation', event_id: root, key: long },
      { rel_type: 'm.annotation', event_id: root, key: { a: 1 } },
      { rel_type: 'm.thread' },
      [root],
      'm.thread',
      null,
    ]
    for (const relation of named)
      await alice.send(roomId, 'm.room.message', { ...text('odd'), 'm.relates_to': relation })
    expect(await bundle(bob, root)).toBeUndefined()
    const { chunk } = await bob.messages(roomId, { dir: 'b', limit: named.length })
    expect(idsOf(chunk)).toHaveLength(named.length)
  })
})
