import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Answer, Json, Query, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { doOld as ok, askOld as old, getOld as read, V1, V2 } from '../../support/old-client.ts'

const enc = encodeURIComponent
const bodies = (events: Json[]): string[] => events.flatMap(({ content }) => content.body ?? [])

onEveryHomeserver('clients of 2015', (start) => {
  let homeserver: TestHomeserver
  let alice: TestClient
  let bob: TestClient
  let roomId: string
  let room: string
  let count = 0
  beforeAll(async () => {
    homeserver = await start()
  })
  afterAll(() => homeserver.stop())
  const people = async (): Promise<void> => {
    count += 1
    alice = await homeserver.register(`alice${count}`)
    bob = await homeserver.register(`bob${count}`)
    roomId = (await ok(alice, 'POST', '/createRoom', { visibility: 'public', name: 'Pub' })).room_id
    room = `/rooms/${enc(roomId)}`
  }
  const errorOf = ({ status, body }: Answer): unknown => [status, body.errcode]

  it('get 403 for a missing or unknown token under api/v1, and 401 under v2_alpha', async () => {
    const nobody = homeserver.client()
    const ask = (path: string, query: Query) => nobody.request('GET', path, { query, token: null })
    for (const [prefix, status] of [
      [V1, 403],
      [V2, 401],
      ['/v3', 401],
    ] as const) {
      expect(errorOf(await ask(`${prefix}/initialSync`, {}))).toEqual([status, 'M_MISSING_TOKEN'])
      const unknown = await ask(`${prefix}/initialSync`, { access_token: 'wrong' })
      expect(errorOf(unknown)).toEqual([status, 'M_UNKNOWN_TOKEN'])
      expect(unknown.body.error).toBeTypeOf('string')
    }
  })

  it('make rooms of a version that they know, unless they name one or the configuration does', async () => {
    await people()
    const version = async (id: string) => (await alice.getState(id, 'm.room.create')).room_version
    expect(await version(roomId)).toBe('10')
    const named = (await ok(alice, 'POST', '/createRoom', { room_version: '9' })).room_id
    expect(await version(named)).toBe('9')
    expect(await version(await alice.createRoom({}))).toBe('12')
  })

  describe('find events in the form of their time', () => {
    it('with sender, age, what came before, and memberships on top', async () => {
      await people()
      await ok(alice, 'PUT', `${room}/state/m.room.topic`, { topic: 'One' })
      const { event_id: first } = await alice.get(`/v3${room}/state/m.room.topic/`, { format: 'event' })
      await ok(alice, 'PUT', `${room}/state/m.room.topic`, { topic: 'Two' })
      const state = await read(alice, `${room}/state`)
      for (const event of state) {
        expect(event).toMatchObject({ user_id: alice.userId, sender: alice.userId, room_id: roomId })
        expect(event.age).toBeTypeOf('number')
      }
      const find = (type: string) => state.find((event: Json) => event.type === type)
      expect(find('m.room.topic')).toMatchObject({
        content: { topic: 'Two' },
        prev_content: { topic: 'One' },
        replaces_state: first,
      })
      expect(find('m.room.member').membership).toBe('join')
      expect(await read(alice, `${room}/state/m.room.topic`)).toEqual({ topic: 'Two' })
    })

    it('with the creator and their level, in rooms of versions that leave them out', async () => {
      await people()
      const newest = await alice.createRoom({ room_version: '12' })
      const state = await read(alice, `/rooms/${enc(newest)}/state`)
      const content = (type: string) => state.find((event: Json) => event.type === type).content
      expect(content('m.room.create').creator).toBe(alice.userId)
      expect(content('m.room.power_levels').users[alice.userId]).toBeGreaterThanOrEqual(100)
      const single = (type: string): Promise<Json> => read(alice, `/rooms/${enc(newest)}/state/${type}`)
      expect((await single('m.room.create')).creator).toBe(alice.userId)
      expect((await single('m.room.power_levels')).users[alice.userId]).toBeGreaterThanOrEqual(100)
      const today = await alice.get(`/v3/rooms/${enc(newest)}/state/m.room.power_levels/`)
      expect(today.users?.[alice.userId]).toBeUndefined()
    })

    it('with what was redacted by whom, wherever they look', async () => {
      await people()
      const { event_id: eventId } = await ok(alice, 'POST', `${room}/send/m.room.message`, {
        msgtype: 'm.text',
        body: 'no',
      })
      const { event_id: redaction } = await ok(alice, 'POST', `${room}/redact/${enc(eventId)}`, { reason: 'Spam' })
      const event = await read(alice, `/events/${enc(eventId)}`)
      expect(event).toMatchObject({
        content: {},
        redacted_because: { event_id: redaction, user_id: alice.userId, content: { reason: 'Spam' }, redacts: eventId },
      })
      const { chunk } = await read(alice, `${room}/messages`, { from: 'END', to: 'START', limit: 2 })
      expect(chunk[0]).toMatchObject({ type: 'm.room.redaction', redacts: eventId, user_id: alice.userId })
      expect(chunk[1].redacted_because.event_id).toBe(redaction)
    })

    it('and clients of today do not', async () => {
      await people()
      const [event] = await alice.get(`/v3${room}/state`)
      for (const member of ['user_id', 'age', 'membership']) expect(event).not.toHaveProperty(member)
    })
  })

  describe('send', () => {
    it('with and without transaction ids, any type, and see each other and clients of today', async () => {
      await people()
      await ok(bob, 'POST', `/join/${enc(roomId)}`, {})
      const { end } = await read(bob, '/initialSync', { limit: 0 })
      const text = (body: string) => ({ msgtype: 'm.text', body })
      const one = await ok(alice, 'PUT', `${room}/send/m.room.message/11`, text('one'))
      expect(await ok(alice, 'PUT', `${room}/send/m.room.message/11`, text('one'))).toEqual(one)
      const two = await ok(alice, 'POST', `${room}/send/m.room.message`, text('two'))
      const three = await ok(alice, 'POST', `${room}/send/m.room.message`, text('two'))
      expect(three.event_id).not.toBe(two.event_id)
      await alice.sendText(roomId, 'of today')
      await ok(alice, 'POST', `${room}/send/${enc('org.example.a b/c')}`, text('other'))
      const { chunk } = await read(bob, '/events', { from: end })
      expect(bodies(chunk)).toEqual(['one', 'two', 'two', 'of today', 'other'])
      expect(chunk.map(({ type }: Json) => type)).toContain('org.example.a b/c')
    })

    it('state with and without a state key, by PUT alone', async () => {
      await people()
      await ok(alice, 'PUT', `${room}/state/org.example.animal/${enc('pet/1 %')}`, { animal: 'cat' })
      expect(await read(alice, `${room}/state/org.example.animal/${enc('pet/1 %')}`)).toEqual({
        animal: 'cat',
      })
      await ok(alice, 'PUT', `${room}/state/org.example.colour`, { colour: 'red' })
      expect(await alice.getState(roomId, 'org.example.colour')).toEqual({ colour: 'red' })
      for (const path of [`${room}/state/org.example.colour`, `${room}/state/org.example.colour/`])
        expect((await old(alice, 'POST', path, { colour: 'blue' })).status).toBe(405)
      const withTransaction = await old(alice, 'PUT', `${room}/state/org.example.colour/foo/11`, { colour: 'blue' })
      expect(withTransaction.status).toBe(404)
      expect(await alice.getState(roomId, 'org.example.colour')).toEqual({ colour: 'red' })
    })
  })

  describe('page', () => {
    it('events E1 to E15: the last five from END to START', async () => {
      await people()
      for (let n = 1; n <= 15; n++) await alice.sendText(roomId, `E${n}`)
      const page = await read(alice, '/events', { to: 'START', limit: 5, from: 'END' })
      expect(bodies(page.chunk)).toEqual(['E15', 'E14', 'E13', 'E12', 'E11'])
      expect(page.start).toBe('END')
      const next = await read(alice, '/events', { to: 'START', limit: 5, from: page.end })
      expect(bodies(next.chunk)).toEqual(['E10', 'E9', 'E8', 'E7', 'E6'])
      const again = await read(alice, '/events', { from: next.end, to: page.end })
      expect(bodies(again.chunk)).toEqual(['E6', 'E7', 'E8', 'E9', 'E10'])
      const everything = await read(alice, '/events')
      expect(everything.chunk[0].type).toBe('m.room.create')
      expect(bodies(everything.chunk)).toHaveLength(15)
    })

    it("a room's messages, in the direction that the order of the tokens says", async () => {
      await people()
      for (let n = 1; n <= 6; n++) await alice.sendText(roomId, `E${n}`)
      const messages = (query: Query) => read(alice, `${room}/messages`, query)
      const newest = await messages({ from: 'END', to: 'START', limit: 2 })
      expect(bodies(newest.chunk)).toEqual(['E6', 'E5'])
      const before = await messages({ from: newest.end, to: 'START', limit: 2 })
      expect(bodies(before.chunk)).toEqual(['E4', 'E3'])
      expect(bodies((await messages({ from: before.end, to: newest.end })).chunk)).toEqual(['E3', 'E4'])
      expect((await messages({ limit: 1 })).chunk[0].type).toBe('m.room.create')
      expect((await messages({ from: 'START', dir: 'b' })).chunk).toEqual([])
      const end = await messages({ from: 'END', dir: 'f' })
      expect(end.chunk).toEqual([])
      expect(end.end).toBeTypeOf('string')
      for (const query of [{ from: 'nonsense' }, { to: 's1_2' }, { from: 't99999999' }, { limit: -1 }, { dir: 'x' }])
        expect((await old(alice, 'GET', `${room}/messages`, undefined, query)).status).toBe(400)
    })

    it('the members of a room', async () => {
      await people()
      await ok(bob, 'POST', `/join/${enc(roomId)}`, {})
      const carol = await homeserver.register(`carol${count}`)
      await carol.join(roomId)
      const ids = ({ chunk }: Json): string[] => chunk.map(({ state_key: key }: Json) => key)
      const page = (query: Query): Promise<Json> => read(alice, `${room}/members`, query)
      expect(await page({})).toMatchObject({ start: 'START', end: 'END' })
      const first = await page({ limit: 2 })
      expect(ids(first)).toEqual([alice.userId, bob.userId])
      const second = await page({ from: first.end, limit: 2 })
      expect([ids(second), second.end]).toEqual([[carol.userId], 'END'])
      expect(ids(await page({ from: first.end, to: 'START' }))).toEqual([bob.userId, alice.userId])
      expect(ids(await page({ from: 'END', to: 'START', limit: 1 }))).toEqual([carol.userId])
      for (const query of [{ from: 'nonsense' }, { limit: 0 }])
        expect((await old(alice, 'GET', `${room}/members`, undefined, query)).status).toBe(400)
    })

    it('public rooms R1 to R17: page three after the token of page two', async () => {
      const other = await start()
      try {
        const carol = await other.register('carol')
        const names: string[] = []
        for (let n = 1; n <= 17; n++) {
          await carol.createRoom({ visibility: 'public', name: `R${n}`, preset: 'public_chat' })
          names.push(`R${n}`)
        }
        const page = (query: Query): Promise<Json> => read(carol, '/publicRooms', query)
        const shown = ({ chunk }: Json): string[] => chunk.map(({ name }: Json) => name)
        const one = await page({ limit: 5 })
        const two = await page({ from: one.end, limit: 5 })
        const three = await page({ from: two.end, to: 'END', limit: 5 })
        expect([one, two, three].flatMap(shown)).toEqual(names.slice(0, 15))
        const four = await page({ from: three.end, limit: 5 })
        expect([shown(four), four.end]).toEqual([['R16', 'R17'], 'END'])
        const back = await page({ from: two.end, to: 'START', limit: 4 })
        expect(shown(back)).toEqual(['R9', 'R8', 'R7', 'R6'])
        expect(shown(await page({ from: one.end, to: two.end }))).toEqual(['R6', 'R7', 'R8', 'R9'])
        expect(shown(await page({ from: 'END', to: 'START', limit: 2 }))).toEqual(['R17', 'R16'])
        expect((await page({ from: 'END' })).chunk).toEqual([])
        expect(one.chunk[0].aliases).toEqual([])
        expect((await old(carol, 'GET', '/publicRooms', undefined, { from: 'nonsense' })).status).toBe(400)
      } finally {
        await other.stop()
      }
    })
  })

  it('are one with everybody: invited, joined, typing, reading and leaving under either prefix', async () => {
    await people()
    const closed = (await ok(alice, 'POST', '/createRoom', { name: 'Closed' })).room_id
    await ok(alice, 'POST', `/rooms/${enc(closed)}/invite`, { user_id: bob.userId })
    const invited = (await read(bob, '/initialSync')).rooms.find(({ room_id: id }: Json) => id === closed)
    expect(invited).toMatchObject({ membership: 'invite', inviter: alice.userId, invite: { user_id: alice.userId } })
    await ok(bob, 'POST', `/rooms/${enc(closed)}/join`, {})
    const { end } = await read(alice, '/initialSync')
    const { event_id: eventId } = await ok(bob, 'POST', `/rooms/${enc(closed)}/send/m.room.message`, {
      msgtype: 'm.text',
      body: 'hi',
    })
    await ok(alice, 'POST', `${V2}/rooms/${enc(closed)}/receipt/m.read/${enc(eventId)}`, {})
    await ok(bob, 'PUT', `/rooms/${enc(closed)}/typing/${enc(bob.userId)}`, { typing: true, timeout: 20_000 })
    const { chunk } = await read(alice, '/events', { from: end })
    const types = new Set(chunk.map(({ type }: Json) => type))
    expect([...types]).toEqual(expect.arrayContaining(['m.room.message', 'm.receipt', 'm.typing']))
    await ok(bob, 'POST', `/rooms/${enc(closed)}/leave`, {})
    const members = await read(alice, `/rooms/${enc(closed)}/members`)
    const his = members.chunk.find(({ state_key: key }: Json) => key === bob.userId)
    expect(his).toMatchObject({ membership: 'leave', user_id: bob.userId })
    expect((await alice.get(`/v3/rooms/${enc(closed)}/joined_members`)).joined).not.toHaveProperty(bob.userId)
  })
})
