import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Body, Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
let carol: TestClient

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
  bob = await homeserver.register('bob')
  carol = await homeserver.register('carol')
})
afterAll(() => homeserver.stop())

const enc = encodeURIComponent
const pathOf = (alias: string) => `/v3/directory/room/${enc(alias)}`
const errorOf = async (client: TestClient, method: string, path: string, body?: unknown) => {
  const answer = await client.request(method, path, body === undefined ? {} : { body })
  return answer.status === 200 ? 200 : [answer.status, answer.body.errcode]
}

describe('room aliases', () => {
  it('are made by members, found by anybody, and listed to members', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const list = `/v3/rooms/${enc(roomId)}/aliases`
    expect(await alice.get(list)).toEqual({ aliases: [] })
    const alias = '##☕:localhost'
    await alice.put(pathOf(alias), { room_id: roomId })
    expect(await homeserver.client().get(pathOf(alias))).toEqual({ room_id: roomId, servers: ['localhost'] })
    expect(await alice.get(list)).toEqual({ aliases: [alias] })
    expect(await errorOf(bob, 'GET', list)).toEqual([403, 'M_FORBIDDEN'])
    expect(await errorOf(bob, 'PUT', pathOf('#bobs:localhost'), { room_id: roomId })).toEqual([403, 'M_FORBIDDEN'])
    await bob.join(roomId)
    expect(await errorOf(bob, 'PUT', pathOf('#bobs:localhost'), { room_id: roomId })).toBe(200)
    expect((await alice.get(list)).aliases.sort()).toEqual([alias, '#bobs:localhost'].sort())
  })

  it('are refused where they are taken, malformed, of elsewhere, or lead nowhere', async () => {
    const roomId = await alice.createRoom({ room_alias_name: 'taken' })
    const put = (alias: string, body: unknown = { room_id: roomId }) => errorOf(alice, 'PUT', pathOf(alias), body)
    expect(await put('#taken:localhost')).toEqual([409, 'M_UNKNOWN'])
    expect(await put('taken:localhost')).toEqual([400, 'M_INVALID_PARAM'])
    expect(await put('#:localhost')).toEqual([400, 'M_INVALID_PARAM'])
    expect(await put('#a b:localhost')).toEqual([400, 'M_INVALID_PARAM'])
    expect(await put('#a\0:localhost')).toEqual([400, 'M_INVALID_PARAM'])
    expect(await put(`#${'a'.repeat(250)}:localhost`)).toEqual([400, 'M_INVALID_PARAM'])
    expect(await put('#a:elsewhere.org')).toEqual([400, 'M_INVALID_PARAM'])
    expect(await put('#free:localhost', {})).toEqual([400, 'M_MISSING_PARAM'])
    expect(await put('#free:localhost', { room_id: 'x' })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await put('#free:localhost', { room_id: '!nowhere:localhost' })).toEqual([404, 'M_NOT_FOUND'])
    expect(await errorOf(alice, 'GET', pathOf('#free:localhost'))).toEqual([404, 'M_NOT_FOUND'])
    // Its server is asked, and nobody answers at a private address.
    expect(await errorOf(alice, 'GET', pathOf('#a:127.0.0.1:1'))).toEqual([504, 'M_UNKNOWN'])
    expect(await errorOf(alice, 'GET', pathOf('free'))).toEqual([400, 'M_INVALID_PARAM'])
    expect(await errorOf(alice, 'DELETE', pathOf('#free:localhost'))).toEqual([404, 'M_NOT_FOUND'])
  })

  it('are removed by who made them or has power over the room’s names, and from the canonical alias too', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    for (const client of [bob, carol]) await client.join(roomId)
    for (const alias of ['#one:localhost', '#two:localhost']) await bob.put(pathOf(alias), { room_id: roomId })
    await alice.setState(roomId, 'm.room.canonical_alias', '', {
      alias: '#one:localhost',
      alt_aliases: ['#two:localhost'],
    })
    expect(await errorOf(carol, 'DELETE', pathOf('#one:localhost'))).toEqual([403, 'M_FORBIDDEN'])
    expect(await errorOf(bob, 'DELETE', pathOf('#two:localhost'))).toBe(200)
    expect(await errorOf(alice, 'DELETE', pathOf('#one:localhost'))).toBe(200)
    expect(await alice.getState(roomId, 'm.room.canonical_alias')).not.toHaveProperty('alias')
    expect(await errorOf(alice, 'GET', pathOf('#one:localhost'))).toEqual([404, 'M_NOT_FOUND'])
  })
})

