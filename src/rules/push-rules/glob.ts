import type { FoldedText } from './folded-text.ts'
import { codePointsOf } from './folded-text.ts'
import { ANYWHERE, findLiteral, isWordCode } from './literal-search.ts'
import { type Steps, spend, stepsOfOneEvent } from './steps.ts'

/** Limit in UTF-16 units; a longer pattern matches nothing. */
export const MAX_PATTERN_LENGTH = 512

/**
 * Matching of globs (appendices, "Glob-style matching"): `*` is any run of characters, `?` any one. A glob is cut at its
 * stars into segments of fixed length; taking each at its earliest place is enough, and one pass over the text finds it. So the time is linear in
 * the text whatever the pattern, which a regular expression would not promise. A matcher holds its pattern and nothing else: users have
 * thousands. It takes its work from the steps, and matches nothing where they do not suffice.
 */
export type GlobMatcher = (text: FoldedText, steps?: Steps) => boolean

const NEVER: GlobMatcher = () => false
/** Texts up to this length are compared as a whole however few steps are left: the predefined rules must go on working. */
const ALWAYS_COMPARED = 256

/** The whole text must match. */
export const compileGlob = (pattern: string): GlobMatcher => {
  if (!isPattern(pattern)) return NEVER
  const folded = pattern.toLowerCase()
  if (!/[*?]/.test(folded))
    return ({ text }, steps = stepsOfOneEvent()) =>
      (spend(steps, text.length) || text.length <= ALWAYS_COMPARED) && text === folded
  return folded.includes('?') ? withQuestionMarks(folded, wholeOfCodes) : withStars(folded, wholeOfText)
}

/** Some part of the text that starts and ends at a word boundary must match, as `content.body` is searched. */
export const compileWordGlob = (pattern: string): GlobMatcher => {
  if (!isPattern(pattern)) return NEVER
  const folded = pattern.toLowerCase()
  return folded.includes('?') ? withQuestionMarks(folded, wordsOfCodes) : withStars(folded, wordsOfText)
}

/** Whether the words themselves stand in the text between word boundaries; `*` and `?` mean nothing here. */
export const containsWords = ({ text }: FoldedText, words: string, steps: Steps = stepsOfOneEvent()): boolean => {
  const folded = words.toLowerCase()
  if (folded === '' || folded.length > MAX_PATTERN_LENGTH || !spend(steps, text.length)) return false
  return findLiteral(folded, text, 0, { startsAtWord: true, endsAtWord: true }) !== undefined
}

/** Half a character could be found in the middle of a whole one. */
const isPattern = (pattern: string): boolean => pattern.length <= MAX_PATTERN_LENGTH && pattern.isWellFormed()

const withStars = (folded: string, matches: (text: string, segments: readonly string[]) => boolean): GlobMatcher => {
  return ({ text }, steps = stepsOfOneEvent()) =>
    spend(steps, text.length + folded.length) && matches(text, folded.split('*'))
}

const wholeOfText = (text: string, segments: readonly string[]): boolean => {
  const [first = '', ...others] = segments
  const last = others.pop() ?? ''
  if (!text.startsWith(first)) return false
  const end = findAllTexts(others, text, first.length)
  return end !== undefined && text.length - last.length >= end && text.endsWith(last)
}

const wordsOfText = (text: string, segments: readonly string[]): boolean => {
  const [first = '', ...others] = segments
  const last = others.pop()
  if (last === undefined) return findLiteral(first, text, 0, { startsAtWord: true, endsAtWord: true }) !== undefined
  const start = findLiteral(first, text, 0, { startsAtWord: true, endsAtWord: false })
  const end = start === undefined ? undefined : findAllTexts(others, text, start)
  return end !== undefined && findLiteral(last, text, end, { startsAtWord: false, endsAtWord: true }) !== undefined
}

/** The end of the last of the segments, each taken at its earliest place after the one before. */
const findAllTexts = (segments: readonly string[], text: string, from: number): number | undefined => {
  let end: number | undefined = from
  for (const segment of segments) {
    if (segment === '') continue
    end = findLiteral(segment, text, end, ANYWHERE)
    if (end === undefined) return undefined
  }
  return end
}

/**
 * `?` is one character and not half of one, so these look at code points, by the Shift-And method: a bit for each prefix of the segment that fits up to
 * here. The bits are made for each text that has the longest literal part of the glob at least.
 */
const withQuestionMarks = (
  folded: string,
  matches: (codes: Uint32Array, segments: Segments) => boolean,
): GlobMatcher => {
  const longest = longestLiteral(folded)
  const words = Math.ceil(Math.max(...folded.split('*').map((segment) => segment.length), 1) / WORD_BITS)
  return (text, steps = stepsOfOneEvent()) => {
    if (!spend(steps, text.text.length)) return false
    if (findLiteral(longest, text.text, 0, ANYWHERE) === undefined) return false
    return spend(steps, (text.text.length + folded.length) * words) && matches(text.codes(), cut(folded))
  }
}

