import type { CustomReply } from '#http'
import { csrfField, hiddenField } from '../form-fields.ts'
import { type Html, html } from '../html.ts'
import {
  ACCOUNT_CLOSE_PAGE,
  ACCOUNT_EMAILS_PAGE,
  ACCOUNT_PAGE,
  ACCOUNT_PASSWORD_PAGE,
  ACCOUNT_PROFILE_PAGE,
  ACCOUNT_RESET_PAGE,
  accountReply,
  type Refusal,
  refusedField,
} from './account-page.ts'

interface Own {
  readonly csrf: string
  readonly userId: string
  readonly refusal?: Refusal | undefined
  readonly done?: string | undefined
}

export const profilePage = ({ csrf, userId, name, refusal, done }: Own & { readonly name: string }): CustomReply =>
  accountReply({
    title: 'Profile',
    inside: true,
    form: true,
    refusal,
    done,
    main: html`<p>Your user id is <strong>${userId}</strong>. It never changes.</p>
<form method="post" action="${ACCOUNT_PROFILE_PAGE}">
${csrfField(csrf)}
<label for="name">Display name</label>
<input id="name" name="name" value="${name}" maxlength="256" autocomplete="nickname"${refusedField(refusal)}>
<p class="hint">Others see it in every room.</p>
<button type="submit">Save</button>
</form>`,
  })

export interface OwnPasswordView extends Own {
  /** Whether the account has a password now. */
  readonly has: boolean
  /** The name of whoever keeps the password, if it is not this server. */
  readonly elsewhere: string | undefined
}

export const ownPasswordPage = ({ csrf, userId, has, elsewhere, refusal }: OwnPasswordView): CustomReply => {
  const marks = refusedField(refusal)
  return accountReply({
    title: 'Password',
    inside: true,
    form: true,
    refusal,
    main:
      elsewhere !== undefined
        ? html`<p>${elsewhere} keeps your password. Change it there.</p>`
        : html`<form method="post" action="${ACCOUNT_PASSWORD_PAGE}">
${csrfField(csrf)}
<input type="hidden" name="username" value="${userId}" autocomplete="username">
${
  has
    ? html`<label for="current">Current password</label>
<input id="current" name="current" type="password" required autocomplete="current-password"${marks}>
`
    : html`<p>Your account has no password yet. With one you can sign in without anybody else.</p>
`
}<label for="password">New password</label>
<input id="password" name="password" type="password" required autocomplete="new-password"${marks}>
<label for="repeated">New password, once more</label>
<input id="repeated" name="repeated" type="password" required autocomplete="new-password"${marks}>
<label class="choice"><input type="checkbox" name="everywhere" value="yes" checked><span>Sign out of all devices</span></label>
<p class="hint">Encrypted messages that only they can read are lost with them. Other browsers are signed out in any case.</p>
<button type="submit">Set the new password</button>
</form>`,
  })
}

export interface EmailsView extends Own {
  readonly addresses: readonly { readonly medium: string; readonly address: string }[]
  /** Whether this server sends mails, by which an address is added. */
  readonly adds: boolean
  readonly email: string
}

export const emailsPage = ({ csrf, addresses, adds, email, refusal, done }: EmailsView): CustomReply =>
  accountReply({
    title: 'E-mail addresses',
    inside: true,
    form: true,
    refusal,
    done,
    main: html`${
      addresses.length === 0
        ? html`<p>Your account has no address yet.</p>`
        : html`<ul class="rows">
${addresses.map(
  ({ medium, address }) => html`<li><strong>${address}</strong>
<form method="post" action="${ACCOUNT_EMAILS_PAGE}/remove">
${csrfField(csrf)}${hiddenField('medium', medium)}${hiddenField('address', address)}
<button type="submit" aria-label="Remove ${address}">Remove</button>
</form></li>
`,
)}</ul>`
    }
${
  adds
    ? html`<form method="post" action="${ACCOUNT_EMAILS_PAGE}">
${csrfField(csrf)}
<label for="email">Add an e-mail address</label>
<input id="email" name="email" type="email" value="${email}" maxlength="254" required autocomplete="email" autocapitalize="none" spellcheck="false"${refusedField(refusal)}>
<p class="hint">A mail with a code shows that it is yours.</p>
<button type="submit">Send me a code</button>
</form>`
    : html`<p>This server sends no mails, so no address can be added here.</p>`
}`,
  })

export interface EmailCodeView extends Own {
  readonly email: string
  readonly sid: string
  readonly secret: string
}

export const emailCodePage = ({ csrf, email, sid, secret, refusal }: EmailCodeView): CustomReply =>
  accountReply({
    title: 'Enter the code',
    inside: true,
    form: true,
    refusal,
    main: html`<p>We sent a mail to ${email}. It may take a minute to arrive.</p>
<form method="post" action="${ACCOUNT_EMAILS_PAGE}/confirm">
${csrfField(csrf)}${hiddenField('email', email)}${hiddenField('sid', sid)}${hiddenField('secret', secret)}
<label for="code">The code in the mail</label>
<input id="code" name="code" maxlength="64" required autofocus autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"${refusedField(refusal)}>
<button type="submit">Add the address</button>
</form>
<p><a href="${ACCOUNT_EMAILS_PAGE}">Back to your addresses</a></p>`,
  })

export const closePage = ({ csrf, userId, refusal }: Own): CustomReply =>
  accountReply({
    title: 'Close your account',
    inside: true,
    form: true,
    refusal,
    main: html`<p>This is for ever: you are signed out everywhere and leave all rooms, and nobody can have the name <strong>${userId}</strong> again, not even you.</p>
<form method="post" action="${ACCOUNT_CLOSE_PAGE}">
${csrfField(csrf)}
<label class="choice"><input type="checkbox" name="erase" value="yes"><span>Hide my messages from people who join their rooms later</span></label>
<label for="typed">Type your user id, to be sure</label>
<input id="typed" name="typed" maxlength="255" required autocomplete="off" autocapitalize="none" spellcheck="false"${refusedField(refusal)}>
<button type="submit" class="grave">Close my account for ever</button>
</form>`,
  })

export const closedPage = (headers: Readonly<Record<string, string>>): CustomReply =>
  accountReply({
    title: 'Your account is closed',
    headers,
    main: html`<p role="status">You are signed out everywhere. Your rooms are left one after the other, which may take a while.</p>`,
  })

export const resetPage = ({ csrf, userId, allowed }: Own & { readonly allowed: boolean }): CustomReply =>
  accountReply({
    title: 'Reset your encryption identity',
    inside: true,
    form: true,
    main: allowed
      ? html`<p class="state" role="status">Allowed</p>
<p>Go back to your app within the next ten minutes: it makes a new identity for <strong>${userId}</strong> now.</p>`
      : html`<p>Do this only if you have no other device that is signed in, and no recovery key.</p>
<ul>
<li>Messages that only your old keys could read may be lost.</li>
<li>Everybody who verified you has to do so again.</li>
</ul>
<p>If somebody told you to do this, or you did not expect it, close this page: they want to read your messages.</p>
<form method="post" action="${ACCOUNT_RESET_PAGE}">
${csrfField(csrf)}
<button type="submit" class="grave">Allow my app to reset it</button>
</form>
<p><a href="${ACCOUNT_PAGE}">No, leave it</a></p>`,
  })

export type { Own as OwnView }
export const asTime = (ms: number): Html => html`<time datetime="${new Date(ms).toISOString()}">${timeText(ms)}</time>`

/** The text of such a time, for places where no element can be. */
export const timeText = (ms: number): string => `${new Date(ms).toISOString().slice(0, 16).replace('T', ' ')} UTC`
