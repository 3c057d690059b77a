/** The start or end of the text, or beside a character outside `[A-Za-z0-9_]`. */
export const isBoundary = (text: string, index: number): boolean =>
  index === 0 || index === text.length || !isWordCode(text.charCodeAt(index - 1)) || !isWordCode(text.charCodeAt(index))

export const isWordCode = (code: number): boolean =>
  (code >= 0x61 && code <= 0x7a) || (code >= 0x30 && code <= 0x39) || code === 0x5f || (code >= 0x41 && code <= 0x5a)

/** Up to this product of lengths the engine's own search is fast whatever the texts. */
const SMALL = 1 << 16

export interface Ends {
  readonly startsAtWord: boolean
  readonly endsAtWord: boolean
}

export const ANYWHERE: Ends = { startsAtWord: false, endsAtWord: false }

/** The end of the earliest place, at or after `from`, where the words stand; in time linear in the text. */
export const findLiteral = (words: string, text: string, from: number, ends: Ends): number | undefined => {
  if (words.length === 0) return findBoundary(text, from, ends.startsAtWord || ends.endsAtWord)
  return words.length * (text.length - from) <= SMALL
    ? findInSmall(words, text, from, ends)
    : findInLarge(words, text, from, ends)
}

const findBoundary = (text: string, from: number, atWord: boolean): number | undefined => {
  if (!atWord) return from
  // The end of the text always is a boundary.
  let index = from
  while (index < text.length && !isBoundary(text, index)) index++
  return index
}

const fits = (text: string, start: number, end: number, { startsAtWord, endsAtWord }: Ends): boolean =>
  (!startsAtWord || isBoundary(text, start)) && (!endsAtWord || isBoundary(text, end))

const findInSmall = (words: string, text: string, from: number, ends: Ends): number | undefined => {
  for (let start = text.indexOf(words, from); start !== -1; start = text.indexOf(words, start + 1))
    if (fits(text, start, start + words.length, ends)) return start + words.length
  return undefined
}

/** Knuth, Morris and Pratt: no character of the text is looked at twice, which no search of the engine promises. */
const findInLarge = (words: string, text: string, from: number, ends: Ends): number | undefined => {
  const borders = bordersOf(words)
  let matched = 0
  for (let index = from; index < text.length; index++) {
    const code = text.charCodeAt(index)
    while (matched > 0 && words.charCodeAt(matched) !== code) matched = borders[matched - 1] ?? 0
    if (words.charCodeAt(matched) === code) matched++
    if (matched < words.length) continue
    if (fits(text, index + 1 - words.length, index + 1, ends)) return index + 1
    matched = borders[matched - 1] ?? 0
  }
  return undefined
}

/** For each prefix of the words, the length of its longest proper border. */
const bordersOf = (words: string): Uint16Array => {
  const borders = new Uint16Array(words.length)
  for (let index = 1, border = 0; index < words.length; index++) {
    const code = words.charCodeAt(index)
    while (border > 0 && words.charCodeAt(border) !== code) border = borders[border - 1] ?? 0
    if (words.charCodeAt(border) === code) border++
    borders[index] = border
  }
  return borders
}
