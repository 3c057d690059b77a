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
const post = async (client: TestClient, path: string, body: unknown = {}, query = {}) => {
  const answer = await client.request('POST', path, { body, query })
  return answer.status === 200 ? 200 : [answer.status, answer.body.errcode]
}
const of = (client: TestClient, roomId: string, action: string, body: Body = {}) =>
  post(client, `/v3/rooms/${enc(roomId)}/${action}`, body)
const membershipOf = async (client: TestClient, roomId: string, target: TestClient) =>
  (await client.getState(roomId, 'm.room.member', target.userId)).membership
const FORBIDDEN = [403, 'M_FORBIDDEN']

describe('joining', () => {
  it('works by id and by alias, with servers to go through, once', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'joinable' })
    expect(
      await post(
        bob,
        `/v3/join/${enc('#joinable:localhost')}`,
        {},
        { via: ['localhost', 'matrix.org'], server_name: 'x.org' },
      ),
    ).toBe(200)
    const before = await alice.messages(roomId, { dir: 'b', limit: 1 })
    expect(await of(bob, roomId, 'join', { reason: 'again' })).toBe(200)
    expect((await bob.request('POST', `/v3/join/${enc(roomId)}`)).body).toEqual({ room_id: roomId })
    expect((await alice.messages(roomId, { dir: 'b', limit: 1 })).chunk[0].event_id).toBe(before.chunk[0].event_id)
  })

  it('puts what the client says into the member event, but not what is the server’s to say', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const said = { foo: 'bar', reason: 'fun', membership: 'ban', join_authorised_via_users_server: alice.userId }
    expect(await of(bob, roomId, 'join', said)).toBe(200)
    expect(await alice.getState(roomId, 'm.room.member', bob.userId)).toMatchObject({
      membership: 'join',
      foo: 'bar',
      reason: 'fun',
    })
    expect(await alice.getState(roomId, 'm.room.member', bob.userId)).not.toHaveProperty(
      'join_authorised_via_users_server',
    )
  })

  it('is refused without an invite, by a third party’s word, and to rooms nobody knows', async () => {
    const roomId = await alice.createRoom()
    expect(await of(bob, roomId, 'join')).toEqual(FORBIDDEN)
    expect(await of(bob, roomId, 'join', { third_party_signed: {} })).toEqual([403, 'M_THREEPID_DENIED'])
    expect(await of(bob, '!nowhere:localhost', 'join')).toEqual([404, 'M_NOT_FOUND'])
    expect(await post(bob, `/v3/join/${enc('#nothing:localhost')}`)).toEqual([404, 'M_NOT_FOUND'])
    expect(await post(bob, `/v3/join/${enc('#a:127.0.0.1:1')}`)).toEqual([504, 'M_UNKNOWN'])
    expect(await post(bob, '/v3/join/nothing')).toEqual([400, 'M_INVALID_PARAM'])
    expect(await of(bob, 'nothing', 'join')).toEqual([400, 'M_INVALID_PARAM'])
    expect(await of(bob, roomId, 'join', { reason: 1 })).toEqual([400, 'M_BAD_JSON'])
  })

  it('to a restricted room is for members of the rooms it names', async () => {
    const hall = await alice.createRoom({ preset: 'public_chat' })
    const rule = { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: hall }] }
    const roomId = await alice.createRoom({ initial_state: [{ type: 'm.room.join_rules', content: rule }] })
    expect(await of(bob, roomId, 'join')).toEqual(FORBIDDEN)
    await bob.join(hall)
    expect(await of(bob, roomId, 'join')).toBe(200)
    expect((await alice.getState(roomId, 'm.room.member', bob.userId)).join_authorised_via_users_server).toBe(
      alice.userId,
    )
  })

  it('to a restricted room: a profile change does not carry join_authorised_via_users_server on', async () => {
    const hall = await alice.createRoom({ preset: 'public_chat' })
    const rule = { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: hall }] }
    const roomId = await alice.createRoom({ initial_state: [{ type: 'm.room.join_rules', content: rule }] })
    await bob.join(hall)
    await bob.join(roomId)
    const { next_batch: since } = await alice.sync()
    await bob.put(`/v3/profile/${enc(bob.userId)}/displayname`, { displayname: 'Bobby' })
    const isTold = ({ rooms }: Json) => rooms?.join?.[roomId]?.timeline.events.length > 0
    await alice.syncUntil(since, isTold)
    expect(await alice.getState(roomId, 'm.room.member', bob.userId)).toEqual({
      membership: 'join',
      displayname: 'Bobby',
    })
    await bob.put(`/v3/profile/${enc(bob.userId)}/displayname`, { displayname: 'bob' })
  })

  it.each([
    ['never asked there', async () => {}],
    ['was only invited there', (hall: string) => alice.invite(hall, bob.userId)],
    ['only knocked there', (hall: string) => bob.post(`/v3/knock/${enc(hall)}`)],
    [
      'left it',
      async (hall: string) => {
        await alice.invite(hall, bob.userId)
        await bob.join(hall)
        await bob.leave(hall)
      },
    ],
    [
      'was removed from it',
      async (hall: string) => {
        await alice.invite(hall, bob.userId)
        await bob.join(hall)
        await alice.kick(hall, bob.userId)
      },
    ],
    [
      'was banned from it',
      async (hall: string) => {
        await alice.invite(hall, bob.userId)
        await bob.join(hall)
        await alice.ban(hall, bob.userId)
      },
    ],
  ])('to a restricted room is refused to a user who %s', async (_, before) => {
    const knocking = { type: 'm.room.join_rules', content: { join_rule: 'knock' } }
    const hall = await alice.createRoom({ initial_state: [knocking] })
    const allow = [{ type: 'm.room_membership', room_id: hall }]
    for (const rule of ['restricted', 'knock_restricted']) {
      const rules = { type: 'm.room.join_rules', content: { join_rule: rule, allow } }
      const roomId = await alice.createRoom({ initial_state: [rules] })
      if (rule === 'restricted') await before(hall)
      expect(await of(bob, roomId, 'join')).toEqual(FORBIDDEN)
    }
  })
})

