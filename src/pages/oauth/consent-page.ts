import type { CustomReply } from '#http'
import { ACCOUNT_SIGN_IN_PAGE, accountReply } from '../account/index.ts'
import { csrfField } from '../form-fields.ts'
import { type Html, html } from '../html.ts'

/** The receiver of what the person gives, as far as it is known. */
export type ReceiverView =
  | { readonly kind: 'site'; readonly host: string }
  | { readonly kind: 'app'; readonly scheme: string }
  | { readonly kind: 'program' }
  | { readonly kind: 'device' }

export interface ConsentView {
  readonly action: string
  readonly csrf: string
  /** The name that the app gave itself; undefined: none. */
  readonly name: string | undefined
  /** The host of the page that the app says is its own. */
  readonly site: string
  readonly receiver: ReceiverView
  readonly userId: string
  readonly deviceId: string
  /** The name of the person's device that has the id already. */
  readonly knownDevice: { readonly name: string | undefined } | undefined
  /** Whether the app is to administer the server too. */
  readonly administers: boolean
  /** Whether it can be remembered, so that the app need not ask again. */
  readonly canRemember: boolean
  readonly links: readonly { readonly name: string; readonly href: string }[]
  /** The code that the device shows. */
  readonly userCode?: string
  /** The path to which somebody else comes back signed in. */
  readonly next: string
  readonly fields: ReadonlyMap<string, string>
}

const receiverLine = (receiver: ReceiverView): Html => {
  switch (receiver.kind) {
    case 'site':
      return html`It goes on at <strong>${receiver.host}</strong>. Whoever runs that site gets into your account.`
    case 'app':
      return html`It goes on in the app on this device that opens <strong>${receiver.scheme}</strong> links.`
    case 'program':
      return html`It goes on in a <strong>program on this computer</strong>. Nobody has checked which one.`
    case 'device':
      return html`It goes on at the <strong>device that shows the code</strong>. If somebody sent you the code, they want your account: deny it.`
  }
}

const deviceLine = ({ deviceId, knownDevice }: ConsentView): Html =>
  knownDevice === undefined
    ? html`It becomes a new device of yours, <strong>${deviceId}</strong>.`
    : html`It takes the place of your device <strong>${knownDevice.name ?? deviceId}</strong> (${deviceId}), which is signed out where it is now.`

const REMEMBER = html`<label class="choice"><input type="checkbox" name="remember" value="yes" aria-describedby="remember-hint"><span>Do not ask again for this app</span></label>
<p class="hint" id="remember-hint">It gets in by itself for 90 days while you are signed in at this server. You can take that back under “Apps” of your account.</p>
`

/** Asks whether an app may have the account. The name is what the app says of itself, so the page says first where it leads. */
export const consentPage = (view: ConsentView): CustomReply => {
  const { action, csrf, name, site, receiver, userId, links, userCode, next, fields, canRemember } = view
  const other = `${ACCOUNT_SIGN_IN_PAGE}?${new URLSearchParams({ next, again: '1' }).toString()}`
  return accountReply({
    title: 'Let an app into your account?',
    form: true,
    main: html`<p><strong>${name ?? 'An app'}</strong> wants to use your account <strong>${userId}</strong>. It says that it comes from <strong>${site}</strong>.</p>
${userCode === undefined ? undefined : html`<p>The device shows the code <strong>${userCode}</strong>. Go on only if it does, and if it is yours.</p>\n`}<p>${receiverLine(receiver)}</p>
<p>${deviceLine(view)}</p>
<h2>It will be able to</h2>
<ul>
<li>read and send messages, and see who you talk to</li>
<li>join, leave and change rooms as you</li>
<li>change your profile and your settings</li>${view.administers ? html`\n<li><strong>administer this server</strong>: see, change and remove everybody’s accounts and rooms</li>` : undefined}
</ul>
<p>It cannot change your password, your e-mail addresses, or close your account.</p>${linksList(links)}
<form method="post" action="${action}">
${csrfField(csrf)}
${[...fields].map(([field, value]) => html`<input type="hidden" name="${field}" value="${value}">\n`)}${canRemember ? REMEMBER : undefined}<button type="submit" name="decision" value="allow">Allow</button>
<button type="submit" class="quiet" name="decision" value="deny">Deny</button>
</form>
<p class="hint">Not ${userId}? <a href="${other}">Sign in as somebody else</a></p>`,
  })
}

const linksList = (links: ConsentView['links']): Html | undefined =>
  links.length === 0
    ? undefined
    : html`\n<ul>
${links.map(({ name, href }) => html`<li><a href="${href}" target="_blank" rel="noopener noreferrer">${name}</a> (opens in a new window)</li>\n`)}</ul>`

/** Leads to the app with its answer: by itself where the browser allows it, else by the link. */
export const backToAppPage = (uri: string, allowed: boolean): CustomReply =>
  accountReply({
    title: allowed ? 'You are signed in to the app' : 'You did not let the app in',
    goesOnTo: uri,
    main: html`<p>The app goes on by itself. If it does not, open it here.</p>
<p><a class="button" href="${uri}" rel="noreferrer">Go back to the app</a></p>`,
  })

/** For a request that the app got wrong. The browser is not sent on by itself, as anybody may register an app that leads anywhere. */
export const refusedRequestPage = (description: string, uri: string, host: string): CustomReply =>
  accountReply({
    title: 'The app asked for something that cannot be',
    status: 400,
    main: html`<p>${description}. This is a mistake of the app, and nothing that you can mend.</p>
<p><a class="button" href="${uri}" rel="noreferrer">Go back to ${host}</a></p>`,
  })

/** The answer to an app that wanted to go on without a question, where there has to be one. */
export const silentRequestPage = (mustSignIn: boolean, uri: string, host: string): CustomReply =>
  accountReply({
    title: 'The app cannot go on without asking you',
    status: 400,
    main: html`<p>${mustSignIn ? 'You have to sign in first.' : 'You have to let the app in first.'} Go back to the app, and sign in there anew.</p>
<p><a class="button" href="${uri}" rel="noreferrer">Go back to ${host}</a></p>`,
  })

/** For a request of nobody knows whom. */
export const lostRequestPage = (why: 'client' | 'redirect' | 'twice'): CustomReply =>
  accountReply({
    title: 'This app is not known here',
    status: 400,
    main: html`<p>${LOST[why]} Go back to the app and begin again.</p>`,
  })

const LOST = {
  client: 'The app has not registered with this server, or was not used for a long time.',
  redirect: 'The app wants to go on at an address that it did not register.',
  twice: 'The app asked for one thing twice.',
} as const
