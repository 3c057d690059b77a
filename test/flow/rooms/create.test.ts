import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Body, Json, TestClient } from '../../support/client.ts'
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

const enc = encodeURIComponent
const stateOf = (client: TestClient, roomId: string): Promise<Json> => client.get(`/v3/rooms/${enc(roomId)}/state`)
const timelineOf = async (client: TestClient, roomId: string): Promise<Json[]> =>
  (await client.messages(roomId, { dir: 'f', limit: 100 })).chunk
const refused = async (body: Body): Promise<readonly [number, string]> => {
  const answer = await alice.request('POST', '/v3/createRoom', { body })
  return [answer.status, answer.body.errcode]
}

describe('createRoom', () => {
  it('sends the first events in the order of the specification', async () => {
    const roomId = await alice.createRoom({
      room_alias_name: 'order',
      name: 'Order',
      topic: 'of events',
      invite: [bob.userId],
      initial_state: [{ type: 'm.room.encryption', content: { algorithm: 'm.megolm.v1.aes-sha2' } }],
    })
    expect((await timelineOf(alice, roomId)).map(({ type }: Json) => type)).toEqual([
      'm.room.create',
      'm.room.member',
      'm.room.power_levels',
      'm.room.canonical_alias',
      'm.room.join_rules',
      'm.room.history_visibility',
      'm.room.guest_access',
      'm.room.encryption',
      'm.room.name',
      'm.room.topic',
      'm.room.member',
    ])
    expect(await alice.getState(roomId, 'm.room.canonical_alias')).toEqual({ alias: '#order:localhost' })
    expect(await alice.getState(roomId, 'm.room.topic')).toEqual({
      topic: 'of events',
      'm.topic': { 'm.text': [{ body: 'of events', mimetype: 'text/plain' }] },
    })
    expect((await alice.get('/v3/directory/room/%23order%3Alocalhost')).room_id).toBe(roomId)
  })

  it.each([
    [{}, 'invite', 'can_join', false],
    [{ visibility: 'private' }, 'invite', 'can_join', false],
    [{ visibility: 'public' }, 'public', undefined, true],
    [{ preset: 'public_chat' }, 'public', undefined, false],
    [{ preset: 'trusted_private_chat', visibility: 'public' }, 'invite', 'can_join', true],
  ] as const)('with %j follows the table of presets', async (options, joinRule, guests, isListed) => {
    const roomId = await alice.createRoom(options)
    const state: Json[] = await stateOf(alice, roomId)
    const content = (type: string): Json => state.find((event) => event.type === type)?.content
    expect(content('m.room.join_rules')).toEqual({ join_rule: joinRule })
    expect(content('m.room.history_visibility')).toEqual({ history_visibility: 'shared' })
    expect(content('m.room.guest_access')?.guest_access).toBe(guests)
    const { visibility } = await alice.get(`/v3/directory/list/room/${enc(roomId)}`)
    expect(visibility).toBe(isListed ? 'public' : 'private')
  })

  it('makes every invitee an equal in a trusted private chat, before and since creators stand above power levels', async () => {
    const options = { preset: 'trusted_private_chat', invite: [bob.userId], is_direct: true }
    const old = await alice.createRoom({ ...options, room_version: '11' })
    expect((await alice.getState(old, 'm.room.power_levels')).users).toEqual({ [alice.userId]: 100, [bob.userId]: 100 })
    const current = await alice.createRoom({
      ...options,
      creation_content: { additional_creators: ['@carol:localhost'] },
    })
    const create = await alice.getState(current, 'm.room.create')
    expect(create.additional_creators).toEqual(['@carol:localhost', bob.userId])
    expect((await alice.getState(current, 'm.room.power_levels')).users).toEqual({})
    expect(await alice.getState(current, 'm.room.member', bob.userId)).toMatchObject({
      membership: 'invite',
      is_direct: true,
    })
  })

  it.each(Array.from({ length: 12 }, (_, index) => String(index + 1)))(
    'makes rooms of version %s that work',
    async (version) => {
      const roomId = await alice.createRoom({
        room_version: version,
        preset: 'public_chat',
        creation_content: { creator: '@x:y', room_version: '99', 'm.federate': false },
      })
      const create = await alice.getState(roomId, 'm.room.create')
      expect([create.room_version, create['m.federate']]).toEqual([version, false])
      expect(create.creator).toBe(Number(version) < 11 ? alice.userId : undefined)
      await bob.join(roomId)
      const eventId = await bob.sendText(roomId, 'hello')
      await alice.redact(roomId, eventId)
      expect((await bob.getEvent(roomId, eventId)).content).toEqual({})
    },
  )

  it('lays the override of power levels over the default ones, and lets initial state replace what the preset sets', async () => {
    const roomId = await alice.createRoom({
      power_level_content_override: { invite: 77, events: { 'm.room.name': 1 } },
      initial_state: [{ type: 'm.room.join_rules', state_key: '', content: { join_rule: 'knock' } }],
    })
    expect(await alice.getState(roomId, 'm.room.power_levels')).toMatchObject({
      invite: 77,
      state_default: 50,
      events: { 'm.room.name': 1 },
    })
    expect((await timelineOf(alice, roomId)).filter(({ type }: Json) => type === 'm.room.join_rules')).toHaveLength(1)
    expect(await alice.getState(roomId, 'm.room.join_rules')).toEqual({ join_rule: 'knock' })
  })

  it('makes no room at all where one part of it is refused', async () => {
    const rooms = await alice.get('/v3/joined_rooms')
    expect(await refused({ room_version: 1 })).toEqual([400, 'M_BAD_JSON'])
    expect(await refused({ room_version: 'agjkyh' })).toEqual([400, 'M_UNSUPPORTED_ROOM_VERSION'])
    expect(await refused({ preset: 'loud' })).toEqual([400, 'M_BAD_JSON'])
    expect(await refused({ visibility: 'secret' })).toEqual([400, 'M_BAD_JSON'])
    expect(await refused({ room_alias_name: 'a:b' })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused({ room_alias_name: 'two words' })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused({ room_alias_name: '' })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused({ invite: ['bob'] })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused({ invite: [alice.userId] })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused({ invite: ['@nobody:localhost'] })).toEqual([404, 'M_NOT_FOUND'])
    expect(await refused({ invite: Array.from({ length: 101 }, (_, i) => `@u${i}:localhost`) })).toEqual([
      400,
      'M_BAD_JSON',
    ])
    expect(await refused({ invite_3pid: [{ medium: 'email', address: 'a@b.c' }] })).toEqual([403, 'M_THREEPID_DENIED'])
    expect(await refused({ name: 7 })).toEqual([400, 'M_BAD_JSON'])
    expect(await refused({ power_level_content_override: { users: { [bob.userId]: 'high' } } })).toEqual([
      400,
      'M_INVALID_ROOM_STATE',
    ])
    expect(
      await refused({
        power_level_content_override: { events: { 'm.room.name': 1000 }, users_default: 0 },
        room_version: '11',
        name: 'x',
      }),
    ).toEqual([400, 'M_INVALID_ROOM_STATE'])
    expect(await refused({ creation_content: { additional_creators: 'bob' } })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused({ creation_content: { additional_creators: ['bob'] } })).toEqual([400, 'M_INVALID_ROOM_STATE'])
    expect(await refused({ name: 'n'.repeat(70_000) })).toEqual([413, 'M_TOO_LARGE'])
    expect(await alice.get('/v3/joined_rooms')).toEqual(rooms)
  })

  it('takes no invites and no foreign aliases in the guise of initial state', async () => {
    const withState = (type: string, stateKey: string, content: Body) =>
      refused({ initial_state: [{ type, state_key: stateKey, content }] })
    expect(await withState('m.room.member', bob.userId, { membership: 'invite' })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await withState('m.room.create', '', {})).toEqual([400, 'M_INVALID_PARAM'])
    expect(await withState('m.room.canonical_alias', '', { alias: '#elsewhere:localhost' })).toEqual([
      400,
      'M_BAD_ALIAS',
    ])
    expect(await withState('x\0', '', {})).toEqual([400, 'M_INVALID_PARAM'])
    expect(await withState('m.x', '\uD800', {})).toEqual([400, 'M_BAD_JSON'])
  })

  it('gives an alias to one of many who ask for it at once', async () => {
    const asked = await Promise.all(
      Array.from({ length: 5 }, () => alice.request('POST', '/v3/createRoom', { body: { room_alias_name: 'wanted' } })),
    )
    expect(asked.filter(({ status }) => status === 200)).toHaveLength(1)
    expect(asked.filter(({ body }) => body.errcode === 'M_ROOM_IN_USE')).toHaveLength(4)
  })

  it('respects who wants no invites', async () => {
    const quiet = await homeserver.register('quiet')
    await quiet.put(`/v3/user/${enc(quiet.userId)}/account_data/m.invite_permission_config`, {
      default_action: 'block',
    })
    expect(await refused({ invite: [quiet.userId] })).toEqual([403, 'M_INVITE_BLOCKED'])
  })
})
