import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { JsonObject } from '#spec'
import type { Json } from '../support/client.ts'
import { peerKey } from '../support/federation-peer/peer.ts'
import type { PeerDraft, PeerEvent } from '../support/federation-peer/peer-room.ts'
import { Besieged, HOME, type SharedRoom } from './hostile/besieged.ts'

const text = (body: string): JsonObject => ({ msgtype: 'm.text', body })
const message = (body: string, more: Partial<PeerDraft> = {}): PeerDraft => ({
  type: 'm.room.message',
  content: text(body),
  ...more,
})

describe('a hostile server sends events: the room stays whole, and others are served as before', {
  timeout: 60_000,
}, () => {
  let siege: Besieged
  let room: SharedRoom
  beforeAll(async () => {
    siege = await Besieged.start()
    room = await siege.room()
  }, 60_000)
  afterAll(() => siege.stop())

  /** Sends PDUs that must not get into the room; the honest course goes on. */
  const refuses = async (pdus: readonly Json[], ids: readonly string[]): Promise<void> => {
    await siege.attack(pdus)
    await siege.isWhole(room)
    for (const eventId of ids) expect(await siege.has(room.roomId, eventId)).toBe(false)
  }

  it('in the name of users of others, or with another key', async () => {
    const { hostile } = room
    const forged = [
      hostile.build(message('of alice', { sender: siege.alice.userId })),
      hostile.build(message('of the honest one', { sender: room.honest.sender })),
      hostile.build(message('unknown key', { key: peerKey('hostile.example', 'ed25519:other') })),
      hostile.build(message('same id, other key', { key: peerKey('hostile.example', 'ed25519:peer') })),
      hostile.build(
        message('signed as the server itself', { sender: siege.alice.userId, key: peerKey(HOME, 'ed25519:1') }),
      ),
    ]
    await refuses(
      forged.map(({ pdu }) => pdu),
      forged.map(({ eventId }) => eventId),
    )
    const { signatures: _, ...unsigned } = hostile.build(message('unsigned')).pdu
    await refuses(
      [unsigned, { ...unsigned, signatures: {} }, { ...unsigned, signatures: { 'hostile.example': {} } }],
      [],
    )
  })

  it('changed after they were signed: at most the redacted event is taken', async () => {
    const sent = room.hostile.build(message('as it was'))
    await siege.attack([{ ...sent.pdu, content: text('as it was not') }])
    await siege.isWhole(room)
    if (await siege.has(room.roomId, sent.eventId))
      expect((await siege.alice.getEvent(room.roomId, sent.eventId)).content).toEqual({})
  })

  it('of forms that are none', async () => {
    const { pdu } = room.hostile.build(message('formless'))
    const strange: Json[] = [
      null,
      17,
      'event',
      [],
      {},
      { room_id: room.roomId },
      { ...pdu, content: 'text' },
      { ...pdu, depth: -1 },
      { ...pdu, depth: 1.5 },
      { ...pdu, depth: '7' },
      { ...pdu, origin_server_ts: null },
      { ...pdu, prev_events: 'none' },
      { ...pdu, prev_events: [['$a:b', { sha256: 'x' }]] },
      { ...pdu, auth_events: Array.from({ length: 200 }, (_, at) => `$${at}`) },
      { ...pdu, prev_events: Array.from({ length: 200 }, (_, at) => `$${at}`) },
      { ...pdu, sender: '@' },
      { ...pdu, sender: `@${'x'.repeat(300)}:hostile.example` },
      { ...pdu, state_key: 'k'.repeat(300) },
      { ...pdu, type: 't'.repeat(300) },
      { ...pdu, hashes: {} },
      { ...pdu, room_id: 7 },
    ]
    await refuses(strange, [])
  })

  it('that are too large, too deep, or hold what is no number', async () => {
    const huge = room.hostile.build(message('small'))
    const deep = JSON.parse(`${'{"a":'.repeat(500)}1${'}'.repeat(500)}`)
    await refuses(
      [
        { ...huge.pdu, content: text('x'.repeat(70_000)) },
        { ...huge.pdu, unsigned: { filler: 'x'.repeat(200_000) } },
        { ...huge.pdu, content: deep },
        { ...huge.pdu, content: { number: 1e300 } },
        { ...huge.pdu, content: { number: 0.1 } },
      ],
      [],
    )
  })

  it('in transactions of wrong shape, or longer than allowed', async () => {
    const { pdu } = room.hostile.build(message('one of many'))
    const send = (body: Json, uri = '/_matrix/federation/v1/send/wrong'): Promise<Json> =>
      siege.hostile.request(HOME, { method: 'PUT', uri, body })
    const frame = { origin: 'hostile.example', origin_server_ts: 1, edus: [] }
    for (const body of [
      { ...frame, pdus: Array.from({ length: 51 }, () => pdu) },
      { ...frame, pdus: [], edus: Array.from({ length: 101 }, () => ({ edu_type: 'm.x', content: {} })) },
      { ...frame, pdus: {} },
      { ...frame, pdus: [], edus: 'x' },
      [],
      '{"pdus":[',
      `{"pdus":${'['.repeat(100_000)}`,
    ])
      expect((await send(body)).status).toBe(400)
    const unsigned = await siege.hostile.request(HOME, {
      method: 'PUT',
      uri: '/_matrix/federation/v1/send/unsigned',
      body: { ...frame, pdus: [] },
      authorization: null,
    })
    expect(unsigned.status).toBe(401)
    const forOther = await siege.hostile.request(HOME, {
      method: 'PUT',
      uri: '/_matrix/federation/v1/send/other',
      body: { ...frame, pdus: [] },
      origin: 'peer.example',
    })
    expect(forOther.status).toBe(401)
    await siege.isWhole(room)
  })

  it('with depths at the ends of the numbers: later messages keep their order', async () => {
    const { hostile } = room
    for (const depth of [Number.MAX_SAFE_INTEGER, Number.MAX_SAFE_INTEGER - 1, 0, 1]) {
      const event = hostile.send(message(`depth ${depth}`, { depth }))
      await siege.attack([event.pdu])
      await siege.isWhole(room)
    }
    const { pdu } = hostile.build(message('beyond'))
    await refuses(
      [
        { ...pdu, depth: 2 ** 53 },
        { ...pdu, depth: 2 ** 63 },
      ],
      [],
    )
    const { chunk } = await siege.alice.messages(room.roomId, { dir: 'b', limit: 4 })
    expect(chunk.map(({ content }: Json) => content.body)[0]).toMatch(/^mark \d+ too$/)
  })

  it('with times of long ago and of the far future', async () => {
    for (const ts of [0, -1, Number.MAX_SAFE_INTEGER]) {
      const event = room.hostile.build(message(`ts ${ts}`, { ts }))
      await siege.attack([event.pdu])
      await siege.isWhole(room)
    }
  })

  it('that its users may not send: refused, and pages of them end no pagination (CVE-2026-45076)', async () => {
    const before = await siege.alice.sendText(room.roomId, 'before the refused')
    await siege.hostile.pduWhich((pdu) => room.hostile.read(pdu).eventId === before)
    const refused: PeerEvent[] = []
    const levels = room.hostile.stateEvent('m.room.power_levels')?.event.content ?? {}
    for (let at = 0; at < 120; at++)
      refused.push(
        room.hostile.build({ type: 'm.room.power_levels', stateKey: '', content: { ...levels, ban: at, kick: 0 } }),
      )
    for (let from = 0; from < refused.length; from += 40)
      await siege.attack(refused.slice(from, from + 40).map(({ pdu }) => pdu))
    await siege.isWhole(room)
    let from: string | undefined
    const seen = new Set<string>()
    for (let page = 0; page < 100; page++) {
      const { chunk, end } = await siege.alice.messages(room.roomId, { dir: 'b', limit: 5, from })
      for (const { event_id: eventId } of chunk) seen.add(eventId)
      if (end === undefined) break
      from = end
    }
    expect(seen.has(before)).toBe(true)
    for (const { eventId } of refused) expect(seen.has(eventId)).toBe(false)
    expect(await siege.alice.getState(room.roomId, 'm.room.power_levels')).toEqual(levels)
  })

  it('that cite what they may not: events of other rooms, too much, the same twice, refused ones', async () => {
    const { hostile } = room
    const other = await siege.room()
    const create = other.hostile.stateEvent('m.room.create')?.eventId ?? ''
    const own = hostile.build(message('as is')).event.authEvents
    const topic = hostile.stateEvent('m.room.history_visibility')?.eventId ?? ''
    const lacking = own.filter((eventId) => eventId !== hostile.stateEvent('m.room.member', hostile.sender)?.eventId)
    const wrong = [
      hostile.build(message('other room', { auth: [...own.slice(1), create] })),
      hostile.build(message('surplus', { auth: [...own, topic] })),
      hostile.build(message('twice', { auth: [...own, own[0] ?? ''] })),
      hostile.build(message('no member', { auth: lacking })),
      hostile.build(message('none at all', { auth: [] })),
    ]
    await refuses(
      wrong.map(({ pdu }) => pdu),
      wrong.map(({ eventId }) => eventId),
    )
  })

  // Not settled: whether the order of arrival in this scene is the server's fault or the scene's.
  it.skip('on hundreds of branches: the ends are brought together, and own events cite few of them', async () => {
    const { hostile } = room
    const base = hostile.heads
    const branches = Array.from({ length: 300 }, (_, at) => hostile.build(message(`branch ${at}`, { prev: base })))
    for (let from = 0; from < branches.length; from += 50)
      await siege.attack(branches.slice(from, from + 50).map(({ pdu }) => pdu))
    await siege.isWhole(room)
    for (let at = 0; at < 20; at++) {
      const eventId = await siege.alice.sendText(room.roomId, `after ${at}`)
      const pdu = await siege.hostile.pduWhich((each) => each.content?.body === `after ${at}`)
      expect(pdu.prev_events.length).toBeLessThanOrEqual(20)
      expect(eventId).toMatch(/^\$/)
    }
    await siege.isWhole(room)
  })

  // A sync shows the newest hundred events, among which those of the others are looked for.
  it('that conflict on sixty branches: resolution is bounded', async () => {
    const fresh = await siege.room()
    const { hostile } = fresh
    const base = hostile.heads
    const branches = Array.from({ length: 60 }, (_, at) =>
      hostile.build({
        type: 'm.room.topic',
        stateKey: '',
        content: { topic: `${at}` },
        prev: base,
        ts: Date.now() + at,
      }),
    )
    for (let from = 0; from < branches.length; from += 50)
      await siege.attack(branches.slice(from, from + 50).map(({ pdu }) => pdu))
    await siege.isWhole(fresh)
    expect((await siege.alice.getState(fresh.roomId, 'm.room.topic')).topic).toMatch(/^\d+$/)
  })

  it('with the largest power levels that fit, and many changes of them', async () => {
    const fresh = await siege.room()
    const { hostile } = fresh
    await siege.alice.setState(fresh.roomId, 'm.room.power_levels', '', {
      users: { [siege.alice.userId]: 100, [hostile.sender]: 100 },
    })
    await siege.hostile.pduWhich((pdu) => pdu.content?.users?.[hostile.sender] === 100)
    const users = Object.fromEntries(Array.from({ length: 1_500 }, (_, at) => [`@user${at}:hostile.example`, at % 90]))
    for (let at = 0; at < 20; at++) {
      const content = { users: { ...users, [siege.alice.userId]: 100, [hostile.sender]: 100 }, ban: at }
      await siege.attack([hostile.send({ type: 'm.room.power_levels', stateKey: '', content }).pdu])
    }
    await siege.isWhole(fresh)
  })
})