describe('inviting', () => {
  it('lets in, may be turned down, and needs a member with the power to do it', async () => {
    const roomId = await alice.createRoom()
    expect(await of(bob, roomId, 'invite', { user_id: carol.userId })).toEqual(FORBIDDEN)
    expect(await of(alice, roomId, 'invite', { user_id: bob.userId, reason: 'hi' })).toBe(200)
    expect(await alice.getState(roomId, 'm.room.member', bob.userId)).toMatchObject({
      membership: 'invite',
      reason: 'hi',
    })
    expect(await of(bob, roomId, 'leave')).toBe(200)
    expect(await of(bob, roomId, 'join')).toEqual(FORBIDDEN)
    expect(await of(alice, roomId, 'invite', { user_id: bob.userId })).toBe(200)
    expect(await of(bob, roomId, 'join')).toBe(200)
  })

  it('is refused to oneself, to members, to the banned, to strangers, and by third-party ids', async () => {
    const roomId = await alice.createRoom({ invite: [bob.userId] })
    await bob.join(roomId)
    await alice.ban(roomId, carol.userId)
    for (const target of [alice, bob, carol])
      expect(await of(alice, roomId, 'invite', { user_id: target.userId })).toEqual(FORBIDDEN)
    expect(await of(alice, roomId, 'invite', { user_id: '@x:127.0.0.1:1' })).toEqual([504, 'M_UNKNOWN'])
    expect(await of(alice, roomId, 'invite', { user_id: '@nobody:localhost' })).toEqual([404, 'M_NOT_FOUND'])
    expect(await of(alice, roomId, 'invite', { user_id: 'bob' })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await of(alice, roomId, 'invite')).toEqual([400, 'M_MISSING_PARAM'])
    expect(await of(alice, '!nowhere:localhost', 'invite', { user_id: bob.userId })).toEqual(FORBIDDEN)
    const thirdParty = { id_server: 'x.org', id_access_token: 'x', medium: 'email', address: 'a@b.c' }
    expect(await of(alice, roomId, 'invite', thirdParty)).toEqual([403, 'M_THREEPID_DENIED'])
  })

  it('can be turned down after everybody else has left', async () => {
    const roomId = await alice.createRoom({ invite: [bob.userId] })
    await alice.leave(roomId)
    expect(await of(bob, roomId, 'leave')).toBe(200)
  })
})

