import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { legacySync, v4Sync } from './requests.ts'

const STATE = [
  ['m.room.name', ''],
  ['m.room.topic', ''],
  ['m.room.member', '$ME'],
]
const all = (over: object = {}) => ({
  lists: { all: { ranges: [[0, 19]], timeline_limit: 10, required_state: STATE, ...over } },
})
const ids = (events: Json[]): string[] => events.map(({ event_id }) => event_id)
const own = (events: Json[], { userId }: TestClient): string | undefined =>
  events.findLast(({ type, state_key }) => type === 'm.room.member' && state_key === userId)?.content.membership

onEveryHomeserver('memberships in sliding sync', (start) => {
  const homeserver = shareHomeserver(start)
  let count = 0
  const people = async (): Promise<[TestClient, TestClient]> => {
    const server = await homeserver()
    count++
    return [await server.register(`alice${count}`), await server.register(`bob${count}`)]
  }

  it('tells that one left a room, once, and only on connections that have it', async () => {
    const [alice, bob] = await people()
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Public' })
    await bob.join(roomId)
    const { pos } = await legacySync(bob, all())
    await bob.leave(roomId)
    const secret = await alice.sendText(roomId, 'secret')
    await alice.setState(roomId, 'm.room.topic', '', { topic: 'secret' })
    const left = await legacySync(bob, all(), { pos })
    expect(left.lists.all.count).toBe(0)
    const room = left.rooms[roomId]
    expect(own(room.required_state, bob)).toBe('leave')
    expect(JSON.stringify(room)).not.toContain('secret')
    expect(ids(room.timeline)).not.toContain(secret)
    expect((await legacySync(bob, all(), { pos: left.pos })).rooms).toEqual({})
    expect((await legacySync(bob, { ...all(), conn_id: 'new' })).rooms).toEqual({})
    // Whoever was in a room may ask for it by name.
    const named = { room_subscriptions: { [roomId]: { timeline_limit: 3, required_state: STATE } }, conn_id: 'named' }
    const old = await legacySync(bob, named)
    expect(own(old.rooms[roomId].timeline, bob)).toBe('leave')
    expect(JSON.stringify(old)).not.toContain('secret')
    expect((await legacySync(bob, named, { pos: old.pos })).rooms).toEqual({})
  })

  it('always tells that one was removed or banned, up to there and nothing later', async () => {
    const [alice, bob] = await people()
    const kicked = await alice.createRoom({ preset: 'public_chat', name: 'Kicked', topic: 'before' })
    const banned = await alice.createRoom({ preset: 'public_chat' })
    const never = await alice.createRoom({ preset: 'public_chat' })
    for (const roomId of [kicked, banned]) await bob.join(roomId)
    await alice.kick(kicked, bob.userId)
    await alice.ban(banned, bob.userId)
    await alice.ban(never, bob.userId)
    await alice.setState(kicked, 'm.room.topic', '', { topic: 'secret' })
    await alice.sendText(kicked, 'secret')
    const first = await v4Sync(bob, {
      lists: {
        all: { range: [0, 9], timeline_limit: 5, required_state: { include: STATE.map(([type]) => ({ type })) } },
      },
    })
    expect(first.lists.all.count).toBe(2)
    expect(new Set(Object.keys(first.rooms))).toEqual(new Set([kicked, banned]))
    expect(first.rooms[kicked]).toMatchObject({ membership: 'leave', initial: true, lists: ['all'] })
    expect(first.rooms[banned]).toMatchObject({ membership: 'ban' })
    expect(first.rooms[kicked].required_state.find(({ type }: Json) => type === 'm.room.topic').content.topic).toBe(
      'before',
    )
    expect(JSON.stringify(first)).not.toContain('secret')
    await bob.post(`/v3/rooms/${encodeURIComponent(kicked)}/forget`)
    expect((await legacySync(bob, { ...all(), conn_id: 'new' })).lists.all.count).toBe(1)
    await bob.join(kicked)
    const again = await legacySync(bob, { ...all(), conn_id: 'again' })
    expect(again.rooms[kicked]).toMatchObject({ initial: true, name: 'Kicked' })
  })

  it('tells a room anew to whoever comes back', async () => {
    const [alice, bob] = await people()
    const roomId = await alice.createRoom({ preset: 'public_chat', topic: 'first' })
    await bob.join(roomId)
    const { pos } = await legacySync(bob, all())
    await bob.leave(roomId)
    await alice.setState(roomId, 'm.room.topic', '', { topic: 'second' })
    await bob.join(roomId)
    const { rooms } = await legacySync(bob, all(), { pos })
    expect(rooms[roomId]).toMatchObject({ initial: true })
    expect(rooms[roomId].required_state.find(({ type }: Json) => type === 'm.room.topic').content.topic).toBe('second')
  })

  it('tells invites with stripped state, and what becomes of them', async () => {
    const [alice, bob] = await people()
    const roomId = await alice.createRoom({ preset: 'private_chat', name: 'Private', invite: [bob.userId] })
    const first = await legacySync(bob, all())
    const invite = first.rooms[roomId]
    expect(invite).toMatchObject({ initial: true, required_state: [], timeline: [] })
    expect(new Set(invite.invite_state.map(({ type }: Json) => type))).toEqual(
      new Set(['m.room.create', 'm.room.name', 'm.room.join_rules', 'm.room.member']),
    )
    expect(own(invite.invite_state, bob)).toBe('invite')
    expect(invite.bump_stamp).toBeGreaterThan(0)
    await alice.sendText(roomId, 'not for bob yet')
    expect((await legacySync(bob, all(), { pos: first.pos })).rooms).toEqual({})
    const v4 = await v4Sync(bob, { lists: { all: { timeline_limit: 1, required_state: {} } }, conn_id: 'v4' })
    expect(v4.rooms[roomId]).toMatchObject({ membership: 'invite', lists: ['all'], stripped_state: expect.any(Array) })
    await bob.leave(roomId)
    const rejected = await legacySync(bob, all(), { pos: first.pos })
    expect(own(rejected.rooms[roomId].required_state, bob)).toBe('leave')
    expect(JSON.stringify(rejected)).not.toContain('not for bob')
    expect(
      (await v4Sync(bob, { lists: { all: { timeline_limit: 1, required_state: {} } }, conn_id: 'v4', pos: v4.pos }))
        .rooms[roomId],
    ).toMatchObject({
      membership: 'leave',
    })
  })

  it('tells of knocking', async () => {
    const [alice, bob] = await people()
    const roomId = await alice.createRoom({ preset: 'private_chat', name: 'Door' })
    await alice.setState(roomId, 'm.room.join_rules', '', { join_rule: 'knock' })
    await bob.post(`/v3/knock/${encodeURIComponent(roomId)}`)
    const first = await v4Sync(bob, { lists: { all: { timeline_limit: 1, required_state: {} } } })
    expect(first.rooms[roomId]).toMatchObject({ membership: 'knock', initial: true })
    expect(own(first.rooms[roomId].stripped_state, bob)).toBe('knock')
    await alice.kick(roomId, bob.userId)
    const next = await v4Sync(bob, { lists: { all: { timeline_limit: 1, required_state: {} } }, pos: first.pos })
    expect(next.rooms[roomId]).toMatchObject({ membership: 'leave' })
    expect(next.lists.all.count).toBe(0)
  })

  it('leaves out the invites of ignored users, and takes them in when they are ignored no more', async () => {
    const [alice, bob] = await people()
    const ignore = (users: object) =>
      bob.put(`/v3/user/${bob.userId}/account_data/m.ignored_user_list`, { ignored_users: users })
    await ignore({ [alice.userId]: {} })
    const roomId = await alice.createRoom({ invite: [bob.userId] })
    const first = await legacySync(bob, all())
    expect(first).toMatchObject({ rooms: {}, lists: { all: { count: 0 } } })
    await ignore({})
    const next = await legacySync(bob, all(), { pos: first.pos })
    expect(next.lists.all.count).toBe(1)
    expect(next.rooms).toHaveProperty(roomId)
    await ignore({ [alice.userId]: {} })
    expect(await legacySync(bob, all(), { pos: next.pos })).toMatchObject({ rooms: {}, lists: { all: { count: 0 } } })
  })

  it('tells no room that one has nothing to do with, whatever is subscribed to', async () => {
    const [alice, bob] = await people()
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const config = { timeline_limit: 5, required_state: [['*', '*']] }
    const body = { room_subscriptions: { [roomId]: config, '!unknown:localhost': config } }
    const first = await legacySync(bob, body)
    expect(first.rooms).toEqual({})
    await bob.join(roomId)
    const next = await legacySync(bob, body, { pos: first.pos })
    expect(next.rooms[roomId]).toMatchObject({ initial: true, joined_count: 2 })
  })
})
