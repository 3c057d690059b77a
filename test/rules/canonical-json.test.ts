import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { canonicalJson, compareCodePoints, MAX_JSON_DEPTH } from '#rules'
import type { JsonValue } from '#spec'
import { jsonValue } from './support/arbitrary.ts'
import { value } from './support/events.ts'

const LENIENT = { strict: false }

/** The plainest reading of the specification, to hold ours against. */
const naive = (json: JsonValue): string => {
  if (Array.isArray(json)) return `[${json.map(naive).join(',')}]`
  if (typeof json !== 'object' || json === null) return JSON.stringify(json)
  const entries = Object.entries(json).sort(([left], [right]) => Buffer.compare(Buffer.from(left), Buffer.from(right)))
  return `{${entries.map(([key, member]) => `${JSON.stringify(key)}:${naive(member as JsonValue)}`).join(',')}}`
}

/** The same value with the members of every object the other way round. */
const reversed = (json: JsonValue): JsonValue => {
  if (Array.isArray(json)) return json.map(reversed)
  if (typeof json !== 'object' || json === null) return json
  return Object.fromEntries(
    Object.entries(json)
      .reverse()
      .map(([key, member]) => [key, reversed(member as JsonValue)]),
  )
}

const nested = (depth: number): JsonValue => {
  let json: JsonValue = 1
  for (let level = 0; level < depth; level++) json = level % 2 === 0 ? [json] : { a: json }
  return json
}

describe('the examples of the appendices', () => {
  test.each([
    ['{}', '{}'],
    ['{"one": 1, "two": "Two"}', '{"one":1,"two":"Two"}'],
    ['{"b": "2", "a": "1"}', '{"a":"1","b":"2"}'],
    ['{"b":"2","a":"1"}', '{"a":"1","b":"2"}'],
    [
      `{"auth": {"success": true, "mxid": "@john.doe:example.com", "profile": {"display_name": "John Doe",
        "three_pids": [{"medium": "email", "address": "john.doe@example.org"},
                       {"medium": "msisdn", "address": "123456789"}]}}}`,
      '{"auth":{"mxid":"@john.doe:example.com","profile":{"display_name":"John Doe","three_pids":[{"address":"john.doe@example.org","medium":"email"},{"address":"123456789","medium":"msisdn"}]},"success":true}}',
    ],
    ['{"a": "日本語"}', '{"a":"日本語"}'],
    ['{"本": 2, "日": 1}', '{"日":1,"本":2}'],
    ['{"a": "\\u65E5"}', '{"a":"日"}'],
    ['{"a": null}', '{"a":null}'],
    ['{"a": -0, "b": 1e10}', '{"a":0,"b":10000000000}'],
  ])('%s', (text, canonical) => {
    expect(value(canonicalJson(JSON.parse(text)))).toBe(canonical)
  })
})

test('control characters take their short escape, else four lower-case digits', () => {
  const text = '\b\t\n\f\r"\\/\u0000\u001f\u007f'
  const canonical = '"\\b\\t\\n\\f\\r\\"\\\\/\\u0000\\u001f\u007f"'
  expect(value(canonicalJson(text))).toBe(canonical)
  expect(value(canonicalJson({ b: text, a: 1 }))).toBe(`{"a":1,"b":${canonical}}`)
})

test('keys are ordered by code point and not by UTF-16 unit', () => {
  const above = '\u{1f600}'
  const below = '\uff5e'
  expect(above < below).toBe(true)
  expect(value(canonicalJson({ [above]: 1, [below]: 2 }))).toBe(`{"${below}":2,"${above}":1}`)
  expect(compareCodePoints(below, above)).toBeLessThan(0)
})

test('keys that look like indices are ordered as text', () => {
  expect(value(canonicalJson({ 9: 1, 10: 2 }))).toBe('{"10":2,"9":1}')
})

test('`__proto__` is a key like any other', () => {
  expect(value(canonicalJson(JSON.parse('{"z":1,"__proto__":{"a":1}}')))).toBe('{"__proto__":{"a":1},"z":1}')
})

test.each([
  [1.5, 'float'],
  [2 ** 53, 'integer-out-of-range'],
  [-(2 ** 53), 'integer-out-of-range'],
  [Number.NaN, 'not-finite'],
  [Number.POSITIVE_INFINITY, 'not-finite'],
  ['\ud800', 'lone-surrogate'],
  [{ '\udc00': 1 }, 'lone-surrogate'],
  [nested(MAX_JSON_DEPTH + 1), 'too-deep'],
  [nested(100_000), 'too-deep'],
  [[undefined] as unknown as JsonValue, 'not-json'],
  [10n as unknown as JsonValue, 'not-json'],
])('strict JSON refuses %#', (json, reason) => {
  expect(canonicalJson(json)).toEqual({ ok: false, failure: { reason } })
  expect(canonicalJson({ b: [json], a: 1 })).toEqual({ ok: false, failure: { reason } })
})

test('the largest integers and the deepest nesting pass', () => {
  expect(value(canonicalJson([2 ** 53 - 1, -(2 ** 53 - 1)]))).toBe('[9007199254740991,-9007199254740991]')
  expect(canonicalJson(nested(MAX_JSON_DEPTH)).ok).toBe(true)
})

test('room versions before 6 tolerate numbers that the canonical form forbids', () => {
  expect(value(canonicalJson({ b: 1.5, a: 2 ** 53 }, LENIENT))).toBe('{"a":9007199254740992,"b":1.5}')
  expect(canonicalJson(Number.NaN, LENIENT).ok).toBe(false)
  expect(canonicalJson('\ud800', LENIENT).ok).toBe(false)
})

test('members that are undefined are left out', () => {
  expect(value(canonicalJson({ a: undefined, b: 1 }))).toBe('{"b":1}')
  expect(value(canonicalJson({ c: undefined, b: 1, a: undefined, aa: 2 }))).toBe('{"aa":2,"b":1}')
})

describe('laws', () => {
  test('it is what the plain reading of the specification gives', () => {
    fc.assert(fc.property(jsonValue, (json) => value(canonicalJson(json)) === naive(json)))
  })
  test('the order of members does not matter', () => {
    fc.assert(fc.property(jsonValue, (json) => value(canonicalJson(reversed(json))) === value(canonicalJson(json))))
  })
  test('what is canonical stays as it is', () => {
    fc.assert(
      fc.property(jsonValue, (json) => {
        const text = value(canonicalJson(json))
        expect(value(canonicalJson(JSON.parse(text)))).toBe(text)
      }),
    )
  })
})
