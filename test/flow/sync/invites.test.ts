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

const STRIPPED = ['content', 'sender', 'state_key', 'type']

const checkStripped = (events: readonly Json[], own: { userId: string; eventId: string; membership: string }) => {
  const member = events.find((event) => event.type === 'm.room.member' && event.state_key === own.userId)
  expect(member).toMatchObject({
    event_id: own.eventId,
    origin_server_ts: expect.any(Number),
    content: { membership: own.membership },
    unsigned: { age: expect.any(Number) },
  })
  expect(member.origin_server_ts).toBeGreaterThan(1_600_000_000_000)
  const others = events.filter((event) => event !== member)
  expect(others.map(({ type }) => type)).toEqual(expect.arrayContaining(['m.room.create', 'm.room.join_rules']))
  for (const other of others) expect(Object.keys(other).sort()).toEqual(STRIPPED)
}

describe('invite_state and knock_state get the member event whole, and all other state stripped', () => {
  it('of an invite', async () => {
    const roomId = await alice.createRoom({ name: 'A room' })
    const { next_batch: since } = await bob.sync()
    await alice.invite(roomId, bob.userId)
    const { event_id: eventId } = await alice.get(
      `/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.member/${encodeURIComponent(bob.userId)}`,
      { format: 'event' },
    )
    const own = { userId: bob.userId, eventId, membership: 'invite' }
    const filter = '{"event_fields":["content"]}'
    for (const query of [{ since }, {}, { filter }, { since, filter: '{"event_format":"federation"}' }]) {
      const { events } = (await bob.sync(query)).rooms.invite[roomId].invite_state
      checkStripped(events, own)
      const inviter = events.filter((event: Json) => event.state_key === alice.userId)
      expect(inviter.map(({ type, content }: Json) => [type, content.membership])).toEqual([['m.room.member', 'join']])
    }
  })

  it('of a knock', async () => {
    const join_rules = [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }]
    const roomId = await alice.createRoom({ initial_state: join_rules })
    const { next_batch: since } = await bob.sync()
    await bob.post(`/v3/knock/${encodeURIComponent(roomId)}`)
    const { event_id: eventId } = await alice.get(
      `/v3/rooms/${encodeURIComponent(roomId)}/state/m.room.member/${encodeURIComponent(bob.userId)}`,
      { format: 'event' },
    )
    const { events } = (await bob.sync({ since })).rooms.knock[roomId].knock_state
    checkStripped(events, { userId: bob.userId, eventId, membership: 'knock' })
  })
})

describe('a room left and forgotten on one device', () => {
  it('is still told once as left to the others', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const other = await bob.loginAgain()
    const { next_batch: since } = await other.sync()
    await bob.leave(roomId)
    await bob.post(`/v3/rooms/${encodeURIComponent(roomId)}/forget`)
    const told = await other.sync({ since })
    expect(told.rooms.leave[roomId].timeline.events.at(-1)).toMatchObject({
      type: 'm.room.member',
      state_key: bob.userId,
      content: { membership: 'leave' },
    })
    // The same token again is answered alike: the first answer may have been lost.
    expect(Object.keys((await other.sync({ since })).rooms.leave)).toEqual([roomId])
    const after = await other.sync({ since: told.next_batch, full_state: true })
    expect(Object.keys(after.rooms?.leave ?? {})).toEqual([])
    const filter = '{"room":{"include_leave":true}}'
    expect(Object.keys((await other.sync({ filter })).rooms.leave)).not.toContain(roomId)
  })

  it('also when it was an invite that the user declined', async () => {
    const roomId = await alice.createRoom()
    await alice.invite(roomId, bob.userId)
    const other = await bob.loginAgain()
    const { next_batch: since } = await other.sync()
    await bob.leave(roomId)
    await bob.post(`/v3/rooms/${encodeURIComponent(roomId)}/forget`)
    const told = await other.sync({ since })
    expect(Object.keys(told.rooms.leave)).toEqual([roomId])
    expect(Object.keys((await other.sync({ since: told.next_batch })).rooms?.leave ?? {})).toEqual([])
  })
})
