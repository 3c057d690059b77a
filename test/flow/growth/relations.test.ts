import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { edit, react, refer, relationsOf, reply, threadsOf } from '../relations/fixture.ts'
import { grow, ratioOfCosts, repeatedly } from './grown.ts'

const FEW = 10
const MANY = 50_000
const KINDS = { 'm.thread': reply, 'm.replace': edit, 'm.reference': refer, 'm.annotation': react }

let homeserver: TestHomeserver
let alice: TestClient

interface Room {
  readonly roomId: string
  readonly root: string
}

/** A room in which so many events of one kind relate to one. */
const roomWith = async (kind: keyof typeof KINDS, count: number): Promise<Room> => {
  const roomId = await alice.createRoom()
  const root = await alice.sendText(roomId, 'root')
  await KINDS[kind](alice, roomId, root, '👍')
  await grow(homeserver, (rows) => rows.addRelating(roomId, count - 1))
  for (let text = 0; text < 10; text++) await alice.sendText(roomId, 'text')
  return { roomId, root }
}

describe('what is told of an event costs the same for 10 events that relate to it and for 50,000', () => {
  beforeAll(async () => {
    homeserver = await startHomeserver()
    alice = await homeserver.register('alice')
  })
  afterAll(() => homeserver.stop())

  const path = ({ roomId, root }: Room): string => `/v3/rooms/${encodeURIComponent(roomId)}/event/${root}`
  it.each(Object.keys(KINDS) as (keyof typeof KINDS)[])(
    '%s',
    async (kind) => {
      const [few, many] = [await roomWith(kind, FEW), await roomWith(kind, MANY)]
      const reads: Readonly<Record<string, (room: Room) => Promise<Json>>> = {
        event: (room) => alice.get(path(room)),
        relations: ({ roomId, root }) => relationsOf(alice, roomId, root, { limit: 5 }),
        ofType: ({ roomId, root }) => relationsOf(alice, roomId, `${root}/${kind}`, { limit: 5, recurse: true }),
        threads: ({ roomId }) => threadsOf(alice, roomId, { limit: 5 }),
        send: ({ roomId, root }) => KINDS[kind](alice, roomId, root, String(sent++)),
      }
      let sent = 0
      for (const [name, read] of Object.entries(reads)) {
        for (const room of [few, many]) await read(room)
        const timesOf = (room: Room): (() => Promise<void>) => repeatedly(10, () => read(room))
        const ratio = await ratioOfCosts(3, timesOf(few), timesOf(many))
        if (process.env.HOMEROOM_TEST_FIGURES === '1') console.log(kind, name, ratio.toFixed(2))
        expect(ratio, `${kind} ${name}`).toBeLessThan(3)
      }
    },
    180_000,
  )
})

it('a page of 100 events costs little more where something relates to each of them', async () => {
  await using server = await startHomeserver()
  const bob = await server.register('bob')
  const [plain, related] = [await bob.createRoom(), await bob.createRoom()]
  for (let count = 0; count < 100; count++) {
    await bob.sendText(plain, 'text')
    const event = await bob.sendText(related, 'text')
    for (const relate of [edit, reply, refer]) await relate(bob, related, event, 'other')
  }
  const filter = JSON.stringify({ types: ['m.room.message'], not_rel_types: ['m.thread', 'm.replace', 'm.reference'] })
  const page = (roomId: string): Promise<Json> => bob.messages(roomId, { dir: 'b', limit: 100, filter })
  for (const roomId of [plain, related]) expect((await page(roomId)).chunk).toHaveLength(100)
  const timesOf = (roomId: string): (() => Promise<void>) => repeatedly(10, () => page(roomId))
  // It reads four times as many events, and is about as many times as long.
  expect(await ratioOfCosts(10, timesOf(plain), timesOf(related))).toBeLessThan(10)
}, 60_000)
