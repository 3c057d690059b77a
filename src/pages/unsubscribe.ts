import type { CustomReply } from '#http'
import { heading, html } from './html.ts'
import { htmlReply, SECRET_PAGE } from './html-page.ts'

/** The question whether mails of notifications shall end. It posts to its own address. */
export const unsubscribePage = (address: string): CustomReply =>
  htmlReply({
    status: 200,
    title: 'Mails of notifications',
    headers: SECRET_PAGE,
    form: "'self'",
    main: html`<h1>${heading('Switch these mails off?')}</h1>
<p><strong>${address}</strong> then gets no more mails about what is unread. You can switch them on again in your app.</p>
<form method="post">
<button type="submit" autofocus>Switch them off</button>
</form>`,
  })

export const unsubscribedPage = (): CustomReply =>
  htmlReply({
    status: 200,
    title: 'Mails of notifications',
    headers: SECRET_PAGE,
    main: html`<div role="status" aria-live="polite">
<p class="state">Done</p>
<h1>${heading('These mails are switched off')}</h1>
<p>You can close this window. To switch them on again, use the settings of your app.</p>
</div>`,
  })
