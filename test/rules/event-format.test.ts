import { readFileSync } from 'node:fs'
import { describe, expect, test } from 'vitest'
import { eventIdOf, MAX_JSON_DEPTH, parsePdu, sha256UrlSafeBase64 } from '#rules'
import type { JsonObject, JsonValue } from '#spec'
import { ALL_VERSIONS, hashId, pduFor, value, version } from './support/events.ts'

const ids = ALL_VERSIONS.map(({ id }) => id)
const strictIds = ids.filter((id) => Number(id) >= 6)
const lenientIds = ids.filter((id) => Number(id) < 6)
const hashIds = ids.filter((id) => Number(id) >= 3)

const failureOf = (id: string, changes: JsonObject): unknown => {
  const result = parsePdu(version(id), pduFor(version(id), changes))
  return result.ok ? 'accepted' : result.failure
}

describe('what is well formed', () => {
  test.each(ids)('version %s', (id) => {
    const pdu = pduFor(version(id))
    const parsed = value(parsePdu(version(id), pdu))
    expect(parsed.pdu).toEqual(pdu)
    expect(parsed.event).toMatchObject({
      type: 'm.room.message',
      sender: '@alice:domain',
      roomId: pdu.room_id,
      depth: 3,
      originServerTs: 1_000_000,
      content: pdu.content,
      rejected: false,
      prevEvents: [Number(id) < 3 ? '$prev:domain' : hashId('p')],
      authEvents: [Number(id) < 3 ? '$auth:domain' : hashId('a')],
    })
    expect(parsed.event.stateKey).toBeUndefined()
    expect(parsed.event.redacts).toBeUndefined()
    expect(JSON.parse(parsed.json)).toEqual(pdu)
    expect(parsed.event.eventId).toBe(value(eventIdOf(version(id), pdu)))
  })

  test.each([
    ['1', 'pdu_v1', '$a4ecee13e2accdadf56c1025:example.com'],
    ['3', 'pdu_v3', undefined],
    ['4', 'pdu_v4', undefined],
    ['11', 'pdu_v11', undefined],
    ['12', 'pdu_v12', undefined],
  ])("version %s: the specification's example %s", (id, name, eventId) => {
    const parsed = parsePdu(version(id), readExample(name))
    expect(parsed.ok).toBe(true)
    if (eventId !== undefined) expect(value(parsed).event.eventId).toBe(eventId)
  })

  test('the redacted event has the same id', () => {
    for (const id of hashIds) {
      const other = pduFor(version(id), { content: { body: 'gone' }, unsigned: { age: 1 }, extra: 1 })
      expect(value(eventIdOf(version(id), other))).toBe(value(eventIdOf(version(id), pduFor(version(id)))))
    }
  })

  test('event ids are hashes in the alphabet of the version', () => {
    const pdu = pduFor(version('4'))
    const { event, essentialJson } = value(parsePdu(version('4'), pdu))
    expect(event.eventId).toBe(`$${sha256UrlSafeBase64(essentialJson)}`)
    const { event: older } = value(parsePdu(version('3'), pdu))
    expect(older.eventId.replaceAll('+', '-').replaceAll('/', '_')).toBe(event.eventId)
    expect(JSON.parse(essentialJson)).not.toHaveProperty('signatures')
  })

  test('version 12: the create event names no room, for its hash is the room', () => {
    const { room_id: _, ...create } = pduFor(version('12'), {
      type: 'm.room.create',
      state_key: '',
      prev_events: [],
      auth_events: [],
      content: { room_version: '12' },
    })
    const { event } = value(parsePdu(version('12'), create as JsonObject))
    expect(event.roomId).toBe(`!${event.eventId.slice(1)}`)
    expect(failureOf('12', { type: 'm.room.create', state_key: '' })).toEqual({ reason: 'forbidden', key: 'room_id' })
    expect(failureOf('11', { type: 'm.room.create', state_key: '' })).toBe('accepted')
  })
})

const readExample = (name: string): JsonObject => {
  const folder = new URL('examples/', import.meta.url)
  const read = (path: string): JsonObject => flatten(JSON.parse(readFileSync(new URL(path, folder), 'utf8')))
  const flatten = (example: JsonObject): JsonObject => {
    const { $ref, allOf, ...own } = example
    const parts = Array.isArray(allOf) ? (allOf as readonly JsonObject[]).map(flatten) : []
    return Object.assign({}, typeof $ref === 'string' ? read($ref) : {}, ...parts, own)
  }
  return read(name.endsWith('.json') ? name : `${name}.json`)
}

