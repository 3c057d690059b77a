import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { DEFAULT_JSON_LIMITS, parseJson } from '#rules'
import { jsonValue } from './support/arbitrary.ts'
import { value } from './support/events.ts'

const failure = (reason: string): unknown => ({ ok: false, failure: { reason } })
const limits = (changes: Partial<typeof DEFAULT_JSON_LIMITS>): typeof DEFAULT_JSON_LIMITS => ({
  ...DEFAULT_JSON_LIMITS,
  ...changes,
})

test('every value comes back, from text and from bytes', () => {
  fc.assert(
    fc.property(jsonValue, (json) => {
      const text = JSON.stringify(json)
      // Object literals with an own `__proto__` are compared by their text.
      expect(JSON.stringify(value(parseJson(text)))).toBe(text)
      expect(JSON.stringify(value(parseJson(Buffer.from(text))))).toBe(text)
    }),
  )
})

describe('refusals', () => {
  test.each(['', '{', '{"a":1,}', "{'a':1}", '\ufeff{}', 'NaN', '"\u0001"', '"a', '\\"', '[1]]'])(
    '%j is no JSON',
    (text) => {
      expect(parseJson(text)).toEqual(failure('not-json'))
    },
  )

  test.each([[[0x22, 0xff, 0x22]], [[0x22, 0xc0, 0x80, 0x22]], [[0x22, 0xed, 0xa0, 0x80, 0x22]]])(
    'bytes %j are not UTF-8',
    (bytes) => {
      expect(parseJson(Uint8Array.from(bytes))).toEqual(failure('not-utf8'))
    },
  )

  test('nesting is bounded before anything is built', () => {
    const deep = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)
    expect(parseJson(deep(5), limits({ maxDepth: 5 })).ok).toBe(true)
    expect(parseJson(deep(6), limits({ maxDepth: 5 }))).toEqual(failure('too-deep'))
    expect(parseJson('{"a":'.repeat(1_000_000))).toEqual(failure('too-deep'))
  })

  test('brackets and commas inside strings do not count', () => {
    const text = '["[[[[[[,,,,\\"[[[[[[\\\\"]'
    expect(value(parseJson(text, limits({ maxDepth: 1, maxValues: 2 })))).toEqual(['[[[[[[,,,,"[[[[[[\\'])
  })

  test('the number of values is bounded', () => {
    expect(parseJson('[1,2,3]', limits({ maxValues: 4 })).ok).toBe(true)
    expect(parseJson('[1,2,3,4]', limits({ maxValues: 4 }))).toEqual(failure('too-many-values'))
  })

  test('size is counted in bytes', () => {
    expect(parseJson('"é"', limits({ maxSizeBytes: 4 })).ok).toBe(true)
    expect(parseJson('"éa"', limits({ maxSizeBytes: 4 }))).toEqual(failure('too-large'))
    expect(parseJson(Buffer.from('"éa"'), limits({ maxSizeBytes: 4 }))).toEqual(failure('too-large'))
  })
})

test('a view into a larger buffer is read from its own start', () => {
  const bytes = new TextEncoder().encode('xx{"a":1}yy')
  expect(value(parseJson(bytes.subarray(2, -2)))).toEqual({ a: 1 })
})

test('`__proto__` changes no prototype', () => {
  const parsed = value(parseJson('{"__proto__":{"polluted":true}}'))
  expect(Object.getPrototypeOf(parsed)).toBe(Object.prototype)
  expect(({} as Record<string, unknown>).polluted).toBeUndefined()
})

test('a long run of backslashes takes linear time', () => {
  const text = `["${'\\\\'.repeat(200_000)}${'\\"'.repeat(200_000)}"]`
  const startedAt = performance.now()
  expect(parseJson(text).ok).toBe(true)
  expect(performance.now() - startedAt).toBeLessThan(2_000)
})
