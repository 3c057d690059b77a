import { createHash } from 'node:crypto'
import { type AnyEndpoint, CustomReply, endpoint } from '#http'

export interface LandingPageOptions {
  readonly serverName: string
  readonly version: string
  /** Where clients shall connect; undefined: at the address the browser used. */
  readonly publicBaseUrl: string | undefined
}

const escapeHtml = (text: string): string =>
  text.replaceAll(/[&<>"']/g, (character) => `&#${character.codePointAt(0)};`)

const STYLE = `
:root { color-scheme: light dark; --ink: #16211d; --soft: #52605a; --ground: #f6f7f4; --card: #fff; --line: #dde2dc; --green: #0b7a4b; }
@media (prefers-color-scheme: dark) {
  :root { --ink: #e8ede9; --soft: #a0ada6; --ground: #111614; --card: #1a211e; --line: #2d3733; --green: #4cc38a; }
}
* { box-sizing: border-box; }
body { margin: 0; padding: 2rem 1rem; min-height: 100vh; display: grid; place-items: center; background: var(--ground);
  color: var(--ink); font: 1rem/1.6 system-ui, sans-serif; }
main { width: 100%; max-width: 34rem; padding: clamp(1.25rem, 6vw, 2.5rem); background: var(--card);
  border: 1px solid var(--line); border-radius: 1rem; }
p { margin: .75rem 0; }
.state { margin: 0; color: var(--green); font-weight: 600; }
.state::before { content: ""; display: inline-block; width: .6rem; height: .6rem; margin-right: .5rem; border-radius: 50%;
  background: var(--green); }
h1 { margin: .25rem 0 0; font-size: clamp(1.5rem, 7vw, 2.25rem); line-height: 1.2; overflow-wrap: anywhere; }
h2 { margin: 1.75rem 0 .5rem; font-size: 1.05rem; }
ol { margin: 0; padding-left: 1.25rem; }
li { margin: .4rem 0; }
code { padding: .1rem .35rem; border-radius: .35rem; background: var(--ground); border: 1px solid var(--line);
  font: .9em ui-monospace, monospace; overflow-wrap: anywhere; }
a { color: var(--green); }
footer { margin-top: 1.75rem; padding-top: 1rem; border-top: 1px solid var(--line); color: var(--soft); font-size: .875rem; }
`

const STYLE_HASH = createHash('sha256').update(STYLE).digest('base64')

const pageOf = ({ serverName, version, publicBaseUrl }: LandingPageOptions): string => {
  const address = publicBaseUrl === undefined ? 'the address of this page' : `<code>${escapeHtml(publicBaseUrl)}</code>`
  const name = escapeHtml(serverName)
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>${name} – Matrix homeserver</title>
<style>${STYLE}</style>
</head>
<body>
<main>
<p class="state">Running</p>
<h1>${name}</h1>
<p>This is a homeserver of <a href="https://matrix.org">Matrix</a>, the open network for chat.</p>
<h2>Connect a client</h2>
<ol>
<li>Open a Matrix client, for example <a href="https://app.element.io">Element</a>.</li>
<li>Where it asks for the homeserver, enter ${address}.</li>
<li>Sign in. Your id ends in <code>:${name}</code>.</li>
</ol>
<footer>Homeroom ${escapeHtml(version)}</footer>
</main>
</body>
</html>
`
}

/** The page that a browser finds at the root, and the answer that a load balancer asks for. No script, nothing from elsewhere. */
export const operationalEndpoints = (options: LandingPageOptions): readonly AnyEndpoint[] => {
  const html = pageOf(options)
  return [
    endpoint({
      method: 'GET',
      paths: ['/'],
      auth: 'none',
      rateLimit: 'unlimited',
      handler: async () =>
        new CustomReply({
          status: 200,
          headers: {
            'Content-Type': 'text/html; charset=utf-8',
            'Content-Security-Policy': `default-src 'none'; style-src 'sha256-${STYLE_HASH}'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'`,
            'X-Content-Type-Options': 'nosniff',
            'Referrer-Policy': 'no-referrer',
          },
          body: html,
        }),
    }),
    endpoint({
      method: 'GET',
      paths: ['/health'],
      auth: 'none',
      rateLimit: 'unlimited',
      handler: async () => new CustomReply({ status: 200, body: 'OK' }),
    }),
  ]
}
