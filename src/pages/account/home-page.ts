import type { CustomReply } from '#http'
import { html } from '../html.ts'
import { ACCOUNT_SIGN_OUT_PAGE, accountReply, csrfField } from './account-page.ts'

export interface AccountHomeView {
  readonly userId: string
  readonly csrf: string
}

export const accountHomePage = ({ userId, csrf }: AccountHomeView): CustomReply =>
  accountReply({
    title: 'Your account',
    form: true,
    main: html`<p>You are signed in as <strong>${userId}</strong>.</p>
<form method="post" action="${ACCOUNT_SIGN_OUT_PAGE}">
${csrfField(csrf)}
<button type="submit">Sign out of this browser</button>
</form>`,
  })
