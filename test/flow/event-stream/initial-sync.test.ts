import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const bodies = (events: Json[]): string[] => events.flatMap(({ content }) => content.body ?? [])
const types = (events: Json[]): string[] => events.map(({ type }) => type)

onEveryHomeserver('the initial sync of old clients', (start) => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let bob: TestClient
  let roomId: string
  let count = 0
  beforeAll(async () => {
    homeserver = await start()
  })
  afterAll(() => homeserver.stop())
  const people = async (): Promise<void> => {
    count += 1
    alice = await homeserver.register(`alice${count}`)
    bob = await homeserver.register(`bob${count}`)
    roomId = await alice.createRoom({ preset: 'public_chat', name: 'Shared', topic: 'Then', visibility: 'public' })
    await bob.join(roomId)
  }
  const roomOf = (body: Json, id = roomId): Json => body.rooms.find(({ room_id: held }: Json) => held === id)

  describe('of everything', () => {
    it('has each joined room with its newest messages in order, its state, and whether it is public', async () => {
      await people()
      for (let n = 1; n <= 4; n++) await alice.sendText(roomId, `m${n}`)
      const body = await bob.get('/v3/initialSync', { limit: 3 })
      const room = roomOf(body)
      expect(room).toMatchObject({ membership: 'join', visibility: 'public' })
      expect(bodies(room.messages.chunk)).toEqual(['m2', 'm3', 'm4'])
      expect(types(room.state)).toEqual(expect.arrayContaining(['m.room.create', 'm.room.member', 'm.room.topic']))
      const before = await bob.messages(roomId, { from: room.messages.start, dir: 'b', limit: 1 })
      expect(bodies(before.chunk)).toEqual(['m1'])
      expect(body.end).toBe(room.messages.end)
    })

    it('has no messages where the limit is 0, and the rest all the same', async () => {
      await people()
      await alice.sendText(roomId, 'unasked')
      const room = roomOf(await bob.get('/v3/initialSync', { limit: 0 }))
      expect(room.messages.chunk).toEqual([])
      expect(types(room.state)).toContain('m.room.topic')
      const before = await bob.messages(roomId, { from: room.messages.start, dir: 'b', limit: 1 })
      expect(bodies(before.chunk)).toEqual(['unasked'])
    })

    it('has invites with who invites to what', async () => {
      await people()
      const invited = await alice.createRoom({ name: 'Come in', invite: [bob.userId] })
      const room = roomOf(await bob.get('/v3/initialSync'), invited)
      expect(room).toMatchObject({ membership: 'invite', inviter: alice.userId })
      expect(room.invite).toMatchObject({ type: 'm.room.member', state_key: bob.userId, room_id: invited })
      expect(types(room.invite.invite_room_state)).toContain('m.room.name')
      expect(room).not.toHaveProperty('messages')
    })

    it('has rooms that were left only where they are asked for, as they were then', async () => {
      await people()
      await alice.sendText(roomId, 'before')
      await bob.leave(roomId)
      await alice.sendText(roomId, 'after')
      await alice.setState(roomId, 'm.room.topic', '', { topic: 'Now' })
      expect(roomOf(await bob.get('/v3/initialSync'))).toBeUndefined()
      const room = roomOf(await bob.get('/v3/initialSync', { archived: true }))
      expect(room.membership).toBe('leave')
      expect(bodies(room.messages.chunk)).toEqual(['before'])
      expect(room.messages.chunk.at(-1).content.membership).toBe('leave')
      expect(room.state.find(({ type }: Json) => type === 'm.room.topic').content.topic).toBe('Then')
    })

    it('has presence, receipts, tags and account data', async () => {
      await people()
      const eventId = await alice.sendText(roomId, 'read me')
      await bob.receipt(roomId, eventId)
      const mine = `/v3/user/${enc(alice.userId)}`
      await alice.put(`${mine}/rooms/${enc(roomId)}/tags/u.work`, {})
      await alice.put(`${mine}/account_data/org.example.colour`, { colour: 'blue' })
      const body = await alice.get('/v3/initialSync')
      expect(body.receipts).toMatchObject([
        { type: 'm.receipt', room_id: roomId, content: { [eventId]: { 'm.read': { [bob.userId]: {} } } } },
      ])
      expect(body.account_data).toEqual([{ type: 'org.example.colour', content: { colour: 'blue' } }])
      expect(roomOf(body).account_data).toEqual([{ type: 'm.tag', content: { tags: { 'u.work': {} } } }])
      const own = body.presence.find(({ content }: Json) => content.user_id === alice.userId)
      expect(own).toMatchObject({ type: 'm.presence', content: { presence: 'online' } })
      expect(own.content.last_active_ago).toBeTypeOf('number')
    })

    it('has names and pictures beside the presence, for clients of 2015', async () => {
      await people()
      const picture = `mxc://${homeserver.serverName}/picture`
      await bob.put(`/v3/profile/${enc(bob.userId)}/avatar_url`, { avatar_url: picture })
      await bob.put(`/v3/presence/${enc(bob.userId)}/status`, { presence: 'online' })
      const profile = { displayname: `bob${count}`, avatar_url: picture }
      for (const path of ['/initialSync', `/rooms/${enc(roomId)}/initialSync`]) {
        const { presence } = await alice.get(`/_matrix/client/api/v1${path}`)
        const his = presence.find(({ content }: Json) => content.user_id === bob.userId)
        expect([path, his.content]).toEqual([path, expect.objectContaining({ ...profile, presence: 'online' })])
      }
      await homeserver.restart()
      const again = await alice.get(`/_matrix/client/api/v1/rooms/${enc(roomId)}/initialSync`)
      const offline = again.presence.find(({ content }: Json) => content.user_id === bob.userId)
      expect(offline.content).toMatchObject({ ...profile, presence: 'offline' })
    })

    it('takes no limit that is none', async () => {
      await people()
      for (const limit of ['hello', -1])
        expect((await bob.request('GET', '/v3/initialSync', { query: { limit } })).status).toBe(400)
    })
  })

  describe('of one room', () => {
    it('has the same of that room, with the presence of its members', async () => {
      await people()
      const eventId = await alice.sendText(roomId, 'hello')
      await alice.receipt(roomId, eventId)
      await alice.put(`/v3/presence/${enc(alice.userId)}/status`, { presence: 'online', status_msg: 'in' })
      const room = await bob.get(`/v3/rooms/${enc(roomId)}/initialSync`, { limit: 1 })
      expect(room).toMatchObject({ room_id: roomId, membership: 'join', visibility: 'public' })
      expect(bodies(room.messages.chunk)).toEqual(['hello'])
      const presence = new Map(room.presence.map(({ content }: Json) => [content.user_id, content]))
      expect(new Set(presence.keys())).toEqual(new Set([alice.userId, bob.userId]))
      expect(presence.get(alice.userId)).toMatchObject({ presence: 'online', status_msg: 'in' })
      expect(room.receipts[0].content[eventId]['m.read']).toHaveProperty(alice.userId)
      await alice.sendText(roomId, 'next')
      const next = await bob.get('/v3/events', { from: room.messages.end })
      expect(bodies(next.chunk)).toEqual(['next'])
    })

    it('ends where its reader left', async () => {
      await people()
      await alice.sendText(roomId, 'before')
      await bob.leave(roomId)
      await alice.sendText(roomId, 'after')
      const room = await bob.get(`/v3/rooms/${enc(roomId)}/initialSync`)
      expect(room.membership).toBe('leave')
      expect(bodies(room.messages.chunk)).toEqual(['before'])
      expect([room.presence, room.receipts]).toEqual([[], []])
    })

    it('is for strangers only where the room is world-readable, and then from there on', async () => {
      await people()
      const stranger = await homeserver.register(`stranger${count}`)
      await alice.sendText(roomId, 'hidden')
      const refused = await stranger.request('GET', `/v3/rooms/${enc(roomId)}/initialSync`)
      expect([refused.status, refused.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
      await alice.setState(roomId, 'm.room.history_visibility', '', { history_visibility: 'world_readable' })
      await alice.sendText(roomId, 'shown')
      const room = await stranger.get(`/v3/rooms/${enc(roomId)}/initialSync`)
      expect(types(room.messages.chunk)).toEqual(['m.room.history_visibility', 'm.room.message'])
      expect(room).not.toHaveProperty('membership')
    })
  })
})
