import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const upgrade = async (client: TestClient, roomId: string, version: string, extra = {}): Promise<string> =>
  (await client.post(`/v3/rooms/${enc(roomId)}/upgrade`, { new_version: version, ...extra })).replacement_room
const refused = async (client: TestClient, roomId: string, body: Json): Promise<readonly [number, string]> => {
  const answer = await client.request('POST', `/v3/rooms/${enc(roomId)}/upgrade`, { body })
  return [answer.status, answer.body.errcode]
}
const timeline = async (client: TestClient, roomId: string): Promise<Json[]> =>
  (await client.messages(roomId, { dir: 'f', limit: 100 })).chunk
const idsIn = async (client: TestClient, roomId: string): Promise<string[]> =>
  (await timeline(client, roomId)).map(({ event_id }: Json) => event_id)
const lastOf = async (client: TestClient, roomId: string, count: number): Promise<Json[]> =>
  (await client.messages(roomId, { dir: 'b', limit: count })).chunk

const COPIED = {
  'm.room.name': { name: 'name' },
  'm.room.topic': { topic: 'topic' },
  'm.room.avatar': { url: 'mxc://localhost/avatar' },
  'm.room.encryption': { algorithm: 'm.megolm.v1.aes-sha2' },
  'm.room.history_visibility': { history_visibility: 'joined' },
  'm.room.guest_access': { guest_access: 'forbidden' },
  'm.room.join_rules': { join_rule: 'public' },
  'm.room.server_acl': { allow: ['*'], deny: ['evil.example'], allow_ip_literals: false },
}

