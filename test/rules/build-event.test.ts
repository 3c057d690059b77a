import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EventDraft } from '#rules'
import { buildEvent, canonicalJson, contentHashMatches, parsePdu, parseVerifyKey, redact, signaturesOf } from '#rules'
import type { EventId, JsonObject, RoomEvent, RoomVersion } from '#spec'
import { jsonObject } from './support/arbitrary.ts'
import { ALL_VERSIONS, draftFor, hashId, SIGNING_KEY, value, version } from './support/events.ts'

const verifyKey = parseVerifyKey(SIGNING_KEY.publicKey)

/** Reads back what was built, as another server would: format, signature, hash and id must all hold. */
const expectSound = (roomVersion: RoomVersion, draft: EventDraft): void => {
  const built = value(buildEvent(roomVersion, draft, SIGNING_KEY))
  const { unsigned: _, ...bare } = built.pdu
  expect(built.json).toBe(value(canonicalJson(bare as JsonObject, { strict: roomVersion.strictCanonicalJson })))
  const received = value(parsePdu(roomVersion, JSON.parse(built.json)))
  expect(received.event.eventId).toBe(built.eventId)
  const sorted = ({ event }: { event: RoomEvent }): string =>
    value(canonicalJson(event as unknown as JsonObject, { strict: false }))
  expect(sorted(received)).toBe(sorted(built))
  expect(contentHashMatches(roomVersion, received.pdu)).toBe(true)
  const [entry] = signaturesOf(received.pdu, 'domain')
  expect(entry?.keyId).toBe('ed25519:1')
  expect(verifyKey?.verify(received.essentialJson, entry?.signature ?? '')).toBe(true)
  // The signature holds for the redacted copy, too.
  const redacted = value(parsePdu(roomVersion, redact(roomVersion, received.pdu)))
  expect(redacted.essentialJson).toBe(received.essentialJson)
}

const TYPES: readonly (readonly [string, JsonObject])[] = [
  ['m.room.message', { body: 'Grüße 👋', msgtype: 'm.text' }],
  ['m.room.member', { membership: 'join', displayname: 'A', join_authorised_via_users_server: '@m:far' }],
  ['m.room.power_levels', { users: { '@alice:domain': 100 }, invite: 0, ban: 50, notifications: { room: 50 } }],
  ['m.room.join_rules', { join_rule: 'restricted', allow: [{ type: 'm.room_membership', room_id: '!x:y' }] }],
  ['m.room.history_visibility', { history_visibility: 'joined' }],
  ['m.room.aliases', { aliases: ['#a:domain'] }],
]

describe.each(ALL_VERSIONS.map((roomVersion) => [roomVersion.id, roomVersion] as const))(
  'version %s',
  (_, roomVersion) => {
    test('what is built is sound for another server', () => {
      for (const [type, content] of TYPES) {
        expectSound(roomVersion, draftFor(roomVersion, { type, content }))
        expectSound(roomVersion, draftFor(roomVersion, { type, content, stateKey: '@é"\\:domain' }))
        expectSound(roomVersion, draftFor(roomVersion, { type, content, prevEvents: [], unsigned: { age: 1 } }))
        expectSound(roomVersion, draftFor(roomVersion, { type, content, stickyMs: 60_000 }))
      }
    })

    test('a redaction names its target where the version reads it', () => {
      const redacts = (roomVersion.eventId === 'given' ? '$target:domain' : hashId('t')) as EventId
      const draft = draftFor(roomVersion, { type: 'm.room.redaction', content: { reason: 'spam' }, redacts })
      expectSound(roomVersion, draft)
      const { event, pdu } = value(buildEvent(roomVersion, draft, SIGNING_KEY))
      expect(event.redacts).toBe(redacts)
      expect(pdu.redacts === redacts).toBe(Number(roomVersion.id.split('.').at(-1)) < 11)
      expect(pdu.content.redacts === redacts).toBe(Number(roomVersion.id.split('.').at(-1)) >= 11)
      expect(draft.content).toEqual({ reason: 'spam' })
    })

    test('the create event', () => {
      const changes = { type: 'm.room.create', stateKey: '', prevEvents: [], authEvents: [] }
      const draft = draftFor(roomVersion, { ...changes, content: { room_version: roomVersion.id, 'm.federate': true } })
      const { roomId, ...homeless } = draft
      if (!roomVersion.roomIdIsCreateHash) return expectSound(roomVersion, draft)
      expectSound(roomVersion, homeless)
      const { event, pdu } = value(buildEvent(roomVersion, homeless, SIGNING_KEY))
      expect(event.roomId).toBe(`!${event.eventId.slice(1)}`)
      expect(pdu).not.toHaveProperty('room_id')
      expect(roomId).toBeDefined()
      expect(buildEvent(roomVersion, draft, SIGNING_KEY)).toEqual({
        ok: false,
        failure: { reason: 'forbidden', key: 'room_id' },
      })
    })

    test('any content', () => {
      fc.assert(
        fc.property(jsonObject, (content) => {
          expectSound(roomVersion, draftFor(roomVersion, { content }))
          expectSound(roomVersion, draftFor(roomVersion, { content, type: 'm.room.create.not' }))
        }),
        { numRuns: 10 },
      )
    })
  },
)

test('unsigned data is in the PDU, but neither signed nor in the text', () => {
  const build = (unsigned: JsonObject | undefined) =>
    value(buildEvent(version('12'), draftFor(version('12'), { unsigned }), SIGNING_KEY))
  const [bare, aged] = [build(undefined), build({ age: 5 })]
  expect(aged.pdu.unsigned).toEqual({ age: 5 })
  expect(bare.pdu).not.toHaveProperty('unsigned')
  expect(aged.json).toBe(bare.json)
  expect(aged.eventId).toBe(bare.eventId)
})

describe('what cannot be built', () => {
  const refuse = (id: string, changes: Partial<EventDraft>): unknown => {
    const result = buildEvent(version(id), draftFor(version(id), changes), SIGNING_KEY)
    return result.ok ? 'built' : result.failure
  }
  test('what another server would drop', () => {
    expect(refuse('12', { type: 'é'.repeat(128) })).toEqual({ reason: 'too-long', key: 'type' })
    expect(refuse('12', { stateKey: '\ud800' })).toEqual({ reason: 'malformed', key: 'state_key' })
    expect(refuse('12', { prevEvents: Array.from({ length: 21 }, () => hashId('p')) })).toEqual({
      reason: 'too-many',
      key: 'prev_events',
    })
    expect(refuse('12', { depth: 2 ** 53 })).toEqual({ reason: 'out-of-range', key: 'depth' })
    expect(refuse('12', { roomId: undefined })).toEqual({ reason: 'missing', key: 'room_id' })
    expect(refuse('12', { content: { a: 0.5 } })).toEqual({ reason: 'not-canonical', cause: 'float' })
    expect(refuse('5', { content: { a: 0.5 } })).toBe('built')
    expect(refuse('12', { content: { a: 'é'.repeat(40_000) } })).toMatchObject({ reason: 'too-large' })
  })
  test('in versions 1 and 2, an event without an id or with references of unknown hash', () => {
    expect(refuse('1', { eventId: undefined })).toEqual({ reason: 'missing', key: 'event_id' })
    expect(refuse('1', { referenceHashes: new Map() })).toEqual({
      reason: 'unknown-reference',
      eventId: '$prev:domain',
    })
  })
})
