import { randomBytes } from 'node:crypto'
import { statSync } from 'node:fs'
import { afterEach, expect, test } from 'vitest'
import type { EventId } from '#spec'
import { baseAfter, writers } from '#store'
import { cleanDatabases, makeSqlite, type TestDatabase } from './databases.ts'
import { type ALICE, changeOf, createRoom, member, message, stateEvent, type TestEvent } from './room-fixtures.ts'

afterEach(cleanDatabases)

/** Bytes of the file, everything folded into it. */
const sizeOf = (database: TestDatabase): number => statSync(database.url.slice('sqlite:'.length)).size

const hash = (): string => randomBytes(32).toString('base64url')

/** As large as a signed message with a short text is. */
const realistic = (index: number): TestEvent => {
  const pdu = {
    auth_events: [`$${hash()}`, `$${hash()}`, `$${hash()}`],
    content: { body: `A line of text of the usual length, number ${index}`, msgtype: 'm.text' },
    depth: index,
    hashes: { sha256: randomBytes(32).toString('base64') },
    origin_server_ts: 1_700_000_000_000 + index,
    prev_events: [`$${hash()}`],
    room_id: '!somewhere:example.org',
    sender: '@someone:example.org',
    signatures: { 'example.org': { 'ed25519:a_key': randomBytes(64).toString('base64') } },
    type: 'm.room.message',
  }
  return message({
    eventId: `$${hash()}` as EventId,
    json: JSON.stringify(pdu),
    transaction: { device: 3, scope: 'send/m.room.message', id: `m1700000000000.${index}` },
  })
}

test('an event with its indexes takes less than twice its JSON and 300 bytes', async () => {
  const database = await makeSqlite()
  const store = await database.open()
  const rooms = await Promise.all(Array.from({ length: 10 }, () => createRoom(store)))
  await store.close()
  const before = sizeOf(database)
  const again = await database.open()
  const events = Array.from({ length: 3_000 }, (_, index) => realistic(index))
  for (let start = 0; start < events.length; start += 10) {
    await again.commit(
      rooms.map((room, index) => {
        const change = changeOf(events.slice(start + index, start + index + 1))
        const base = room.base
        room.base = baseAfter(base, change)
        return writers.rooms.apply({ room: room.room, base, ...change })
      }),
    )
  }
  await again.close()
  const jsonBytes = events.reduce((sum, { json }) => sum + Buffer.byteLength(json), 0) / events.length
  const storedBytes = (sizeOf(database) - before) / events.length
  expect(storedBytes).toBeLessThan(2 * jsonBytes + 300)
})

test('a state change costs the same in a small and in a large room', async () => {
  const costIn = async (members: number): Promise<number> => {
    const database = await makeSqlite()
    const store = await database.open()
    const joined = Array.from({ length: members }, (_, index) =>
      member(`@user${index}:localhost` as typeof ALICE, 'join'),
    )
    const room = await createRoom(store, [stateEvent('m.room.create', ''), ...joined])
    await store.close()
    const before = sizeOf(database)
    const again = await database.open()
    const changes = Array.from({ length: 400 }, () => stateEvent('m.room.topic', ''))
    const [applied] = await again.commit([
      writers.rooms.apply({ room: room.room, base: room.base, ...changeOf(changes) }),
    ])
    expect(applied.positions).toHaveLength(400)
    await again.close()
    return (sizeOf(database) - before) / changes.length
  }
  const [small, large] = [await costIn(20), await costIn(3_000)]
  expect(small).toBeLessThan(1_500)
  expect(large).toBeLessThan(small * 1.25)
})
