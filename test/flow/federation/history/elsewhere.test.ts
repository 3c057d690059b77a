import { describe, expect, it } from 'vitest'
import { refusal, reply } from '../../../support/federation-peer/listener.ts'
import { enc, HOME, publicRoom, startAsking } from './asking.ts'

const PROFILE = '/_matrix/federation/v1/query/profile'
const DIRECTORY = '/_matrix/federation/v1/publicRooms'
const HIERARCHY = '/_matrix/federation/v1/hierarchy/:roomId'

describe('profiles of users elsewhere', () => {
  it('are asked for at their server, once for a while, and hold what is set', async () => {
    await using asking = await startAsking()
    const { home, peer } = asking
    const alice = await home.register('alice')
    const profile = { displayname: 'Bob', avatar_url: null, 'm.tz': 'Europe/Paris', 'org.example.x': 1 }
    peer.on('GET', PROFILE, () => reply(profile))
    const bob = enc('@bob:peer.example')
    expect(await alice.get(`/v3/profile/${bob}`)).toEqual({
      displayname: 'Bob',
      'm.tz': 'Europe/Paris',
      'org.example.x': 1,
    })
    expect(await alice.get(`/v3/profile/${bob}/displayname`)).toEqual({ displayname: 'Bob' })
    expect(await alice.get(`/v3/profile/${bob}/avatar_url`)).toEqual({})
    const asked = peer.received.filter(({ path }) => path.startsWith(PROFILE))
    expect(asked.map(({ signed, query }) => [signed, query.get('user_id')])).toEqual([[true, '@bob:peer.example']])
  })

  it('are not found where their server knows none, are refused where it tells none, and both are remembered', async () => {
    await using asking = await startAsking()
    const { home, peer } = asking
    const alice = await home.register('alice')
    peer.on('GET', PROFILE, ({ query }) =>
      query.get('user_id') === '@shy:peer.example' ? refusal(403, 'M_FORBIDDEN') : refusal(404, 'M_NOT_FOUND'),
    )
    for (let time = 0; time < 2; time += 1) {
      expect(await alice.request('GET', `/v3/profile/${enc('@nobody:peer.example')}`)).toMatchObject({
        status: 404,
        body: { errcode: 'M_NOT_FOUND' },
      })
      expect(await alice.request('GET', `/v3/profile/${enc('@shy:peer.example')}`)).toMatchObject({
        status: 403,
        body: { errcode: 'M_FORBIDDEN' },
      })
    }
    expect(peer.received.filter(({ path }) => path.startsWith(PROFILE))).toHaveLength(2)
  })

  it('cost no more than a refusal where their server is away or answers nonsense', async () => {
    await using asking = await startAsking()
    const { home, peer } = asking
    const alice = await home.register('alice')
    peer.on('GET', PROFILE, () => reply(['no object']))
    expect(await alice.get(`/v3/profile/${enc('@list:peer.example')}`)).toEqual({})
    peer.on('GET', PROFILE, () => reply({ displayname: 7, avatar_url: 'x'.repeat(2_000), 'a.b': 'kept' }))
    expect(await alice.get(`/v3/profile/${enc('@odd:peer.example')}`)).toEqual({ 'a.b': 'kept' })
    await peer.close()
    expect((await alice.request('GET', `/v3/profile/${enc('@gone:peer.example')}`)).status).toBe(504)
  })
})

