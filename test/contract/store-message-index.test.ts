import { readFileSync } from 'node:fs'
import { expect, test } from 'vitest'
import type { EventId } from '#spec'
import { type MessageQuestion, SEARCHED_KEYS, type Store, writers } from '#store'
import { makeSqlite, onEveryDatabase } from './databases.ts'
import { ALICE, applyTo, BOB, createRoom, member, message, type TestEvent } from './room-fixtures.ts'

const FAR = 2 ** 40

const said = (body: string, changes: Partial<TestEvent> = {}): TestEvent =>
  message({ json: JSON.stringify({ content: { body, msgtype: 'm.text' }, type: 'm.room.message' }), ...changes })

/** As stored JSON is: canonical, so without white space. */
const edits = (original: TestEvent, body: string): TestEvent => {
  const relation = { event_id: original.eventId, rel_type: 'm.replace' }
  const content = { body: `* ${body}`, 'm.new_content': { body }, 'm.relates_to': relation, msgtype: 'm.text' }
  return message({ json: JSON.stringify({ content, type: 'm.room.message' }) })
}

const indexAll = async (store: Store): Promise<void> => {
  for (let isMore = true; isMore; ) [{ more: isMore }] = await store.commit([writers.messageIndex.next()])
}

const found = async (store: Store, words: string[], more: Partial<MessageQuestion> = {}): Promise<EventId[]> => {
  const question = { words, keys: SEARCHED_KEYS, after: 0, before: FAR, limit: 100, ...more }
  return (await store.messageIndex.found(question)).map(({ eventId }) => eventId)
}

onEveryDatabase('the index of messages', (open) => {
  test('finds the newest first, by all words, in rooms, of senders, within bounds and a limit', async () => {
    const store = await open()
    const [one, other] = [await createRoom(store), await createRoom(store)]
    await applyTo(store, one, [member(BOB, 'join')])
    const events = [said('red apple'), said('green apple', { sender: BOB }), said('red pear')]
    const [first, second, third] = events.map(({ eventId }) => eventId)
    const [, , last] = await applyTo(store, one, events)
    const elsewhere = said('red apple')
    await applyTo(store, other, [elsewhere])
    await indexAll(store)
    expect(await found(store, ['apple'])).toEqual([elsewhere.eventId, second, first])
    expect(await found(store, ['apple', 'red'])).toEqual([elsewhere.eventId, first])
    expect(await found(store, ['apple'], { rooms: [one.room] })).toEqual([second, first])
    expect(await found(store, ['apple'], { rooms: [one.room, other.room], limit: 2 })).toEqual([
      elsewhere.eventId,
      second,
    ])
    expect(await found(store, ['apple'], { senders: await store.messageIndex.numbersOf([BOB]) })).toEqual([second])
    expect(await found(store, ['red'], { before: (last ?? 0) + 1, rooms: [one.room] })).toEqual([third, first])
    expect(await found(store, ['red'], { before: last ?? 0, rooms: [one.room] })).toEqual([first])
    expect(await found(store, ['red'], { after: last ?? 0 })).toEqual([elsewhere.eventId])
    expect(await found(store, ['apple'], { keys: ['content.name'] })).toEqual([])
    expect(await store.messageIndex.numbersOf([BOB, ALICE])).toHaveLength(2)
  })

  test('finds the text of an event whatever stands beside it', async () => {
    const store = await open()
    const room = await createRoom(store)
    const auth = [['$a', { content: { body: 'elsewhere' }, depth: 1 }]]
    const parts = [{ a: {}, depth: 5 }, { a: [{ depth: 1 }, { b: {}, depth: 2 }] }, { a: '{"body":"odd"},"depth":1' }]
    const events = parts.map((part) => {
      const content = { ...part, body: 'apple', msgtype: 'm.text' }
      return message({ json: JSON.stringify({ auth_events: auth, content, depth: 9, type: 'm.room.message' }) })
    })
    const short = parts.map((part) =>
      message({ json: JSON.stringify({ content: { ...part, body: 'pear' }, depth: 9, type: 'm.room.message' }) }),
    )
    const unordered = '{"a":{},"depth":9,"content":{"body":"apple"},"type":"m.room.message"}'
    await applyTo(store, room, [...events, ...short, message({ json: unordered })])
    await indexAll(store)
    expect(await found(store, ['apple'])).toHaveLength(4)
    expect(await found(store, ['pear'])).toHaveLength(3)
    expect(await found(store, ['elsewhere'])).toEqual([])
  })

  test('reaches far back over numbers that hold nothing', async () => {
    const store = await open()
    const room = await createRoom(store)
    const event = said('lonely')
    const [position = 0] = await applyTo(store, room, [event])
    await indexAll(store)
    for (const before of [position + 1, 5_000, 2 ** 16, 2 ** 16 + 1, 2 ** 20 + 4_097, 2 ** 31])
      expect(await found(store, ['lonely'], { before })).toEqual([event.eventId])
  })

  test('keeps nothing of a room that is purged, however far the purge is', async () => {
    const store = await open()
    const [room, other] = [await createRoom(store), await createRoom(store)]
    const original = said('purged words')
    const events = [original, edits(original, 'purged once more'), ...Array.from({ length: 8 }, () => said('purged'))]
    await applyTo(store, room, [...events, member(ALICE, 'leave')])
    const kept = said('purged elsewhere')
    await applyTo(store, other, [kept])
    await indexAll(store)
    expect(await found(store, ['purged'])).toHaveLength(10)
    await store.commit([writers.roomPurges.begin(room)])
    for (let isMore = true; isMore; )
      [{ more: isMore }] = await store.commit([writers.roomPurges.continue(room.room, 3), writers.messageIndex.next()])
    await store.commit([writers.roomPurges.finish(room.room)])
    expect(await found(store, ['purged'])).toEqual([kept.eventId])
    expect(await found(store, ['once'])).toEqual([])
  })

  test('walks in bounded steps over what it does not index', async () => {
    const store = await open()
    const room = await createRoom(store)
    const encrypted = (): TestEvent => message({ type: 'm.room.encrypted', json: '{"content":{"body":"ciphertext"}}' })
    await applyTo(store, room, Array.from({ length: 6_000 }, encrypted))
    const event = said('plain')
    const [position] = await applyTo(store, room, [event])
    const [first] = await store.commit([writers.messageIndex.next()])
    expect(first.more).toBe(true)
    expect(first.upTo).toBeLessThan(position ?? 0)
    await indexAll(store)
    expect(await found(store, ['plain'])).toEqual([event.eventId])
    expect(await found(store, ['ciphertext'])).toEqual([])
  })
})

test('redacted words are not left in the file of SQLite', async () => {
  const database = await makeSqlite()
  const store = await database.open()
  const room = await createRoom(store)
  const secret = said('quuxwombat among other words')
  await applyTo(store, room, [...Array.from({ length: 50 }, (_, number) => said(`other words ${number}`)), secret])
  await indexAll(store)
  expect(await found(store, ['quuxwombat'])).toEqual([secret.eventId])
  const redaction = message({ type: 'm.room.redaction' })
  const json = JSON.stringify({ content: {}, type: 'm.room.message' })
  await applyTo(store, room, [redaction], [{ target: secret.eventId, json, redactedBy: redaction.eventId }])
  await store.close()
  const file = readFileSync(database.url.slice('sqlite:'.length))
  expect(file.includes('other')).toBe(true)
  expect(file.includes('quuxwombat')).toBe(false)
})
