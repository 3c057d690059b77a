import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { legacySync, refusal, v4Sync } from './requests.ts'

const LAZY = [['m.room.member', '$LAZY']]
const all = (last: number, over: object = {}) => ({
  lists: { all: { ranges: [[0, last]], timeline_limit: 1, required_state: [], ...over } },
})
const lazy = (limit: number) => all(9, { timeline_limit: limit, required_state: LAZY })
const members = (room: Json): Set<string> =>
  new Set(
    room.required_state.filter(({ type }: Json) => type === 'm.room.member').map(({ state_key }: Json) => state_key),
  )
const bodies = (room: Json): string[] => room.timeline.map(({ content }: Json) => content.body)

onEveryHomeserver('positions of sliding sync', (start) => {
  const homeserver = shareHomeserver(start)
  let count = 0
  const person = async (): Promise<TestClient> => (await homeserver()).register(`alice${++count}`)

  it('answers a position anew where the answer was lost, also with other lists', async () => {
    const alice = await person()
    const roomId = await alice.createRoom()
    const first = await legacySync(alice, all(0))
    await alice.sendText(roomId, 'one')
    const lost = await legacySync(alice, all(0), { pos: first.pos })
    await alice.sendText(roomId, 'two')
    const again = await legacySync(alice, all(5, { timeline_limit: 9 }), { pos: first.pos })
    expect(bodies(again.rooms[roomId]).slice(-2)).toEqual(['one', 'two'])
    expect(bodies(lost.rooms[roomId])).toEqual(['one'])
    const older = await legacySync(alice, all(0), { pos: again.pos })
    expect(older.rooms).toEqual({})
  })

  it('tells lazily loaded members again where the answer with them was lost, and else once', async () => {
    const alice = await person()
    const bob = await person()
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    await alice.sendText(roomId, 'from alice')
    const first = await legacySync(alice, lazy(1))
    expect(members(first.rooms[roomId])).toEqual(new Set([alice.userId]))
    await bob.sendText(roomId, 'from bob')
    const lost = await legacySync(alice, lazy(1), { pos: first.pos })
    expect(members(lost.rooms[roomId])).toEqual(new Set([bob.userId]))
    const second = await legacySync(alice, lazy(1), { pos: first.pos })
    expect(members(second.rooms[roomId])).toEqual(new Set([bob.userId]))
    await bob.sendText(roomId, 'more')
    const third = await legacySync(alice, lazy(1), { pos: second.pos })
    expect(members(third.rooms[roomId])).toEqual(new Set())
  })

  it('tells all changes of members behind no gap, and behind one whom the timeline needs', async () => {
    const [alice, bob, carol] = [await person(), await person(), await person()]
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const first = await legacySync(alice, lazy(3))
    await carol.join(roomId)
    const near = await legacySync(alice, lazy(3), { pos: first.pos })
    expect(members(near.rooms[roomId])).toContain(carol.userId)
    expect(near.rooms[roomId]).toMatchObject({ joined_count: 3 })
    await carol.leave(roomId)
    for (const text of ['1', '2', '3', '4']) await bob.sendText(roomId, text)
    const gap = await legacySync(alice, lazy(3), { pos: near.pos })
    expect(gap.rooms[roomId]).toMatchObject({ limited: true, num_live: 3, joined_count: 2 })
    expect(members(gap.rooms[roomId])).toEqual(new Set([bob.userId]))
  })

  it('goes on after a restart, with many rooms and few', async () => {
    await using server = await start()
    const alice = await server.register('alice')
    const rooms: string[] = []
    for (let index = 0; index < 30; index++) rooms.push(await alice.createRoom())
    let { pos } = await v4Sync(alice, { lists: { all: { range: [0, 9], timeline_limit: 1, required_state: {} } } })
    await server.restart()
    const grown = await v4Sync(alice, {
      lists: { all: { range: [0, 19], timeline_limit: 1, required_state: {} } },
      pos,
    })
    expect(Object.keys(grown.rooms)).toHaveLength(10)
    pos = grown.pos
    await alice.sendText(rooms[15] as string, 'known')
    await alice.sendText(rooms[0] as string, 'new')
    await server.restart()
    const after = await v4Sync(alice, {
      lists: { all: { range: [0, 19], timeline_limit: 1, required_state: {} } },
      pos,
    })
    expect(new Set(Object.keys(after.rooms))).toEqual(new Set([rooms[0], rooms[15]]))
    expect(after.rooms[rooms[15] as string]).not.toHaveProperty('initial')
    expect(after.rooms[rooms[0] as string]).toHaveProperty('initial')
  })

  it('names heroes of rooms without a name, and counts members when they change', async () => {
    const [alice, bob] = [await person(), await person()]
    await bob.put(`/v3/profile/${bob.userId}/displayname`, { displayname: 'Bob' })
    const roomId = await alice.createRoom({ preset: 'public_chat', name: '' })
    await bob.join(roomId)
    const first = await legacySync(alice, all(0))
    expect(first.rooms[roomId]).toMatchObject({
      heroes: [{ user_id: bob.userId, displayname: 'Bob' }],
      joined_count: 2,
    })
    expect(first.rooms[roomId]).not.toHaveProperty('name')
    await alice.setState(roomId, 'm.room.avatar', '', { url: 'mxc://localhost/avatar' })
    const second = await legacySync(alice, all(0), { pos: first.pos })
    expect(second.rooms[roomId]).toMatchObject({ avatar: 'mxc://localhost/avatar' })
    expect(second.rooms[roomId]).not.toHaveProperty('heroes')
    await bob.leave(roomId)
    const third = await legacySync(alice, all(0), { pos: second.pos })
    expect(third.rooms[roomId]).toMatchObject({ heroes: [{ user_id: bob.userId }], joined_count: 1 })
  })

  it('has a stamp of the last proper activity, above zero and the same on every connection', async () => {
    const alice = await person()
    const roomId = await alice.createRoom()
    await alice.sendText(roomId, 'proper')
    const first = await legacySync(alice, { ...all(0), conn_id: 'one' })
    const stamp = first.rooms[roomId].bump_stamp
    await alice.setState(roomId, 'm.room.topic', '', { topic: 'no activity' })
    const second = await legacySync(alice, { ...all(0), conn_id: 'one' }, { pos: first.pos })
    expect(second.rooms[roomId]).not.toHaveProperty('bump_stamp')
    expect((await legacySync(alice, { ...all(0), conn_id: 'two' })).rooms[roomId].bump_stamp).toBe(stamp)
    await alice.send(roomId, 'm.sticker', { body: 's' })
    const third = await legacySync(alice, { ...all(0), conn_id: 'one' }, { pos: second.pos })
    expect(third.rooms[roomId].bump_stamp).toBeGreaterThan(stamp)
  })

  it('waits for what is in scope, and not for the rest', async () => {
    const [alice, bob] = [await person(), await person()]
    const [quiet, loud] = [
      await alice.createRoom({ preset: 'public_chat' }),
      await alice.createRoom({ preset: 'public_chat' }),
    ]
    for (const roomId of [quiet, loud]) await bob.join(roomId)
    const body = { room_subscriptions: { [quiet]: { timeline_limit: 1, required_state: [] } } }
    const { pos } = await legacySync(alice, body)
    const waiting = legacySync(alice, body, { pos, timeout: 60_000 })
    await bob.sendText(loud, 'no matter')
    await bob.sendText(quiet, 'news')
    const { rooms } = await waiting
    expect(bodies(rooms[quiet])).toEqual(['news'])
    expect(rooms).not.toHaveProperty(loud)
    // Without a position there is nothing to wait for.
    expect((await legacySync(alice, { ...body, conn_id: 'new' }, { timeout: 60_000 })).rooms).toHaveProperty(quiet)
  })

  it('refuses what is out of bounds, and does nothing', async () => {
    const alice = await person()
    const list = { timeline_limit: 1, required_state: {} }
    const many = (name: (index: number) => string) =>
      Object.fromEntries(Array.from({ length: 101 }, (_, index) => [name(index), list]))
    for (const body of [
      { lists: many((index) => `l${index}`) },
      { room_subscriptions: many((index) => `!r${index}:localhost`) },
      { room_subscriptions: { 'no room': list } },
      { lists: { a: { ...list, range: [5, 1] } } },
      { lists: { a: { ...list, range: [-1, 1] } } },
      { lists: { a: { timeline_limit: 1 } } },
      { lists: { a: { ...list, timeline_limit: 'x' } } },
      { lists: { a: { ...list, filters: { is_dm: 'x' } } } },
      { set_presence: 'asleep' },
      { timeout: -1 },
      { extensions: { typing: 7 } },
    ])
      expect(await refusal(v4Sync(alice, body))).toEqual([400, 'M_INVALID_PARAM'])
    const { pos } = await v4Sync(alice, { lists: { a: list } })
    const [head] = pos.split('~')
    for (const memory of ['7~AAAA', '0~AAAA', '0~____', '0~', `0~${'A'.repeat(3000)}`, ''])
      await v4Sync(alice, { pos: `${head}~${memory}`, lists: { a: list } }).catch((error) =>
        expect(error.errcode).toBe('M_UNKNOWN_POS'),
      )
  })
})
