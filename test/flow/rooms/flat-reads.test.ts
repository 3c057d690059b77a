import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { ratioOfCosts, repeatedly } from '../growth/grown.ts'

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

const VISIBILITIES = ['joined', 'shared', 'invited', 'world_readable']
const padding = 'x'.repeat(50_000)

/** A room whose history visibility was set that often, with its newest message. */
const roomWith = async (changes: number) => {
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
  for (let change = 0; change < changes; change++) {
    const content = { history_visibility: VISIBILITIES[change % 4], change, padding }
    await alice.setState(roomId, 'm.room.history_visibility', '', content)
  }
  for (let text = 0; text < 10; text++) await alice.sendText(roomId, 'text')
  return { path: `/v3/rooms/${enc(roomId)}`, eventId: await alice.sendText(roomId, 'last') }
}
type Room = Awaited<ReturnType<typeof roomWith>>

describe('a read costs the same however many history-visibility events the room ever had', () => {
  it.each([
    ['GET /event', ({ path, eventId }: Room) => bob.get(`${path}/event/${eventId}`)],
    [
      'GET /context',
      ({ path, eventId }: Room) =>
        bob.get(`${path}/context/${eventId}?limit=4&filter={"types":["m.room.message"],"lazy_load_members":true}`),
    ],
    ['GET /messages', ({ path }: Room) => bob.get(`${path}/messages?dir=b&limit=5`)],
    ['GET /members', ({ path }: Room) => bob.get(`${path}/members`)],
    ['GET /state/m.room.power_levels', ({ path }: Room) => bob.get(`${path}/state/m.room.power_levels`)],
  ])(
    '%s',
    async (_, read) => {
      const few = await roomWith(1)
      const many = await roomWith(120)
      for (const room of [few, many]) await read(room)
      const timesIn = (room: Room): (() => Promise<void>) => repeatedly(5, () => read(room))
      expect(await ratioOfCosts(4, timesIn(few), timesIn(many))).toBeLessThan(4)
    },
    60_000,
  )
})

describe('former members', () => {
  it('read up to where they left, and no further, however often their membership changed', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    await alice.sendText(roomId, 'seen')
    await bob.leave(roomId)
    await alice.sendText(roomId, 'unseen')
    for (let time = 0; time < 10; time++) {
      await alice.invite(roomId, bob.userId)
      await alice.kick(roomId, bob.userId)
    }
    const { chunk } = await bob.messages(roomId, { dir: 'b', limit: 3 })
    expect(chunk[0]).toMatchObject({ type: 'm.room.member', content: { membership: 'leave' } })
    expect(chunk[1].content.body).toBe('seen')
  })
})
