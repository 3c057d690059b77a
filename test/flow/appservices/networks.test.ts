import { describe, expect, it } from 'vitest'
import { AS_TOKEN, registerGhost, registration, startWithServices } from './fixture.ts'
import { openHouse } from './house.ts'

const enc = encodeURIComponent
const EXCLUSIVE = { status: 400, body: { errcode: 'M_EXCLUSIVE' } }
const PROTOCOL = {
  user_fields: ['nick'],
  location_fields: ['channel'],
  icon: 'mxc://example.org/irc',
  field_types: { nick: { regexp: '.+', placeholder: 'nick' }, channel: { regexp: '#.+', placeholder: '#channel' } },
  instances: [{ desc: 'Libera', network_id: 'libera', fields: {} }],
}
const other = (url: string | null) =>
  registration({
    id: 'other',
    url,
    as_token: 'other-token',
    sender_localpart: 'other_bot',
    namespaces: {},
    protocols: ['irc'],
  })

describe('aliases', () => {
  it('in an exclusive namespace are for the service alone, to make and to remove', async () => {
    await using world = await startWithServices()
    const { server } = world
    const bob = await server.register('bob')
    const roomId = await bob.createRoom()
    const alias = `#_irc_hall:${server.serverName}`
    const path = `/v3/directory/room/${enc(alias)}`
    expect(await bob.request('PUT', path, { body: { room_id: roomId } })).toMatchObject(EXCLUSIVE)
    const create = await bob.request('POST', '/v3/createRoom', { body: { room_alias_name: '_irc_hall' } })
    expect(create).toMatchObject(EXCLUSIVE)
    const bot = world.as()
    const made = await bot.post('/v3/createRoom', { room_alias_name: '_irc_hall', preset: 'public_chat' })
    expect(made.room_alias).toBe(alias)
    expect(await bob.request('DELETE', path)).toMatchObject(EXCLUSIVE)
    const outside = `/v3/directory/room/${enc(`#plain:${server.serverName}`)}`
    expect(await bot.request('PUT', outside, { body: { room_id: made.room_id } })).toMatchObject(EXCLUSIVE)
    await bot.delete(path)
    expect((await bob.request('GET', path)).status).toBe(404)
  })

  it('that are not there are asked of the service, which may make the room', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({ registrations: [registration({ url: house.url })] })
    const { server } = world
    const bob = await server.register('bob')
    const alias = `#_irc_made:${server.serverName}`
    const asked = (path: string) => house.asked.filter((one) => one.path === path)
    house.answer = () => ({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    expect((await bob.request('GET', `/v3/directory/room/${enc(alias)}`)).status).toBe(404)
    expect(asked(`/_matrix/app/v1/rooms/${enc(alias)}`)).toHaveLength(1)
    expect((await bob.request('GET', `/v3/directory/room/${enc(`#plain:${server.serverName}`)}`)).status).toBe(404)
    expect(house.asked.filter(({ path }) => path.includes('plain'))).toEqual([])
    // The service makes the room while it is asked.
    house.later = async () => {
      await world.as().createRoom({ room_alias_name: '_irc_made', preset: 'public_chat' })
      house.later = undefined
    }
    house.answer = () => ({ status: 200 })
    const roomId = await bob.join(alias)
    expect((await bob.get('/v3/joined_rooms')).joined_rooms).toEqual([roomId])
  })
})

describe('users', () => {
  it('who are not there are asked of the service before they are invited', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({ registrations: [registration({ url: house.url })] })
    const bob = await world.server.register('bob')
    const roomId = await bob.createRoom()
    const userId = `@_irc_new:${world.server.serverName}`
    house.later = async () => {
      await registerGhost(world, '_irc_new')
      house.later = undefined
    }
    await bob.invite(roomId, userId)
    expect(house.asked.map(({ path }) => path)).toContain(`/_matrix/app/v1/users/${enc(userId)}`)
    await house.until(({ events }) => events.some(({ state_key }) => state_key === userId))
  })

  it('whom the service knows nothing of when it is asked are invited all the same: it makes them when the invite reaches it', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({
      registrations: [registration({ url: house.url }), other(null)],
    })
    house.answer = ({ path }) => ({ status: path.includes('/users/') ? 404 : 200 })
    const bob = await world.server.register('bob')
    const userId = `@_irc_new:${world.server.serverName}`
    const roomId = await bob.createRoom({ invite: [userId] })
    await house.until(({ events }) => events.some(({ state_key }) => state_key === userId))
    const ghost = await registerGhost(world, '_irc_new')
    expect((await ghost.sync()).rooms.invite).toHaveProperty([roomId])
    await ghost.join(roomId)
    await bob.sendText(roomId, 'welcome')
    await house.untilMessage('welcome')
    // Nobody would hear of these.
    for (const name of ['_other_ann', 'nobody'])
      expect(
        await bob.request('POST', `/v3/rooms/${enc(roomId)}/invite`, {
          body: { user_id: `@${name}:${world.server.serverName}` },
        }),
      ).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
    await ghost.post('/v3/account/deactivate', {})
    const again = await bob.request('POST', `/v3/rooms/${enc(roomId)}/invite`, { body: { user_id: userId } })
    expect(again).toMatchObject({ status: 404, body: { errcode: 'M_NOT_FOUND' } })
  })
})

describe('third-party networks', () => {
  it('are those of all services; one that hangs or speaks nonsense leaves the others', async () => {
    await using house = await openHouse()
    await using nonsense = await openHouse()
    house.answer = () => ({ status: 200, body: PROTOCOL })
    nonsense.answer = () => ({ status: 200, body: ['nonsense'] })
    await using world = await startWithServices({
      registrations: [registration({ url: house.url, protocols: ['irc'] }), other(nonsense.url)],
    })
    const bob = await world.server.register('bob')
    const told = { ...PROTOCOL, instances: [{ ...PROTOCOL.instances[0], instance_id: 'irc|libera' }] }
    expect(await bob.get('/v3/thirdparty/protocols')).toEqual({ irc: told })
    expect(await bob.get('/v3/thirdparty/protocol/irc')).toEqual(told)
    expect((await bob.request('GET', '/v3/thirdparty/protocol/xmpp')).status).toBe(404)
    const first = house.asked[0]
    expect(first?.path).toBe('/_matrix/app/v1/thirdparty/protocol/irc')
  })

  it('find places and people by fields, alias and user', async () => {
    await using house = await openHouse()
    await using world = await startWithServices({
      registrations: [registration({ url: house.url, protocols: ['irc'] })],
    })
    const bob = await world.server.register('bob')
    const place = { alias: `#_irc_x:${world.server.serverName}`, protocol: 'irc', fields: { channel: '#x' } }
    const person = { userid: `@_irc_x:${world.server.serverName}`, protocol: 'irc', fields: { nick: 'x' } }
    house.answer = ({ path }) => ({
      status: 200,
      body: [path.includes('/location') ? place : person, { no: 'result' }],
    })
    expect(await bob.get('/v3/thirdparty/location/irc', { channel: '#x' })).toEqual([place])
    expect(house.asked.at(-1)?.path).toBe('/_matrix/app/v1/thirdparty/location/irc?channel=%23x')
    expect(await bob.get('/v3/thirdparty/user/irc', { nick: 'x' })).toEqual([person])
    expect(await bob.get('/v3/thirdparty/location', { alias: place.alias })).toEqual([place])
    expect(await bob.get('/v3/thirdparty/user', { userid: person.userid })).toEqual([person])
    house.answer = () => ({ status: 200, body: [] })
    expect((await bob.request('GET', '/v3/thirdparty/user/irc')).status).toBe(404)
  })
})

describe('the room list of a network', () => {
  it('is the service alone to keep, and found by its instance or with all networks', async () => {
    await using world = await startWithServices()
    const { server } = world
    const bob = await server.register('bob')
    const open = await bob.createRoom({ visibility: 'public', name: 'Open to all' })
    const bridged = await bob.createRoom({ name: 'Bridged hall', preset: 'public_chat' })
    const path = `/v3/directory/list/appservice/libera/${enc(bridged)}`
    expect((await bob.request('PUT', path, { body: { visibility: 'public' } })).status).toBe(403)
    await world.as().put(path, { visibility: 'public' })
    const list = (body: object) => bob.post('/v3/publicRooms', body)
    const roomsIn = ({ chunk }: { chunk: { room_id: string }[] }) => chunk.map(({ room_id }) => room_id)
    const instance = { third_party_instance_id: 'irc|libera' }
    expect(roomsIn(await list(instance))).toEqual([bridged])
    expect((await list(instance)).chunk[0]).toMatchObject({ name: 'Bridged hall', num_joined_members: 1 })
    expect(roomsIn(await list({ ...instance, filter: { generic_search_term: 'HALL' } }))).toEqual([bridged])
    expect(roomsIn(await list({ ...instance, filter: { generic_search_term: 'nothing' } }))).toEqual([])
    for (const unknown of ['irc|other', 'other|libera', 'nonsense'])
      expect(roomsIn(await list({ third_party_instance_id: unknown }))).toEqual([])
    expect(roomsIn(await list({}))).toEqual([open])
    expect(roomsIn(await list({ include_all_networks: true }))).toEqual([open, bridged])
    const first = await list({ include_all_networks: true, limit: 1 })
    const second = await list({ include_all_networks: true, limit: 1, since: first.next_batch })
    expect([roomsIn(first), roomsIn(second)]).toEqual([[open], [bridged]])
    expect(second.next_batch).toBeUndefined()
    await world.as().put(path, { visibility: 'private' })
    expect(roomsIn(await list(instance))).toEqual([])
    await world.as().put(path, { visibility: 'public' })
    await world.as().delete(path)
    expect(roomsIn(await list(instance))).toEqual([])
    const nowhere = `/v3/directory/list/appservice/libera/${enc('!none:example.org')}`
    expect((await world.as().request('PUT', nowhere, { body: { visibility: 'public' } })).status).toBe(404)
  })
})

describe('the time of an event', () => {
  it('is what the service says, in messages, state and memberships; others cannot set it', async () => {
    await using world = await startWithServices()
    const ghost = await registerGhost(world, '_irc_ann')
    const bob = await world.server.register('bob')
    const roomId = await ghost.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const room = `/v3/rooms/${enc(roomId)}`
    const timeOf = async ({ event_id }: { event_id: string }) =>
      (await ghost.getEvent(roomId, event_id)).origin_server_ts
    const put = (client: typeof bob, path: string, body: object, ts: string) =>
      client.ok('PUT', path, { body, query: { ts } })
    const message = { msgtype: 'm.text', body: 'then' }
    expect(await timeOf(await put(ghost, `${room}/send/m.room.message/1`, message, '1000'))).toBe(1_000)
    expect(await timeOf(await put(ghost, `${room}/state/m.room.topic`, { topic: 'then' }, '2000'))).toBe(2_000)
    const member = { membership: 'join', displayname: 'Ann' }
    const path = `${room}/state/m.room.member/${enc(ghost.userId)}`
    expect(await timeOf(await put(ghost, path, member, '3000'))).toBe(3_000)
    expect(await timeOf(await put(bob, `${room}/send/m.room.message/1`, message, '1000'))).toBeGreaterThan(1_000_000)
    for (const ts of ['-1', 'soon', '1e3', '99999999999999999'])
      expect(
        await ghost.request('PUT', `${room}/send/m.room.message/${ts}`, { body: message, query: { ts } }),
      ).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
    expect(AS_TOKEN).toBe(ghost.accessToken)
  })
})
