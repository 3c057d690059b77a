import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { edit, react, refer, relationsOf, reply, threadsOf } from '../relations/fixture.ts'
import { cpuMsOf, grow } from './grown.ts'

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

/** The quickest of several rounds: what else runs on the machine counts little. */
const cost = async (work: () => Promise<unknown>): Promise<number> => {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 8; round++)
    least = Math.min(
      least,
      await cpuMsOf(async () => {
        for (let time = 0; time < 10; time++) await work()
      }),
    )
  return least
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
        const [small, large] = [await cost(() => read(few)), await cost(() => read(many))]
        if (process.env.HOMEROOM_TEST_FIGURES === '1') console.log(kind, name, small.toFixed(1), large.toFixed(1))
        expect(large / small, `${kind} ${name}`).toBeLessThan(3)
      }
    },
    180_000,
  )
})