const longestLiteral = (pattern: string): string =>
  pattern.split(/[*?]+/).reduce((longest, each) => (each.length > longest.length ? each : longest), '')

const wholeOfCodes = (codes: Uint32Array, { first, middle, last }: Segments): boolean => {
  if (!fitsAt(first, codes, 0)) return false
  if (last === undefined) return first.length === codes.length
  const end = findAll(middle, codes, first.length)
  return end !== undefined && codes.length - last.length >= end && fitsAt(last, codes, codes.length - last.length)
}

const wordsOfCodes = (codes: Uint32Array, { first, middle, last }: Segments): boolean => {
  if (last === undefined) return find(first, codes, 0, true, true) !== undefined
  const start = find(first, codes, 0, true, false)
  const end = start === undefined ? undefined : findAll(middle, codes, start)
  return end !== undefined && find(last, codes, end, false, true) !== undefined
}

interface Segment {
  readonly length: number
  /** The code point at each place; ANY for `?`. */
  readonly codes: Uint32Array
  /** The bits of the places where each code point of the segment fits. */
  readonly masks: ReadonlyMap<number, Uint32Array>
  /** The bits of the places where everything fits. */
  readonly anyMask: Uint32Array
}

interface Segments {
  readonly first: Segment
  readonly middle: readonly Segment[]
  readonly last: Segment | undefined
}

const ANY = 0xffff_ffff
const QUESTION_MARK = 0x3f
const WORD_BITS = 32

const cut = (pattern: string): Segments => {
  const segments = pattern.split('*').map((text) => toSegment(codePointsOf(text)))
  const [first = toSegment(new Uint32Array()), ...others] = segments
  const last = others.pop()
  return { first, middle: others.filter((segment) => segment.length > 0), last }
}

const toSegment = (codePoints: Uint32Array): Segment => {
  const codes = codePoints.map((code) => (code === QUESTION_MARK ? ANY : code))
  const words = Math.max(1, Math.ceil(codes.length / WORD_BITS))
  const anyMask = new Uint32Array(words)
  codes.forEach((code, place) => {
    if (code === ANY) setBit(anyMask, place)
  })
  const masks = new Map<number, Uint32Array>()
  codes.forEach((code, place) => {
    if (code === ANY) return
    const mask = masks.get(code) ?? Uint32Array.from(anyMask)
    setBit(mask, place)
    masks.set(code, mask)
  })
  return { length: codes.length, codes, masks, anyMask }
}

const setBit = (bits: Uint32Array, place: number): void => {
  const word = Math.floor(place / WORD_BITS)
  bits[word] = (bits[word] ?? 0) | (1 << (place % WORD_BITS))
}

const fitsAt = ({ codes }: Segment, text: Uint32Array, at: number): boolean =>
  at + codes.length <= text.length && codes.every((code, place) => code === ANY || code === text[at + place])

/** The end of the last of the segments, each taken at its earliest place after the one before. */
const findAll = (segments: readonly Segment[], text: Uint32Array, from: number): number | undefined => {
  let end: number | undefined = from
  for (const segment of segments) {
    end = find(segment, text, end, false, false)
    if (end === undefined) return undefined
  }
  return end
}

/** The end of the earliest place, at or after `from`, where the segment fits. */
const find = (
  segment: Segment,
  text: Uint32Array,
  from: number,
  startsAtWord: boolean,
  endsAtWord: boolean,
): number | undefined => {
  if (segment.length === 0) return findBoundary(text, from, startsAtWord || endsAtWord)
  const state = new Uint32Array(segment.anyMask.length)
  const lastWord = Math.floor((segment.length - 1) / WORD_BITS)
  const lastBit = 1 << ((segment.length - 1) % WORD_BITS)
  for (let index = from; index < text.length; index++) {
    let carry = !startsAtWord || isBoundary(text, index) ? 1 : 0
    const mask = segment.masks.get(text[index] ?? 0) ?? segment.anyMask
    for (let word = 0; word < state.length; word++) {
      const bits = state[word] ?? 0
      state[word] = ((bits << 1) | carry) & (mask[word] ?? 0)
      carry = bits >>> 31
    }
    const complete = ((state[lastWord] ?? 0) & lastBit) !== 0
    if (complete && (!endsAtWord || isBoundary(text, index + 1))) return index + 1
  }
  return undefined
}

const findBoundary = (text: Uint32Array, from: number, atWord: boolean): number | undefined => {
  if (!atWord) return from
  // The end of the text always is a boundary.
  let index = from
  while (index < text.length && !isBoundary(text, index)) index++
  return index
}

/** The start or end of the text, or beside a character outside `[A-Za-z0-9_]`. */
const isBoundary = (text: Uint32Array, index: number): boolean =>
  index === 0 || index === text.length || !isWordCode(text[index - 1] ?? 0) || !isWordCode(text[index] ?? 0)
