/**
 * Words as indexes of texts hold them: folded, so that case, accents and forms of width make no difference. Scripts that are written without spaces have no
 * words that could be told from the text alone; of these, each sign and each pair of neighbours counts as one, so any part of a text is found.
 */

const NO_SPACES = String.raw`\p{Script=Han}\p{Script=Hiragana}\p{Script=Katakana}\p{Script=Hangul}\p{Script=Thai}\p{Script=Lao}\p{Script=Khmer}\p{Script=Myanmar}`
/** A run of such a script, a picture, or a word of any other script. */
const RUN = new RegExp(
  String.raw`([${NO_SPACES}][${NO_SPACES}\p{M}\u30fc]*)|\p{Extended_Pictographic}|[[\p{L}\p{N}]--[${NO_SPACES}]][[\p{L}\p{N}\p{M}]--[${NO_SPACES}]]*`,
  'gv',
)
/** Accents, points of Hebrew, vowel signs of Arabic. Marks of one script alone are letters to its readers, as those of kana are. */
const ACCENTS = /[[\p{Mn}&&[\p{Script=Inherited}\p{Script=Hebrew}\p{Script=Arabic}]]--[\u3099\u309a]]/gv
/** The rest of a longer word is not looked at, neither in a text nor in a question. */
const MAX_WORD = 40
const WORD = new RegExp(`^.{1,${MAX_WORD}}`, 'u')
/** UTF-16 units; more than an event may have. Some signs become many when they are folded. */
const MAX_TEXT = 65_536
const MAX_FOLDED = 131_072
const MAX_WORDS = 20_000

/** Most texts of many languages: their letters fold to small ones, and their words are found by a simpler pattern. */
const PLAIN = /^[\0-\x7f]*$/
const PLAIN_RUN = /[a-z0-9]+/g

/** The text without differences of case, accents and width. */
export const foldText = (text: string): string =>
  text
    .slice(0, MAX_TEXT)
    .normalize('NFKD')
    .slice(0, MAX_FOLDED)
    .replace(ACCENTS, '')
    // By way of capitals, as some letters are the same there alone: ß and ss, both small sigmas.
    .toUpperCase()
    .toLowerCase()
    .replaceAll('ς', 'σ')
    .normalize('NFC')

/** Every word of a text in its order, for an index. */
export const indexWords = (text: string): string[] => {
  if (PLAIN.test(text)) return plainWords(text)
  const words: string[] = []
  for (const [run, unspaced] of foldText(text).matchAll(RUN)) {
    if (unspaced === undefined) words.push(wordOf(run))
    else words.push(...signsOf(run), ...pairsOf(run))
    if (words.length >= MAX_WORDS) break
  }
  return words
}

/** The words that a text must have to fit a question, each once, in the question's order. */
export const questionWords = (question: string): string[] => {
  const words = new Set<string>()
  for (const [run, unspaced] of foldText(question).matchAll(RUN)) {
    const pairs = unspaced === undefined ? [wordOf(run)] : pairsOf(run)
    for (const word of pairs.length === 0 ? [run] : pairs) words.add(word)
  }
  return [...words]
}

/** Words of the text as they are written there, in small letters, that fold to one of the given words or hold nothing but such pairs. */
export const writtenWords = (text: string, wanted: ReadonlySet<string>, limit: number): string[] => {
  const found = new Set<string>()
  for (const [written] of text.matchAll(WRITTEN)) {
    if (found.size >= limit) break
    const words = questionWords(written)
    if (words.length > 0 && words.every((word) => wanted.has(word))) found.add(written.toLowerCase())
  }
  return [...found]
}

/** A word as it is written, with accents that stand by themselves. */
const WRITTEN = /[\p{L}\p{N}\p{Extended_Pictographic}][\p{L}\p{N}\p{M}]*/gu

/** The same as `indexWords` finds in such a text, in a fifth of the time. */
const plainWords = (text: string): string[] => {
  const words = text.slice(0, MAX_TEXT).toLowerCase().match(PLAIN_RUN)?.slice(0, MAX_WORDS) ?? []
  return words.map((word) => (word.length > MAX_WORD ? word.slice(0, MAX_WORD) : word))
}

const wordOf = (run: string): string => WORD.exec(run)?.[0] ?? run
const signsOf = (run: string): string[] => Array.from(run)

const pairsOf = (run: string): string[] => {
  const signs = signsOf(run)
  return signs.slice(1).map((sign, index) => `${signs[index]}${sign}`)
}
