import type { CustomReply } from '#http'
import { html, htmlReply } from './html-page.ts'

export interface LandingPageView {
  readonly serverName: string
  readonly version: string
  /** The address for clients; undefined: the address that the browser used. */
  readonly publicBaseUrl: string | undefined
  readonly canRegister: boolean
}

/** The page that a browser finds at the root. No script, nothing from elsewhere. */
export const landingPage = ({ serverName, version, publicBaseUrl, canRegister }: LandingPageView): CustomReply => {
  const address = publicBaseUrl === undefined ? 'the address of this page' : html`<code>${publicBaseUrl}</code>`
  const register = html`, or <a href="/_matrix/static/client/register/">create an account</a> first`
  return htmlReply({
    status: 200,
    title: `${serverName} – Matrix homeserver`,
    main: html`<p class="state">Running</p>
<h1>${serverName}</h1>
<p>This is a homeserver of <a href="https://matrix.org">Matrix</a>, the open network for chat.</p>
<h2>Connect a client</h2>
<ol>
<li>Open a Matrix client, for example <a href="https://app.element.io">Element</a>.</li>
<li>Where it asks for the homeserver, enter ${address}.</li>
<li>Sign in${canRegister ? register : undefined}. Your id ends in <code>:${serverName}</code>.</li>
</ol>
<footer>Homeroom ${version}</footer>`,
  })
}
