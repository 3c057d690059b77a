import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
let carol: TestClient
let roomId: string

beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
  bob = await homeserver.register('bob')
  carol = await homeserver.register('carol')
})
beforeEach(async () => {
  roomId = await alice.createRoom({ preset: 'public_chat' })
  await bob.join(roomId)
})
afterAll(() => homeserver.stop())

const enc = encodeURIComponent
const errorOf = async (client: TestClient, method: string, path: string, body: unknown = {}) => {
  const answer = await client.request(method, path, { body })
  return [answer.status, answer.body.errcode]
}

describe('send', () => {
  it('answers the same request with the same event, and another path with another one', async () => {
    const first = await alice.send(roomId, 'm.room.message', { body: 'a' }, 'txn')
    expect(await alice.send(roomId, 'm.room.message', { body: 'changed' }, 'txn')).toBe(first)
    expect((await alice.put(`/r0/rooms/${enc(roomId)}/send/m.room.message/txn`, {})).event_id).toBe(first)
    const other = await alice.createRoom()
    const elsewhere = [
      await alice.send(roomId, 'm.other', {}, 'txn'),
      await alice.send(other, 'm.room.message', {}, 'txn'),
      await (await alice.loginAgain()).send(roomId, 'm.room.message', {}, 'txn'),
      await bob.send(roomId, 'm.room.message', {}, 'txn'),
    ]
    expect(new Set([first, ...elsewhere]).size).toBe(5)
    expect((await alice.getEvent(roomId, first)).unsigned.transaction_id).toBe('txn')
    expect((await bob.getEvent(roomId, first)).unsigned.transaction_id).toBeUndefined()
  })

  it('makes one event of one request that arrives many times at once', async () => {
    const ids = await Promise.all(Array.from({ length: 20 }, () => alice.send(roomId, 'm.room.message', {}, 'burst')))
    expect(new Set(ids).size).toBe(1)
    expect((await alice.messages(roomId, { dir: 'b', limit: 2 })).chunk[1].type).toBe('m.room.member')
  })

  it('answers a repeated request even to who was removed since', async () => {
    const eventId = await bob.send(roomId, 'm.room.message', { body: 'x' }, 'late')
    await alice.ban(roomId, bob.userId)
    expect(await bob.send(roomId, 'm.room.message', { body: 'x' }, 'late')).toBe(eventId)
    expect(await errorOf(bob, 'PUT', `/v3/rooms/${enc(roomId)}/send/m.room.message/new`)).toEqual([403, 'M_FORBIDDEN'])
  })

  it('is refused to who is not in the room, alike whether it exists', async () => {
    const unknown = await carol.request('PUT', `/v3/rooms/${enc('!nowhere:localhost')}/send/m.x/1`, { body: {} })
    const known = await carol.request('PUT', `/v3/rooms/${enc(roomId)}/send/m.x/1`, { body: {} })
    expect([unknown.status, unknown.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    expect([known.status, known.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })

  it('keeps content as it was sent, whatever is in it', async () => {
    const content = {
      body: '\u0000\u2028"\\',
      nested: { '': [1, -0, null, true, { é: '🦄' }] },

      big: 9007199254740991,
    }
    const eventId = await alice.send(roomId, 'm.room.message', content)
    expect((await bob.getEvent(roomId, eventId)).content).toEqual({
      ...content,
      nested: { '': [1, 0, null, true, { é: '🦄' }] },
    })
  })

  it('takes members that JavaScript has a meaning for as the plain members they are', async () => {
    const body = '{"__proto__":{"polluted":true},"constructor":{"prototype":1},"toString":"x"}'
    const path = `/v3/rooms/${enc(roomId)}/send/m.odd/${alice.nextTransaction()}`
    const { event_id: eventId } = await alice.ok('PUT', path, { body })
    expect(JSON.stringify((await bob.getEvent(roomId, eventId)).content)).toContain('"__proto__":{"polluted":true}')
    expect(({} as Json).polluted).toBeUndefined()
  })

  it.each([
    ['a float', { x: 1.5 }, 400, 'M_BAD_JSON'],
    ['an integer out of range', { x: 2 ** 53 }, 400, 'M_BAD_JSON'],
    ['more than 65,536 bytes', { x: 'y'.repeat(66_000) }, 413, 'M_TOO_LARGE'],
    ['a list', [], 400, 'M_BAD_JSON'],
    ['half a JSON', '{"x":', 400, 'M_NOT_JSON'],
  ])('refuses %s', async (_, body, status, errcode) => {
    expect(await errorOf(alice, 'PUT', `/v3/rooms/${enc(roomId)}/send/m.room.message/bad`, body)).toEqual([
      status,
      errcode,
    ])
  })

  it('refuses types that are state only, and texts that nobody could store', async () => {
    for (const type of ['m.room.member', 'm.room.create']) {
      const path = `/v3/rooms/${enc(roomId)}/send/${type}/1`
      expect(await errorOf(alice, 'PUT', path, { membership: 'join' })).toEqual([400, 'M_BAD_JSON'])
    }
    expect(await errorOf(alice, 'PUT', `/v3/rooms/${enc(roomId)}/send/m.x%00/1`)).toEqual([400, 'M_INVALID_PARAM'])
    expect(await errorOf(alice, 'PUT', `/v3/rooms/${enc(roomId)}/send/m.x/1%00`)).toEqual([400, 'M_INVALID_PARAM'])
    expect(await errorOf(alice, 'PUT', `/v3/rooms/${enc(roomId)}/send/m.x/${'t'.repeat(256)}`)).toEqual([
      400,
      'M_INVALID_PARAM',
    ])
    expect(await errorOf(alice, 'PUT', `/v3/rooms/${enc(roomId)}/send/${'t'.repeat(300)}/1`)).toEqual([
      400,
      'M_BAD_JSON',
    ])
    expect(await errorOf(alice, 'PUT', '/v3/rooms/notaroom/send/m.x/1')).toEqual([400, 'M_INVALID_PARAM'])
  })
})

describe('a transaction that was acknowledged', () => {
  const ENDINGS = {
    banned: () => alice.ban(roomId, bob.userId),
    removed: () => alice.kick(roomId, bob.userId),
    gone: () => bob.leave(roomId),
    muted: async () => {
      const levels = await alice.getState(roomId, 'm.room.power_levels')
      await alice.setState(roomId, 'm.room.power_levels', '', { ...levels, events_default: 50 })
    },
  } satisfies Record<string, () => Promise<unknown>>

  it.each(Object.keys(ENDINGS) as (keyof typeof ENDINGS)[])(
    'is answered again, before and after a restart, though its sender is %s',
    async (ending) => {
      const text = await bob.send(roomId, 'm.room.message', { body: 'said' }, `said ${ending}`)
      const redaction = `/v3/rooms/${enc(roomId)}/redact/${enc(text)}/${enc(`unsaid ${ending}`)}`
      const unsaid = (await bob.put(redaction)).event_id
      await ENDINGS[ending]()
      for (const isRestarted of [false, true]) {
        if (isRestarted) await homeserver.restart()
        expect(await bob.send(roomId, 'm.room.message', { body: 'said' }, `said ${ending}`)).toBe(text)
        expect((await bob.put(redaction)).event_id).toBe(unsaid)
        const path = `/v3/rooms/${enc(roomId)}/send/m.room.message/${enc(`new ${ending} ${isRestarted}`)}`
        expect(await errorOf(bob, 'PUT', path, { body: 'more' })).toEqual([403, 'M_FORBIDDEN'])
      }
    },
  )
})

describe('redaction', () => {
  it('takes the content away for good, for everybody, and says by which event', async () => {
    const eventId = await bob.sendText(roomId, 'regretted')
    const redaction = await alice.redact(roomId, eventId, 'rude')
    for (const client of [alice, bob]) {
      const event: Json = await client.getEvent(roomId, eventId)
      expect(event.content).toEqual({})
      expect(event.unsigned.redacted_because).toMatchObject({
        event_id: redaction,
        content: { reason: 'rude' },
        redacts: eventId,
      })
    }
    expect(await bob.getEvent(roomId, redaction)).toMatchObject({
      redacts: eventId,
      content: { redacts: eventId, reason: 'rude' },
    })
  })

  it('is for one’s own events, and for who has the power over those of others', async () => {
    await carol.join(roomId)
    const eventId = await bob.sendText(roomId, 'mine')
    const path = (id: string) => `/v3/rooms/${enc(roomId)}/redact/${enc(id)}`
    expect(await errorOf(carol, 'PUT', `${path(eventId)}/1`)).toEqual([403, 'M_FORBIDDEN'])
    expect((await bob.getEvent(roomId, eventId)).content.body).toBe('mine')
    await bob.redact(roomId, eventId)
    expect((await bob.getEvent(roomId, eventId)).content).toEqual({})
    const create = (await alice.messages(roomId, { dir: 'f', limit: 1 })).chunk[0].event_id
    expect(await errorOf(alice, 'PUT', `${path(create)}/2`)).toEqual([403, 'M_FORBIDDEN'])
    expect(await errorOf(alice, 'PUT', `${path('$nothing')}/3`)).toEqual([404, 'M_NOT_FOUND'])
    expect(await errorOf(alice, 'PUT', `${path('nothing')}/4`)).toEqual([400, 'M_INVALID_PARAM'])
  })

  it('reaches no event of another room: not one’s own, and not by the power over this one', async () => {
    const other = await bob.createRoom({ preset: 'public_chat' })
    await carol.join(other)
    const eventIds = [await bob.sendText(other, 'elsewhere'), await carol.sendText(other, 'elsewhere')]
    for (const client of [alice, bob]) {
      for (const [index, eventId] of eventIds.entries()) {
        const path = `/v3/rooms/${enc(roomId)}/redact/${enc(eventId)}/elsewhere${index}`
        expect(await errorOf(client, 'PUT', path)).toEqual([400, 'M_INVALID_PARAM'])
      }
    }
    for (const eventId of eventIds) expect((await bob.getEvent(other, eventId)).content.body).toBe('elsewhere')
    expect((await alice.messages(roomId, { dir: 'b', limit: 1 })).chunk[0].type).not.toBe('m.room.redaction')
  })

  it('asked for twice with one transaction id is one redaction, and a redaction can be redacted', async () => {
    const eventId = await bob.sendText(roomId, 'x')
    const path = `/v3/rooms/${enc(roomId)}/redact/${enc(eventId)}/same`
    const first = await bob.put(path, { reason: 'pun' })
    expect(await bob.put(path, { reason: 'pun' })).toEqual(first)
    expect((await bob.getEvent(roomId, first.event_id)).content.reason).toBe('pun')
    await bob.redact(roomId, first.event_id)
    expect((await bob.getEvent(roomId, first.event_id)).content.reason).toBeUndefined()
  })

  it('may also be sent as an event that names its target', async () => {
    const eventId = await bob.sendText(roomId, 'x')
    const redaction = await bob.send(roomId, 'm.room.redaction', { redacts: eventId, reason: 'why not' })
    expect((await bob.getEvent(roomId, eventId)).unsigned.redacted_because.event_id).toBe(redaction)
    expect(await errorOf(bob, 'PUT', `/v3/rooms/${enc(roomId)}/send/m.room.redaction/2`)).toEqual([
      400,
      'M_MISSING_PARAM',
    ])
  })

  it('of state leaves the state in force without its content', async () => {
    const eventId = await alice.setState(roomId, 'm.room.name', '', { name: 'Secret' })
    await alice.redact(roomId, eventId)
    expect(await bob.getState(roomId, 'm.room.name')).toEqual({})
    await alice.setState(roomId, 'm.room.name', '', { name: 'Open' })
    expect(await bob.getState(roomId, 'm.room.name')).toEqual({ name: 'Open' })
  })
})
