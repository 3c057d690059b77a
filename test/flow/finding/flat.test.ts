import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { ratioOfCosts, repeatedly } from '../growth/grown.ts'

const enc = encodeURIComponent
let homeserver: TestHomeserver
let alice: TestClient

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
})
afterAll(() => homeserver.stop())

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
      const timesIn = (room: string): (() => Promise<void>) => repeatedly(10, () => find(room))
      expect(await ratioOfCosts(2, timesIn(short), timesIn(long))).toBeLessThan(2)
    },
    60_000,
  )
})
