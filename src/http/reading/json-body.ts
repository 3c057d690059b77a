import { isUtf8 } from 'node:buffer'
import { isJsonObject, type JsonObject, type JsonValue, MatrixError } from '#spec'
import { tooLarge } from './body-bytes.ts'
import { examineJson } from './json-bytes.ts'

/** No client nests deeper. Parsers, hashes and databases that recurse need a bound. */
const MAX_DEPTH = 100

/** Bytes on the wire for each byte that counts: a client may escape every character, and Python's does so with all beyond ASCII. */
export const WIRE_FACTOR = 6
/** The same for bodies that are signed: some write `<`, `>` and `&` with escapes. */
export const SIGNED_WIRE_FACTOR = 2

export interface JsonBodyOptions {
  /** Whether an empty body is `{}`. */
  readonly optional: boolean
  /** The member that true or false alone stands for, where it may. */
  readonly bare?: string | undefined
  /** Limit of the text without needless escapes and white space. */
  readonly limitBytes: number
  /** Whether a key may not stand twice in an object: of what is signed, others may have read another value than this server. */
  readonly unique?: boolean
}

/** A body whose bytes were looked at and may be parsed. */
export interface CheckedJson {
  readonly text: string
  readonly hugeNumber: boolean
  readonly members: number
}

/**
 * Looks at a request body before it is parsed, whatever its content type says: old clients send none, or `text/plain`. undefined: empty. Errors: `M_NOT_JSON`
 * for what is no JSON in UTF-8 (400), `M_TOO_LARGE`, `M_BAD_JSON` for JSON that nests too deep or has half a surrogate pair, which is no
 * text that could be stored, signed or sent on (400).
 */
export const checkJsonBody = (
  bytes: Buffer | undefined,
  { optional, limitBytes }: JsonBodyOptions,
): CheckedJson | undefined => {
  if (bytes === undefined || bytes.length === 0) {
    if (optional) return undefined
    throw new MatrixError('M_NOT_JSON', 'The request needs a body: a JSON object')
  }
  if (!isUtf8(bytes)) throw new MatrixError('M_NOT_JSON', 'The body is not UTF-8')
  const { sizeBytes, depth, loneSurrogate, hugeNumber, members } = examineJson(bytes)
  if (sizeBytes > limitBytes) throw tooLarge()
  if (depth > MAX_DEPTH) throw new MatrixError('M_BAD_JSON', `The body nests deeper than ${MAX_DEPTH} levels`)
  if (loneSurrogate) throw new MatrixError('M_BAD_JSON', 'The body has half of a surrogate pair, which is no character')
  return { text: bytes.toString(), hugeNumber, members }
}

/**
 * Reads a checked body as a JSON object. `__proto__` stays an ordinary own member, as `JSON.parse` makes it.
 * Errors: `M_NOT_JSON`, `M_BAD_JSON` for JSON that is no object, or has a number too large to be stored (400).
 */
export const parseJsonBody = (checked: CheckedJson | undefined, { bare, unique }: JsonBodyOptions): JsonObject => {
  if (checked === undefined) return {}
  const parsed = parse(checked.text)
  const value = bare !== undefined && typeof parsed === 'boolean' ? { [bare]: parsed } : parsed
  if (!isJsonObject(value)) throw new MatrixError('M_BAD_JSON', 'The body is not a JSON object')
  // Such a number may have become infinite, which would be stored as null.
  if (checked.hugeNumber && !isKeepable(value)) {
    throw new MatrixError('M_BAD_JSON', 'A number in the body is too large')
  }
  if (unique === true && countMembers(value) !== checked.members)
    throw new MatrixError('M_BAD_JSON', 'A key stands twice in an object of the body')
  return value
}

/** The depth is bounded before anything is parsed. */
const countMembers = (value: JsonValue | undefined): number => {
  if (typeof value !== 'object' || value === null) return 0
  const members = Object.values(value)
  return members.reduce(
    (count: number, member) => count + countMembers(member),
    Array.isArray(value) ? 0 : members.length,
  )
}

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
