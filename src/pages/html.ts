/** HTML that is safe to send: all values in it were escaped. Made by `html` and `trusted` only. */
export class Html {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

type Piece = string | Html | readonly Html[] | undefined

const escaped = (piece: Piece): string => {
  if (piece === undefined) return ''
  if (piece instanceof Html) return piece.text
  if (typeof piece === 'string') return piece.replaceAll(/[&<>"'`]/g, (character) => `&#${character.codePointAt(0)};`)
  return piece.map(escaped).join('')
}

/** A template of HTML: strings put into it are escaped, for text and for quoted attributes. */
export const html = (template: readonly string[], ...pieces: readonly Piece[]): Html =>
  new Html(template.map((text, index) => `${text}${escaped(pieces[index])}`).join(''))

/** A text of ours that is not escaped: a style or a script without inserted values. */
export const trusted = (text: string): Html => new Html(text)

const LONGEST_WHOLE_WORD = 14

/** A heading's text, in which words such as “e-mail” are not broken at their hyphen. */
export const heading = (text: string): Html =>
  html`${text
    .split(/( )/)
    .map((word) =>
      word.includes('-') && word.length <= LONGEST_WHOLE_WORD
        ? html`<span class="whole">${word}</span>`
        : html`${word}`,
    )}`