describe('every key has its type', () => {
  const REQUIRED = [
    'type',
    'sender',
    'content',
    'origin_server_ts',
    'depth',
    'prev_events',
    'auth_events',
    'hashes',
    'signatures',
    'room_id',
  ]
  test.each(ids)('version %s: required keys', (id) => {
    for (const key of REQUIRED) {
      const { [key]: _, ...pdu } = pduFor(version(id)) as JsonObject
      expect(parsePdu(version(id), pdu), key).toEqual({ ok: false, failure: { reason: 'missing', key } })
      expect(failureOf(id, { [key]: null }), key).toEqual({ reason: 'wrong-type', key })
      expect(failureOf(id, { [key]: true }), key).toEqual({ reason: 'wrong-type', key })
    }
  })

  test('what is no object is no event', () => {
    for (const json of [null, [], 'x', 1] as JsonValue[]) {
      expect(parsePdu(version('12'), json)).toEqual({ ok: false, failure: { reason: 'not-an-object' } })
    }
  })

  test.each([
    [{ state_key: 1 }, 'wrong-type', 'state_key'],
    [{ unsigned: [] }, 'wrong-type', 'unsigned'],
    [{ content: [] }, 'wrong-type', 'content'],
    [{ hashes: {} }, 'wrong-type', 'hashes'],
    [{ hashes: { sha256: 1 } }, 'wrong-type', 'hashes'],
    [{ signatures: { domain: 'x' } }, 'wrong-type', 'signatures'],
    [{ signatures: { domain: { 'ed25519:1': 1 } } }, 'wrong-type', 'signatures'],
    [{ sender: 'alice' }, 'malformed', 'sender'],
    [{ sender: '@alice' }, 'malformed', 'sender'],
    [{ type: '\ud800' }, 'malformed', 'type'],
    [{ depth: -1 }, 'out-of-range', 'depth'],
    [{ depth: 1.5 }, 'wrong-type', 'depth'],
    [{ depth: '1' }, 'wrong-type', 'depth'],
    [{ origin_server_ts: 0.5 }, 'wrong-type', 'origin_server_ts'],
  ])('in every version: %j', (changes, reason, key) => {
    for (const id of ids) expect(failureOf(id, changes), id).toEqual({ reason, key })
  })

  test('`event_id` is asked for in versions 1 and 2 only', () => {
    for (const id of ['1', '2']) {
      expect(failureOf(id, { event_id: 7 })).toEqual({ reason: 'wrong-type', key: 'event_id' })
      for (const malformed of ['e:domain', '$e', '$e:', '$e:no server']) {
        expect(failureOf(id, { event_id: malformed })).toEqual({ reason: 'malformed', key: 'event_id' })
      }
    }
    expect(failureOf('3', { event_id: 7 })).toBe('accepted')
  })

  test('`redacts` is a string where the version reads it', () => {
    expect(failureOf('10', { redacts: 7 })).toEqual({ reason: 'wrong-type', key: 'redacts' })
    expect(failureOf('11', { redacts: 7 })).toBe('accepted')
  })

  test('references have the form of the version', () => {
    const pair = ['$x:domain', { sha256: 'A' }]
    for (const key of ['prev_events', 'auth_events']) {
      expect(failureOf('2', { [key]: ['$x:domain'] })).toEqual({ reason: 'wrong-type', key })
      expect(failureOf('2', { [key]: [[...pair, 1]] })).toEqual({ reason: 'wrong-type', key })
      expect(failureOf('2', { [key]: [['x', {}]] })).toEqual({ reason: 'malformed', key })
      expect(failureOf('3', { [key]: [pair] })).toEqual({ reason: 'wrong-type', key })
      expect(failureOf('3', { [key]: ['x'] })).toEqual({ reason: 'malformed', key })
    }
  })

  test('room ids have the form of the version', () => {
    for (const malformed of ['r:domain', '!r', '!:domain', '!r:', '!r:no server', '!\0:domain']) {
      expect(failureOf('11', { room_id: malformed }), malformed).toEqual({ reason: 'malformed', key: 'room_id' })
    }
    for (const malformed of ['!r:domain', `!${'r'.repeat(42)}`, `!${'r'.repeat(42)}+`]) {
      expect(failureOf('12', { room_id: malformed }), malformed).toEqual({ reason: 'malformed', key: 'room_id' })
    }
  })
})