describe('a room’s place in the directory', () => {
  it('is decided by who has power over its names', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const path = `/v3/directory/list/room/${enc(roomId)}`
    const visibility = async () => (await homeserver.client().get(path)).visibility
    expect(await visibility()).toBe('private')
    expect(await errorOf(bob, 'PUT', path, { visibility: 'public' })).toEqual([403, 'M_FORBIDDEN'])
    await alice.put(path)
    expect(await visibility()).toBe('public')
    await alice.put(path, { visibility: 'private' })
    expect(await visibility()).toBe('private')
    expect(await errorOf(alice, 'PUT', path, { visibility: 'secret' })).toEqual([400, 'M_BAD_JSON'])
    expect(await errorOf(alice, 'PUT', '/v3/directory/list/room/!no:localhost', {})).toEqual([404, 'M_NOT_FOUND'])
    expect(await errorOf(alice, 'GET', '/v3/directory/list/room/!no:localhost')).toEqual([404, 'M_NOT_FOUND'])
    expect(await errorOf(alice, 'GET', '/v3/directory/list/room/no')).toEqual([400, 'M_INVALID_PARAM'])
  })
})

describe('public rooms', () => {
  const search = (body: Body = {}): Promise<Json> => alice.post('/v3/publicRooms', body)
  const idsOf = (answer: Json): string[] => answer.chunk.map((room: Json) => room.room_id)

  it('are shown as they are now', async () => {
    const roomId = await alice.createRoom({
      visibility: 'public',
      room_alias_name: 'shown',
      name: 'Größe',
      topic: 'à la française',
      creation_content: { type: 'm.space' },
    })
    const shown = async (): Promise<Json> =>
      (await homeserver.client().get('/v3/publicRooms')).chunk.find((room: Json) => room.room_id === roomId)
    const common = {
      room_id: roomId,
      canonical_alias: '#shown:localhost',
      topic: 'à la française',
      room_type: 'm.space',
    }
    const closed = { world_readable: false, guest_can_join: false, join_rule: 'public' }
    expect(await shown()).toEqual({ ...common, ...closed, name: 'Größe', num_joined_members: 1 })
    await bob.join(roomId)
    await alice.setState(roomId, 'm.room.name', '', { name: 'Small' })
    await alice.setState(roomId, 'm.room.avatar', '', { url: 'mxc://localhost/a' })
    await alice.setState(roomId, 'm.room.guest_access', '', { guest_access: 'can_join' })
    await alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: 'world_readable' })
    await alice.setState(roomId, 'm.room.join_rules', '', { join_rule: 'knock' })
    const open = { world_readable: true, guest_can_join: true, join_rule: 'knock', avatar_url: 'mxc://localhost/a' }
    expect(await shown()).toEqual({ ...common, ...open, name: 'Small', num_joined_members: 2 })
    const named = await alice.setState(roomId, 'm.room.name', '', { name: 'Regretted' })
    await alice.redact(roomId, named)
    expect(await shown()).not.toHaveProperty('name')
    for (const client of [alice, bob]) await client.leave(roomId)
    expect(await shown()).toBeUndefined()
  })

  it('are found by name, topic or alias in any case, and by type', async () => {
    const byName = await alice.createRoom({ visibility: 'public', name: 'The WOMBLES of it' })
    const byTopic = await alice.createRoom({ visibility: 'public', topic: 'about Wombles' })
    const byAlias = await alice.createRoom({ visibility: 'public', room_alias_name: 'wombles' })
    const space = await alice.createRoom({
      visibility: 'public',
      name: 'wombles',
      creation_content: { type: 'm.space' },
    })
    await alice.createRoom({ name: 'wombles, unlisted' })
    const find = async (filter: Body) => idsOf(await search({ filter: { generic_search_term: 'wombleS', ...filter } }))
    expect(await find({})).toEqual([byName, byTopic, byAlias, space])
    expect(await find({ room_types: [null] })).toEqual([byName, byTopic, byAlias])
    expect(await find({ room_types: ['m.space', 'x'] })).toEqual([space])
    expect(await find({ room_types: [] })).toEqual([])
    expect(await find({ generic_search_term: 'no such room' })).toEqual([])
    expect((await search({ third_party_instance_id: 'irc' })).chunk).toEqual([])
  })

  it('come in pages, most members first, forwards and backwards, whatever happens in between', async () => {
    const name = 'paged'
    const rooms: string[] = []
    for (let count = 0; count < 10; count++) {
      rooms.push(await alice.createRoom({ visibility: 'public', name }))
      if (count % 3 === 0) await bob.join(rooms.at(-1) ?? '')
    }
    const filter = { generic_search_term: name }
    const whole = await search({ filter })
    expect(whole.total_room_count_estimate).toBe(10)
    expect(whole.chunk.map((room: Json) => room.num_joined_members)).toEqual([2, 2, 2, 2, 1, 1, 1, 1, 1, 1])
    const forwards: string[] = []
    let page = await search({ filter, limit: 3, since: null })
    expect(page).not.toHaveProperty('prev_batch')
    const pages = [page]
    while (page.next_batch !== undefined) {
      await alice.sendText(rooms[0] ?? '', 'meanwhile')
      page = await search({ filter, limit: 3, since: page.next_batch })
      pages.push(page)
    }
    for (const one of pages) forwards.push(...idsOf(one))
    expect(forwards).toEqual(idsOf(whole))
    const backwards: string[] = []
    while (page.prev_batch !== undefined) {
      page = await search({ filter, limit: 3, since: page.prev_batch })
      backwards.unshift(...idsOf(page))
    }
    expect(backwards).toEqual(idsOf(whole).slice(0, 9))
    const two = await homeserver.client().get('/v3/publicRooms', { limit: 2 })
    const more = await homeserver.client().get('/v3/publicRooms', { limit: 2, since: two.next_batch })
    expect(new Set([...idsOf(two), ...idsOf(more)]).size).toBe(4)
  })

  it.each([
    [{ limit: -1 }, 400, 'M_BAD_JSON'],
    [{ limit: '3' }, 400, 'M_BAD_JSON'],
    [{ since: 'x' }, 400, 'M_INVALID_PARAM'],
    [{ since: 'n1_2; drop table' }, 400, 'M_INVALID_PARAM'],
    [{ filter: [] }, 400, 'M_BAD_JSON'],
    [{ filter: { generic_search_term: 'x'.repeat(1_001) } }, 400, 'M_BAD_JSON'],
    [{ filter: { room_types: 'm.space' } }, 400, 'M_BAD_JSON'],
  ])('refuse %j', async (body, status, errcode) => {
    expect(await errorOf(alice, 'POST', '/v3/publicRooms', body)).toEqual([status, errcode])
  })

  it('are this server’s, under its own name or none', async () => {
    expect(await errorOf(alice, 'GET', '/v3/publicRooms?server=localhost')).toBe(200)
    // Others are asked; nobody answers at a private address.
    expect(await errorOf(alice, 'GET', '/v3/publicRooms?server=127.0.0.1:1')).toEqual([504, 'M_UNKNOWN'])
    expect(await errorOf(alice, 'POST', '/v3/publicRooms?server=%00', {})).toEqual([400, 'M_INVALID_PARAM'])
    expect(await errorOf(homeserver.client(), 'POST', '/v3/publicRooms', {})).toEqual([401, 'M_MISSING_TOKEN'])
  })
})
