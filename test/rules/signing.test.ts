import { createPublicKey, verify } from 'node:crypto'
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  authorisingServer,
  contentHash,
  contentHashMatches,
  decodeBase64,
  encodeBase64,
  essentialJson,
  parseVerifyKey,
  requiredSigners,
  signaturesOf,
  signingKeyFromSeed,
  signJson,
  verifyJson,
  withSignature,
} from '#rules'
import type { JsonObject, Pdu, ServerName } from '#spec'
import { jsonObject } from './support/arbitrary.ts'
import { ALL_VERSIONS, pduFor, SEED, SIGNING_KEY, value, version } from './support/events.ts'

const verifyKey = parseVerifyKey(SIGNING_KEY.publicKey)
if (verifyKey === undefined) throw new Error('the public key of the vectors must be readable')

describe('unpadded Base64', () => {
  test.each([
    ['', ''],
    ['f', 'Zg'],
    ['fo', 'Zm8'],
    ['foo', 'Zm9v'],
    ['foob', 'Zm9vYg'],
    ['fooba', 'Zm9vYmE'],
    ['foobar', 'Zm9vYmFy'],
  ])('%j is %j', (text, encoded) => {
    expect(encodeBase64(Buffer.from(text))).toBe(encoded)
    expect(decodeBase64(encoded)).toEqual(Buffer.from(text))
    expect(decodeBase64(encoded.padEnd(Math.ceil(encoded.length / 4) * 4, '='))).toEqual(Buffer.from(text))
  })
  test.each(['A', 'Zg-_', 'Zm 9v', 'Zg===', 'Z=g', 'Zm9v\n'])('%j is refused', (text) => {
    expect(decodeBase64(text)).toBeUndefined()
  })
  test('bytes come back', () => {
    fc.assert(
      fc.property(fc.uint8Array(), (bytes) => {
        expect(decodeBase64(encodeBase64(bytes))).toEqual(Buffer.from(bytes))
      }),
    )
  })
})

describe('the vectors of the appendices', () => {
  test.each([
    [{}, 'K8280/U9SSy9IVtjBuVeLr+HpOB4BQFWbg+UZaADMtTdGYI7Geitb76LTrr5QV/7Xg4ahLwYGYZzuHGZKM5ZAQ'],
    [{ one: 1, two: 'Two' }, 'KqmLSbO39/Bzb0QIYE82zqLwsA+PDzYIpIRA2sRQ4sL53+sN6/fpNSoqE7BP7vBZhG6kYdD13EIMJpvhJI+6Bw'],
  ])('JSON %j', (object, signature) => {
    const signed = value(signJson(object, SIGNING_KEY))
    expect(signed).toEqual({ ...object, signatures: { domain: { 'ed25519:1': signature } } })
    expect(verifyJson(signed, 'domain', 'ed25519:1', verifyKey)).toBe(true)
  })

  const minimal = {
    room_id: '!x:domain',
    sender: '@a:domain',
    origin: 'domain',
    origin_server_ts: 1_000_000,
    signatures: {},
    hashes: {},
    type: 'X',
    content: {},
    prev_events: [],
    auth_events: [],
    depth: 3,
    unsigned: { age_ts: 1_000_000 },
  }
  const redactable = {
    content: { body: 'Here is the message content' },
    event_id: '$0:domain',
    origin: 'domain',
    origin_server_ts: 1_000_000,
    type: 'm.room.message',
    room_id: '!r:domain',
    sender: '@u:domain',
    signatures: {},
    unsigned: { age_ts: 1_000_000 },
  }

  test.each([
    [
      minimal,
      '5jM4wQpv6lnBo7CLIghJuHdW+s2CMBJPUOGOC89ncos',
      'KxwGjPSDEtvnFgU00fwFz+l6d2pJM6XBIaMEn81SXPTRl16AqLAYqfIReFGZlHi5KLjAWbOoMszkwsQma+lYAg',
    ],
    [
      redactable,
      'onLKD1bGljeBWQhWZ1kaP9SorVmRQNdN5aM2JYU2n/g',
      'Wm+VzmOUOz08Ds+0NTWb1d4CZrVsJSikkeRxh6aCcUwu6pNC78FunoD7KNWzqFn241eYHYMGCA5McEiVPdhzBA',
    ],
  ])('event %#', (unhashed, sha256, signature) => {
    const v1 = version('1')
    expect(value(contentHash(v1, unhashed))).toBe(sha256)
    const pdu = { ...unhashed, hashes: { sha256 } } as unknown as Pdu
    const text = value(essentialJson(v1, pdu))
    expect(SIGNING_KEY.sign(text)).toBe(signature)
    expect(verifyKey.verify(text, signature)).toBe(true)
    expect(contentHashMatches(v1, pdu)).toBe(true)
    expect(contentHashMatches(v1, { ...pdu, content: { body: 'Other' } })).toBe(false)
    expect(contentHashMatches(v1, { ...pdu, hashes: { sha256: '!' } })).toBe(false)
    expect(contentHashMatches(v1, { ...pdu, unsigned: { age: 1 } })).toBe(true)
  })
})

