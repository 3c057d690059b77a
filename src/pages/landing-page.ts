import type { CustomReply } from '#http'
import { html } from './html.ts'
import { htmlReply } from './html-page.ts'

export interface LandingPageView {
  readonly serverName: string
  readonly version: string
  /** The address for clients; undefined: the address that the browser used. */
  readonly publicBaseUrl: string | undefined
  readonly registration: 'open' | 'token' | 'closed'
  /** The client for browsers. */
  readonly webClient: string
}

/** The client's name, where we know it. */
export const clientName = (webClient: string): string => {
  const { host } = new URL(webClient)
  return host === 'app.element.io' ? 'Element' : host
}

/** The page that a browser finds at the root. No script, nothing from elsewhere. */
export const landingPage = (view: LandingPageView): CustomReply => {
  const { serverName, version, publicBaseUrl, registration, webClient } = view
  const address = publicBaseUrl === undefined ? html`the address of this page` : html`<code>${publicBaseUrl}</code>`
  // The web client of Element takes no server from a link, its apps do.
  const onPhones =
    publicBaseUrl === undefined
      ? undefined
      : html`, or on a phone the <a href="https://mobile.element.io/?hs_url=${encodeURIComponent(publicBaseUrl)}">app of Element, for this server</a>`
  const token = html` with a registration token, which whoever runs this server gives out`
  const register = html`, or <a href="/_matrix/static/client/register/">create an account</a> first${registration === 'token' ? token : undefined}`
  return htmlReply({
    status: 200,
    title: `${serverName} – Matrix homeserver`,
    main: html`<p class="state">Running</p>
<h1>${serverName}</h1>
<p>This is a homeserver of <a href="https://matrix.org">Matrix</a>, the open network for chat.</p>
<h2>Connect a client</h2>
<ol>
<li>Open a Matrix client, for example <a href="${webClient}">${clientName(webClient)}</a>${onPhones}.</li>
<li>Where it asks for the homeserver, enter ${address}.</li>
<li>Sign in${registration === 'closed' ? undefined : register}. Your id ends in <code>:${serverName}</code>.</li>
</ol>
<p class="hint">Homeroom ${version}</p>`,
  })
}
