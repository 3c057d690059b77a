import { momentText } from '#base'
import type { CustomReply } from '#http'
import { heading, html } from './html.ts'
import { htmlReply, SECRET_PAGE } from './html-page.ts'

/** Words, as a line breaks within a date of figures. */
const day = (ms: number): string => momentText(ms, { language: 'en-GB', dateStyle: 'long' })

/** The question whether an account shall go on. It posts to its own address. */
export const renewPage = (view: {
  readonly userId: string
  readonly endsAtMs: number
  readonly untilMs: number
  readonly isOver: boolean
}): CustomReply => {
  const { userId, endsAtMs, untilMs, isOver } = view
  return htmlReply({
    status: 200,
    title: 'Renew your account',
    headers: SECRET_PAGE,
    form: "'self'",
    main: html`<h1>${heading('Renew your account?')}</h1>
<p><strong>${userId}</strong> ${isOver ? 'ended on' : 'ends on'} ${day(endsAtMs)}. Renewed, it is valid until ${day(untilMs)}.</p>
<form method="post">
<button type="submit" autofocus>Renew it</button>
</form>`,
  })
}

/** The answer to a link that renewed the account, or is not needed any more. */
export const renewedPage = (userId: string, endsAtMs: number | undefined): CustomReply =>
  htmlReply({
    status: 200,
    title: 'Your account',
    headers: SECRET_PAGE,
    main: html`<div role="status" aria-live="polite">
<h1>${heading(endsAtMs === undefined ? 'Your account has no end' : `Your account is valid until ${day(endsAtMs)}`)}</h1>
<p><strong>${userId}</strong> needs nothing more from you. You can close this window.</p>
</div>`,
  })