describe('keys', () => {
  test('a malformed seed or key id makes no signing key', () => {
    const server = 'domain' as ServerName
    expect(signingKeyFromSeed('ed25519:1', server, 'AAAA')).toEqual({
      ok: false,
      failure: { reason: 'malformed-seed' },
    })
    expect(signingKeyFromSeed('ed25519:1', server, `${SEED}!`).ok).toBe(false)
    for (const keyId of ['rsa:1', 'ed25519:', 'ed25519:a b', 'ed25519']) {
      expect(signingKeyFromSeed(keyId, server, SEED)).toEqual({ ok: false, failure: { reason: 'malformed-key-id' } })
    }
  })

  test('what is no public key of 32 bytes is refused', () => {
    expect(parseVerifyKey('AAAA')).toBeUndefined()
    expect(parseVerifyKey('not base64!')).toBeUndefined()
  })

  test('signatures agree with those of another reading of the key', () => {
    const key = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: SIGNING_KEY.publicKey.replaceAll('+', '-').replaceAll('/', '_') },
      format: 'jwk',
    })
    expect(verify(null, Buffer.from('text'), key, Buffer.from(SIGNING_KEY.sign('text'), 'base64'))).toBe(true)
  })

  test('a signature that is truncated, garbled or not Base64 fails', () => {
    const signature = SIGNING_KEY.sign('text')
    expect(verifyKey.verify('text', signature)).toBe(true)
    for (const bad of [signature.slice(0, -4), `A${signature.slice(1)}`, '', '*', `${signature}AAAA`]) {
      expect(verifyKey.verify('text', bad)).toBe(false)
    }
    expect(verifyKey.verify('Text', signature)).toBe(false)
  })
})

describe('laws of signing', () => {
  test('what is signed verifies, whatever stands in `unsigned` and whoever else signs', () => {
    fc.assert(
      fc.property(jsonObject, jsonObject, (object, unsigned) => {
        const signed = value(signJson(object as JsonObject, SIGNING_KEY))
        const passedOn = withSignature({ ...signed, unsigned }, 'other', 'ed25519:x', 'AAAA')
        expect(verifyJson(passedOn, 'domain', 'ed25519:1', verifyKey)).toBe(true)
        expect(verifyJson(passedOn, 'other', 'ed25519:x', verifyKey)).toBe(false)
        expect(verifyJson({ ...passedOn, 'not there before': 1 }, 'domain', 'ed25519:1', verifyKey)).toBe(false)
      }),
      { numRuns: 40 },
    )
  })

  test('an earlier signature stays, of other entities and of other keys', () => {
    const before = { a: 1, signatures: { domain: { 'ed25519:0': 'AA' }, other: { 'ed25519:9': 'BB' } } }
    const { signatures } = value(signJson(before, SIGNING_KEY)) as { signatures: JsonObject }
    expect(signatures.other).toEqual({ 'ed25519:9': 'BB' })
    expect(Object.keys(signatures.domain as JsonObject)).toEqual(['ed25519:0', 'ed25519:1'])
  })

  test('entities and keys named `__proto__` are members like others', () => {
    const signed = withSignature({}, '__proto__', '__proto__', 'AA')
    expect(JSON.stringify(signed)).toBe('{"signatures":{"__proto__":{"__proto__":"AA"}}}')
    expect(verifyJson({ signatures: {} }, '__proto__', 'ed25519:1', verifyKey)).toBe(false)
  })

  test('signatures of unknown algorithms are left out', () => {
    const object = { signatures: { domain: { 'rsa:1': 'AA', 'ed25519:1': 'BB', 'ed25519:2': 7 } } }
    expect(signaturesOf(object, 'domain')).toEqual([{ keyId: 'ed25519:1', signature: 'BB' }])
    expect(signaturesOf({ signatures: [] }, 'domain')).toEqual([])
    expect(signaturesOf({}, 'constructor')).toEqual([])
  })
})

describe('who must have signed an event', () => {
  const invite = (content: JsonObject): JsonObject => ({
    type: 'm.room.member',
    state_key: '@carol:far',
    content: { membership: 'invite', ...content },
  })

  test("the sender's server", () => {
    for (const roomVersion of ALL_VERSIONS)
      expect(requiredSigners(roomVersion, pduFor(roomVersion))).toEqual(['domain'])
  })

  test("in room versions 1 and 2 also the event id's server", () => {
    for (const id of ['1', '2']) {
      expect(requiredSigners(version(id), pduFor(version(id), { event_id: '$e:other:8448' }))).toEqual([
        'domain',
        'other:8448',
      ])
    }
    expect(requiredSigners(version('3'), pduFor(version('3'), { event_id: '$e:other' }))).toEqual(['domain'])
  })

  test("not the sender's, for a third-party invite", () => {
    const content = { third_party_invite: { signed: {} } }
    expect(requiredSigners(version('10'), pduFor(version('10'), invite(content)))).toEqual([])
    expect(requiredSigners(version('1'), pduFor(version('1'), { ...invite(content), event_id: '$e:far' }))).toEqual([
      'far',
    ])
    expect(requiredSigners(version('10'), pduFor(version('10'), invite({})))).toEqual(['domain'])
    const joined = { ...invite({ ...content, membership: 'join' }) }
    expect(requiredSigners(version('10'), pduFor(version('10'), joined))).toEqual(['domain'])
  })

  test('the authorisation rules ask for the server that let a member in', () => {
    const join = (named: string | number): Pdu =>
      pduFor(version('8'), {
        type: 'm.room.member',
        state_key: '@alice:domain',
        content: { membership: 'join', join_authorised_via_users_server: named },
      })
    expect(value(authorisingServer(version('8'), join('@mod:far')))).toBe('far')
    expect(value(authorisingServer(version('7'), join('@mod:far')))).toBeUndefined()
    expect(value(authorisingServer(version('12'), pduFor(version('12'))))).toBeUndefined()
    for (const malformed of ['far', 7]) {
      expect(authorisingServer(version('8'), join(malformed))).toEqual({
        ok: false,
        failure: { reason: 'malformed-user-id' },
      })
    }
  })
})
