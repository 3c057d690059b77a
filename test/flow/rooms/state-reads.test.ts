import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
let roomId: string
let path: string

const ENTRIES = 400
const text = 'x'.repeat(10_000)

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
  bob = await homeserver.register('bob')
  roomId = await alice.createRoom({ preset: 'public_chat' })
  path = `/v3/rooms/${encodeURIComponent(roomId)}`
  await bob.join(roomId)
  for (let entry = 0; entry < ENTRIES; entry++) await alice.setState(roomId, 'a.big', `${entry}`, { text, value: 0 })
  for (const type of ['m.room.mem', 'm.room.memberz', 'z.last', 'A.first']) await alice.setState(roomId, type, '', {})
}, 60_000)
afterAll(() => homeserver.stop())

const keysOf = (events: readonly Json[]): string[] => events.map(({ type, state_key: key }) => `${type}|${key}`)
const state = async (client: TestClient): Promise<Json[]> => client.get(`${path}/state`)

describe('a state of megabytes is read in slices and streamed', () => {
  it('GET /state has each entry once, and does not say its length before it was made', async () => {
    const answer = await alice.request('GET', `${path}/state`)
    expect(answer.headers.get('content-length')).toBeNull()
    const keys = keysOf(answer.body)
    expect(new Set(keys).size).toBe(keys.length)
    expect(keys.filter((key) => key.startsWith('a.big|'))).toHaveLength(ENTRIES)
    const others = ['m.room.mem|', 'm.room.memberz|', 'z.last|', 'A.first|', 'm.room.create|']
    expect(keys).toEqual(expect.arrayContaining(others))
  })

  it('while it changes: each entry once, as it was before or after', async () => {
    const reads = [state(alice), state(bob), state(alice)]
    for (let entry = 0; entry < ENTRIES; entry += 20)
      await alice.setState(roomId, 'a.big', `${entry}`, { text, value: 1 })
    for (const events of await Promise.all(reads)) {
      const big = events.filter(({ type }) => type === 'a.big')
      expect(new Set(big.map(({ state_key: key }) => key)).size).toBe(ENTRIES)
      for (const { content } of big) expect([0, 1]).toContain(content.value)
    }
  })

  it('five at once are answered, and others meanwhile', async () => {
    const five = Array.from({ length: 5 }, () => state(alice))
    await bob.sendText(roomId, 'meanwhile')
    for (const events of await Promise.all(five))
      expect(events.filter(({ type }) => type === 'a.big')).toHaveLength(ENTRIES)
  })

  it('GET /context has the whole state too, and GET /members has members alone', async () => {
    const eventId = await alice.sendText(roomId, 'here')
    const context = await bob.get(`${path}/context/${eventId}`, { limit: 0 })
    expect(keysOf(context.state).sort()).toEqual(keysOf(await state(bob)).sort())
    const members = await bob.get(`${path}/members`)
    expect(keysOf(members.chunk).sort()).toEqual([alice, bob].map(({ userId }) => `m.room.member|${userId}`).sort())
  })

  it('former members get the state as it was when they left', async () => {
    const carol = await homeserver.register('carol')
    await carol.join(roomId)
    await carol.leave(roomId)
    const before = keysOf(await state(carol))
    await alice.setState(roomId, 'a.big', '7', { text, value: 'unseen' })
    await alice.setState(roomId, 'a.new', '', { text })
    const after = await state(carol)
    expect(keysOf(after).sort()).toEqual(before.sort())
    expect(after.find(({ type, state_key: key }) => type === 'a.big' && key === '7')?.content.value).not.toBe('unseen')
  })
})

describe('stripped state', () => {
  it('has no entry of its types but that without a state key', async () => {
    const room = await alice.createRoom({ name: 'named' })
    await alice.setState(room, 'm.room.name', 'other', { name: text })
    await alice.invite(room, bob.userId)
    const { events } = (await bob.sync()).rooms.invite[room].invite_state
    expect(keysOf(events)).not.toContain('m.room.name|other')
    expect(keysOf(events)).toContain('m.room.name|')
  })
})
