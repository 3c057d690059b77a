import { hash } from 'node:crypto'
import { type Html, html, trusted } from './html.ts'
import { styleWith } from './style.ts'

/** The operator's choices about the looks of all pages. */
export interface LookSettings {
  readonly serverName: string
  /** The name of whoever runs the server. */
  readonly operatorName?: string | undefined
  /** `#rrggbb` */
  readonly colour?: string | undefined
  readonly hasLogo?: boolean
  readonly help?: {
    readonly page?: string | undefined
    readonly email?: string | undefined
    readonly matrixId?: string | undefined
  }
}

/** Settings that all pages of a server share. */
export interface Look {
  readonly style: Html
  /** The source of the style, for the policy. */
  readonly styleSource: string
  readonly icon: Html
  readonly header: Html
  /** The way to the first page, and to help. */
  readonly footer: Html
  /** The same in a sentence, for pages that say that something went wrong. */
  readonly ways: Html
}

export const ICON_PATH = '/_homeroom/icon.svg'
export const LOGO_PATH = '/_homeroom/logo'

export const hashOf = (text: string): string => `'sha256-${hash('sha256', text, 'base64')}'`

const link = (href: string, text: string): Html => html`<a href="${href}">${text}</a>`

const helpLinks = ({ help = {} }: LookSettings): readonly Html[] => [
  ...(help.page === undefined ? [] : [link(help.page, 'Help')]),
  ...(help.email === undefined ? [] : [link(`mailto:${help.email}`, help.email)]),
  ...(help.matrixId === undefined ? [] : [link(`https://matrix.to/#/${help.matrixId}`, help.matrixId)]),
]

const waysOf = (settings: LookSettings): Html => {
  const [first, ...others] = helpLinks(settings)
  const ask =
    first === undefined
      ? html`If it does not get better, ask whoever runs ${settings.serverName}.`
      : html`If it does not get better, ask for help: ${first}${others.map((other) => html`, ${other}`)}.`
  return html`<div class="ways">
<p><a href="/">To the first page of ${settings.serverName}</a></p>
<p>${ask}</p>
</div>`
}

export const lookOf = (settings: LookSettings): Look => {
  const { serverName, operatorName = serverName, colour, hasLogo = false } = settings
  const style = styleWith(colour)
  const image = hasLogo ? LOGO_PATH : ICON_PATH
  return {
    style: html`<style>${trusted(style)}</style>`,
    styleSource: hashOf(style),
    icon: html`<link rel="icon" href="${image}">`,
    header: html`<header><a href="/"><img src="${image}" alt="">${operatorName}</a></header>`,
    footer: html`<footer><ul>
${[link('/', serverName), ...helpLinks(settings)].map((one) => html`<li>${one}</li>\n`)}</ul></footer>`,
    ways: waysOf(settings),
  }
}

/** The icon of a server without a logo: a house in the colour of the pages. */
export const iconSvg = (colour = '#0b7a4b'): string =>
  `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32"><rect width="32" height="32" rx="7" fill="${colour}"/>` +
  `<path d="M16 6 5.500 15.500h3V25a1 1 0 0 0 1 1H13v-6.500a1 1 0 0 1 1-1h4a1 1 0 0 1 1 1V26h3.500a1 1 0 0 0 1-1v-9.500h3Z" fill="#fff"/></svg>`
