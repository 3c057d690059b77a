import type { CustomReply } from '#http'
import { csrfField } from '../form-fields.ts'
import { type Html, html } from '../html.ts'
import { accountReply, type Refusal, refusedField } from './account-page.ts'

export interface AccountSignInView {
  readonly serverName: string
  readonly csrf: string
  /** The name in the field: as it was typed, or as an app knows it. */
  readonly name: string
  /** Somebody who is signed in and proves anew who they are. */
  readonly again: boolean
  /** The page for people who forgot their password, if there is one. */
  readonly recovery: string | undefined
  /** The page for people without an account, if they can make one. */
  readonly registration: string | undefined
  readonly providers: readonly { readonly name: string; readonly href: string }[]
  readonly refusal: Refusal | undefined
  readonly headers: Readonly<Record<string, string>>
}

export const accountSignInPage = (view: AccountSignInView): CustomReply => {
  const { serverName, name, again, registration, refusal, headers } = view
  return accountReply({
    title: again ? 'Confirm that it is you' : 'Sign in',
    form: true,
    headers,
    refusal,
    main: html`<p>${again ? html`Sign in again to go on.` : html`to your account on <strong>${serverName}</strong>`}</p>
<form method="post">
${csrfField(view.csrf)}
<label for="user">User name, e-mail address or phone number</label>
<input id="user" name="user" value="${name}" maxlength="255" required${name === '' ? html` autofocus` : undefined} autocomplete="username" autocapitalize="none" spellcheck="false"${refusedField(refusal)}>
<label for="password">Password</label>
<input id="password" name="password" type="password" required${name === '' ? undefined : html` autofocus`} autocomplete="current-password"${refusedField(refusal)}>${view.recovery === undefined ? undefined : html`\n<p class="hint"><a href="${view.recovery}">Forgotten your password?</a></p>`}
<button type="submit">Sign in</button>
</form>${registration === undefined || again ? undefined : html`\n<p>No account yet? <a href="${registration}">Create one</a></p>`}
${providersList(view.providers)}`,
  })
}

const providersList = (providers: AccountSignInView['providers']): Html | undefined =>
  providers.length === 0
    ? undefined
    : html`<h2>Other ways to sign in</h2>
<ul class="choices">
${providers.map(({ name, href }) => html`<li><a class="button" href="${href}">Continue with ${name}</a></li>\n`)}</ul>`
