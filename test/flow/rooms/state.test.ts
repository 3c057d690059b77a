import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
let carol: TestClient
let roomId: string
let base: string

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
  bob = await homeserver.register('bob')
  carol = await homeserver.register('carol')
})
beforeEach(async () => {
  roomId = await alice.createRoom({ preset: 'public_chat', name: 'Before' })
  base = `/v3/rooms/${encodeURIComponent(roomId)}`
  await bob.join(roomId)
})
afterAll(() => homeserver.stop())

const errorOf = async (client: TestClient, method: string, path: string, body?: unknown) => {
  const answer = await client.request(method, path, body === undefined ? {} : { body })
  return [answer.status, answer.body.errcode]
}
const memberIds = (answer: Json): string[] => answer.chunk.map((event: Json) => event.state_key).sort()

describe('state', () => {
  it('is set and read with and without a state key, with and without the slash before an empty one', async () => {
    await alice.put(`${base}/state/m.room.name`, { name: 'one' })
    expect(await bob.get(`${base}/state/m.room.name/`)).toEqual({ name: 'one' })
    await alice.put(`${base}/state/m.room.name/`, { name: 'two' })
    expect(await bob.get(`${base}/state/m.room.name`)).toEqual({ name: 'two' })
    await alice.put(`${base.replace('/v3', '/r0')}/state/m.odd/${encodeURIComponent('a/b c%')}`, { odd: true })
    expect(await bob.getState(roomId, 'm.odd', 'a/b c%')).toEqual({ odd: true })
    expect(await errorOf(bob, 'GET', `${base}/state/m.odd`)).toEqual([404, 'M_NOT_FOUND'])
  })

  it('may be asked for as the whole event', async () => {
    const eventId = await alice.setState(roomId, 'm.room.topic', '', { topic: 'x' })
    const event = await bob.get(`${base}/state/m.room.topic`, { format: 'event' })
    expect(event).toMatchObject({
      event_id: eventId,
      room_id: roomId,
      sender: alice.userId,
      state_key: '',
      content: { topic: 'x' },
    })
    expect(await bob.get(`${base}/state/m.room.topic`, { format: 'content' })).toEqual({ topic: 'x' })
    expect(await errorOf(bob, 'GET', `${base}/state/m.room.topic?format=other`)).toEqual([400, 'M_INVALID_PARAM'])
  })

  it('that is what it was already makes no new event', async () => {
    const eventId = await alice.setState(roomId, 'a.test', '', { a: 1, b: { c: 2 } })
    expect(await alice.setState(roomId, 'a.test', '', { b: { c: 2 }, a: 1 })).toBe(eventId)
    const other = await alice.setState(roomId, 'a.test', '', { a: 2 })
    expect(other).not.toBe(eventId)
    const event = await bob.getEvent(roomId, other)
    expect(event.unsigned).toMatchObject({ prev_content: { a: 1, b: { c: 2 } }, replaces_state: eventId })
  })

  it('is refused to who has not the power, and to who is not there', async () => {
    expect(await errorOf(bob, 'PUT', `${base}/state/m.room.name`, { name: 'x' })).toEqual([403, 'M_FORBIDDEN'])
    expect(await errorOf(carol, 'PUT', `${base}/state/m.room.name`, { name: 'x' })).toEqual([403, 'M_FORBIDDEN'])
    expect(await errorOf(carol, 'PUT', '/v3/rooms/!no:localhost/state/m.room.name', {})).toEqual([403, 'M_FORBIDDEN'])
    for (const path of ['state', 'state/m.room.name', 'members', 'joined_members', 'aliases'])
      expect(await errorOf(carol, 'GET', `${base}/${path}`)).toEqual([403, 'M_FORBIDDEN'])
    for (const path of ['state', 'state/m.room.name', 'members', 'joined_members', 'aliases'])
      expect(await errorOf(carol, 'GET', `/v3/rooms/!no:localhost/${path}`)).toEqual([403, 'M_FORBIDDEN'])
    expect(await bob.getState(roomId, 'm.room.name')).toEqual({ name: 'Before' })
  })

  it('of a room that one left stays as it was when one left', async () => {
    await bob.leave(roomId)
    await carol.join(roomId)
    await alice.setState(roomId, 'm.room.name', '', { name: 'After' })
    await alice.setState(roomId, 'm.room.topic', '', { topic: 'After' })
    const state: Json[] = await bob.get(`${base}/state`)
    const find = (type: string, key = ''): Json => state.find((event) => event.type === type && event.state_key === key)
    expect(find('m.room.name').content).toEqual({ name: 'Before' })
    expect(find('m.room.topic')).toBeUndefined()
    expect(find('m.room.member', bob.userId).content.membership).toBe('leave')
    expect(await bob.getState(roomId, 'm.room.name')).toEqual({ name: 'Before' })
    expect(await errorOf(bob, 'GET', `${base}/state/m.room.topic`)).toEqual([404, 'M_NOT_FOUND'])
    expect(memberIds(await bob.get(`${base}/members`))).toEqual([alice.userId, bob.userId])
    expect(await errorOf(bob, 'GET', `${base}/joined_members`)).toEqual([403, 'M_FORBIDDEN'])
  })

  it('is open to everybody while the room is world readable, and no longer', async () => {
    await alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: 'world_readable' })
    expect(await carol.getState(roomId, 'm.room.name')).toEqual({ name: 'Before' })
    expect((await carol.get(`${base}/state`)).length).toBeGreaterThan(5)
    expect(await carol.get(`${base}/aliases`)).toEqual({ aliases: [] })
    expect(await errorOf(carol, 'GET', `${base}/joined_members`)).toEqual([403, 'M_FORBIDDEN'])
    await alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: 'shared' })
    expect(await errorOf(carol, 'GET', `${base}/state/m.room.name`)).toEqual([403, 'M_FORBIDDEN'])
  })

  it.each([
    ['m.room.member/notauser', { membership: 'invite' }, 400, 'M_INVALID_PARAM'],
    ['m.room.member/%40bob%3Alocalhost', { membership: 'friend' }, 400, 'M_BAD_JSON'],
    ['m.room.member/%40bob%3Alocalhost', {}, 400, 'M_BAD_JSON'],
    ['m.room.create', {}, 400, 'M_BAD_JSON'],
    ['m.room.create/second', { creator: '@alice:localhost' }, 400, 'M_BAD_JSON'],
    ['m.room.power_levels', { users: { '@a:localhost': 'x' } }, 400, 'M_BAD_JSON'],
    ['m.room.canonical_alias', { alias: '%not:localhost' }, 400, 'M_INVALID_PARAM'],
    ['m.room.canonical_alias', { alias: '#nobody-made-this:localhost' }, 400, 'M_BAD_ALIAS'],
    ['m.room.canonical_alias', { alt_aliases: '#x:localhost' }, 400, 'M_INVALID_PARAM'],
    ['a.b/%00', {}, 400, 'M_INVALID_PARAM'],
    [`a.b/${'k'.repeat(256)}`, {}, 400, 'M_BAD_JSON'],
    ['a.b', { deep: Number.MAX_SAFE_INTEGER + 2 }, 400, 'M_BAD_JSON'],
    ['a.b', 'text', 400, 'M_NOT_JSON'],
  ])('refuses %s set to %j', async (path, body, status, errcode) => {
    expect(await errorOf(alice, 'PUT', `${base}/state/${path}`, body)).toEqual([status, errcode])
  })

  it('names as the room’s aliases only those that point to it', async () => {
    const other = await alice.createRoom({ room_alias_name: 'of-the-other' })
    const own = '#of-this-one:localhost'
    await alice.put(`/v3/directory/room/${encodeURIComponent(own)}`, { room_id: roomId })
    const path = `${base}/state/m.room.canonical_alias`
    const foreign = '#of-the-other:localhost'
    for (const content of [{ alias: foreign }, { alt_aliases: [foreign] }, { alias: own, alt_aliases: [own, foreign] }])
      expect(await errorOf(alice, 'PUT', path, content)).toEqual([400, 'M_BAD_ALIAS'])
    await alice.put(path, { alias: own, alt_aliases: [own] })
    expect(await alice.getState(roomId, 'm.room.canonical_alias')).toEqual({ alias: own, alt_aliases: [own] })
    // What it named already may stay, wherever that points by now.
    await alice.delete(`/v3/directory/room/${encodeURIComponent(foreign)}`)
    await alice.put(`/v3/directory/room/${encodeURIComponent(foreign)}`, { room_id: roomId })
    await alice.put(path, { alias: own, alt_aliases: [foreign] })
    await alice.delete(`/v3/directory/room/${encodeURIComponent(foreign)}`)
    await alice.put(`/v3/directory/room/${encodeURIComponent(foreign)}`, { room_id: other })
    expect(await errorOf(alice, 'PUT', path, { alt_aliases: [foreign] })).toEqual([400, 'M_BAD_ALIAS'])
  })

  it('of members is a change of membership like any other', async () => {
    const put = (client: TestClient, target: TestClient, content: object) =>
      client.request('PUT', `${base}/state/m.room.member/${encodeURIComponent(target.userId)}`, { body: content })
    expect((await put(alice, carol, { membership: 'invite', reason: 'come' })).status).toBe(200)
    expect(await alice.getState(roomId, 'm.room.member', carol.userId)).toMatchObject({
      membership: 'invite',
      reason: 'come',
    })
    expect((await put(carol, carol, { membership: 'join', displayname: 'C' })).status).toBe(200)
    expect((await put(bob, carol, { membership: 'leave' })).body.errcode).toBe('M_FORBIDDEN')
    expect((await put(alice, carol, { membership: 'ban' })).status).toBe(200)
    expect((await put(carol, carol, { membership: 'join' })).body.errcode).toBe('M_FORBIDDEN')
    expect((await put(alice, carol, { membership: 'leave' })).status).toBe(200)
    expect((await put(carol, carol, { membership: 'join', join_authorised_via_users_server: bob.userId })).status).toBe(
      200,
    )
    expect(await carol.getState(roomId, 'm.room.member', carol.userId)).not.toHaveProperty(
      'join_authorised_via_users_server',
    )
  })
})

