import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { askOld, doOld, getOld, refusalOf, V2 } from '../../support/old-client.ts'

const enc = encodeURIComponent
const text = (body: string): object => ({ msgtype: 'm.text', body })

onEveryHomeserver('events for clients of 2015', (start) => {
  let homeserver: TestHomeserver
  let [alice, bob] = [{}, {}] as TestClient[] as [TestClient, TestClient]
  let room: string
  let roomId: string
  beforeAll(async () => {
    homeserver = await start()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
  })
  afterAll(() => homeserver.stop())
  const newRoom = async (): Promise<void> => {
    roomId = (await doOld(alice, 'POST', '/createRoom', { visibility: 'public', name: 'Pub' })).room_id
    room = `/rooms/${enc(roomId)}`
    await doOld(bob, 'POST', `${room}/join`, {})
  }
  const send = async (who: TestClient, body: string): Promise<string> =>
    (await doOld(who, 'POST', `${room}/send/m.room.message`, text(body))).event_id
  const last = async (who: TestClient, limit = 1): Promise<Json[]> =>
    (await getOld(who, `${room}/messages`, { from: 'END', to: 'START', limit })).chunk

  it('are state where they are put under type and key, as the examples of the document do it', async () => {
    await newRoom()
    const animal = `${room}/state/m.favorite.animal.event/${enc(alice.userId)}`
    await doOld(alice, 'PUT', `${room}/state/m.example.event`, { key: 'without a state key' })
    await doOld(alice, 'PUT', `${room}/state/m.another.example.event/foo`, { key: "with 'foo' as the state key" })
    await doOld(alice, 'PUT', `${room}/state/m.another.example.event/11`, { key: 'no txnId' })
    await doOld(alice, 'PUT', animal, { animal: 'cat', reason: 'fluffy' })
    await doOld(alice, 'PUT', `${room}/state/m.room.bgd.color`, { color: 'red', hex: '#ff0000' })
    const state: Json[] = await getOld(alice, `${room}/state`)
    const keys = state.filter(({ type }) => /example|animal|color/.test(type)).map((e) => `${e.type} ${e.state_key}`)
    expect(keys.toSorted()).toEqual([
      'm.another.example.event 11',
      'm.another.example.event foo',
      'm.example.event ',
      `m.favorite.animal.event ${alice.userId}`,
      'm.room.bgd.color ',
    ])
    expect(await getOld(alice, animal)).toEqual({ animal: 'cat', reason: 'fluffy' })
    expect((await askOld(alice, 'POST', `${room}/state/m.example.event/`, { key: 'no POST' })).status).toBe(405)
    expect((await askOld(alice, 'PUT', `${room}/state/m.another.example.event/foo/11`, {})).status).toBe(404)
  })

  it('of one type and key take each other’s place, and say what they replace', async () => {
    await newRoom()
    const topics: string[] = []
    for (const topic of ['One', 'Two', 'Three'])
      topics.push((await doOld(alice, 'PUT', `${room}/state/m.room.topic`, { topic })).event_id)
    expect(await getOld(bob, `${room}/state/m.room.topic`)).toEqual({ topic: 'Three' })
    const held = (await getOld(bob, `${room}/state`)).filter(({ type }: Json) => type === 'm.room.topic')
    expect(held).toMatchObject([
      { event_id: topics[2], content: { topic: 'Three' }, prev_content: { topic: 'Two' }, replaces_state: topics[1] },
    ])
    expect(await refusalOf(bob, 'GET', `${room}/state/m.room.avatar`)).toEqual([404, 'M_NOT_FOUND'])
  })

  it('are messages where they are sent by POST, or by PUT with a transaction id, which is one event however often it comes', async () => {
    await newRoom()
    const path = `${room}/send/m.custom.example.message`
    const one = await doOld(alice, 'POST', path, { text: 'Hello world!' })
    const two = await doOld(alice, 'PUT', `${path}/11`, { text: 'Goodbye world!' })
    expect(await doOld(alice, 'PUT', `${path}/11`, { text: 'Goodbye world!' })).toEqual(two)
    const shown = await last(bob, 2)
    expect(shown.map(({ event_id: id, content }) => [id, content.text])).toEqual([
      [two.event_id, 'Goodbye world!'],
      [one.event_id, 'Hello world!'],
    ])
    expect(shown[0]).not.toHaveProperty('state_key')
  })

  it('of feedback say which message was delivered or read, and are refused else', async () => {
    await newRoom()
    const target = await send(alice, 'did you see?')
    const path = `${room}/send/m.room.message.feedback`
    for (const type of ['delivered', 'read']) {
      const { event_id: id } = await doOld(bob, 'POST', path, { type, target_event_id: target })
      expect((await last(alice))[0]).toMatchObject({ event_id: id, content: { type, target_event_id: target } })
    }
    for (const content of [
      { type: 'liked', target_event_id: target },
      { type: 'read' },
      { target_event_id: target },
      {},
    ])
      expect(await refusalOf(bob, 'POST', path, content)).toEqual([400, 'M_BAD_JSON'])
    expect(await refusalOf(bob, 'PUT', `${path}/1`, { type: 'seen' })).toEqual([400, 'M_BAD_JSON'])
    expect((await last(alice))[0].content.type).toBe('read')
  })

  it('of calls go through a room like any other', async () => {
    await newRoom()
    const call = { call_id: '12345', version: 0 }
    const sdp = 'v=0\r\no=- 6584580628695956864 2 IN IP4 127.0.0.1'
    const candidate = { sdpMid: 'audio', sdpMLineIndex: 0, candidate: 'candidate:863018703 1 udp' }
    for (const [type, content] of [
      ['m.call.invite', { ...call, lifetime: 60_000, offer: { type: 'offer', sdp } }],
      ['m.call.candidates', { ...call, candidates: [candidate] }],
      ['m.call.answer', { ...call, lifetime: 60_000, answer: { type: 'answer', sdp } }],
      ['m.call.hangup', call],
    ] as const) {
      const { event_id: id } = await doOld(alice, 'PUT', `${room}/send/${type}/${type}`, content)
      expect((await last(bob))[0]).toMatchObject({ event_id: id, type, content, user_id: alice.userId })
    }
  })

  it('are found alone by their id, by those who may see them', async () => {
    await newRoom()
    const id = await send(alice, 'Hello world!')
    const event = await getOld(bob, `/events/${enc(id)}`)
    expect(event).toMatchObject({ event_id: id, room_id: roomId, user_id: alice.userId, type: 'm.room.message' })
    const stranger = await homeserver.register('stranger')
    expect(await refusalOf(stranger, 'GET', `/events/${enc(id)}`)).toEqual([404, 'M_NOT_FOUND'])
    expect(await refusalOf(bob, 'GET', `/events/${enc('$nothing:here')}`)).toEqual([404, 'M_NOT_FOUND'])
  })

  describe('that are redacted', () => {
    it('lose all but what the protocol needs, for good, and hold why', async () => {
      await newRoom()
      const id = await send(bob, 'no')
      const before = await getOld(alice, `/events/${enc(id)}`)
      const path = `${room}/redact/${enc(id)}`
      const redaction = await doOld(alice, 'PUT', `${path}/7`, { reason: 'Spam' })
      expect(await doOld(alice, 'PUT', `${path}/7`, { reason: 'Spam' })).toEqual(redaction)
      await homeserver.restart()
      for (const who of [alice, bob]) {
        const {
          redacted_because: because,
          content,
          age: _,
          unsigned: __,
          ...rest
        } = await getOld(who, `/events/${enc(id)}`)
        expect([content, because.event_id, because.content.reason]).toEqual([{}, redaction.event_id, 'Spam'])
        const kept = ['event_id', 'type', 'room_id', 'user_id', 'sender', 'origin_server_ts', 'redacted_by']
        for (const [name, value] of Object.entries(rest)) {
          expect(kept).toContain(name)
          if (name !== 'redacted_by') expect(value).toEqual(before[name])
        }
      }
    })

    it('keep, as state, what says who is in the room and what they may', async () => {
      await newRoom()
      const redact = async (key: string, ofWhom = alice): Promise<Json> => {
        const find = async (): Promise<Json> =>
          (await getOld(alice, `${room}/state`)).find((e: Json) => `${e.type}|${e.state_key}` === key)
        await doOld(ofWhom, 'POST', `${room}/redact/${enc((await find()).event_id)}`, {})
        return find()
      }
      const levels = await getOld(alice, `${room}/state/m.room.power_levels`)
      expect((await redact(`m.room.member|${bob.userId}`, bob)).content).toEqual({ membership: 'join' })
      expect((await redact('m.room.name|')).content).toEqual({})
      expect((await redact('m.room.join_rules|')).content).toEqual({ join_rule: 'public' })
      const { invite: _, notifications: __, ...kept } = levels
      expect((await redact('m.room.power_levels|')).content).toMatchObject(kept)
      expect((await getOld(alice, `${room}/state/m.room.create`)).creator).toBe(alice.userId)
      expect(await send(bob, 'still here')).toBeTypeOf('string')
    })

    it('are one’s own, or others’ for who has the power', async () => {
      await newRoom()
      const [own, other] = [await send(bob, 'mine'), await send(alice, 'hers')]
      expect(await refusalOf(bob, 'POST', `${room}/redact/${enc(other)}`, {})).toEqual([403, 'M_FORBIDDEN'])
      await doOld(bob, 'POST', `${room}/redact/${enc(own)}`, {})
      expect((await getOld(alice, `/events/${enc(own)}`)).content).toEqual({})
      expect((await getOld(bob, `/events/${enc(other)}`)).content.body).toBe('hers')
    })
  })

  describe('beside the timeline', () => {
    const next = async (from: string, type: string): Promise<Json> => {
      for (let token = from, round = 0; round < 10; round++) {
        const answer = await getOld(alice, '/events', { from: token, timeout: 2000 })
        const found = answer.chunk.find((event: Json) => event.type === type && event.room_id === roomId)
        if (found !== undefined) return found
        token = answer.end
      }
      throw new Error(`no ${type} came`)
    }
    const now = async (): Promise<string> => (await getOld(alice, '/initialSync', { limit: 0 })).end

    it('say who types, all at once, until they stop; nobody says it for another', async () => {
      await newRoom()
      const path = `${room}/typing/${enc(bob.userId)}`
      const from = await now()
      await doOld(bob, 'PUT', path, { typing: true, timeout: 20_000 })
      expect((await next(from, 'm.typing')).content).toEqual({ user_ids: [bob.userId] })
      const later = await now()
      await doOld(bob, 'PUT', path, { typing: false })
      expect((await next(later, 'm.typing')).content).toEqual({ user_ids: [] })
      expect(await refusalOf(alice, 'PUT', path, { typing: true, timeout: 1000 })).toEqual([403, 'M_FORBIDDEN'])
    })

    it('say up to where somebody has read, under the type of today and the word of the document, and what is said with it', async () => {
      await newRoom()
      const ids = [await send(alice, 'one'), await send(alice, 'two')]
      for (const [index, type] of ['read', 'm.read'].entries()) {
        const [from, id] = [await now(), ids[index] ?? '']
        await doOld(bob, 'POST', `${V2}${room}/receipt/${type}/${enc(id)}`, { ts: 'now', 'org.example.mood': type })
        const read = { [bob.userId]: { ts: expect.any(Number), 'org.example.mood': type } }
        const receipt = { 'm.read': read, read }
        expect((await next(from, 'm.receipt')).content).toEqual({ [id]: receipt })
        const { receipts } = await getOld(alice, '/initialSync', { limit: 0 })
        const here = receipts.filter(({ room_id: held }: Json) => held === roomId)
        // One event for each user and type: the newer took the place of the older.
        expect(here.map(({ content }: Json) => content)).toEqual([{ [id]: receipt }])
      }
      // Clients of today are told what today's receipts say.
      const { rooms } = await alice.sync()
      const today = rooms.join[roomId].ephemeral.events.find(({ type }: Json) => type === 'm.receipt')
      expect(today.content).toEqual({ [ids[1] ?? '']: { 'm.read': { [bob.userId]: { ts: expect.any(Number) } } } })
      const long = { 'org.example.mood': 'x'.repeat(2_000) }
      const latest = await send(alice, 'three')
      expect(await refusalOf(bob, 'POST', `${V2}${room}/receipt/m.read/${enc(latest)}`, long)).toEqual([
        413,
        'M_TOO_LARGE',
      ])
      expect((await askOld(bob, 'POST', `${V2}${room}/receipt/liked/${enc(ids[0] ?? '')}`, {})).status).toBe(400)
    })
  })
})
