import { DatabaseSync } from 'node:sqlite'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Body, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
let carol: TestClient

beforeAll(async () => {
  homeserver = await startHomeserver({ settings: { rooms: { maxStateSize: '256KiB', maxStateEntries: 100 } } })
  alice = await homeserver.register('alice')
  bob = await homeserver.register('bob')
  carol = await homeserver.register('carol')
})
afterAll(() => homeserver.stop())

const enc = encodeURIComponent
const FULL = [413, 'M_TOO_LARGE']
const set = async (client: TestClient, roomId: string, entry: string, content: Body) => {
  const answer = await client.request('PUT', `/v3/rooms/${enc(roomId)}/state/${entry}`, { body: content })
  return answer.status === 200 ? 200 : [answer.status, answer.body.errcode]
}
const big = (length: number) => ({ text: 'x'.repeat(length) })

/** A room into which no entry of 30 KB goes any more. */
const fullRoom = async (): Promise<string> => {
  const roomId = await alice.createRoom({ preset: 'public_chat' })
  let taken = 0
  while ((await set(alice, roomId, `a.big/${taken}`, big(30_000))) === 200) taken++
  expect(taken).toBe(8)
  return roomId
}

describe('room state is bounded in bytes and entries', () => {
  it('what is too much is refused and changes nothing; joining, inviting and putting the room right stay possible', async () => {
    const roomId = await fullRoom()
    expect(await set(alice, roomId, 'a.big/more', big(30_000))).toEqual(FULL)
    expect((await alice.request('GET', `/v3/rooms/${enc(roomId)}/state/a.big/more`)).status).toBe(404)
    await bob.join(roomId)
    await alice.invite(roomId, carol.userId)
    await carol.join(roomId)
    await carol.leave(roomId, { reason: 'full' })
    await alice.sendText(roomId, 'still here')
    const levels = await alice.getState(roomId, 'm.room.power_levels')
    expect(await set(alice, roomId, 'm.room.power_levels', { ...levels, note: 'x'.repeat(30_000) })).toBe(200)
    expect(await set(alice, roomId, 'm.room.join_rules', { join_rule: 'invite', note: 'x'.repeat(5_000) })).toBe(200)
  })

  it('memberships are free up to a size, and count beyond it', async () => {
    const roomId = await fullRoom()
    await bob.join(roomId)
    const padded = { membership: 'join', displayname: 'bob', ...big(50_000) }
    expect(await set(bob, roomId, `m.room.member/${enc(bob.userId)}`, padded)).toEqual(FULL)
    const slight = { membership: 'join', displayname: 'bob', ...big(500) }
    expect(await set(bob, roomId, `m.room.member/${enc(bob.userId)}`, slight)).toBe(200)
  })

  it('a shorter value or a redaction makes room, also after a restart', async () => {
    const roomId = await fullRoom()
    expect(await set(alice, roomId, 'a.big/0', big(29_000))).toBe(200)
    expect(await set(alice, roomId, 'a.big/1', {})).toBe(200)
    await homeserver.restart()
    expect(await set(alice, roomId, 'a.big/new', big(30_000))).toBe(200)
    expect(await set(alice, roomId, 'a.big/newer', big(30_000))).toEqual(FULL)
    const { event_id: eventId } = await alice.get(`/v3/rooms/${enc(roomId)}/state/a.big/2`, { format: 'event' })
    await alice.redact(roomId, eventId)
    expect(await set(alice, roomId, 'a.big/newer', big(30_000))).toBe(200)
  })

  it('as many entries as the limit, each of which can still be changed', async () => {
    const roomId = await alice.createRoom()
    let taken = 0
    while ((await set(alice, roomId, `a.small/${taken}`, { taken })) === 200) taken++
    expect(taken).toBeGreaterThan(85)
    expect(taken).toBeLessThan(100)
    expect(await set(alice, roomId, 'a.small/0', { changed: true })).toBe(200)
    expect(await set(alice, roomId, 'a.other', {})).toEqual(FULL)
    await alice.invite(roomId, bob.userId)
    await bob.join(roomId)
  })

  it('a new room likewise: nothing of it is made', async () => {
    const rooms = await alice.get('/v3/joined_rooms')
    const initial_state = Array.from({ length: 10 }, (_, key) => ({
      type: 'a.big',
      state_key: `${key}`,
      content: big(30_000),
    }))
    const answer = await alice.request('POST', '/v3/createRoom', { body: { initial_state: initial_state.slice(0, 4) } })
    expect(answer.status).toBe(200)
    for (const pieces of [initial_state]) {
      const refused = await alice.request('POST', '/v3/createRoom', { body: { initial_state: pieces } })
      expect([refused.status, refused.body.errcode]).toEqual(FULL)
    }
    expect((await alice.get('/v3/joined_rooms')).joined_rooms).toHaveLength(rooms.joined_rooms.length + 1)
  })

  it('counts what an earlier version stored', async () => {
    const roomId = await fullRoom()
    await homeserver.whileStopped(async () => {
      const file = new DatabaseSync(`${homeserver.dataFolder}/homeroom.sqlite`)
      file.exec('update rooms set state_bytes = null, state_entries = null')
      file.close()
    })
    expect(await set(alice, roomId, 'a.big/more', big(30_000))).toEqual(FULL)
    await bob.join(roomId)
  })
})
