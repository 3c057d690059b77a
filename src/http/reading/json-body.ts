import { isUtf8 } from 'node:buffer'
import { isJsonObject, type JsonObject, type JsonValue, MatrixError } from '#spec'

/** No client nests deeper. Parsers, hashes and databases that recurse need a bound. */
const MAX_DEPTH = 100

const QUOTE = 0x22
const BACKSLASH = 0x5c
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d

/** Whether objects and arrays nest deeper than allowed; looks at bytes only, so that nothing recurses before it is known. */
const tooDeep = (bytes: Buffer): boolean => {
  if (bytes.length <= 2 * MAX_DEPTH) return false
  let depth = 0
  let inString = false
  for (let index = 0; index < bytes.length; index++) {
    const byte = bytes[index]
    if (inString) {
      if (byte === BACKSLASH) index++
      else if (byte === QUOTE) inString = false
    } else if (byte === QUOTE) inString = true
    else if (byte === OPEN_BRACE || byte === OPEN_BRACKET) {
      if (++depth > MAX_DEPTH) return true
    } else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) depth--
  }
  return false
}

/**
 * Reads a request body as a JSON object, whatever its content type says: old clients send none, or `text/plain`.
 * `bare`: the member that true or false alone stands for, where it may. `__proto__` stays an ordinary own member, as `JSON.parse` makes it.
 * Errors: `M_NOT_JSON` for what is no JSON in UTF-8 (400), `M_BAD_JSON` for JSON that is no object, nests too deep, or has a number
 * too large to be stored (400).
 */
export const parseJsonBody = (bytes: Buffer | undefined, optional: boolean, bare?: string): JsonObject => {
  if (bytes === undefined || bytes.length === 0) {
    if (optional) return {}
    throw new MatrixError('M_NOT_JSON', 'The request needs a body: a JSON object')
  }
  if (!isUtf8(bytes)) throw new MatrixError('M_NOT_JSON', 'The body is not UTF-8')
  if (tooDeep(bytes)) throw new MatrixError('M_BAD_JSON', `The body nests deeper than ${MAX_DEPTH} levels`)
  const text = bytes.toString()
  const parsed = parse(text)
  const value = bare !== undefined && typeof parsed === 'boolean' ? { [bare]: parsed } : parsed
  if (!isJsonObject(value)) throw new MatrixError('M_BAD_JSON', 'The body is not a JSON object')
  if (HUGE_NUMBER.test(text) && !isKeepable(value)) {
    throw new MatrixError('M_BAD_JSON', 'A number in the body is too large')
  }
  return value
}

/** Finds numbers that may have become infinite, which would be stored as null. It also finds such text in strings, so the values are checked after it. */
const HUGE_NUMBER = /\d[eE]\+?\d{3}|\d{309}/

const isKeepable = (value: JsonValue | undefined): boolean =>
  typeof value === 'number'
    ? Number.isFinite(value)
    : typeof value !== 'object' || value === null || Object.values(value).every(isKeepable)

const parse = (text: string): unknown => {
  try {
    return JSON.parse(text)
  } catch (cause) {
    throw new MatrixError('M_NOT_JSON', 'The body is not JSON', { cause })
  }
}
