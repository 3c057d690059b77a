import type { CustomReply } from '#http'
import { csrfField } from '../form-fields.ts'
import { html } from '../html.ts'
import {
  ACCOUNT_APPS_PAGE,
  ACCOUNT_CLOSE_PAGE,
  ACCOUNT_DEVICES_PAGE,
  ACCOUNT_EMAILS_PAGE,
  ACCOUNT_PASSWORD_PAGE,
  ACCOUNT_PROFILE_PAGE,
  ACCOUNT_PROVIDERS_PAGE,
  ACCOUNT_RESET_PAGE,
  ACCOUNT_SIGN_OUT_PAGE,
  accountReply,
} from './account-page.ts'

export interface AccountHomeView {
  readonly userId: string
  readonly csrf: string
  readonly displayName: string | undefined
  /** Whether apps sign in by OAuth here. */
  readonly hasApps: boolean
  /** Whether there are providers to sign in at. */
  readonly hasProviders: boolean
  /** Whether this server sends mails, by which an address is added. */
  readonly hasMail: boolean
  readonly done: string | undefined
}

/** The pages of an account, in the order in which people look for them. */
export const accountHomePage = ({
  userId,
  csrf,
  displayName,
  hasApps,
  hasProviders,
  hasMail,
  done,
}: AccountHomeView): CustomReply => {
  const rows: readonly (readonly [string, string, string])[] = [
    [ACCOUNT_PROFILE_PAGE, 'Profile', 'The name that others see'],
    [ACCOUNT_PASSWORD_PAGE, 'Password', 'Set a new one'],
    [
      ACCOUNT_EMAILS_PAGE,
      'E-mail addresses',
      hasMail ? 'They bring you back in if you forget your password' : 'Those of your account',
    ],
    [ACCOUNT_DEVICES_PAGE, 'Devices', 'See where you are signed in, and sign out'],
    ...(hasApps ? [[ACCOUNT_APPS_PAGE, 'Apps', 'Those that need not ask you again'] as const] : []),
    ...(hasProviders ? [[ACCOUNT_PROVIDERS_PAGE, 'Other ways to sign in', 'Link your account to them'] as const] : []),
    [ACCOUNT_RESET_PAGE, 'Reset your encryption identity', 'If no device and no recovery key is left'],
    [ACCOUNT_CLOSE_PAGE, 'Close your account', 'For ever'],
  ]
  return accountReply({
    title: 'Your account',
    form: true,
    done,
    main: html`<p>You are signed in as <strong>${userId}</strong>${displayName === undefined ? undefined : html`, ${displayName}`}.</p>
<ul class="rows">
${rows.map(([href, title, words]) => html`<li><a class="more" href="${href}">${title}</a>${words}</li>\n`)}</ul>
<form method="post" action="${ACCOUNT_SIGN_OUT_PAGE}">
${csrfField(csrf)}
<button type="submit" class="quiet">Sign out of this browser</button>
</form>`,
  })
}