describe('kicking and banning', () => {
  it('need power over who is there', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    await carol.join(roomId)
    const bobIs = { user_id: bob.userId, reason: 'because' }
    expect(await of(carol, roomId, 'kick', bobIs)).toEqual(FORBIDDEN)
    expect(await of(carol, roomId, 'ban', bobIs)).toEqual(FORBIDDEN)
    expect(await of(alice, roomId, 'kick', bobIs)).toBe(200)
    expect(await carol.getState(roomId, 'm.room.member', bob.userId)).toMatchObject({
      membership: 'leave',
      reason: 'because',
    })
    expect(await of(alice, roomId, 'kick', bobIs)).toEqual(FORBIDDEN)
    expect(await of(alice, roomId, 'kick', { user_id: '@x:127.0.0.1:1' })).toEqual(FORBIDDEN)
    expect(await of(bob, roomId, 'join')).toBe(200)
    expect(await of(alice, roomId, 'ban', bobIs)).toBe(200)
    for (const [client, action] of [
      [bob, 'join'],
      [alice, 'invite'],
      [alice, 'kick'],
      [bob, 'leave'],
    ] as const)
      expect(await of(client, roomId, action, bobIs)).toEqual(FORBIDDEN)
    expect(await of(carol, roomId, 'unban', bobIs)).toEqual(FORBIDDEN)
    expect(await of(alice, roomId, 'unban', bobIs)).toBe(200)
    expect(await of(alice, roomId, 'unban', bobIs)).toEqual([403, 'M_BAD_STATE'])
    expect(await of(bob, roomId, 'join')).toBe(200)
  })

  it('ban whom the room never saw, and are refused in rooms nobody knows', async () => {
    const roomId = await alice.createRoom()
    expect(await of(alice, roomId, 'ban', { user_id: '@stranger:elsewhere.org' })).toBe(200)
    for (const action of ['kick', 'ban', 'unban']) {
      expect(await of(alice, '!nowhere:localhost', action, { user_id: bob.userId })).toEqual(FORBIDDEN)
      expect(await of(alice, roomId, action, { user_id: 'bob' })).toEqual([400, 'M_INVALID_PARAM'])
      expect(await of(alice, roomId, action)).toEqual([400, 'M_MISSING_PARAM'])
    }
  })
})

describe('leaving and forgetting', () => {
  it('go in this order', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    expect(await of(bob, roomId, 'forget')).toEqual([400, 'M_UNKNOWN'])
    expect(await of(bob, roomId, 'leave', { reason: 'bye' })).toBe(200)
    expect(await alice.getState(roomId, 'm.room.member', bob.userId)).toMatchObject({
      membership: 'leave',
      reason: 'bye',
    })
    expect(await of(bob, roomId, 'leave')).toBe(200)
    expect((await bob.messages(roomId, { dir: 'b' })).chunk[0].content.membership).toBe('leave')
    expect(await of(bob, roomId, 'forget')).toBe(200)
    expect((await bob.request('GET', `/v3/rooms/${enc(roomId)}/messages?dir=b`)).status).toBe(403)
    expect(await of(bob, roomId, 'join')).toBe(200)
    expect((await bob.messages(roomId, { dir: 'b' })).chunk.length).toBeGreaterThan(3)
  })

  it('are for rooms one was in', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    expect(await of(carol, roomId, 'leave')).toEqual(FORBIDDEN)
    expect(await of(carol, roomId, 'forget')).toEqual([404, 'M_NOT_FOUND'])
    expect(await of(carol, '!nowhere:localhost', 'leave')).toEqual([404, 'M_NOT_FOUND'])
    expect(await of(carol, '!nowhere:localhost', 'forget')).toEqual([404, 'M_NOT_FOUND'])
  })
})

describe('knocking', () => {
  it('asks to be let in, where the room takes knocks', async () => {
    const initial = [{ type: 'm.room.join_rules', content: { join_rule: 'knock' } }]
    const roomId = await alice.createRoom({ initial_state: initial, room_alias_name: 'knock-here' })
    expect(
      await post(bob, `/v3/knock/${enc('#knock-here:localhost')}`, { reason: 'please' }, { via: 'localhost' }),
    ).toBe(200)
    expect(await alice.getState(roomId, 'm.room.member', bob.userId)).toMatchObject({
      membership: 'knock',
      reason: 'please',
    })
    expect(await of(bob, roomId, 'join')).toEqual(FORBIDDEN)
    expect(await of(alice, roomId, 'invite', { user_id: bob.userId })).toBe(200)
    expect(await of(bob, roomId, 'join')).toBe(200)
    expect(await membershipOf(alice, roomId, bob)).toBe('join')
    expect(await post(bob, `/v3/knock/${enc(roomId)}`)).toEqual(FORBIDDEN)
    expect(await post(carol, `/v3/knock/${enc(roomId)}`)).toBe(200)
    expect(await of(alice, roomId, 'kick', { user_id: carol.userId })).toBe(200)
  })

  it('is refused elsewhere', async () => {
    const closed = await alice.createRoom()
    const old = await alice.createRoom({ room_version: '6' })
    expect(await post(carol, `/v3/knock/${enc(closed)}`)).toEqual(FORBIDDEN)
    expect(await post(carol, `/v3/knock/${enc(old)}`)).toEqual(FORBIDDEN)
    expect(await post(carol, '/v3/knock/!nowhere:localhost')).toEqual([404, 'M_NOT_FOUND'])
  })
})
