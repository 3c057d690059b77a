import { isUtf8 } from 'node:buffer'
import type { Result } from '#base'
import { fail, ok } from '#base'
import type { JsonValue } from '#spec'
import { MAX_JSON_DEPTH } from './canonical-json.ts'

export interface JsonLimits {
  /** The text's length in bytes of UTF-8. */
  readonly maxSizeBytes: number
  readonly maxDepth: number
  /** Members and items in all: a small text of many tiny values takes tens of times its size in memory. */
  readonly maxValues: number
}

export interface ParseJsonFailure {
  readonly reason: 'too-large' | 'not-utf8' | 'too-deep' | 'too-many-values' | 'not-json'
}

export const DEFAULT_JSON_LIMITS: JsonLimits = {
  maxSizeBytes: 64 * 1024 * 1024,
  maxDepth: MAX_JSON_DEPTH,
  maxValues: 4_000_000,
}

/**
 * Reads a JSON text from outside, within bounds that are checked before anything is built. Of a key that stands twice
 * the last counts, for the specification has no rule. `__proto__` becomes an own member like any other.
 */
export const parseJson = (
  input: string | Uint8Array,
  limits: JsonLimits = DEFAULT_JSON_LIMITS,
): Result<JsonValue, ParseJsonFailure> => {
  if (!fits(input, limits.maxSizeBytes)) return fail({ reason: 'too-large' })
  if (typeof input !== 'string' && !isUtf8(input)) return fail({ reason: 'not-utf8' })
  const text = typeof input === 'string' ? input : asBuffer(input).toString('utf8')
  const excess = findExcess(text, limits)
  if (excess !== undefined) return fail({ reason: excess })
  try {
    return ok(JSON.parse(text) as JsonValue)
  } catch {
    return fail({ reason: 'not-json' })
  }
}

const asBuffer = (bytes: Uint8Array): Buffer =>
  Buffer.isBuffer(bytes) ? bytes : Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength)

const fits = (input: string | Uint8Array, maxSizeBytes: number): boolean => {
  if (typeof input !== 'string') return input.byteLength <= maxSizeBytes
  return input.length <= maxSizeBytes && (input.length * 3 <= maxSizeBytes || Buffer.byteLength(input) <= maxSizeBytes)
}

const QUOTE = 0x22
const BACKSLASH = 0x5c

const findExcess = (text: string, limits: JsonLimits): 'too-deep' | 'too-many-values' | undefined => {
  let depth = 0
  let values = 1
  for (let index = 0; index < text.length; index++) {
    switch (text.charCodeAt(index)) {
      case QUOTE:
        index = endOfJsonString(text, index)
        break
      case 0x5b: // [
      case 0x7b: // {
        values++
        if (++depth > limits.maxDepth) return 'too-deep'
        break
      case 0x5d: // ]
      case 0x7d: // }
        depth--
        break
      case 0x2c: // ,
        values++
        break
    }
  }
  return values > limits.maxValues ? 'too-many-values' : undefined
}

/** Returns the end of the string that opens at `start`: the first quote with an even number of backslashes before it. The length of the text where there is none. */
export const endOfJsonString = (text: string, start: number): number => {
  for (let from = start + 1; ; ) {
    const quote = text.indexOf('"', from)
    if (quote === -1) return text.length
    let backslashes = 0
    while (quote - backslashes > from && text.charCodeAt(quote - backslashes - 1) === BACKSLASH) backslashes++
    if (backslashes % 2 === 0) return quote
    from = quote + 1
  }
}
