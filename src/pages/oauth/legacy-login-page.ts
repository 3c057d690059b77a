import type { CustomReply } from '#http'
import { ACCOUNT_SIGN_IN_PAGE, accountReply } from '../account/account-page.ts'
import { csrfField } from '../form-fields.ts'
import { html } from '../html.ts'

export interface LegacyLoginView {
  readonly action: string
  readonly csrf: string
  readonly userId: string
  /** The path to which somebody else comes back signed in. */
  readonly next: string
  readonly redirectUrl: string
  readonly client: { readonly kind: 'site' | 'app'; readonly name: string }
}

/** "Homeservers SHOULD confirm with the user that they are happy to grant access to the site named in the `redirectUrl`". */
export const legacyLoginPage = ({ action, csrf, userId, next, redirectUrl, client }: LegacyLoginView): CustomReply => {
  const other = `${ACCOUNT_SIGN_IN_PAGE}?${new URLSearchParams({ next, again: '1' }).toString()}`
  const who =
    client.kind === 'site'
      ? html`Whoever runs <strong>${client.name}</strong>`
      : html`The app that opens <strong>${client.name}</strong> links`
  return accountReply({
    title: client.kind === 'site' ? `Continue to ${client.name}?` : 'Continue to the app?',
    form: true,
    main: html`<p>You are signed in as <strong>${userId}</strong>. ${who} will be able to read and write everything in your account.</p>
<p>Go on only if you came from there.</p>
<form method="post" action="${action}">
${csrfField(csrf)}
<input type="hidden" name="redirectUrl" value="${redirectUrl}">
<button type="submit">Continue</button>
</form>
<p class="hint">Not ${userId}? <a href="${other}">Sign in as somebody else</a></p>`,
  })
}