describe('aliases of other servers', () => {
  it('are looked up there, with the servers that are in the room; those of this server name who is in it', async () => {
    await using asking = await startAsking()
    const { home, peer } = asking
    const alice = await home.register('alice')
    peer.on('GET', '/_matrix/federation/v1/query/directory', ({ query }) =>
      query.get('room_alias') === '#there:peer.example'
        ? reply({ room_id: '!there:peer.example', servers: ['peer.example', 'other-peer.example'] })
        : refusal(404, 'M_NOT_FOUND'),
    )
    expect(await alice.get(`/v3/directory/room/${enc('#there:peer.example')}`)).toEqual({
      room_id: '!there:peer.example',
      servers: ['peer.example', 'other-peer.example'],
    })
    expect((await alice.request('GET', `/v3/directory/room/${enc('#nowhere:peer.example')}`)).status).toBe(404)
    const roomId = await publicRoom(alice, { room_alias_name: 'here' })
    const own = await alice.get(`/v3/directory/room/${enc(`#here:${HOME}`)}`)
    expect(own).toEqual({ room_id: roomId, servers: [HOME] })
  })
})

describe('the directory of another server', () => {
  const room = {
    room_id: '!there:peer.example',
    num_joined_members: 3,
    world_readable: false,
    guest_can_join: true,
    name: 'There',
    secret: 'not for clients',
  }

  it('is read for a client: pages by GET, searches by POST, and only what the specification names', async () => {
    await using asking = await startAsking()
    const { home, peer } = asking
    const alice = await home.register('alice')
    peer.on('GET', DIRECTORY, () =>
      reply({ chunk: [room, { name: 'no id' }], next_batch: 'n', total_room_count_estimate: 9 }),
    )
    peer.on('POST', DIRECTORY, () => reply({ chunk: [] }))
    const { secret: _, ...shown } = room
    expect(await alice.get('/v3/publicRooms', { server: 'peer.example', limit: 5, since: 'a b' })).toEqual({
      chunk: [shown],
      next_batch: 'n',
      total_room_count_estimate: 9,
    })
    const search = { limit: 2, filter: { generic_search_term: 'there', room_types: [null] } }
    const found = await alice.ok('POST', '/v3/publicRooms', { body: search, query: { server: 'peer.example' } })
    expect(found).toEqual({ chunk: [] })
    const [get, post] = peer.received.filter(({ path }) => path.startsWith(DIRECTORY))
    expect([get?.query.get('limit'), get?.query.get('since')]).toEqual(['5', 'a b'])
    expect(post?.body).toEqual(search)
    expect(get?.signed && post?.signed).toBe(true)
  })

  it('is an error for the client where that server gives none', async () => {
    await using asking = await startAsking()
    const { home, peer } = asking
    const alice = await home.register('alice')
    peer.on('GET', DIRECTORY, () => refusal(403, 'M_FORBIDDEN'))
    expect((await alice.request('GET', '/v3/publicRooms', { query: { server: 'peer.example' } })).status).toBe(403)
    await peer.close()
    expect((await alice.request('GET', '/v3/publicRooms', { query: { server: 'peer.example' } })).status).toBe(504)
    expect((await alice.request('GET', '/v3/publicRooms', { query: { server: 'a server' } })).status).toBe(400)
  })
})

describe('rooms and spaces elsewhere', () => {
  const summary = (roomId: string, more: object = {}) => ({
    room_id: roomId,
    num_joined_members: 2,
    world_readable: false,
    guest_can_join: false,
    ...more,
  })
  const child = (roomId: string, order = '') => ({
    type: 'm.space.child',
    state_key: roomId,
    sender: '@owner:peer.example',
    origin_server_ts: 1,
    content: { via: ['peer.example'], order },
  })
  const [SPACE, INNER, OPEN, CLOSED, HIDDEN] = ['space', 'inner', 'open', 'closed', 'hidden'].map(
    (name) => `!${name}:peer.example`,
  ) as [string, string, string, string, string]

  it('stand in the hierarchy of a space here, as deep as they go, without those that the user may not know', async () => {
    await using asking = await startAsking()
    const { home, peer } = asking
    const alice = await home.register('alice')
    const space = await publicRoom(alice, { creation_content: { type: 'm.space' } })
    const near = await publicRoom(alice, { name: 'near' })
    for (const [id, via] of [
      [SPACE, 'peer.example'],
      [near, HOME],
    ] as const)
      await alice.put(`/v3/rooms/${space}/state/m.space.child/${enc(id)}`, {
        via: [via],
        order: id === near ? 'b' : 'a',
      })
    peer.on('GET', HIERARCHY, ({ params }) => {
      if (params.roomId === SPACE)
        return reply({
          room: summary(SPACE, {
            room_type: 'm.space',
            children_state: [child(INNER, 'a'), child(CLOSED, 'b'), child(HIDDEN, 'c')],
          }),
          children: [summary(INNER, { room_type: 'm.space' }), summary(CLOSED, { join_rule: 'invite' })],
          inaccessible_children: [HIDDEN],
        })
      if (params.roomId === INNER)
        return reply({
          room: summary(INNER, { room_type: 'm.space', children_state: [child(OPEN), child(SPACE)] }),
          children: [summary(OPEN, { name: 'open' }), summary(SPACE, { room_type: 'm.space' })],
          inaccessible_children: [],
        })
      return refusal(404, 'M_NOT_FOUND')
    })
    const whole = await alice.get(`/v1/rooms/${space}/hierarchy`)
    const ids = (rooms: { room_id: string }[]): string[] => rooms.map(({ room_id }) => room_id)
    expect(ids(whole.rooms)).toEqual([space, SPACE, INNER, OPEN, near])
    expect(whole.next_batch).toBeUndefined()
    // Page by page it is the same, through spaces elsewhere too.
    const paged: string[] = []
    let from: string | undefined
    do {
      const page = await alice.get(`/v1/rooms/${space}/hierarchy`, { limit: 1, from })
      paged.push(...ids(page.rooms))
      from = page.next_batch
    } while (from !== undefined)
    expect(paged).toEqual([space, SPACE, INNER, OPEN, near])
    // Each space elsewhere was asked about once.
    expect(peer.received.filter(({ path }) => path.includes('/hierarchy/'))).toHaveLength(2)
    expect(ids((await alice.get(`/v1/rooms/${enc(SPACE)}/hierarchy`)).rooms)).toEqual([SPACE, INNER, OPEN])
    expect(ids((await alice.get(`/v1/rooms/${space}/hierarchy`, { max_depth: 1 })).rooms)).toEqual([space, SPACE, near])
  })

  it('are shown by what is known here where their servers are away', async () => {
    await using asking = await startAsking()
    const { home, peer } = asking
    const alice = await home.register('alice')
    const space = await publicRoom(alice, { creation_content: { type: 'm.space' } })
    await alice.put(`/v3/rooms/${space}/state/m.space.child/${enc(SPACE)}`, { via: ['peer.example'] })
    await peer.close()
    const { rooms } = await alice.get(`/v1/rooms/${space}/hierarchy`)
    expect(rooms.map(({ room_id }: { room_id: string }) => room_id)).toEqual([space])
    expect((await alice.request('GET', `/v1/rooms/${enc(SPACE)}/hierarchy`)).status).toBe(403)
  })

  it('are summarised by the servers that a client names', async () => {
    await using asking = await startAsking()
    const { home, peer } = asking
    const alice = await home.register('alice')
    peer.on('GET', HIERARCHY, ({ params }) =>
      params.roomId === OPEN || params.roomId === CLOSED
        ? reply({
            room: summary(params.roomId, {
              name: 'Elsewhere',
              join_rule: params.roomId === OPEN ? 'public' : 'invite',
              children_state: [],
            }),
            children: [],
            inaccessible_children: [],
          })
        : refusal(404, 'M_NOT_FOUND'),
    )
    const path = `/v1/room_summary/${enc(OPEN)}`
    expect(await alice.get(path, { via: ['peer.example'] })).toEqual({
      ...summary(OPEN, { name: 'Elsewhere', join_rule: 'public' }),
      membership: 'leave',
    })
    for (const roomId of [CLOSED, HIDDEN])
      expect(
        (await alice.request('GET', `/v1/room_summary/${enc(roomId)}`, { query: { via: ['peer.example'] } })).status,
      ).toBe(404)
    // Nobody is asked for somebody without an account.
    const before = peer.received.length
    expect((await home.client().request('GET', path, { query: { via: ['peer.example'] } })).status).toBe(404)
    expect(peer.received.length).toBe(before)
  })
})
