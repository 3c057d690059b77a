import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const filter = (content: object): { filter: string } => ({ filter: JSON.stringify(content) })
const members = (events: Json[]): string[] =>
  events.filter((event) => event.type === 'm.room.member').map((event) => event.state_key)
const lazy = filter({ room: { timeline: { limit: 1 }, state: { lazy_load_members: true } } })

describe('sync in detail', () => {
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

  const shared = async (options: object = {}): Promise<string> => {
    const roomId = await alice.createRoom({ preset: 'public_chat', ...options })
    await bob.join(roomId)
    await carol.join(roomId)
    return roomId
  }

  it('loads members lazily: those who speak, and oneself', async () => {
    const roomId = await shared({ name: 'Named' })
    await bob.sendText(roomId, 'hello')
    const first = await alice.sync(lazy)
    const room = first.rooms.join[roomId]
    expect(members(room.state.events).sort()).toEqual([alice.userId, bob.userId])
    await bob.sendText(roomId, 'again')
    const second = await alice.sync({ since: first.next_batch, ...lazy })
    expect(members(second.rooms.join[roomId].state.events)).toEqual([])
    await carol.sendText(roomId, 'me too')
    const third = await alice.sync({ since: second.next_batch, ...lazy })
    expect(members(third.rooms.join[roomId].state.events)).toEqual([carol.userId])
    const redundant = filter({
      room: { timeline: { limit: 1 }, state: { lazy_load_members: true, include_redundant_members: true } },
    })
    const again = await alice.sync({ since: second.next_batch, ...redundant })
    expect(members(again.rooms.join[roomId].state.events)).toEqual([carol.userId])
  })

  it('names heroes for rooms without a name, and counts members', async () => {
    const roomId = await shared()
    const { summary } = (await alice.sync(lazy)).rooms.join[roomId]
    expect(new Set(summary['m.heroes'])).toEqual(new Set([bob.userId, carol.userId]))
    expect([summary['m.joined_member_count'], summary['m.invited_member_count']]).toEqual([3, 0])
    const named = await shared({ name: 'Named' })
    expect((await alice.sync(lazy)).rooms.join[named].summary).not.toHaveProperty('m.heroes')
  })

  it('counts what is unread, until it is read', async () => {
    const roomId = await shared()
    const { next_batch: since } = await bob.sync()
    await alice.sendText(roomId, 'one')
    const last = await alice.send(roomId, 'm.room.message', {
      msgtype: 'm.text',
      body: 'look',
      'm.mentions': { user_ids: [bob.userId] },
    })
    await bob.sendText(roomId, 'own words do not count')
    const room = (await bob.sync({ since })).rooms.join[roomId]
    expect(room.unread_notifications).toEqual({ notification_count: 2, highlight_count: 1 })
    const { next_batch } = await bob.sync()
    await bob.receipt(roomId, last)
    const read = (await bob.sync({ since: next_batch })).rooms.join[roomId]
    expect(read.unread_notifications).toEqual({ notification_count: 0, highlight_count: 0 })
  })

  it('no longer counts what was redacted after it was counted', async () => {
    const roomId = await shared()
    let { next_batch: since } = await bob.sync()
    const said = [await alice.sendText(roomId, 'one'), await alice.sendText(roomId, 'two')]
    const countNow = async (): Promise<number> => {
      const answer = await bob.sync({ since })
      since = answer.next_batch
      return answer.rooms.join[roomId].unread_notifications.notification_count
    }
    expect(await countNow()).toBe(2)
    await alice.redact(roomId, said[0] ?? '')
    expect(await countNow()).toBe(1)
    await alice.sendText(roomId, 'three')
    expect(await countNow()).toBe(2)
    await alice.redact(roomId, said[1] ?? '')
    expect(await countNow()).toBe(1)
    expect((await bob.sync()).rooms.join[roomId].unread_notifications.notification_count).toBe(1)
  })

  it('counts threads apart where the filter asks for it', async () => {
    const roomId = await shared()
    const root = await alice.sendText(roomId, 'root')
    const { next_batch: since } = await bob.sync()
    await alice.send(roomId, 'm.room.message', {
      msgtype: 'm.text',
      body: 'in the thread',
      'm.relates_to': { rel_type: 'm.thread', event_id: root },
    })
    const apart = filter({ room: { timeline: { unread_thread_notifications: true } } })
    const room = (await bob.sync({ since, ...apart })).rooms.join[roomId]
    expect(room.unread_thread_notifications).toEqual({ [root]: { notification_count: 1, highlight_count: 0 } })
    expect(room.unread_notifications.notification_count).toBe(1)
    expect((await bob.sync({ since })).rooms.join[roomId].unread_notifications.notification_count).toBe(2)
  })

  it('carries typing, receipts, account data and presence, once', async () => {
    const roomId = await shared()
    const eventId = await alice.sendText(roomId, 'read me')
    const { next_batch: since } = await alice.sync()
    await bob.typing(roomId, 20_000)
    await bob.receipt(roomId, eventId)
    await bob.receipt(roomId, eventId, 'm.read.private')
    await alice.put(`/v3/user/${alice.userId}/account_data/org.example.colour`, { colour: 'green' })
    await alice.put(`/v3/user/${alice.userId}/rooms/${roomId}/account_data/org.example.note`, { note: 'x' })
    const answer = await alice.sync({ since })
    const ephemeral: Json[] = answer.rooms.join[roomId].ephemeral.events
    expect(ephemeral.find(({ type }) => type === 'm.typing').content.user_ids).toEqual([bob.userId])
    const receipts = ephemeral.find(({ type }) => type === 'm.receipt').content[eventId]
    expect(Object.keys(receipts)).toEqual(['m.read'])
    expect(Object.keys(receipts['m.read'])).toEqual([bob.userId])
    expect(answer.account_data.events).toEqual([{ type: 'org.example.colour', content: { colour: 'green' } }])
    expect(answer.rooms.join[roomId].account_data.events).toEqual([
      { type: 'org.example.note', content: { note: 'x' } },
    ])
    const quiet = await alice.sync({ since: answer.next_batch })
    expect(quiet.rooms.join).toEqual({})
    expect(quiet.account_data.events).toEqual([])
  })

  it('obeys filters: rooms, types, senders, fields, limits', async () => {
    const roomId = await shared()
    const other = await shared()
    const { next_batch: since } = await alice.sync()
    await bob.sendText(roomId, 'from bob')
    await carol.sendText(roomId, 'from carol')
    await carol.sendText(other, 'elsewhere')
    const ask = async (room: object, more: object = {}): Promise<Json> =>
      (await alice.sync({ since, ...filter({ room, ...more }) })).rooms.join
    const senders = async (room: object): Promise<string[]> =>
      (await ask(room))[roomId]?.timeline.events.map((event: Json) => event.sender) ?? []
    expect(Object.keys(await ask({ not_rooms: [other] }))).toEqual([roomId])
    expect(Object.keys(await ask({ rooms: [other] }))).toEqual([other])
    expect(await senders({ timeline: { senders: [bob.userId] } })).toEqual([bob.userId])
    expect(await senders({ timeline: { not_senders: [bob.userId] } })).toEqual([carol.userId])
    expect(await senders({ timeline: { types: ['m.room.mess*'] } })).toEqual([bob.userId, carol.userId])
    expect(await senders({ timeline: { types: ['m.room.topic'] } })).toEqual([])
    const fields = await ask({}, { event_fields: ['type', 'event_id', 'origin_server_ts', 'content.body', 'sender'] })
    const [cut] = fields[roomId].timeline.events
    expect(cut.content).toEqual({ body: 'from bob' })
    expect(Object.keys(cut).sort()).toEqual(['content', 'event_id', 'origin_server_ts', 'sender', 'type'])
    const none = await ask({ timeline: { limit: 0 } })
    expect(none[roomId].timeline).toMatchObject({ events: [], limited: true })
  })

  it('leaves out messages and invites of people who are ignored', async () => {
    const roomId = await shared()
    await alice.put(`/v3/user/${alice.userId}/account_data/m.ignored_user_list`, {
      ignored_users: { [bob.userId]: {} },
    })
    const { next_batch: since } = await alice.sync()
    await bob.sendText(roomId, 'ignored')
    await carol.sendText(roomId, 'heard')
    await bob.createRoom({ invite: [alice.userId] })
    const { rooms } = await alice.sync({ since })
    expect(rooms.join[roomId].timeline.events.map((event: Json) => event.content.body)).toEqual(['heard'])
    expect(rooms.invite).toEqual({})
    await alice.put(`/v3/user/${alice.userId}/account_data/m.ignored_user_list`, { ignored_users: {} })
  })

  it('shows who joined late only what the history visibility lets them see', async () => {
    const roomId = await alice.createRoom({
      preset: 'public_chat',
      initial_state: [{ type: 'm.room.history_visibility', state_key: '', content: { history_visibility: 'joined' } }],
    })
    await alice.sendText(roomId, 'before bob')
    await bob.join(roomId)
    await alice.sendText(roomId, 'with bob')
    const room = (await bob.sync(filter({ room: { timeline: { limit: 20 } } }))).rooms.join[roomId]
    const said = room.timeline.events.flatMap((event: Json) => event.content.body ?? [])
    expect(said).toEqual(['with bob'])
  })

  it('tells with events of the timeline, not with state, the membership that one had when they were sent', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    for (const topic of ['one', 'two']) await alice.put(`/v3/rooms/${roomId}/state/m.room.topic`, { topic })
    await alice.sendText(roomId, 'with bob')
    const room = (await bob.sync(filter({ room: { timeline: { limit: 1 } } }))).rooms.join[roomId]
    const told = (events: Json): unknown[] => events.map(({ unsigned }: Json) => unsigned?.membership)
    expect(told(room.timeline.events)).toEqual(['join'])
    expect(room.state.events.length).toBeGreaterThan(5)
    expect(new Set(told(room.state.events))).toEqual(new Set([undefined]))
    const state = await bob.get(`/v3/rooms/${roomId}/state`)
    expect(new Set(told(state))).toEqual(new Set([undefined]))
  })

  it('refuses what is no token, no filter, no timeout, and changes nothing', async () => {
    const refused = async (query: object): Promise<unknown> => {
      const { status, body } = await alice.request('GET', '/v3/sync', { query: { ...query } })
      return [status, body.errcode]
    }
    expect(await refused({ since: 'nonsense' })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused({ since: 'h1_999999999_0_0_0_0_0_0' })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused({ since: `h1_${'1_'.repeat(90)}` })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused({ filter: '{"room":[]}' })).toEqual([400, 'M_BAD_JSON'])
    expect(await refused({ filter: '{' })).toEqual([400, 'M_BAD_JSON'])
    expect(await refused({ filter: '999' })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused({ timeout: -1 })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await refused({ set_presence: 'dancing' })).toEqual([400, 'M_INVALID_PARAM'])
  })
})
