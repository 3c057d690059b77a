import type { CustomReply } from '#http'
import type { Notice } from './auth-fallback.ts'
import { type Html, heading, html } from './html.ts'
import { htmlReply, SECRET_PAGE } from './html-page.ts'

const page = (status: number, title: string, main: Html, formTargets?: string): CustomReply =>
  htmlReply({
    status,
    title,
    main,
    headers: SECRET_PAGE,
    ...(formTargets === undefined ? {} : { form: formTargets }),
  })

/** The reasons to ask for a mail that proves an address. */
export type MailPurpose = 'register' | 'password' | 'add' | 'login'

/** The consequence of a confirmation, in words. */
const CONSEQUENCES: Readonly<Record<MailPurpose, string>> = {
  register: 'Whoever asked for this mail can then make an account with it.',
  password: 'Whoever asked for this mail can then set a new password for your account.',
  add: 'Whoever asked for this mail can then add it to their account.',
  login: 'Whoever asked for this mail is then logged in to your account.',
}

export interface ConfirmAddressView {
  readonly address: string
  readonly purpose: MailPurpose
  readonly nextLink: string | undefined
}

/** A button for a person, since programs that scan mails open links too. It posts to its own address. */
export const confirmAddressPage = ({ address, purpose, nextLink }: ConfirmAddressView): CustomReply =>
  page(
    200,
    'Confirm your e-mail address',
    html`<h1>${heading('Confirm your e-mail address')}</h1>
<p>Is <strong>${address}</strong> your address, and was it you who asked for the mail? ${CONSEQUENCES[purpose]}</p>
<p>If it was not you, close this page, and nothing happens.</p>
${nextLink === undefined ? undefined : html`<p>After that you are sent on to <strong>${new URL(nextLink).host}</strong>.</p>`}
<form method="post">
<button type="submit" autofocus>Yes, confirm</button>
</form>`,
    // The answer may redirect to the app's own page, which browsers count as a target of the form.
    nextLink === undefined ? "'self'" : `'self' ${new URL(nextLink).origin}`,
  )

export const addressConfirmedPage = (address: string): CustomReply =>
  page(
    200,
    'Your e-mail address is confirmed',
    html`<div role="status" aria-live="polite">
<p class="state">Done</p>
<h1>${heading('Your e-mail address is confirmed')}</h1>
<p>You can close this window and go on in your app. It knows <strong>${address}</strong> now.</p>
</div>`,
  )

/** The page that says why there is nothing to confirm. */
export const cannotConfirmPage = ({ status, title, text }: Notice): CustomReply =>
  page(
    status,
    title,
    html`<h1>${heading(title)}</h1>
<p role="alert">${text}</p>`,
  )
