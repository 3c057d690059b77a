import { hash } from 'node:crypto'
import { CustomReply } from '#http'

/** HTML that is safe to send: all values in it were escaped. Made by `html` only. */
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

/** The look of every page we show: one column, light or dark as the browser prefers, from 320 px up. */
const STYLE = `
:root { color-scheme: light dark; --ink: #16211d; --soft: #52605a; --ground: #f6f7f4; --card: #fff; --line: #dde2dc; --edge: #7b8a82;
  --green: #0b7a4b; --on-green: #fff; --red: #b3261e; --red-ground: #fdecea; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ede9; --soft: #a0ada6; --ground: #111614; --card: #1a211e; --line: #2d3733; --edge: #74827b;
    --green: #4cc38a; --on-green: #0c1a13; --red: #ffb4ab; --red-ground: #3b1a17; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1rem; min-height: 100vh; display: grid; place-items: center; background: var(--ground);
  color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
main { width: 100%; max-width: 34rem; padding: clamp(1.25rem, 6vw, 2.5rem); background: var(--card);
  border: 1px solid var(--line); border-radius: 1rem; }
p { margin: .75rem 0; overflow-wrap: anywhere; }
.state { margin: 0; color: var(--green); font-weight: 600; }
.state::before { content: ""; display: inline-block; width: .6rem; height: .6rem; margin-right: .5rem; border-radius: 50%;
  background: var(--green); }
h1 { margin: .25rem 0 0; font-size: clamp(1.5rem, 7vw, 2.25rem); line-height: 1.2; overflow-wrap: anywhere; text-wrap: balance; }
h1[tabindex] { outline: none; }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
ol, ul { margin: 0; padding-left: 1.25rem; }
li { margin: .4rem 0; overflow-wrap: anywhere; }
code { padding: .1rem .35rem; border-radius: .35rem; background: var(--ground); border: 1px solid var(--line);
  font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: var(--green); }
footer { margin-top: 1.75rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .875rem;
  overflow-wrap: anywhere; }
form { margin-top: 1.25rem; }
label { display: block; margin: 1rem 0 .25rem; font-weight: 600; }
input { width: 100%; min-height: 2.75rem; padding: .5rem .75rem; border: 1px solid var(--edge); border-radius: .5rem;
  background: var(--ground); color: inherit; font: inherit; }
input[aria-invalid] { border-color: var(--red); }
.choice { display: flex; gap: .75rem; align-items: center; font-weight: 400; }
.choice input { flex: none; width: 1.25rem; min-height: 1.25rem; margin: 0; accent-color: var(--green); }
button, .button { width: 100%; min-height: 2.75rem; margin-top: 1.5rem; padding: .5rem 1.25rem; border: 0; border-radius: .5rem;
  background: var(--green); color: var(--on-green); font: inherit; font-weight: 600; cursor: pointer; }
.button { display: flex; align-items: center; justify-content: center; text-align: center; text-decoration: none; overflow-wrap: anywhere; }
.choices { margin-top: 1.5rem; padding: 0; list-style: none; }
.choices .button { margin-top: .75rem; border: 1px solid var(--edge); background: var(--ground); color: var(--ink); }
.hint { margin: .35rem 0 0; color: var(--soft); font-size: .875rem; }
:focus-visible { outline: 3px solid var(--green); outline-offset: 2px; }
.refusal { margin: 1.25rem 0 0; padding: .75rem 1rem; border-left: 4px solid var(--red); border-radius: .25rem;
  background: var(--red-ground); color: var(--red); }
.g-recaptcha { min-height: 78px; margin-top: 1rem; }
[hidden] { display: none !important; }
button[disabled] { opacity: .6; cursor: progress; }
#frame { display: block; width: calc(100% + 12px); height: 24rem; margin: .5rem -6px 0; border: 0; }
.framed body { padding: 6px; min-height: 0; display: block; background: var(--card); }
.framed main { max-width: none; padding: 0; border: 0; }
.framed h1 { font-size: 1.25rem; }
`

const hashOf = (text: string): string => `'sha256-${hash('sha256', text, 'base64')}'`
const STYLE_HASH = hashOf(STYLE)
/** A constant, so it is hashed once and not escaped. */
const STYLE_ELEMENT = new Html(`<style>${STYLE}</style>`)

/** A script without inserted values; the policy names its hash, so that no other script runs. */
export class PageScript {
  readonly element: Html
  readonly source: string
  constructor(code: string) {
    this.element = new Html(`<script>${code}</script>`)
    this.source = hashOf(code)
  }
}

export interface HtmlPage {
  readonly status: number
  readonly title: string
  readonly main: Html
  readonly scripts?: readonly PageScript[]
  /** `script`: the file that is loaded; the others are sources for the policy. */
  readonly foreign?: {
    readonly script: string
    readonly scriptSources: readonly string[]
    readonly frameSources: readonly string[]
  }
  /** Whether it posts a form to itself. A text: sources for the policy, where the answer may redirect to another site. */
  readonly form?: boolean | string
  readonly calls?: boolean
  /** Whether it shows other pages of this server in frames, and whether these may show it. Other sites never may. */
  readonly frames?: boolean
  readonly framed?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

const policyOf = ({ scripts = [], foreign, form, calls, frames, framed }: HtmlPage): string => {
  const script = [...scripts.map(({ source }) => source), ...(foreign?.scriptSources ?? [])]
  return [
    "default-src 'none'",
    `style-src ${STYLE_HASH}`,
    // A foreign widget sets the sizes of its elements; style attributes run no code.
    ...(foreign === undefined
      ? []
      : [
          "style-src-attr 'unsafe-inline'",
          `frame-src ${foreign.frameSources.join(' ')}`,
          `connect-src ${foreign.scriptSources.join(' ')}`,
        ]),
    ...(calls === true ? ["connect-src 'self'"] : []),
    ...(frames === true ? ["frame-src 'self'"] : []),
    ...(script.length === 0 ? [] : [`script-src ${script.join(' ')}`]),
    "base-uri 'none'",
    `form-action ${typeof form === 'string' ? form : form === true ? "'self'" : "'none'"}`,
    `frame-ancestors ${framed === true ? "'self'" : "'none'"}`,
  ].join('; ')
}

/** A whole page in our style, with a content security policy that allows its own parts and nothing else. */
export const htmlReply = (page: HtmlPage): CustomReply => {
  const { status, title, main, scripts = [], foreign, headers } = page
  const foreignScript = foreign === undefined ? undefined : html`<script src="${foreign.script}" async defer></script>`
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>
${STYLE_ELEMENT}
</head>
<body>
<main>
${main}
</main>
${scripts.map(({ element }) => element)}${foreignScript}
</body>
</html>
`
  return new CustomReply({
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': policyOf(page),
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      ...headers,
    },
    body: text,
  })
}
