import type { Result } from '#base'
import { fail, ok } from '#base'
import type { JsonObject, JsonValue } from '#spec'

/**
 * The deepest nesting taken in a signed document. The specification sets none; without one a hostile document could
 * exhaust the stack of everything that walks it.
 */
export const MAX_JSON_DEPTH = 128

export type CanonicalJsonReason =
  /** A number with a fraction, in a strict room version. */
  | 'float'
  /** An integer outside ±(2^53 - 1), in a strict room version. */
  | 'integer-out-of-range'
  /** NaN or an infinity: the latter is what `1e400` becomes. Never valid. */
  | 'not-finite'
  /** A string or a key which has no UTF-8 form. Never valid. */
  | 'lone-surrogate'
  | 'too-deep'
  /** A value that JSON does not have: a function, a bigint, a hole in an array. */
  | 'not-json'

export interface CanonicalJsonFailure {
  readonly reason: CanonicalJsonReason
}

/**
 * `strict` is `RoomVersion.strictCanonicalJson`: room versions before 6 tolerate floats and integers of any size ("Room
 * versions", "Canonical JSON"). What is not an event (signed keys, requests, responses) is strict.
 */
export interface CanonicalJsonOptions {
  readonly strict: boolean
}

const STRICT: CanonicalJsonOptions = { strict: true }

// The results of `scan`: 0 and 1 are good, the others are indexes of REASONS.
const SORTED = 0
const UNSORTED = 1
const REASONS = ['float', 'integer-out-of-range', 'not-finite', 'lone-surrogate', 'too-deep', 'not-json'] as const
const FLOAT = 2
const OUT_OF_RANGE = 3
const NOT_FINITE = 4
const LONE_SURROGATE = 5
const TOO_DEEP = 6
const NOT_JSON = 7

/**
 * The canonical text of a value (appendices, "Canonical JSON"): keys in the order of their code points, no space,
 * integers only. Minus zero is written `0`, as the specification's example has it. Members whose value is undefined are
 * left out.
 */
export const canonicalJson = (
  value: JsonValue,
  options: CanonicalJsonOptions = STRICT,
): Result<string, CanonicalJsonFailure> => {
  const found = scan(value, options.strict, MAX_JSON_DEPTH)
  // Most documents are canonical already, made so by another server or by us: for those `JSON.stringify` will do.
  if (found === SORTED) return ok(JSON.stringify(value))
  if (found === UNSORTED) return ok(write(value))
  return fail({ reason: REASONS[found - FLOAT] ?? 'not-json' })
}

const scan = (value: JsonValue, strict: boolean, depthLeft: number): number => {
  if (typeof value === 'string') return value.isWellFormed() ? SORTED : LONE_SURROGATE
  if (typeof value === 'number') return scanNumber(value, strict)
  if (typeof value === 'boolean' || value === null) return SORTED
  if (typeof value !== 'object') return NOT_JSON
  if (depthLeft === 0) return TOO_DEEP
  return isArray(value) ? scanArray(value, strict, depthLeft - 1) : scanObject(value, strict, depthLeft - 1)
}

const isArray = (value: JsonValue): value is readonly JsonValue[] => Array.isArray(value)

const scanNumber = (value: number, strict: boolean): number => {
  if (Number.isSafeInteger(value)) return SORTED
  if (!Number.isFinite(value)) return NOT_FINITE
  if (!strict) return SORTED
  return Number.isInteger(value) ? OUT_OF_RANGE : FLOAT
}

const scanArray = (items: readonly JsonValue[], strict: boolean, depthLeft: number): number => {
  let found = SORTED
  for (const item of items) {
    const inner = scan(item, strict, depthLeft)
    if (inner > UNSORTED) return inner
    found |= inner
  }
  return found
}

const SURROGATE = /[\ud800-\udfff]/

const scanObject = (object: JsonObject, strict: boolean, depthLeft: number): number => {
  let found = SORTED
  let previous: string | undefined
  for (const key of Object.keys(object)) {
    const value = object[key]
    if (value === undefined) continue
    if (previous !== undefined && key < previous) found = UNSORTED
    previous = key
    // The engine compares UTF-16 units, which differs from code points only where surrogates are.
    if (SURROGATE.test(key)) {
      if (!key.isWellFormed()) return LONE_SURROGATE
      found = UNSORTED
    }
    const inner = scan(value, strict, depthLeft)
    if (inner > UNSORTED) return inner
    found |= inner
  }
  return found
}

/** Only for values that `scan` has found sound. */
const write = (value: JsonValue): string => {
  if (typeof value === 'string') return quote(value)
  if (typeof value !== 'object' || value === null) return `${value}`
  if (isArray(value)) return writeArray(value)
  const keys = sortedKeys(value)
  let text = '{'
  for (const key of keys) {
    const member = value[key]
    if (member === undefined) continue
    text += text.length === 1 ? `${quote(key)}:` : `,${quote(key)}:`
    text += write(member)
  }
  return `${text}}`
}

const writeArray = (items: readonly JsonValue[]): string => {
  let text = '['
  for (const item of items) text += text.length === 1 ? write(item) : `,${write(item)}`
  return `${text}]`
}

const PLAIN = /^[\x20\x21\x23-\x5b\x5d-\x7e]*$/

/** The engine's escapes are those of the canonical grammar: the short ones, else `\u00xx` in lower case. */
const quote = (text: string): string => (text.length < 64 && PLAIN.test(text) ? `"${text}"` : JSON.stringify(text))

const FEW_KEYS = 24

const sortedKeys = (object: JsonObject): string[] => {
  const keys = Object.keys(object)
  if (keys.some((key) => SURROGATE.test(key))) return keys.sort(compareCodePoints)
  if (keys.length > FEW_KEYS) return keys.sort()
  // Insertion sort, as keys are few and nearly sorted.
  for (let index = 1; index < keys.length; index++) {
    const key = keys[index] ?? ''
    let at = index
    for (; at > 0 && key < (keys[at - 1] ?? ''); at--) keys[at] = keys[at - 1] ?? ''
    keys[at] = key
  }
  return keys
}

/** A surrogate stands for a code point above every other UTF-16 unit, though its own value is below U+E000. */
const rank = (unit: number): number => (unit >= 0xd800 && unit <= 0xdfff ? unit + 0x10000 : unit)

/** Orders well-formed strings by their code points. */
export const compareCodePoints = (left: string, right: string): number => {
  const shorter = Math.min(left.length, right.length)
  for (let index = 0; index < shorter; index++) {
    const difference = rank(left.charCodeAt(index)) - rank(right.charCodeAt(index))
    if (difference !== 0) return difference
  }
  return left.length - right.length
}
