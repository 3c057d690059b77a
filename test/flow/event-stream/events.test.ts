import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, Query, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const types = (answer: Json): string[] => answer.chunk.map((event: Json) => event.type)
const bodies = (answer: Json): string[] =>
  answer.chunk.filter((event: Json) => event.type === 'm.room.message').map((event: Json) => event.content.body)

onEveryHomeserver('the event stream', (start) => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let bob: TestClient
  let count = 0
  beforeAll(async () => {
    homeserver = await start({ settings: { registration: { guests: true } } })
  })
  afterAll(() => homeserver.stop())
  /** People of their own for each test: what others do does not come between. */
  const people = async (): Promise<string> => {
    count += 1
    alice = await homeserver.register(`alice${count}`)
    bob = await homeserver.register(`bob${count}`)
    const roomId = await alice.createRoom({ preset: 'public_chat', name: 'Shared' })
    await bob.join(roomId)
    return roomId
  }
  const events = (who: TestClient, query: Query = {}): Promise<Json> => who.get('/v3/events', query)
  const end = async (who: TestClient): Promise<string> => (await who.get('/v3/initialSync', { limit: 1 })).end
  /** Reads on until `found` is content. */
  const until = async (who: TestClient, from: string, found: (event: Json) => boolean, query: Query = {}) => {
    let token = from
    for (let round = 0; round < 20; round++) {
      const answer = await events(who, { ...query, from: token, timeout: 5000 })
      const event = answer.chunk.find(found)
      if (event !== undefined) return event
      token = answer.end
    }
    throw new Error('what was waited for did not come')
  }

  it('begins now where no token is given, and waits for what comes', async () => {
    const roomId = await people()
    const first = await events(bob)
    expect(first.chunk).toEqual([])
    const waiting = until(bob, first.end, ({ type }) => type === 'm.room.message')
    const eventId = await alice.sendText(roomId, 'hello')
    const event = await waiting
    expect(event).toMatchObject({
      event_id: eventId,
      room_id: roomId,
      sender: alice.userId,
      content: { body: 'hello' },
    })
  })

  it('goes on exactly where an answer ended, whatever the limit', async () => {
    const roomId = await people()
    let from = await end(bob)
    const sent = []
    for (let n = 0; n < 7; n++) sent.push(await alice.sendText(roomId, `m${n}`))
    const seen: string[] = []
    for (let round = 0; round < 10; round++) {
      const answer = await events(bob, { from, limit: 3 })
      expect(answer.start).toBe(from)
      expect(answer.chunk.length).toBeLessThanOrEqual(3)
      seen.push(...answer.chunk.flatMap(({ event_id: id }: Json) => id ?? []))
      from = answer.end
    }
    expect(seen).toEqual(sent)
  })

  it('carries state, membership and invites, with what an invite is to', async () => {
    const roomId = await people()
    const from = await end(bob)
    await alice.setState(roomId, 'm.room.topic', '', { topic: 'Old times' })
    const invited = await alice.createRoom({ name: 'Come in', invite: [bob.userId] })
    await alice.sendText(invited, 'not for bob yet')
    const answer = await events(bob, { from })
    expect(types(answer).filter((type) => type !== 'm.presence')).toEqual(['m.room.topic', 'm.room.member'])
    const invite = answer.chunk.find(({ room_id: id }: Json) => id === invited)
    expect(invite).toMatchObject({ state_key: bob.userId, membership: 'invite', content: { membership: 'invite' } })
    expect(invite.invite_room_state.map(({ type }: Json) => type)).toContain('m.room.name')
    await bob.join(invited)
    const { end: joined } = await events(bob, { from: answer.end })
    await alice.kick(invited, bob.userId)
    await alice.sendText(invited, 'without bob')
    const kicked = await events(bob, { from: joined })
    const shown = kicked.chunk.filter(({ type }: Json) => type !== 'm.presence')
    expect(shown.map(({ content }: Json) => content.membership ?? content.body)).toEqual(['leave'])
  })

  it('carries typing, receipts, presence, tags and account data, each with its room', async () => {
    const roomId = await people()
    const eventId = await alice.sendText(roomId, 'read me')
    const from = await end(alice)
    await bob.typing(roomId, 20_000)
    expect(await until(alice, from, ({ type }) => type === 'm.typing')).toEqual({
      room_id: roomId,
      type: 'm.typing',
      content: { user_ids: [bob.userId] },
    })
    await bob.receipt(roomId, eventId)
    const receipt = await until(alice, from, ({ type }) => type === 'm.receipt')
    expect(receipt).toMatchObject({ room_id: roomId, content: { [eventId]: { 'm.read': { [bob.userId]: {} } } } })
    await bob.put(`/v3/presence/${enc(bob.userId)}/status`, { presence: 'online', status_msg: 'here' })
    const presence = await until(alice, from, ({ content }) => content.status_msg === 'here')
    expect(presence).toMatchObject({ type: 'm.presence', content: { user_id: bob.userId, presence: 'online' } })
    const mine = `/v3/user/${enc(alice.userId)}`
    await alice.put(`${mine}/rooms/${enc(roomId)}/tags/u.work`, { order: 0.5 })
    await alice.put(`${mine}/account_data/org.example.colour`, { colour: 'blue' })
    expect(await until(alice, from, ({ type }) => type === 'm.tag')).toEqual({
      room_id: roomId,
      type: 'm.tag',
      content: { tags: { 'u.work': { order: 0.5 } } },
    })
    expect(await until(alice, from, ({ type }) => type === 'org.example.colour')).toEqual({
      type: 'org.example.colour',
      content: { colour: 'blue' },
    })
  })

  it('refuses what is no token, a token of elsewhere, and one of the future', async () => {
    await people()
    const { end: token } = await events(bob)
    const future = token.replace(/^h1_\d+/, 'h1_999999999')
    for (const from of ['nonsense', 's3456_9_0', 'h1_', future, 't999999999', 'START', `${token}_1`]) {
      const answer = await bob.request('GET', '/v3/events', { query: { from, timeout: 0 } })
      expect([from, answer.status, answer.body.errcode]).toEqual([from, 400, 'M_INVALID_PARAM'])
    }
    for (const query of [{ limit: -2 }, { limit: 0 }, { limit: 'hello' }, { timeout: 'hello' }, { timeout: -1 }])
      expect((await bob.request('GET', '/v3/events', { query })).status).toBe(400)
  })

  it('goes on after a restart of the server', async () => {
    const roomId = await people()
    const from = await end(bob)
    await alice.sendText(roomId, 'before')
    await homeserver.restart()
    await alice.sendText(roomId, 'after')
    const first = await events(bob, { from })
    expect(bodies(first)).toEqual(['before', 'after'])
    expect(bodies(await events(bob, { from: first.end }))).toEqual([])
  })

  describe('of one room', () => {
    it('can be followed by who only looks in, as long as the room is world-readable', async () => {
      const roomId = await people()
      await alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: 'world_readable' })
      const guest = homeserver.client()
      const stranger = await homeserver.register(`stranger${count}`)
      const account = await guest.ok('POST', '/v3/register', { query: { kind: 'guest' }, body: {}, token: null })
      guest.accessToken = account.access_token
      for (const reader of [stranger, guest]) {
        const { messages } = await reader.get(`/v3/rooms/${enc(roomId)}/initialSync`)
        const query = { room_id: roomId }
        const message = until(reader, messages.end, ({ type }) => type === 'm.room.message', query)
        const eventId = await alice.sendText(roomId, 'look')
        expect((await message).event_id).toBe(eventId)
        // Whoever may come in at any time sees what goes on as those within do.
        const seen = (wanted: (event: Json) => boolean) => until(reader, messages.end, wanted, query)
        const status_msg = `looking at ${reader.userId}`
        const soon = Promise.all([
          seen(({ type, content }) => type === 'm.presence' && content.status_msg === status_msg),
          seen(({ type }) => type === 'm.receipt'),
          seen(({ type, content }) => type === 'm.typing' && content.user_ids.length > 0),
        ])
        await bob.put(`/v3/presence/${bob.userId}/status`, { presence: 'online', status_msg })
        await bob.post(`/v3/rooms/${enc(roomId)}/receipt/m.read/${enc(eventId)}`, {})
        await alice.typing(roomId, 20_000)
        const [presence, receipt, typing] = await soon
        expect(presence.content.user_id).toBe(bob.userId)
        expect(receipt.content[eventId]['m.read']).toHaveProperty([bob.userId])
        expect(typing.content.user_ids).toEqual([alice.userId])
        await alice.typing(roomId, 0)
      }
      // Where they may not, what is said is for everybody to read; who is there, and what they do, is not.
      await alice.setState(roomId, 'm.room.join_rules', '', { join_rule: 'invite' })
      for (const reader of [stranger, guest]) {
        const query = { room_id: roomId }
        const from = (await events(reader, { ...query, timeout: 0 })).end
        const isTold = ({ type, content }: Json) =>
          /^m\.(?:typing|presence|receipt)$/.test(type) || content.body === 'on'
        const next = until(reader, from, isTold, query)
        await alice.typing(roomId, 20_000)
        await alice.sendText(roomId, 'on')
        expect((await next).type).toBe('m.room.message')
        await alice.typing(roomId, 0)
      }
      const elsewhere = await guest.request('GET', '/v3/events', { query: { timeout: 0 } })
      expect([elsewhere.status, elsewhere.body.errcode]).toEqual([403, 'M_GUEST_ACCESS_FORBIDDEN'])
      await alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: 'shared' })
      const closed = await stranger.request('GET', '/v3/events', { query: { room_id: roomId, timeout: 0 } })
      expect([closed.status, closed.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    })

    it('holds nothing of others', async () => {
      const roomId = await people()
      const other = await alice.createRoom({})
      const from = await end(alice)
      await alice.sendText(other, 'elsewhere')
      await alice.sendText(roomId, 'here')
      expect(bodies(await events(alice, { from, room_id: roomId }))).toEqual(['here'])
    })
  })

  it('gives a single event to who may see it', async () => {
    const roomId = await people()
    const eventId = await alice.sendText(roomId, 'one')
    expect(await bob.get(`/v3/events/${enc(eventId)}`)).toMatchObject({ event_id: eventId, content: { body: 'one' } })
    const stranger = await homeserver.register(`passer${count}`)
    for (const [who, id] of [
      [stranger, eventId],
      [bob, '$unknown'],
    ] as const) {
      const answer = await who.request('GET', `/v3/events/${enc(id)}`)
      expect([answer.status, answer.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
    }
  })
})
