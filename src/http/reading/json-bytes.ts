/** Facts of a JSON text that its bytes tell before it is parsed. */
export interface JsonBytes {
  /** Bytes of the same text without white space and needless escapes, in UTF-8: clients may write any character as six bytes, `\u0436`. */
  readonly sizeBytes: number
  /** Levels of objects and arrays. */
  readonly depth: number
  /** A half of a surrogate pair without the other: no character, and no UTF-8. */
  readonly loneSurrogate: boolean
  /** A number that may be too large for JSON to write again. */
  readonly hugeNumber: boolean
  /** Members of all objects, with those whose key stands twice. */
  readonly members: number
}

const QUOTE = 0x22
const SLASH = 0x2f
const COLON = 0x3a
const BACKSLASH = 0x5c
const U = 0x75
const OPEN_BRACKET = 0x5b
const CLOSE_BRACKET = 0x5d
const OPEN_BRACE = 0x7b
const CLOSE_BRACE = 0x7d
/** Decimal digits of the largest number, and of the exponents from which on one may be too large. */
const HUGE_DIGITS = 309
const HUGE_EXPONENT_DIGITS = 3

const isDigit = (byte: number): boolean => byte >= 0x30 && byte <= 0x39
const isSpace = (byte: number): boolean => byte === 0x20 || (byte >= 0x09 && byte <= 0x0d)
const isHigh = (unit: number): boolean => unit >= 0xd800 && unit <= 0xdbff
const isLow = (unit: number): boolean => unit >= 0xdc00 && unit <= 0xdfff

const hexOf = (byte: number): number =>
  isDigit(byte)
    ? byte - 0x30
    : byte >= 0x61 && byte <= 0x66
      ? byte - 0x57
      : byte >= 0x41 && byte <= 0x46
        ? byte - 0x37
        : 0

/** The UTF-16 unit of the four digits from `at`; the parser refuses what are none. */
const unitAt = (bytes: Uint8Array, at: number): number =>
  (hexOf(bytes[at] ?? 0) << 12) |
  (hexOf(bytes[at + 1] ?? 0) << 8) |
  (hexOf(bytes[at + 2] ?? 0) << 4) |
  hexOf(bytes[at + 3] ?? 0)

/** Bytes of an escaped unit as it is written without need; each half of a pair is half of its four bytes. */
const sizeOf = (unit: number): number => {
  if (unit < 0x20) return unit >= 0x08 && unit <= 0x0d && unit !== 0x0b ? 2 : 6
  if (unit === QUOTE || unit === BACKSLASH) return 2
  if (unit < 0x80) return 1
  return unit < 0x800 || isHigh(unit) || isLow(unit) ? 2 : 3
}

/** One walk over the bytes; nothing recurses, and what is no JSON is left to the parser. */
export const examineJson = (bytes: Uint8Array): JsonBytes => new Walk(bytes).result()

class Walk {
  readonly #bytes: Uint8Array
  #sizeBytes = 0
  #open = 0
  #depth = 0
  #loneSurrogate = false
  #hugeNumber = false
  #members = 0

  constructor(bytes: Uint8Array) {
    this.#bytes = bytes
    let at = 0
    while (at < bytes.length) at = bytes[at] === QUOTE ? this.#text(at + 1) : this.#outside(at)
  }

  result(): JsonBytes {
    return {
      sizeBytes: this.#sizeBytes,
      depth: this.#depth,
      loneSurrogate: this.#loneSurrogate,
      hugeNumber: this.#hugeNumber,
      members: this.#members,
    }
  }

  /** Walks up to the next text; returns where it is. */
  #outside(from: number): number {
    const bytes = this.#bytes
    let digits = 0
    let exponent = false
    let at = from
    for (; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0
      if (byte === QUOTE) break
      if (!isSpace(byte)) this.#sizeBytes++
      if (isDigit(byte)) {
        digits++
        this.#hugeNumber ||= digits >= (exponent ? HUGE_EXPONENT_DIGITS : HUGE_DIGITS)
        continue
      }
      // An exponent follows a digit; `true` and `false` have an e as well.
      if (byte === 0x65 || byte === 0x45) exponent = isDigit(bytes[at - 1] ?? 0)
      else if (byte !== 0x2b) exponent = false
      digits = 0
      if (byte === COLON) this.#members++
      if (byte === OPEN_BRACE || byte === OPEN_BRACKET) this.#depth = Math.max(this.#depth, ++this.#open)
      else if (byte === CLOSE_BRACE || byte === CLOSE_BRACKET) this.#open--
    }
    return at
  }

  /** Walks to the end of a text; returns what is behind it. */
  #text(from: number): number {
    const bytes = this.#bytes
    let at = from
    let high = false
    for (; at < bytes.length; at++) {
      const byte = bytes[at] ?? 0
      if (byte !== BACKSLASH) {
        this.#sizeBytes++
        if (high) this.#loneSurrogate = true
        high = false
        if (byte !== QUOTE) continue
        this.#sizeBytes++
        return at + 1
      }
      const next = bytes[++at] ?? 0
      const unit = next === U ? unitAt(bytes, at + 1) : -1
      if (next === U) at += 4
      this.#sizeBytes += unit === -1 ? (next === SLASH ? 1 : 2) : sizeOf(unit)
      if (high !== isLow(unit)) this.#loneSurrogate = true
      high = isHigh(unit)
    }
    return at
  }
}
