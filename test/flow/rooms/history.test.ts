import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
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
const bodies = (answer: Json): string[] => answer.chunk.flatMap((event: Json) => event.content.body ?? [])
const all = async (client: TestClient, roomId: string) =>
  bodies(await client.messages(roomId, { dir: 'f', limit: 200 }))
const statusOf = async (client: TestClient, path: string) => (await client.request('GET', path)).status

describe('history visibility', () => {
  it.each([
    ['world_readable', ['before', 'invited', 'joined'], true],
    ['shared', ['before', 'invited', 'joined'], false],
    ['invited', ['invited', 'joined'], false],
    ['joined', ['joined'], false],
  ] as const)('%s shows who joins later %j', async (visibility, seen, isOpen) => {
    const initial = [{ type: 'm.room.history_visibility', content: { history_visibility: visibility } }]
    const roomId = await alice.createRoom({ initial_state: initial })
    const ids = { before: await alice.sendText(roomId, 'before') }
    const messages = await carol.request('GET', `/v3/rooms/${enc(roomId)}/messages?dir=b`)
    expect(messages.status).toBe(isOpen ? 200 : 403)
    if (isOpen) expect(bodies(messages.body)).toEqual(['before'])
    await alice.invite(roomId, bob.userId)
    await alice.sendText(roomId, 'invited')
    await bob.join(roomId)
    await alice.sendText(roomId, 'joined')
    expect(await all(bob, roomId)).toEqual(seen)
    const isSeen = seen.some((text) => text === 'before')
    expect(await statusOf(bob, `/v3/rooms/${enc(roomId)}/event/${ids.before}`)).toBe(isSeen ? 200 : 404)
    expect(await statusOf(bob, `/v3/rooms/${enc(roomId)}/context/${ids.before}`)).toBe(isSeen ? 200 : 404)
  })

  it('of each event is the one it was sent under, and its changes are seen on both sides', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    const set = (visibility: string) =>
      alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: visibility })
    await set('joined')
    await alice.sendText(roomId, '1')
    await set('invited')
    await alice.sendText(roomId, '2')
    await set('shared')
    await alice.sendText(roomId, '3')
    await bob.join(roomId)
    const seen = (await bob.messages(roomId, { dir: 'b', limit: 4 })).chunk.map(
      ({ content, type }: Json) => content.history_visibility ?? content.body ?? type,
    )
    expect(seen).toEqual(['m.room.member', '3', 'shared', 'joined'])
  })

  it('ends where one left, in both directions and in everything read by id', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    await alice.sendText(roomId, 'M1')
    const { next_batch: token } = await alice.sync()
    await bob.leave(roomId)
    const later = await alice.sendText(roomId, 'M2')
    const { next_batch: now } = await alice.sync()
    for (const query of [{ dir: 'b' }, { dir: 'b', from: now }, { dir: 'b', from: '' }]) {
      const { chunk } = await bob.messages(roomId, { ...query, limit: 2 })
      expect(chunk.map(({ content }: Json) => content.membership ?? content.body)).toEqual(['leave', 'M1'])
    }
    expect((await bob.messages(roomId, { dir: 'f', from: now })).chunk).toEqual([])
    expect((await bob.messages(roomId, { dir: 'f', from: token })).chunk).toHaveLength(1)
    expect(await statusOf(bob, `/v3/rooms/${enc(roomId)}/event/${later}`)).toBe(404)
    expect(await statusOf(bob, `/v3/rooms/${enc(roomId)}/context/${later}`)).toBe(404)
    expect(await statusOf(bob, `/v3/rooms/${enc(roomId)}/members?at=${now}`)).toBe(200)
  })

  it('is nobody’s who was never there', async () => {
    const roomId = await alice.createRoom({ invite: [bob.userId] })
    const eventId = await alice.sendText(roomId, 'private')
    for (const client of [bob, carol]) {
      expect(await statusOf(client, `/v3/rooms/${enc(roomId)}/messages?dir=b`)).toBe(403)
      expect(await statusOf(client, `/v3/rooms/${enc(roomId)}/context/${eventId}`)).toBe(403)
      expect(await statusOf(client, `/v3/rooms/${enc(roomId)}/event/${eventId}`)).toBe(404)
    }
    const other = await carol.createRoom()
    expect(await statusOf(carol, `/v3/rooms/${enc(other)}/event/${eventId}`)).toBe(404)
    expect(await statusOf(carol, `/v3/rooms/${enc(other)}/context/${eventId}`)).toBe(404)
  })
})

