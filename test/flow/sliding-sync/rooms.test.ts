import { expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { legacySync, v4Sync } from './requests.ts'

const STATE = [
  ['m.room.name', ''],
  ['m.room.member', '$ME'],
  ['m.room.member', '$LAZY'],
  ['m.room.topic', ''],
  ['org.matrix.msc3401.call.member', '*'],
]
const list = (over: object = {}) => ({ ranges: [[0, 19]], timeline_limit: 1, required_state: STATE, ...over })
const all = (over: object = {}) => ({ lists: { all: list(over) } })
const types = (events: Json[]): string[] => events.map(({ type }) => type)
const keys = (events: Json[], type: string): string[] =>
  events.filter((event) => event.type === type).map((event) => event.state_key)

onEveryHomeserver('rooms in sliding sync', (start) => {
  const homeserver = shareHomeserver(start)
  let count = 0
  const people = async (): Promise<[TestClient, TestClient]> => {
    const server = await homeserver()
    count++
    return [await server.register(`alice${count}`), await server.register(`bob${count}`)]
  }
  const shared = async (one: TestClient, other: TestClient, options: object = {}): Promise<string> => {
    const roomId = await one.createRoom({ preset: 'public_chat', ...options })
    await other.join(roomId)
    return roomId
  }

  it('tells a room from its beginning once, and then what changed', async () => {
    const [alice, bob] = await people()
    const roomId = await shared(alice, bob, { name: 'Named', topic: 'About' })
    const eventId = await bob.sendText(roomId, 'hello')
    const first = await legacySync(alice, all())
    expect(first.lists).toEqual({ all: { count: 1 } })
    const room = first.rooms[roomId]
    expect(room).toMatchObject({
      initial: true,
      name: 'Named',
      limited: true,
      num_live: 0,
      joined_count: 2,
      invited_count: 0,
    })
    expect(room).not.toHaveProperty('heroes')
    expect(room.timeline.map(({ event_id }: Json) => event_id)).toEqual([eventId])
    expect(types(room.required_state).sort()).toEqual(['m.room.member', 'm.room.member', 'm.room.name', 'm.room.topic'])
    expect(keys(room.required_state, 'm.room.member').sort()).toEqual([alice.userId, bob.userId].sort())
    expect(room.bump_stamp).toBeGreaterThan(0)

    const quiet = await legacySync(alice, all(), { pos: first.pos })
    expect(quiet.rooms).toEqual({})
    const nextId = await bob.sendText(roomId, 'again')
    const next = await legacySync(alice, all(), { pos: quiet.pos })
    const changed = next.rooms[roomId]
    expect(changed.timeline.map(({ event_id }: Json) => event_id)).toEqual([nextId])
    expect(changed).toMatchObject({ num_live: 1, required_state: [] })
    for (const name of ['initial', 'name', 'joined_count', 'limited', 'heroes'])
      expect(changed).not.toHaveProperty(name)
    expect(changed.bump_stamp).toBeGreaterThan(room.bump_stamp)
  })

  it('tells the changes of the state, and not other state', async () => {
    const [alice, bob] = await people()
    const roomId = await shared(alice, bob, { name: 'Old' })
    const { pos } = await legacySync(alice, all())
    await alice.setState(roomId, 'm.room.name', '', { name: 'New' })
    await alice.setState(roomId, 'm.room.join_rules', '', { join_rule: 'invite' })
    await alice.setState(roomId, 'org.matrix.msc3401.call.member', '_@a:b_DEVICE', { application: 'm.call' })
    const { rooms } = await legacySync(alice, all({ timeline_limit: 5 }), { pos })
    expect(rooms[roomId]).toMatchObject({ name: 'New', unstable_expanded_timeline: true })
    expect(new Set(types(rooms[roomId].required_state))).toEqual(
      new Set(['m.room.member', 'm.room.name', 'org.matrix.msc3401.call.member']),
    )
  })

  it('orders rooms by their last event, and sends those in range alone', async () => {
    const [alice, bob] = await people()
    const rooms: string[] = []
    for (let index = 0; index < 4; index++) rooms.push(await shared(alice, bob))
    await bob.sendText(rooms[0] as string, 'newest')
    const top = { ranges: [[0, 1]] }
    const first = await legacySync(alice, all(top))
    expect(first.lists.all.count).toBe(4)
    expect(new Set(Object.keys(first.rooms))).toEqual(new Set([rooms[0], rooms[3]]))
    await bob.sendText(rooms[1] as string, 'up')
    const second = await legacySync(alice, all(top), { pos: first.pos })
    expect(Object.keys(second.rooms)).toEqual([rooms[1]])
    expect(second.rooms[rooms[1] as string]).toMatchObject({ initial: true, num_live: 1 })
    // Pushed out of the range meanwhile, and changed while it was out.
    await bob.sendText(rooms[2] as string, 'up')
    const third = await legacySync(alice, all(top), { pos: second.pos })
    expect(Object.keys(third.rooms)).toEqual([rooms[2]])
    const missed = await bob.setState(rooms[3] as string, 'm.room.member', bob.userId, {
      membership: 'join',
      displayname: 'B',
    })
    await bob.sendText(rooms[2] as string, 'one')
    await bob.sendText(rooms[1] as string, 'two')
    const fourth = await legacySync(alice, all(top), { pos: third.pos })
    expect(new Set(Object.keys(fourth.rooms))).toEqual(new Set([rooms[1], rooms[2]]))
    const fifth = await legacySync(alice, all({ ranges: [[0, 3]] }), { pos: fourth.pos })
    expect(Object.keys(fifth.rooms)).toEqual([rooms[3]])
    const back = fifth.rooms[rooms[3] as string]
    expect(back).not.toHaveProperty('initial')
    expect(back.timeline.map(({ event_id }: Json) => event_id)).toEqual([missed])
    // The room that was out and did not change is not told again.
    expect(fifth.rooms).not.toHaveProperty(rooms[0] as string)
  })

  it('answers in the form of MSC4186', async () => {
    const [alice, bob] = await people()
    const roomId = await shared(alice, bob, { name: 'Named' })
    const body = {
      lists: {
        one: {
          range: [0, 9],
          timeline_limit: 2,
          required_state: {
            include: [{ type: 'm.room.create' }, {}],
            exclude: [{ type: 'm.room.name' }],
            lazy_members: true,
          },
        },
        other: { range: [0, 0], timeline_limit: 1, required_state: {} },
      },
    }
    const first = await v4Sync(alice, body)
    expect(first.lists).toEqual({ one: { count: 1 }, other: { count: 1 } })
    const room = first.rooms[roomId]
    expect(room).toMatchObject({ membership: 'join', lists: ['one', 'other'], initial: true, name: 'Named' })
    expect(room).not.toHaveProperty('notification_count')
    expect(types(room.required_state)).toContain('m.room.create')
    expect(types(room.required_state)).not.toContain('m.room.name')
    expect(new Set(keys(room.required_state, 'm.room.member'))).toEqual(new Set([alice.userId, bob.userId]))
    expect(room.timeline).toHaveLength(2)
    const { chunk } = await alice.get(`/v3/rooms/${encodeURIComponent(roomId)}/messages`, { dir: 'b', from: first.pos })
    expect(chunk[0].event_id).toBe(room.timeline[1].event_id)
    await alice.setState(roomId, 'm.room.name', '', {})
    const next = await v4Sync(alice, { ...body, pos: first.pos })
    expect(next.rooms[roomId]).toMatchObject({ name: null, heroes: [{ user_id: bob.userId }] })
  })

  it('sends more of the timeline and of the state at once, where more is asked for', async () => {
    const [alice, bob] = await people()
    const roomId = await shared(alice, bob, { topic: 'About' })
    const sent: string[] = []
    for (const text of ['1', '2', '3']) sent.push(await bob.sendText(roomId, text))
    const narrow = { timeline_limit: 1, required_state: [['m.room.create', '']] }
    const first = await legacySync(alice, all(narrow))
    expect(types(first.rooms[roomId].required_state)).toEqual(['m.room.create'])
    const more = await legacySync(alice, all({ ...narrow, timeline_limit: 3 }), { pos: first.pos, timeout: 60_000 })
    expect(more.rooms[roomId]).toMatchObject({ unstable_expanded_timeline: true, num_live: 0 })
    expect(more.rooms[roomId].timeline.map(({ event_id }: Json) => event_id)).toEqual(sent)
    const state = {
      ...narrow,
      timeline_limit: 3,
      required_state: [
        ['m.room.create', ''],
        ['m.room.topic', ''],
      ],
    }
    const grown = await legacySync(alice, all(state), { pos: more.pos, timeout: 60_000 })
    expect(types(grown.rooms[roomId].required_state)).toEqual(['m.room.topic'])
    expect(grown.rooms[roomId].timeline).toEqual([])
    // Less, and the same as before again: the client has the timeline still.
    const less = await legacySync(alice, all(narrow), { pos: grown.pos })
    expect(less.rooms).toEqual({})
    const again = await legacySync(alice, all({ ...narrow, timeline_limit: 3 }), { pos: less.pos })
    expect(again.rooms).toEqual({})
  })

  it('combines the configs of all lists and subscriptions that a room matches', async () => {
    const [alice, bob] = await people()
    const roomId = await shared(alice, bob, { topic: 'About' })
    const body = {
      lists: { a: list({ timeline_limit: 1, required_state: [['m.room.create', '']] }) },
      room_subscriptions: { [roomId]: { timeline_limit: 4, required_state: [['m.room.topic', '']] } },
    }
    const { rooms } = await legacySync(alice, body)
    expect(types(rooms[roomId].required_state).sort()).toEqual(['m.room.create', 'm.room.topic'])
    expect(rooms[roomId].timeline).toHaveLength(4)
  })
})
