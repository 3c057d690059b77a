/** A text that may be too long to be held whole. */
export type LongText = string | TextPieces

/** A text that is made while the part before it is sent. Whoever does not read it to its end calls `rest.return`. */
export interface TextPieces {
  /** The beginning, as far as it was made already. */
  readonly begun: readonly string[]
  readonly rest: AsyncGenerator<string, void, undefined>
}

/** The text in one, for those that are known to be short. */
export const wholeText = async (text: LongText): Promise<string> => {
  if (typeof text === 'string') return text
  const pieces = [...text.begun]
  for await (const piece of text.rest) pieces.push(piece)
  return pieces.join('')
}