describe('limits', () => {
  test('identifiers and keys have 255 bytes, not characters', () => {
    const fits = 'é'.repeat(127)
    for (const id of ids) {
      // MSC3757: the authorisation looks at the parts of such a key.
      const isOwned = id.startsWith('org.matrix.msc3757.')
      if (isOwned) {
        expect(failureOf(id, { state_key: 'é'.repeat(255) })).toBe('accepted')
        expect(failureOf(id, { state_key: 'é'.repeat(256) })).toEqual({ reason: 'too-long', key: 'state_key' })
      }
      for (const key of isOwned ? ['type'] : ['type', 'state_key']) {
        expect(failureOf(id, { [key]: `${fits}a` })).toBe('accepted')
        expect(failureOf(id, { [key]: `${fits}ab` })).toEqual({ reason: 'too-long', key })
      }
      expect(failureOf(id, { sender: `@${'é'.repeat(123)}a:domain` })).toBe('accepted')
      expect(failureOf(id, { sender: `@${'é'.repeat(124)}:domain` })).toEqual({ reason: 'too-long', key: 'sender' })
    }
    expect(failureOf('11', { room_id: `!${'é'.repeat(124)}:domain` })).toEqual({ reason: 'too-long', key: 'room_id' })
    expect(failureOf('1', { event_id: `$${'é'.repeat(124)}:domain` })).toEqual({ reason: 'too-long', key: 'event_id' })
  })

  test('20 previous events and 10 auth events', () => {
    const many = (count: number): string[] => Array.from({ length: count }, (_, index) => `$${'x'.repeat(index + 1)}`)
    expect(failureOf('12', { prev_events: many(20), auth_events: many(10) })).toBe('accepted')
    expect(failureOf('12', { prev_events: many(21) })).toEqual({ reason: 'too-many', key: 'prev_events' })
    expect(failureOf('12', { auth_events: many(11) })).toEqual({ reason: 'too-many', key: 'auth_events' })
  })

  test.each(ids)('version %s: 65,536 bytes of canonical JSON', (id) => {
    const empty = value(parsePdu(version(id), pduFor(version(id), { content: { a: '' } })))
    const room = 65_536 - Buffer.byteLength(empty.json)
    const filled = (bytes: number): JsonObject => ({ content: { a: 'é'.repeat(bytes >> 1) + 'x'.repeat(bytes % 2) } })
    expect(failureOf(id, filled(room))).toBe('accepted')
    expect(failureOf(id, filled(room + 1))).toEqual({ reason: 'too-large', sizeBytes: 65_537 })
  })

  test.each(strictIds)('version %s: integers end at 2^53 - 1', (id) => {
    expect(failureOf(id, { depth: 2 ** 53 - 1 })).toBe('accepted')
    expect(failureOf(id, { depth: 2 ** 53 })).toEqual({ reason: 'out-of-range', key: 'depth' })
    expect(failureOf(id, { origin_server_ts: 2 ** 53 })).toEqual({ reason: 'out-of-range', key: 'origin_server_ts' })
    expect(failureOf(id, { content: { a: 2 ** 53 } })).toEqual({
      reason: 'not-canonical',
      cause: 'integer-out-of-range',
    })
    expect(failureOf(id, { content: { a: 1.5 } })).toEqual({ reason: 'not-canonical', cause: 'float' })
  })

  test.each(lenientIds)('version %s: larger ones pass, and are brought into range', (id) => {
    expect(failureOf(id, { content: { a: 1.5, b: 2 ** 60 } })).toBe('accepted')
    const { event } = value(
      parsePdu(version(id), pduFor(version(id), { depth: 2 ** 63, origin_server_ts: -(2 ** 60) })),
    )
    expect(event.depth).toBe(Number.MAX_SAFE_INTEGER)
    expect(event.originServerTs).toBe(Number.MIN_SAFE_INTEGER)
    expect(failureOf(id, { depth: 2 ** 64 })).toEqual({ reason: 'out-of-range', key: 'depth' })
  })

  test('nesting is bounded', () => {
    let content: JsonObject = {}
    for (let depth = 0; depth < MAX_JSON_DEPTH + 5; depth++) content = { a: content }
    for (const id of ids) expect(failureOf(id, { content })).toEqual({ reason: 'not-canonical', cause: 'too-deep' })
  })
})
