import type { CustomReply } from '#http'
import { html } from '../html.ts'
import { ACCOUNT_PAGE, accountReply, csrfField } from './account-page.ts'

/** Where somebody is asked whether an identity is to open their account. */
export const ACCOUNT_LINK_PAGE = `${ACCOUNT_PAGE}/providers/link`
/** Followed by the provider's id: sends a browser there. */
export const ACCOUNT_SIGN_IN_WITH = `${ACCOUNT_PAGE}/sign-in/with`

export interface LinkView {
  readonly csrf: string
  readonly id: string
  readonly userId: string
  readonly provider: string
  /** The person, as the provider names them. */
  readonly person: string
}

export const linkPage = ({ csrf, id, userId, provider, person }: LinkView): CustomReply =>
  accountReply({
    title: `Link ${provider}?`,
    form: true,
    main: html`<p>After that, <strong>${person}</strong> at ${provider} opens your account <strong>${userId}</strong>.</p>
<p>Go on only if that is you, and you began this.</p>
<form method="post" action="${ACCOUNT_LINK_PAGE}">
${csrfField(csrf)}
<input type="hidden" name="id" value="${id}">
<button type="submit">Yes, link it</button>
</form>
<p><a href="${ACCOUNT_PAGE}">No, leave it</a></p>`,
  })
