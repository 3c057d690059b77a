import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { EventDraft } from '#rules'
import { buildEvent, canonicalJson, parseVerifyKey, redact, signaturesOf, signWhenSent } from '#rules'
import type { JsonObject, Pdu, RoomVersion } from '#spec'
import { jsonObject } from './support/arbitrary.ts'
import { ALL_VERSIONS, draftFor, SIGNING_KEY, value } from './support/events.ts'

const UNSIGNED = '"signatures":{},"type"'
const verifyKey = parseVerifyKey(SIGNING_KEY.publicKey)

/** A message that is signed when it is sent is the one that would have been signed at once. */
const expectTheSame = (version: RoomVersion, draft: EventDraft): void => {
  const now = buildEvent(version, draft, SIGNING_KEY)
  const later = buildEvent(version, draft, SIGNING_KEY, 'when-sent')
  expect(later.ok).toBe(now.ok)
  if (!now.ok || !later.ok) return
  expect(later.value.eventId).toBe(now.value.eventId)
  expect(signWhenSent(later.value.json, SIGNING_KEY)).toBe(now.value.json)
  expect(signWhenSent(now.value.json, SIGNING_KEY)).toBe(now.value.json)
  // The redacted copy gets the same signature.
  const redacted = (json: string): string =>
    value(canonicalJson(redact(version, JSON.parse(json) as Pdu) as JsonObject))
  expect(signWhenSent(redacted(later.value.json), SIGNING_KEY)).toBe(redacted(now.value.json))
}

describe.each(ALL_VERSIONS.map((version) => [version.id, version] as const))('version %s', (_, version) => {
  test('messages are left unsigned', () => {
    const { json, pdu } = value(buildEvent(version, draftFor(version), SIGNING_KEY, 'when-sent'))
    expect(json).toContain(UNSIGNED)
    expect(pdu.signatures).toEqual({})
    const signed = JSON.parse(signWhenSent(json, SIGNING_KEY)) as Pdu
    const [entry] = signaturesOf(signed, 'domain')
    const { signatures: _signatures, unsigned: _unsigned, ...covered } = redact(version, signed) as JsonObject
    expect(verifyKey?.verify(value(canonicalJson(covered)), entry?.signature ?? '')).toBe(true)
  })

  test('whatever redaction leaves something of is signed at once', () => {
    const content = { membership: 'join', users: {}, ban: 50, creator: '@alice:domain', join_rule: 'public' }
    for (const type of ['m.room.member', 'm.room.power_levels', 'm.room.join_rules'])
      expect(
        value(buildEvent(version, draftFor(version, { type, content }), SIGNING_KEY, 'when-sent')).json,
      ).not.toContain(UNSIGNED)
  })

  test('any message, sticky or not, of any type', () => {
    const type = fc.oneof(
      fc.constantFrom(
        'm.room.message',
        'm.room.redaction',
        'm.room.member',
        'signatures',
        ',"type":"x',
        '"signatures":{}',
      ),
      fc.string({ minLength: 1, maxLength: 20 }),
    )
    const content = fc.oneof(
      jsonObject,
      fc.constantFrom<JsonObject>(
        { signatures: {}, type: 'm.room.message' },
        { body: '"signatures":{},"type":"m.room.message"}' },
        { zz: { sender: '@alice:domain', signatures: {}, type: 'm' } },
      ),
    )
    fc.assert(
      fc.property(type, content, fc.option(fc.constant(60_000), { nil: undefined }), (ofType, ofContent, stickyMs) => {
        expectTheSame(version, draftFor(version, { type: ofType, content: ofContent, stickyMs }))
      }),
    )
  })

  test('a message is as long as it may be, its later signature counted in', () => {
    const bodyOf = (length: number) => draftFor(version, { content: { body: 'x'.repeat(length) } })
    const room = 65_536 - value(buildEvent(version, bodyOf(0), SIGNING_KEY)).json.length
    expectTheSame(version, bodyOf(room))
    expect(buildEvent(version, bodyOf(room), SIGNING_KEY, 'when-sent').ok).toBe(true)
    expect(buildEvent(version, bodyOf(room + 1), SIGNING_KEY, 'when-sent')).toEqual({
      ok: false,
      failure: { reason: 'too-large', sizeBytes: 65_537 },
    })
  })
})

test('events of other servers stay as they are', () => {
  for (const version of ALL_VERSIONS) {
    const { json } = value(buildEvent(version, draftFor(version), SIGNING_KEY, 'when-sent'))
    const foreign = json.replace('@alice:domain', '@alice:elsewhere')
    expect(signWhenSent(foreign, SIGNING_KEY)).toBe(foreign)
  }
})
