import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
let homeserver: TestHomeserver
let alice: TestClient

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
})
afterAll(() => homeserver.stop())

/** The CPU time of the quickest of several rounds: what else runs on the machine counts little. */
const cpuMsOf = async (work: () => Promise<unknown>): Promise<number> => {
  let least = Number.POSITIVE_INFINITY
  for (let round = 0; round < 8; round++) {
    const before = process.cpuUsage()
    for (let time = 0; time < 10; time++) await work()
    const { user, system } = process.cpuUsage(before)
    least = Math.min(least, (user + system) / 1_000)
  }
  return least
}

const roomWith = async (messages: number): Promise<string> => {
  const roomId = await alice.createRoom({ creation_content: { type: 'm.space' } })
  for (let text = 0; text < messages; text++) await alice.sendText(roomId, 'text')
  return `/v1/rooms/${enc(roomId)}`
}

describe('finding costs the same in a room with a long history', () => {
  it.each([
    ['the event at a time', (room: string) => alice.get(`${room}/timestamp_to_event`, { ts: Date.now(), dir: 'b' })],
    ['the first event of all', (room: string) => alice.get(`${room}/timestamp_to_event`, { ts: 0, dir: 'f' })],
    ['the hierarchy', (room: string) => alice.get(`${room}/hierarchy`)],
  ])(
    '%s',
    async (_, find) => {
      const [short, long] = [await roomWith(1), await roomWith(1_500)]
      await find(short)
      const few = await cpuMsOf(() => find(short))
      const many = await cpuMsOf(() => find(long))
      expect(many / few).toBeLessThan(2)
    },
    60_000,
  )
})
