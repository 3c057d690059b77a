import { expect, test } from 'vitest'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { administered, shareAdministered } from './administrator.ts'

const V1 = '/_synapse/admin/v1'
const enc = encodeURIComponent
const roomPath = (roomId: string, rest = ''): string => `${V1}/rooms/${enc(roomId)}${rest}`

const names = (body: Json): readonly string[] => body.rooms.map(({ name }: Json) => name)

onEveryHomeserver('rooms for administrators', (start) => {
  test('the list pages, sorts by everything in both directions, searches and filters', async () => {
    await using world = await administered(start)
    const { server, admin } = world
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    const cave = await alice.createRoom({ name: 'Cave', room_alias_name: 'cave', preset: 'public_chat' })
    const attic = await bob.createRoom({ name: 'attic_100%', visibility: 'public', room_version: '10' })
    const nameless = await alice.createRoom()
    const space = await alice.createRoom({ name: 'Space', creation_content: { type: 'm.space' } })
    await bob.join(cave)
    await admin.join(cave)
    await bob.leave(attic)
    const all = await admin.get(`${V1}/rooms`)
    expect(all).toMatchObject({ offset: 0, total_rooms: 4 })
    expect(names(all)).toEqual(['attic_100%', 'Cave', 'Space', null])
    expect(all.rooms[1]).toEqual({
      room_id: cave,
      name: 'Cave',
      canonical_alias: `#cave:${server.serverName}`,
      joined_members: 3,
      joined_local_members: 3,
      version: all.rooms[2].version,
      creator: alice.userId,
      encryption: null,
      federatable: true,
      public: false,
      join_rules: 'public',
      guest_access: null,
      history_visibility: 'shared',
      state_events: expect.any(Number),
      room_type: null,
    })
    expect(all.rooms[2].room_type).toBe('m.space')
    const state = (await admin.get(roomPath(cave, '/state'))).state
    expect(all.rooms[1].state_events).toBe(state.length)
    const orders = [
      'name canonical_alias joined_members joined_local_members version creator encryption federatable',
      'public join_rules guest_access history_visibility state_events alphabetical size',
    ]
    for (const order_by of orders.join(' ').split(' ')) {
      const forward = names(await admin.get(`${V1}/rooms`, { order_by }))
      expect([...names(await admin.get(`${V1}/rooms`, { order_by, dir: 'b' }))].reverse()).toEqual(forward)
    }
    expect(names(await admin.get(`${V1}/rooms`, { order_by: 'joined_members', limit: 1 }))).toEqual(['Cave'])
    const second = await admin.get(`${V1}/rooms`, { from: 1, limit: 2 })
    expect([names(second), second.next_batch, second.prev_batch]).toEqual([['Cave', 'Space'], 3, 0])
    expect((await admin.get(`${V1}/rooms`, { from: 3, limit: 2 })).next_batch).toBeUndefined()
    const found = async (query: Json) => names(await admin.get(`${V1}/rooms`, query))
    expect(await found({ search_term: 'CAV' })).toEqual(['Cave'])
    expect(await found({ search_term: '%' })).toEqual(['attic_100%'])
    expect(await found({ search_term: 'c_1' })).toEqual(['attic_100%'])
    expect(await found({ search_term: nameless.slice(2, 12) })).toEqual([null])
    expect(await found({ search_term: space })).toEqual(['Space'])
    expect(await found({ search_term: 'nothing of it' })).toEqual([])
    expect(await found({ public_rooms: true })).toEqual(['attic_100%'])
    expect(await found({ public_rooms: false })).toEqual(['Cave', 'Space', null])
    expect(await found({ empty_rooms: true })).toEqual(['attic_100%'])
    expect((await admin.get(`${V1}/rooms`, { empty_rooms: false })).total_rooms).toBe(3)
    await alice.setState(cave, 'm.room.name', '', { name: 'Deep cave' })
    await alice.setState(cave, 'm.room.encryption', '', { algorithm: 'm.megolm.v1.aes-sha2' })
    expect((await admin.get(`${V1}/rooms`, { search_term: 'deep' })).rooms[0].encryption).toBe('m.megolm.v1.aes-sha2')
    for (const bad of [{ order_by: 'colour' }, { from: -1 }, { limit: 'x' }, { dir: 'q' }])
      expect((await admin.request('GET', `${V1}/rooms`, { query: bad })).status).toBe(400)
  })

  const world = shareAdministered(start)

  test('one room is shown from inside: details, members, state, history, context, moments, spaces, without being in it', async () => {
    const { server, admin } = await world()
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    const roomId = await alice.createRoom({ name: 'Secret', topic: 'whispers' })
    await alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: 'joined' })
    const sent: string[] = []
    for (const text of ['one', 'two', 'three']) sent.push(await alice.sendText(roomId, text))
    await alice.invite(roomId, bob.userId)
    expect(await admin.get(roomPath(roomId))).toMatchObject({
      room_id: roomId,
      topic: 'whispers',
      avatar: null,
      joined_members: 1,
      joined_local_devices: 1,
      forgotten: false,
      tombstoned: false,
      replacement_room: null,
    })
    expect(await admin.get(roomPath(roomId, '/members'))).toEqual({ members: [alice.userId], total: 1 })
    const named = await admin.get(roomPath(roomId, '/state'), { type: 'm.room.name' })
    expect(named.state.map(({ content }: Json) => content)).toEqual([{ name: 'Secret' }])
    const page = await admin.get(roomPath(roomId, '/messages'), { dir: 'b', limit: 3 })
    const more = await admin.get(roomPath(roomId, '/messages'), { dir: 'b', limit: 2, from: page.end })
    const ids = [...page.chunk, ...more.chunk].map(({ event_id }: Json) => event_id)
    expect(ids).toEqual(expect.arrayContaining(sent))
    expect(page.chunk.every(({ unsigned }: Json) => unsigned?.membership === undefined)).toBe(true)
    const context = await admin.get(roomPath(roomId, `/context/${enc(sent[1] ?? '')}`), { limit: 2 })
    expect([context.events_before[0].event_id, context.event.event_id, context.events_after[0].event_id]).toEqual(sent)
    const near = await admin.get(roomPath(roomId, '/timestamp_to_event'), {
      ts: context.event.origin_server_ts,
      dir: 'b',
    })
    expect(sent).toContain(near.event_id)
    const extremities = await admin.get(roomPath(roomId, '/forward_extremities'))
    expect(extremities.count).toBe(1)
    expect((await admin.get(`${V1}/fetch_event/${enc(sent[0] ?? '')}`)).event.content.body).toBe('one')
    const space = await alice.createRoom({ name: 'All', creation_content: { type: 'm.space' } })
    await alice.setState(space, 'm.space.child', roomId, { via: [server.serverName] })
    expect(names(await admin.get(roomPath(space, '/hierarchy')))).toEqual(['All', 'Secret'])
    for (const path of [
      '',
      '/members',
      '/state',
      '/messages',
      '/hierarchy',
      '/forward_extremities',
      '/timestamp_to_event?ts=1',
    ])
      expect(await admin.request('GET', `${roomPath('!none:here')}${path}`)).toMatchObject({
        status: 404,
        body: { errcode: 'M_NOT_FOUND' },
      })
    expect((await admin.request('GET', roomPath('nonsense'))).status).toBe(400)
    expect((await admin.request('GET', `${V1}/fetch_event/${enc('$none')}`)).status).toBe(404)
  })

  test('nobody enters a blocked room: no join, knock, invite or alias; who is in it may leave', async () => {
    const { server, admin } = await world()
    const [alice, bob] = [await server.register('alice'), await server.register('bob')]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    expect(await admin.get(roomPath(roomId, '/block'))).toEqual({ block: false })
    expect(await admin.put(roomPath(roomId, '/block'), { block: true })).toEqual({ block: true })
    expect(await admin.get(roomPath(roomId, '/block'))).toEqual({ block: true, user_id: admin.userId })
    const refused = { status: 403, body: { errcode: 'M_FORBIDDEN' } }
    expect(await bob.request('POST', `/v3/join/${enc(roomId)}`, { body: {} })).toMatchObject(refused)
    const invite = { body: { user_id: bob.userId } }
    expect(await alice.request('POST', `/v3/rooms/${enc(roomId)}/invite`, invite)).toMatchObject(refused)
    const alias = `/v3/directory/room/${enc(`#blocked:${server.serverName}`)}`
    expect(await alice.request('PUT', alias, { body: { room_id: roomId } })).toMatchObject(refused)
    await alice.sendText(roomId, 'still here')
    expect(await admin.put(roomPath(roomId, '/block'), { block: false })).toEqual({ block: false })
    await bob.join(roomId)
    expect(await admin.put(roomPath('!unknown:elsewhere.example', '/block'), { block: true })).toEqual({ block: true })
    expect(await bob.request('POST', `/v3/join/${enc('!unknown:elsewhere.example')}`, { body: {} })).toMatchObject(
      refused,
    )
    await admin.put(roomPath(roomId, '/block'), { block: true })
    await bob.leave(roomId)
    for (const body of [{}, { block: 'yes' }])
      expect((await admin.request('PUT', roomPath(roomId, '/block'), { body })).status).toBe(400)
    const log = await admin.get('/_homeroom/admin/v1/audit_log', { subject: roomId })
    expect(log.entries.map(({ action, by }: Json) => [action, by])).toEqual([
      ['room.block', admin.userId],
      ['room.unblock', admin.userId],
      ['room.block', admin.userId],
    ])
  })

  test('an administrator gives the power of a local user to somebody, and joins users', async () => {
    const { server, admin } = await world()
    const [alice, bob, carol] = [
      await server.register('alice'),
      await server.register('bob'),
      await server.register('carol'),
    ]
    for (const room_version of ['10', '12']) {
      const roomId = await alice.createRoom({ room_version })
      expect(await admin.post(roomPath(roomId, '/make_room_admin'), { user_id: bob.userId })).toEqual({})
      const levels = await alice.getState(roomId, 'm.room.power_levels')
      expect(levels.users[bob.userId]).toBeGreaterThanOrEqual(100)
      await bob.join(roomId)
      await bob.setState(roomId, 'm.room.power_levels', '', levels)
      await admin.post(roomPath(roomId, '/make_room_admin'))
      await admin.join(roomId)
      expect(await admin.post(`${V1}/join/${enc(roomId)}`, { user_id: carol.userId })).toEqual({ room_id: roomId })
      expect((await admin.get(roomPath(roomId, '/members'))).members).toContain(carol.userId)
      expect((await admin.request('POST', `${V1}/join/${enc(roomId)}`, { body: { user_id: '@x:other' } })).status).toBe(
        400,
      )
      const nobody = { body: { user_id: `@nobody:${server.serverName}` } }
      expect((await admin.request('POST', `${V1}/join/${enc(roomId)}`, nobody)).status).toBe(404)
      await alice.leave(roomId)
    }
  })

  test('all of it is refused to everybody else', async () => {
    const { server } = await world()
    const alice = await server.register('alice')
    const roomId = await alice.createRoom()
    const paths = server.endpoints
      .flatMap(({ method, paths: all }) => all.map((path) => [method, path] as const))
      .filter(([, path]) => path.startsWith('/_synapse/admin/') && !/\/(?:register|server_version)$/.test(path))
      .map(([method, path]) => [method, path.replaceAll(/:[A-Za-z]+/g, enc(roomId))] as const)
    expect(paths.length).toBeGreaterThan(20)
    for (const [method, path] of paths) {
      const body = method === 'GET' ? {} : { body: {} }
      expect([path, (await alice.request(method, path, body)).status]).toEqual([path, 403])
      expect([path, (await alice.request(method, path, { ...body, token: null })).status]).toEqual([path, 401])
    }
  })
})
