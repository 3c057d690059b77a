import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { redact, redactContent, redactionTarget } from '#rules'
import type { JsonObject, Pdu } from '#spec'
import { jsonObject } from './support/arbitrary.ts'
import { ALL_VERSIONS, hashId, pduFor, version } from './support/events.ts'

const since = (first: number): readonly string[] => ALL_VERSIONS.map(({ id }) => id).filter((id) => Number(id) >= first)
const before = (end: number): readonly string[] => ALL_VERSIONS.map(({ id }) => id).filter((id) => Number(id) < end)

const POWER_LEVELS = ['ban', 'events', 'events_default', 'kick', 'redact', 'state_default', 'users', 'users_default']

/** Type, the keys its content may keep, and the versions in which it keeps them: the pages of the room versions. */
const KEPT: readonly (readonly [string, readonly string[], readonly string[]])[] = [
  ['m.room.member', ['membership'], before(9)],
  ['m.room.member', ['join_authorised_via_users_server', 'membership'], ['9', '10']],
  ['m.room.create', ['creator'], before(11)],
  ['m.room.join_rules', ['join_rule'], before(8)],
  ['m.room.join_rules', ['allow', 'join_rule'], since(8)],
  ['m.room.power_levels', POWER_LEVELS, before(11)],
  ['m.room.power_levels', [...POWER_LEVELS, 'invite'].sort(), since(11)],
  ['m.room.history_visibility', ['history_visibility'], since(1)],
  ['m.room.aliases', ['aliases'], before(6)],
  ['m.room.aliases', [], since(6)],
  ['m.room.redaction', [], before(11)],
  ['m.room.redaction', ['redacts'], since(11)],
  ['m.room.message', [], since(1)],
  ['m.room.name', [], since(1)],
]

/** A content which has every key that any type may keep, and some that none keeps. */
const EVERYTHING: JsonObject = Object.fromEntries(
  [
    ...new Set(KEPT.flatMap(([, keys]) => keys)),
    'notifications',
    'body',
    'name',
    'room_version',
    'predecessor',
    'displayname',
  ].map((key) => [key, `value of ${key}`]),
)

describe('what a redaction leaves of the content', () => {
  test.each(KEPT.flatMap(([type, keys, ids]) => ids.map((id) => [id, type, keys] as const)))(
    'version %s, %s: %j',
    (id, type, keys) => {
      const kept = redactContent(version(id), type, EVERYTHING)
      expect(Object.keys(kept).sort()).toEqual([...keys].sort())
      for (const key of keys) expect(kept[key]).toBe(EVERYTHING[key])
    },
  )

  test.each(since(11))('version %s keeps all of m.room.create', (id) => {
    expect(redactContent(version(id), 'm.room.create', EVERYTHING)).toEqual(EVERYTHING)
  })

  test.each(since(11))('version %s keeps what the identity server signed', (id) => {
    const content = { membership: 'invite', third_party_invite: { signed: { token: 't' }, display_name: 'a...@b...' } }
    const kept = { membership: 'invite', third_party_invite: { signed: { token: 't' } } }
    expect(redactContent(version(id), 'm.room.member', content)).toEqual(kept)
    expect(redactContent(version('10'), 'm.room.member', content)).toEqual({ membership: 'invite' })
    const odd = { membership: 'invite', third_party_invite: 'text' }
    expect(redactContent(version(id), 'm.room.member', odd)).toEqual({ membership: 'invite' })
  })
})

describe('what a redaction leaves of the event', () => {
  const CORE =
    'auth_events content depth event_id hashes origin_server_ts prev_events room_id sender signatures state_key type'
  const full = (id: string): Pdu =>
    pduFor(version(id), {
      event_id: '$e:domain',
      state_key: '',
      membership: 'join',
      origin: 'domain',
      prev_state: [],
      redacts: '$x:domain',
      unsigned: { age: 1 },
      extra: 1,
    })

  test.each(before(11))('version %s', (id) => {
    const keys = [...CORE.split(' '), 'membership', 'origin', 'prev_state'].sort()
    expect(Object.keys(redact(version(id), full(id)))).toEqual(keys)
  })
  test.each(since(11))('version %s', (id) => {
    expect(Object.keys(redact(version(id), full(id)))).toEqual(CORE.split(' '))
  })
  test('keys that are absent stay absent, and the original is left as it is', () => {
    const pdu = pduFor(version('12'))
    const copy = structuredClone(pdu)
    expect(Object.keys(redact(version('12'), pdu))).not.toContain('state_key')
    expect(pdu).toEqual(copy)
  })
})

test('redacting twice changes no more than redacting once', () => {
  const types = fc.constantFrom(...KEPT.map(([type]) => type))
  const contents = fc.tuple(jsonObject, fc.subarray(Object.keys(EVERYTHING))).map(([random, keys]) => ({
    ...random,
    ...Object.fromEntries(keys.map((key) => [key, EVERYTHING[key]])),
    third_party_invite: random,
  }))
  fc.assert(
    fc.property(fc.constantFrom(...ALL_VERSIONS), types, contents, (roomVersion, type, content) => {
      const once = redact(roomVersion, pduFor(roomVersion, { type, content: content as JsonObject }))
      expect(redact(roomVersion, once)).toEqual(once)
    }),
  )
})

describe('the target of a redaction', () => {
  const target = hashId('t')
  test.each(before(11))('version %s: a key of the event', (id) => {
    const pdu = pduFor(version(id), { type: 'm.room.redaction', redacts: target, content: { redacts: hashId('u') } })
    expect(redactionTarget(version(id), pdu)).toBe(target)
  })
  test.each(since(11))('version %s: a key of the content', (id) => {
    const pdu = pduFor(version(id), { type: 'm.room.redaction', content: { redacts: target }, redacts: hashId('u') })
    expect(redactionTarget(version(id), pdu)).toBe(target)
  })
  test('other events have none, nor has one that names no event id', () => {
    expect(redactionTarget(version('12'), pduFor(version('12'), { content: { redacts: target } }))).toBeUndefined()
    for (const redacts of ['x', 7, null]) {
      const pdu = pduFor(version('12'), { type: 'm.room.redaction', content: { redacts } })
      expect(redactionTarget(version('12'), pdu)).toBeUndefined()
    }
  })
})
