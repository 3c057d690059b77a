import type { CustomReply } from '#http'
import { csrfField, hiddenField } from '../form-fields.ts'
import { html } from '../html.ts'
import { ACCOUNT_PROVIDERS_PAGE, ACCOUNT_SIGN_IN_PAGE, accountReply, type Refusal } from './account-page.ts'

/** Where somebody is asked whether an identity is to open their account. */
export const ACCOUNT_LINK_PAGE = `${ACCOUNT_PROVIDERS_PAGE}/link`
/** Followed by the provider's id: sends a browser there. */
export const ACCOUNT_SIGN_IN_WITH = `${ACCOUNT_SIGN_IN_PAGE}/with`

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
<p><a href="${ACCOUNT_PROVIDERS_PAGE}">No, leave it</a></p>`,
  })

export interface ProvidersView {
  readonly csrf: string
  readonly providers: readonly { readonly id: string; readonly name: string; readonly linked: boolean }[]
  readonly refusal?: Refusal | undefined
  readonly done?: string | undefined
}

export const providersPage = ({ csrf, providers, refusal, done }: ProvidersView): CustomReply =>
  accountReply({
    title: 'Other ways to sign in',
    inside: true,
    form: true,
    refusal,
    done,
    main: html`<ul class="rows">
${providers.map(
  ({
    id,
    name,
    linked,
  }) => html`<li><strong>${name}</strong><br>${linked ? 'opens your account' : 'is not linked to your account'}
<form method="post" action="${ACCOUNT_PROVIDERS_PAGE}/${linked ? 'unlink' : 'begin'}">
${csrfField(csrf)}${hiddenField('provider', id)}
<button type="submit" aria-label="${linked ? 'Unlink' : 'Link'} ${name}">${linked ? 'Unlink' : 'Link'}</button>
</form></li>
`,
)}</ul>`,
  })
