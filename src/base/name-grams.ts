import { foldText } from './search-words.ts'

/**
 * Pieces of names, for an index that finds names by any part of them: each run of three signs and of two, and the first one, two and three of each word,
 * marked as such. No piece has a sign of ASCII that is neither letter nor digit: those are moved away, so that indexes take each piece as one.
 */

const START = '\u{e0ff}'
const MOVED = 0xe000
const LONGEST = 3

/** A name without differences of case, accents and white space. U+0000, which no column of text takes, parts words as white space does. */
export const foldName = (name: string): string => foldText(name).replaceAll('\0', ' ').trim().replaceAll(/\s+/gu, ' ')

/** Words of a question for names, the longest first. */
export const nameWords = (question: string): string[] =>
  [...new Set(foldName(question).split(' '))]
    .filter((word) => word !== '')
    .sort((one, other) => other.length - one.length)

/** All pieces of folded names, each once. */
export const gramsOf = (names: readonly string[]): string[] => {
  const grams = new Set<string>()
  for (const word of names.flatMap((name) => name.split(' '))) {
    const signs = movedSigns(word)
    for (let length = 1; length <= Math.min(LONGEST, signs.length); length++) {
      grams.add(START + signs.slice(0, length).join(''))
      if (length > 1) for (const run of runsOf(signs, length)) grams.add(run)
    }
  }
  grams.delete(START)
  return [...grams]
}

/** The pieces that a name must have to hold the word; with `isStart`, to have a word that begins so. None for a word of one sign anywhere. */
export const gramsFor = (word: string, isStart: boolean): string[] => {
  const signs = movedSigns(word)
  const runs = signs.length < 2 ? [] : runsOf(signs, Math.min(LONGEST, signs.length))
  const start = isStart ? [START + signs.slice(0, LONGEST).join('')] : []
  return [...new Set([...start, ...runs])]
}

const runsOf = (signs: readonly string[], length: number): string[] =>
  Array.from({ length: signs.length - length + 1 }, (_, start) => signs.slice(start, start + length).join(''))

const movedSigns = (word: string): string[] =>
  Array.from(word, (sign) =>
    /[\0-\x2f\x3a-\x60\x7b-\x7f]/.test(sign) ? String.fromCodePoint(MOVED + (sign.codePointAt(0) ?? 0)) : sign,
  )
