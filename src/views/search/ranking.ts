import type { IndexedText } from '#store'

/** Units of a rank in one: ranks are whole numbers inside the server, so that a page can go on exactly behind one. */
export const RANK_UNITS = 1_000_000
/** The usual length of a message, in UTF-16 units. */
const USUAL_LENGTH = 60
/** The weights of the ranking function BM25. All results have all words, so how rare a word is changes little and is left out. */
const SATURATION = 1.2
const LENGTH_WEIGHT = 0.75

/** A number from 0 to `RANK_UNITS` that says how well a text fits: one that is short, and repeats the words, fits best. */
export const rankOf = (text: IndexedText | undefined, words: readonly string[]): number => {
  if (text === undefined || words.length === 0) return 0
  const times = new Map(words.map((word) => [word, 0]))
  for (const word of text.words.split(' ')) {
    const known = times.get(word)
    if (known !== undefined) times.set(word, known + 1)
  }
  const length = 1 - LENGTH_WEIGHT + (LENGTH_WEIGHT * text.length) / USUAL_LENGTH
  let sum = 0
  for (const count of times.values()) sum += Math.max(1, count) / (Math.max(1, count) + SATURATION * length)
  return Math.round((RANK_UNITS * sum) / words.length)
}
