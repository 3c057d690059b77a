import type { CustomReply } from '#http'
import type { MatrixError } from '#spec'
import { heading, html } from './html.ts'
import { htmlReply } from './html-page.ts'

/** The page for people whose browser asks for an address of this server that is none; `error` says what is wrong with it. */
export const unknownAddressPage = (serverName: string, { status, headers }: MatrixError): CustomReply => {
  const title = status === 404 ? 'There is no such page' : 'This address cannot be opened'
  return htmlReply({
    status,
    title,
    headers: { ...headers, 'Cache-Control': 'no-store' },
    main: html`<h1>${heading(title)}</h1>
<p>This is ${serverName}, a homeserver of Matrix. Is the address typed in full? Links in mails can break at the end of a line.</p>`,
  })
}
