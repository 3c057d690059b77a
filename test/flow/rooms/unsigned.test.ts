import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
  bob = await homeserver.register('bob')
})
afterAll(() => homeserver.stop())

const enc = encodeURIComponent
const membershipIn = ({ unsigned }: Json) => unsigned.membership

describe('unsigned.membership', () => {
  it('is leave on events before the first membership: in /sync, /messages, /event and /context', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const early = await alice.sendText(roomId, 'early')
    const { next_batch: since } = await bob.sync()
    await bob.join(roomId)
    const late = await alice.sendText(roomId, 'late')
    const seen = ({ events }: { events: Json[] }) => events.slice(-3).map(membershipIn)
    expect(seen((await bob.sync({ since })).rooms.join[roomId].timeline)).toEqual(['leave', 'join', 'join'])
    expect(seen((await bob.sync()).rooms.join[roomId].timeline)).toEqual(['leave', 'join', 'join'])
    const { chunk } = await bob.messages(roomId, { dir: 'b', limit: 3 })
    expect(chunk.map(membershipIn)).toEqual(['join', 'join', 'leave'])
    const path = `/v3/rooms/${enc(roomId)}`
    expect(membershipIn(await bob.getEvent(roomId, early))).toBe('leave')
    expect(membershipIn(await bob.getEvent(roomId, late))).toBe('join')
    const context = await bob.get(`${path}/context/${early}`, { limit: 4 })
    expect(membershipIn(context.event)).toBe('leave')
    expect(context.events_before.map(membershipIn)).toEqual(['leave', 'leave'])
    expect(context.events_after.map(membershipIn)).toEqual(['join', 'join'])
  })
})
