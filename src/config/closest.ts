/** The number of letters that have to be changed, added, left out, or swapped with the next, to make one word of the other. */
const distance = (one: string, other: string): number => {
  const rows: number[][] = [Array.from({ length: other.length + 1 }, (_, index) => index)]
  for (let i = 1; i <= one.length; i++) {
    const row = [i]
    for (let j = 1; j <= other.length; j++) {
      const same = one[i - 1] === other[j - 1]
      const steps = [
        (rows[i - 1]?.[j] ?? 0) + 1,
        (row[j - 1] ?? 0) + 1,
        (rows[i - 1]?.[j - 1] ?? 0) + (same ? 0 : 1),
        ...(i > 1 && j > 1 && one[i - 1] === other[j - 2] && one[i - 2] === other[j - 1]
          ? [(rows[i - 2]?.[j - 2] ?? 0) + 1]
          : []),
      ]
      row.push(Math.min(...steps))
    }
    rows.push(row)
  }
  return rows[one.length]?.[other.length] ?? 0
}

const LONGEST = 60

/** The word that was probably meant; undefined if none is near. */
export const closest = (word: string, words: Iterable<string>): string | undefined => {
  if (word.length > LONGEST) return undefined
  let best: { readonly word: string; readonly steps: number } | undefined
  for (const candidate of words) {
    const steps = distance(word.toLowerCase(), candidate.toLowerCase())
    const most = Math.max(1, Math.floor(Math.min(word.length, candidate.length) / 3))
    if (steps <= most && (best === undefined || steps < best.steps)) best = { word: candidate, steps }
  }
  return best?.word
}

/** Ends a message: the suggestion, or else `otherwise`. */
export const suggestion = (word: string, words: Iterable<string>, otherwise: string): string => {
  const meant = closest(word, words)
  return meant === undefined ? otherwise : `did you mean ${meant}?`
}