describe('ignored users', () => {
  it('are not heard in any way of reading, but their state is seen', async () => {
    const dave = await homeserver.register('dave')
    const roomId = await dave.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const eventId = await bob.sendText(roomId, 'noise')
    await dave.sendText(roomId, 'signal')
    const ignored = { ignored_users: { [bob.userId]: {} } }
    await dave.put(`/v3/user/${enc(dave.userId)}/account_data/m.ignored_user_list`, ignored)
    expect(await all(dave, roomId)).toEqual(['signal'])
    const types = (await dave.messages(roomId, { dir: 'b', limit: 3 })).chunk.map(({ state_key: key }: Json) => key)
    expect(types).toContain(bob.userId)
    expect(await statusOf(dave, `/v3/rooms/${enc(roomId)}/event/${eventId}`)).toBe(404)
    expect(await all(bob, roomId)).toEqual(['noise', 'signal'])
  })

  it('are others: who puts themselves into the list reads on what they wrote', async () => {
    const erin = await homeserver.register('erin')
    const roomId = await erin.createRoom({ preset: 'public_chat' })
    await bob.join(roomId)
    const eventId = await erin.sendText(roomId, 'my own')
    await bob.sendText(roomId, 'noise')
    const ignored = { ignored_users: { [bob.userId]: {}, [erin.userId]: {} } }
    const path = `/v3/user/${enc(erin.userId)}/account_data/m.ignored_user_list`
    await erin.put(path, ignored)
    expect(await all(erin, roomId)).toEqual(['my own'])
    expect(await statusOf(erin, `/v3/rooms/${enc(roomId)}/event/${eventId}`)).toBe(200)
    const { timeline } = (await erin.sync()).rooms.join[roomId]
    expect(timeline.events.some((event: Json) => event.event_id === eventId)).toBe(true)
    expect(await erin.get(path)).toEqual(ignored)
  })
})

describe('context', () => {
  it('gives what was around an event, nearest first, with tokens to go on from', async () => {
    const roomId = await alice.createRoom()
    const ids: string[] = []
    for (let count = 0; count < 9; count++) ids.push(await alice.sendText(roomId, String(count)))
    const path = `/v3/rooms/${enc(roomId)}/context/${ids[4]}`
    const context = await alice.get(path, { limit: 5 })
    const names = (events: Json[]) => events.map(({ content }) => content.body)
    expect(names(context.events_before)).toEqual(['3', '2'])
    expect(names([context.event])).toEqual(['4'])
    expect(names(context.events_after)).toEqual(['5', '6', '7'])
    expect(bodies(await alice.messages(roomId, { dir: 'b', from: context.start, limit: 2 }))).toEqual(['1', '0'])
    expect(bodies(await alice.messages(roomId, { dir: 'f', from: context.end }))).toEqual(['8'])
    const alone = await alice.get(path, { limit: 0 })
    expect([alone.events_before, alone.events_after, names([alone.event])]).toEqual([[], [], ['4']])
    expect(bodies(await alice.messages(roomId, { dir: 'b', from: alone.start, limit: 1 }))).toEqual(['3'])
    expect(bodies(await alice.messages(roomId, { dir: 'f', from: alone.end, limit: 1 }))).toEqual(['5'])
  })

  it('filters what is around, never the event, and gives the state at the last event shown', async () => {
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'first' })
    await bob.join(roomId)
    await carol.join(roomId)
    await bob.sendText(roomId, 'a')
    const eventId = await alice.sendText(roomId, 'b')
    await alice.sendText(roomId, 'c')
    await alice.setState(roomId, 'm.room.name', '', { name: 'second' })
    const path = `/v3/rooms/${enc(roomId)}/context/${eventId}`
    const lazy = await alice.get(path, { limit: 2, filter: '{"lazy_load_members":true}' })
    const keys = (type: string): Json[] => lazy.state.filter((event: Json) => event.type === type)
    expect(
      keys('m.room.member')
        .map(({ state_key: key }) => String(key))
        .sort(),
    ).toEqual([alice.userId, bob.userId])
    expect(keys('m.room.name')[0].content.name).toBe('first')
    const full = await alice.get(path, {
      limit: 10,
      filter: JSON.stringify({ types: ['m.room.member', 'm.room.name'] }),
    })
    expect(full.event.event_id).toBe(eventId)
    expect(full.events_after).toHaveLength(1)
    expect(full.state.find(({ type }: Json) => type === 'm.room.name').content.name).toBe('second')
    expect(full.state).toHaveLength(4)
  })

  it.each(['limit=-1', 'limit=x', 'filter=x', 'filter=[]', 'filter=%7B%22senders%22%3A%5B%22x%22%5D%7D'])(
    'refuses %s',
    async (query) => {
      const roomId = await alice.createRoom()
      const eventId = await alice.sendText(roomId, 'x')
      const { status, body } = await alice.request('GET', `/v3/rooms/${enc(roomId)}/context/${eventId}?${query}`)
      expect([status, body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
    },
  )
})

describe('the members at a token', () => {
  it('are told to a user who may see the event before it or the one after it', async () => {
    const hidden = { type: 'm.room.history_visibility', content: { history_visibility: 'joined' } }
    const roomId = await alice.createRoom({ preset: 'public_chat', initial_state: [hidden] })
    await bob.join(roomId)
    const tokens: string[] = []
    const step = async (act: () => Promise<unknown>) => {
      await act()
      tokens.push((await alice.sync()).next_batch)
    }
    await step(() => bob.leave(roomId))
    for (let count = 0; count < 4; count++) await step(() => alice.sendText(roomId, 'hidden'))
    await step(() => bob.join(roomId))
    await step(() => alice.sendText(roomId, 'seen'))
    const statuses: number[] = []
    for (const at of tokens) statuses.push(await statusOf(bob, `/v3/rooms/${enc(roomId)}/members?at=${at}`))
    // From right after his leaving on nothing near is his to see, up to right before he came back.
    expect(statuses).toEqual([200, 403, 403, 403, 200, 200, 200])
  })
})
