import { type Answer, type AnyEndpoint, CustomReply } from '#http'
import { type Html, html, trusted } from './html.ts'
import { hashOf, type Look, lookOf } from './look.ts'

/** A script without inserted values; the policy names its hash, so that no other script runs. */
export class PageScript {
  readonly element: Html
  readonly source: string
  constructor(code: string) {
    this.element = trusted(`<script>${code}</script>`)
    this.source = hashOf(code)
  }
}

/** A style besides the one that all pages share, without inserted values; the policy names its hash. */
export class PageStyle {
  readonly element: Html
  readonly source: string
  constructor(rules: string) {
    this.element = trusted(`<style>${rules}</style>`)
    this.source = hashOf(rules)
  }
}

/** Headers of a page whose address is a secret: no cache may keep it. */
export const SECRET_PAGE = { 'Cache-Control': 'no-store', 'X-Robots-Tag': 'noindex' } as const

export interface HtmlPage {
  readonly status: number
  readonly title: string
  readonly main: Html
  readonly scripts?: readonly PageScript[]
  readonly styles?: readonly PageStyle[]
  /** Stands between the header and the content. */
  readonly nav?: Html
  /** `script`: the file that is loaded; the others are sources for the policy. */
  readonly foreign?: {
    readonly script: string
    readonly scriptSources: readonly string[]
    readonly frameSources: readonly string[]
  }
  /** Whether it posts a form to itself. A text: sources for the policy, where the answer may redirect to another site. */
  readonly form?: boolean | string
  readonly calls?: boolean
  /** The address to which the browser goes on by itself. Unlike a redirect in answer to a form it is no target of the form to browsers. */
  readonly goesOnTo?: string
  /** Whether it shows other pages of this server in frames, and whether these may show it. Other sites never may. */
  readonly frames?: boolean
  readonly framed?: boolean
  readonly headers?: Readonly<Record<string, string>>
}

const policyOf = (
  { scripts = [], styles = [], foreign, form, calls, frames, framed }: HtmlPage,
  look: Look,
): string => {
  const script = [...scripts.map(({ source }) => source), ...(foreign?.scriptSources ?? [])]
  return [
    "default-src 'none'",
    `style-src ${[look.styleSource, ...styles.map(({ source }) => source)].join(' ')}`,
    "img-src 'self'",
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

/** Shows pages that nobody gave a look: those of tests, and of a server that does not know its name yet. */
const PLAIN = lookOf({ serverName: 'this server' })

const rendered = (page: HtmlPage, look: Look): ConstructorParameters<typeof CustomReply>[0] => {
  const { status, title, main, nav, scripts = [], styles = [], foreign, headers, form, goesOnTo } = page
  const foreignScript = foreign === undefined ? undefined : html`<script src="${foreign.script}" async defer></script>`
  // A form that was refused can be mended where it stands.
  const isDeadEnd = status >= 400 && form === undefined
  const { text } = html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${title}</title>${goesOnTo === undefined ? undefined : html`\n<meta http-equiv="refresh" content="0; url=${goesOnTo}">`}
${look.icon}
${look.style}${styles.map(({ element }) => element)}
</head>
<body>
${look.header}${nav}
<main>
${main}${isDeadEnd ? html`\n${look.ways}` : undefined}
</main>
${look.footer}
${scripts.map(({ element }) => element)}${foreignScript}
</body>
</html>
`
  return {
    status,
    headers: {
      'Content-Type': 'text/html; charset=utf-8',
      'Content-Security-Policy': policyOf(page, look),
      'X-Content-Type-Options': 'nosniff',
      'Referrer-Policy': 'no-referrer',
      ...headers,
    },
    body: text,
  }
}

/** A page as an answer. It can be shown in another look. */
export class PageReply extends CustomReply {
  readonly #page: HtmlPage

  constructor(page: HtmlPage, look = PLAIN) {
    super(rendered(page, look))
    this.#page = page
  }

  in(look: Look): PageReply {
    return new PageReply(this.#page, look)
  }
}

/** A whole page in our style, with a content security policy that allows its own parts and nothing else. */
export const htmlReply = (page: HtmlPage): CustomReply => new PageReply(page)

/** The answer in the server's look, if it is a page. */
export const shownIn = <Given extends Answer>(look: Look, answer: Given): Given | PageReply =>
  answer instanceof PageReply ? answer.in(look) : answer

/** The endpoints with all their pages in the server's look. An endpoint that shows pages has one for errors too. */
export const endpointsIn = (look: Look, endpoints: readonly AnyEndpoint[]): readonly AnyEndpoint[] =>
  endpoints.map((endpoint) => {
    const { errorPage } = endpoint
    if (errorPage === undefined) return endpoint
    return {
      ...endpoint,
      errorPage: (error) => shownIn(look, errorPage(error)),
      handler: async (request) => shownIn(look, await endpoint.handler(request)),
    }
  })
