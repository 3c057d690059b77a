/** A text made ready for matching without regard to case, once for all the rules it is held against. */
export interface FoldedText {
  readonly text: string
  /** The code points of `text`, for `?` stands for one character and not for half of one. */
  readonly codes: () => Uint32Array
}

export const foldText = (text: string): FoldedText => {
  const folded = text.toLowerCase()
  let codes: Uint32Array | undefined
  return {
    text: folded,
    codes: () => {
      codes ??= codePointsOf(folded)
      return codes
    },
  }
}

export const codePointsOf = (text: string): Uint32Array => {
  const codes = new Uint32Array(text.length)
  let count = 0
  for (const character of text) codes[count++] = character.codePointAt(0) ?? 0
  return codes.subarray(0, count)
}