onEveryHomeserver('upgrade', (start) => {
  let homeserver: TestHomeserver
  beforeAll(async () => {
    homeserver = await start()
  })
  afterAll(() => homeserver.stop())

  const people = async () => [await homeserver.register('alice'), await homeserver.register('bob')] as const

  it.each(['1', '2', '6', '10', '11', '12'])(
    'to version %s copies the state that the specification lists',
    async (version) => {
      const [alice] = await people()
      const old = await alice.createRoom({ room_version: '9', creation_content: { type: 'm.x', 'm.federate': false } })
      for (const [type, content] of Object.entries(COPIED)) await alice.setState(old, type, '', content)
      await alice.setState(old, 'm.room.pinned_events', '', { pinned: ['$x'] })
      await alice.setState(old, 'org.example.own', '', { x: 1 })
      const powerLevels = await alice.getState(old, 'm.room.power_levels')
      powerLevels.users['@other:localhost'] = 40
      // The next steps must not keep the server from copying the rest.
      for (const type of Object.keys(COPIED)) powerLevels.events[type] = 80
      await alice.setState(old, 'm.room.power_levels', '', powerLevels)
      const room = await upgrade(alice, old, version)
      for (const [type, content] of Object.entries(COPIED)) expect(await alice.getState(room, type)).toEqual(content)
      const tombstone = (await alice.get(`/v3/rooms/${enc(old)}/state`)).find(
        (event: Json) => event.type === 'm.room.tombstone',
      )
      expect(tombstone.content.replacement_room).toBe(room)
      expect(await alice.getState(room, 'm.room.create')).toEqual({
        type: 'm.x',
        'm.federate': false,
        room_version: version,
        predecessor: { room_id: old, ...(version === '12' ? {} : { event_id: tombstone.event_id }) },
        ...(Number(version) < 11 ? { creator: alice.userId } : {}),
      })
      const { [alice.userId]: own, ...others } = powerLevels.users
      expect(await alice.getState(room, 'm.room.power_levels')).toEqual({
        ...powerLevels,
        users: version === '12' ? others : { ...others, [alice.userId]: own },
      })
      const types = (await timeline(alice, room)).map(({ type }: Json) => type)
      expect(types[0]).toBe('m.room.create')
      expect(types.filter((type) => type === 'm.room.power_levels')).toHaveLength(version === '12' ? 1 : 2)
      expect(types).not.toContain('m.room.pinned_events')
      expect(types).not.toContain('org.example.own')
    },
  )

  it('says in the new room that guests stay out, where the old one left that to the default', async () => {
    const [alice] = await people()
    const old = await alice.createRoom({ preset: 'public_chat' })
    expect((await timeline(alice, old)).map(({ type }: Json) => type)).not.toContain('m.room.guest_access')
    const room = await upgrade(alice, old, '11')
    expect(await alice.getState(room, 'm.room.guest_access')).toEqual({ guest_access: 'forbidden' })
  })

  it('puts the tombstone into the old room before its power levels are raised', async () => {
    const [alice, bob] = await people()
    const old = await alice.createRoom({ preset: 'public_chat', room_version: '10' })
    await bob.join(old)
    const room = await upgrade(alice, old, '11')
    const [frozen, tombstone] = await lastOf(alice, old, 2)
    expect([tombstone.type, tombstone.content]).toEqual([
      'm.room.tombstone',
      { body: 'This room has been replaced', replacement_room: room },
    ])
    expect(frozen.content).toMatchObject({ events_default: 50, invite: 50 })
    expect((await bob.request('PUT', `/v3/rooms/${enc(old)}/send/m.x/t`, { body: {} })).status).toBe(403)
    await bob.join(room)
    await bob.sendText(room, 'hello')
  })

  it('raises unusual power levels above those that everybody has, and leaves the new room with the old ones', async () => {
    const [alice] = await people()
    const old = await alice.createRoom({ room_version: '6' })
    const levels = await alice.getState(old, 'm.room.power_levels')
    await alice.setState(old, 'm.room.power_levels', '', {
      ...levels,
      users_default: 80,
      kick: '60',
      users: { [alice.userId]: 100 },
    })
    const room = await upgrade(alice, old, '10')
    expect(await alice.getState(old, 'm.room.power_levels')).toMatchObject({ events_default: 81, invite: 81 })
    expect(await alice.getState(room, 'm.room.power_levels')).toMatchObject({
      users_default: 80,
      events_default: 0,
      kick: 60,
      users: { [alice.userId]: 100 },
    })
  })

  it('gives whoever upgrades the power of a creator where the new version has no privileged ones', async () => {
    const [alice, bob] = await people()
    const old = await alice.createRoom({ room_version: '12', preset: 'public_chat' })
    await alice.setState(old, 'm.room.power_levels', '', {
      ...(await alice.getState(old, 'm.room.power_levels')),
      users: { [bob.userId]: 50 },
    })
    const room = await upgrade(alice, old, '11')
    expect((await alice.getState(room, 'm.room.power_levels')).users).toEqual({ [bob.userId]: 50, [alice.userId]: 150 })
  })

  it('takes additional creators for version 12, does not carry over the old ones, and names none of them in the power levels', async () => {
    const [alice, bob] = await people()
    const old = await alice.createRoom({ room_version: '11' })
    const levels = await alice.getState(old, 'm.room.power_levels')
    await alice.setState(old, 'm.room.power_levels', '', { ...levels, users: { ...levels.users, [bob.userId]: 100 } })
    const room = await upgrade(alice, old, '12', { additional_creators: [bob.userId, alice.userId, bob.userId] })
    expect((await alice.getState(room, 'm.room.create')).additional_creators).toEqual([bob.userId])
    expect((await alice.getState(room, 'm.room.power_levels')).users).toEqual({})
    const next = await upgrade(alice, room, '12')
    expect((await alice.getState(next, 'm.room.create')).additional_creators).toBeUndefined()
    const ignored = await upgrade(alice, next, '11', { additional_creators: ['no user'] })
    expect((await alice.getState(ignored, 'm.room.create')).additional_creators).toBeUndefined()
  })

  it('refuses with the specified errors and changes nothing', async () => {
    const [alice, bob] = await people()
    const old = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(old)
    const before = [await idsIn(alice, old), (await bob.get('/v3/joined_rooms')).joined_rooms]
    expect(await refused(alice, old, { new_version: 'my_bad_version' })).toEqual([400, 'M_UNSUPPORTED_ROOM_VERSION'])
    expect(await refused(alice, old, {})).toEqual([400, 'M_MISSING_PARAM'])
    expect((await refused(alice, old, { new_version: 12 }))[0]).toBe(400)
    expect(await refused(bob, old, { new_version: '12' })).toEqual([403, 'M_FORBIDDEN'])
    expect(await refused(bob, '!fail:unknown', { new_version: '12' })).toEqual([404, 'M_NOT_FOUND'])
    for (const additional_creators of [['no user'], ['@a:b', '\0'], Array.from({ length: 101 }, (_, i) => `@u${i}:x`)])
      expect((await refused(alice, old, { new_version: '12', additional_creators }))[0]).toBe(400)
    expect((await refused(alice, old, { new_version: '12', additional_creators: 'bob' }))[0]).toBe(400)
    expect([await idsIn(alice, old), (await bob.get('/v3/joined_rooms')).joined_rooms]).toEqual(before)
    const carol = await homeserver.register('carol')
    expect(await refused(carol, old, { new_version: '12' })).toEqual([403, 'M_FORBIDDEN'])
  })

  it('moves bans with their reasons, so that the banned cannot join', async () => {
    const [alice, bob] = await people()
    const old = await alice.createRoom({ preset: 'public_chat', room_version: '10' })
    await bob.join(old)
    await alice.ban(old, bob.userId, 'spam')
    await alice.ban(old, '@far:elsewhere.example')
    const room = await upgrade(alice, old, '12')
    expect(await alice.getState(room, 'm.room.member', bob.userId)).toEqual({ membership: 'ban', reason: 'spam' })
    expect(await alice.getState(room, 'm.room.member', '@far:elsewhere.example')).toEqual({ membership: 'ban' })
    expect((await bob.request('POST', `/v3/join/${enc(room)}`, { body: {} })).status).toBe(403)
  })

  it('moves aliases, and mends the canonical alias of both rooms and the list of 2015', async () => {
    const [alice] = await people()
    const name = alice.userId.slice(1).split(':')[0]
    const [main, other] = [`#${name}-main:localhost`, `#${name}-other:localhost`]
    const old = await alice.createRoom({ room_version: '5', room_alias_name: `${name}-main` })
    await alice.put(`/_matrix/client/api/v1/directory/room/${enc(other)}`, { room_id: old })
    await alice.setState(old, 'm.room.canonical_alias', '', { alias: main, alt_aliases: [other] })
    const room = await upgrade(alice, old, '5')
    for (const alias of [main, other]) expect((await alice.get(`/v3/directory/room/${enc(alias)}`)).room_id).toBe(room)
    expect(await alice.getState(old, 'm.room.canonical_alias')).toEqual({})
    expect(await alice.getState(room, 'm.room.canonical_alias')).toEqual({ alias: main, alt_aliases: [other] })
    expect(await alice.getState(old, 'm.room.aliases', 'localhost')).toEqual({ aliases: [] })
    expect((await alice.getState(room, 'm.room.aliases', 'localhost')).aliases.sort()).toEqual([main, other].sort())
  })

  it.each(['public', 'private'])('keeps whether the directory lists the room: %s', async (visibility) => {
    const [alice] = await people()
    const old = await alice.createRoom({ visibility, name: `listed ${alice.userId}` })
    const room = await upgrade(alice, old, '11')
    const shown = async (roomId: string) => (await alice.get(`/v3/directory/list/room/${enc(roomId)}`)).visibility
    expect([await shown(old), await shown(room)]).toEqual(['private', visibility])
    const found = await alice.post('/v3/publicRooms', { filter: { generic_search_term: alice.userId } })
    expect(found.chunk.map(({ room_id }: Json) => room_id)).toEqual(visibility === 'public' ? [room] : [])
  })

  it('takes a room of join rules that the new version does not know to invitations', async () => {
    const [alice] = await people()
    const allow = [{ type: 'm.room_membership', room_id: await alice.createRoom() }]
    const ruleAfter = async (content: Json, version: string) => {
      const old = await alice.createRoom({ room_version: '10' })
      await alice.setState(old, 'm.room.join_rules', '', content)
      return alice.getState(await upgrade(alice, old, version), 'm.room.join_rules')
    }
    const restricted = { join_rule: 'restricted', allow }
    expect(await ruleAfter(restricted, '8')).toEqual(restricted)
    expect(await ruleAfter(restricted, '7')).toEqual({ join_rule: 'invite' })
    expect(await ruleAfter({ join_rule: 'knock_restricted', allow }, '9')).toEqual({ join_rule: 'invite' })
    expect(await ruleAfter({ join_rule: 'knock' }, '6')).toEqual({ join_rule: 'invite' })
  })

  it('gives the same answer to the same request again, and upgrades a replaced room again on another wish', async () => {
    const [alice] = await people()
    const old = await alice.createRoom({ room_version: '10' })
    const room = await upgrade(alice, old, '11')
    const events = await idsIn(alice, old)
    expect(await upgrade(alice, old, '11')).toBe(room)
    expect(await idsIn(alice, old)).toEqual(events)
    const again = await upgrade(alice, old, '12')
    expect(again).not.toBe(room)
    expect((await alice.getState(old, 'm.room.tombstone')).replacement_room).toBe(again)
  })

  it('lets one of several upgrades at once win', async () => {
    const [alice, bob] = await people()
    const old = await alice.createRoom({ preset: 'trusted_private_chat', invite: [bob.userId], room_version: '10' })
    await bob.join(old)
    const ask = (client: TestClient) =>
      client.request('POST', `/v3/rooms/${enc(old)}/upgrade`, { body: { new_version: '11' } })
    const answers = await Promise.all([ask(alice), ask(bob), ask(alice), ask(bob)])
    const won = answers.filter(({ status }) => status === 200)
    expect(won).toHaveLength(2)
    expect(new Set(won.map(({ body }) => body.replacement_room)).size).toBe(1)
    for (const { status, body } of answers)
      if (status !== 200) expect([status, body.errcode]).toEqual([400, 'M_BAD_STATE'])
    expect((await timeline(alice, old)).filter(({ type }: Json) => type === 'm.room.tombstone')).toHaveLength(1)
  })

  it('refuses a tombstone that names its own room, as state and as a message', async () => {
    const [alice] = await people()
    const roomId = await alice.createRoom()
    const body = { body: 'x', replacement_room: roomId }
    for (const path of ['state/m.room.tombstone/', 'send/m.room.tombstone/t1'])
      expect((await alice.request('PUT', `/v3/rooms/${enc(roomId)}/${path}`, { body })).status).toBe(400)
  })
})