describe('members', () => {
  it('are filtered by membership, and given as of a token', async () => {
    const { next_batch: early } = await alice.sync()
    await carol.join(roomId)
    await alice.ban(roomId, bob.userId)
    const members = async (query: Record<string, string> = {}) => memberIds(await alice.get(`${base}/members`, query))
    expect(await members()).toEqual([alice.userId, bob.userId, carol.userId])
    expect(await members({ membership: 'join' })).toEqual([alice.userId, carol.userId])
    expect(await members({ not_membership: 'join' })).toEqual([bob.userId])
    expect(await members({ membership: 'ban', not_membership: 'join' })).toEqual([bob.userId])
    expect(await members({ membership: 'join', not_membership: 'ban' })).toEqual([alice.userId, carol.userId])
    expect(await members({ at: early })).toEqual([alice.userId, bob.userId])
    expect(await members({ at: early, membership: 'ban' })).toEqual([])
    expect(await errorOf(alice, 'GET', `${base}/members?at=x`)).toEqual([400, 'M_INVALID_PARAM'])
    expect(await errorOf(alice, 'GET', `${base}/members?membership=friend`)).toEqual([400, 'M_INVALID_PARAM'])
  })

  it('who joined are told with their names, and rooms joined with their ids', async () => {
    await carol.put(`/v3/profile/${encodeURIComponent(carol.userId)}/displayname`, { displayname: 'Carol "C"' })
    await alice.invite(roomId, carol.userId)
    const joined = () => bob.get(`${base}/joined_members`)
    expect(Object.keys((await joined()).joined).sort()).toEqual([alice.userId, bob.userId])
    await carol.join(roomId)
    expect((await joined()).joined[carol.userId]).toEqual({ display_name: 'Carol "C"' })
    expect((await carol.get('/v3/joined_rooms')).joined_rooms).toContain(roomId)
    await carol.leave(roomId)
    expect((await carol.get('/v3/joined_rooms')).joined_rooms).not.toContain(roomId)
  })
})
