import type { CustomReply } from '#http'
import type { UserId } from '#spec'
import type { Notice } from './auth-fallback.ts'
import { type Html, heading, html } from './html.ts'
import { type HtmlPage, htmlReply } from './html-page.ts'

/** The addresses of these pages hold ids that are good once, so no cache may keep them. */
const HEADERS = { 'Cache-Control': 'no-store' }

const page = (draft: HtmlPage): CustomReply => htmlReply({ ...draft, headers: { ...HEADERS, ...draft.headers } })

export interface ProviderLink {
  readonly name: string
  readonly href: string
}

export interface ChoiceView {
  readonly title: string
  readonly lead: Html
  readonly warning: string | undefined
  readonly providers: readonly ProviderLink[]
  readonly headers: Readonly<Record<string, string>>
}

/** The page to choose a provider; it also says what the sign-in is for. */
export const choicePage = ({ title, lead, warning, providers, headers }: ChoiceView): CustomReply =>
  page({
    status: 200,
    title,
    headers,
    main: html`<h1>${heading(title)}</h1>
<p>${lead}</p>
${warning === undefined ? undefined : html`<p>${warning}</p>`}
<ul class="choices">
${providers.map(({ name, href }) => html`<li><a class="button" href="${href}">Continue with ${name}</a></li>\n`)}</ul>`,
  })

export interface PolicyLink {
  readonly name: string
  readonly url: string
}

export interface NewAccountView {
  readonly action: string
  readonly id: string
  readonly provider: string
  readonly localpart: string
  readonly displayName: string | undefined
  readonly serverName: string
  readonly policies: readonly PolicyLink[]
  readonly refusal: { readonly status: number; readonly text: string } | undefined
}

/** Asks before an account is made. */
export const newAccountPage = (view: NewAccountView): CustomReply => {
  const { action, id, provider, localpart, displayName, serverName, policies, refusal } = view
  const marks = refusal === undefined ? undefined : html` aria-invalid="true" aria-describedby="refusal"`
  return page({
    status: refusal?.status ?? 200,
    title: refusal === undefined ? 'Choose a user name' : 'Error: Choose a user name',
    form: true,
    main: html`<h1>Choose a user name</h1>
<p>You have no account on ${serverName} yet. Choose its name, and it is made. You will sign in to it with ${provider}${displayName === undefined ? undefined : html`, as <strong>${displayName}</strong>`}.</p>
${refusal === undefined ? undefined : html`<p class="refusal" id="refusal" role="alert">${sentence(refusal.text)}</p>`}
<form method="post" action="${action}">
<input type="hidden" name="id" value="${id}">
<label for="username">User name</label>
<input id="username" name="username" value="${localpart}" maxlength="255" required autofocus autocomplete="username" autocapitalize="none" spellcheck="false"${marks}>
<p class="hint">Others will know you as @name:${serverName}. It cannot be changed later.</p>
${policies.length === 0 ? undefined : agreement(policies)}
<button type="submit">Create account</button>
</form>`,
  })
}

const agreement = (policies: readonly PolicyLink[]): Html => html`<h2>Terms of this server</h2>
<ul>
${policies.map(({ name, url }) => html`<li><a href="${url}" target="_blank" rel="noopener noreferrer">${name}</a> (opens in a new window)</li>\n`)}</ul>
<label class="choice"><input type="checkbox" name="agree" value="yes" required><span>I have read and agree to all of them</span></label>`

export interface GoOnView {
  readonly href: string
  readonly userId: UserId
  readonly isNew: boolean
  readonly client: { readonly kind: 'site' | 'app'; readonly name: string }
}

/** "Homeservers SHOULD confirm with the user that they are happy to grant access to the site named in the `redirectUrl`". */
export const goOnPage = ({ href, userId, isNew, client }: GoOnView): CustomReply => {
  const who =
    client.kind === 'site'
      ? html`Whoever runs <strong>${client.name}</strong>`
      : html`The app that opens <strong>${client.name}</strong> links`
  const title = client.kind === 'site' ? `Continue to ${client.name}?` : 'Continue to the app?'
  return page({
    status: 200,
    title,
    main: html`${isNew ? html`<p class="state">Your account is made</p>\n` : undefined}<h1>${heading(title)}</h1>
<p>You are signed in as <strong>${userId}</strong>. ${who} will be able to read and write everything in your account.</p>
<p>Go on only if you came from there.</p>
<a class="button" href="${href}" rel="noreferrer">Continue</a>`,
  })
}

export interface ConfirmView {
  readonly action: string
  readonly id: string
  readonly provider: string
  /** The operation to consent to: completes "An app wants to …". */
  readonly deed: string
  readonly requester: UserId | undefined
}

/** "The homeserver SHOULD confirm that the user is happy for the operation to go ahead". */
export const confirmPage = ({ action, id, provider, deed, requester }: ConfirmView): CustomReply =>
  page({
    status: 200,
    title: 'Did you begin this?',
    form: true,
    main: html`<h1>Did you begin this?</h1>
<p>An app wants to ${deed}${requester === undefined ? undefined : html`, <strong>${requester}</strong>`}, and asks for your consent as the person whom ${provider} knows.</p>
<p>If somebody sent you here, or you did not expect this, close this window: they want your account.</p>
<form method="post" action="${action}">
<input type="hidden" name="id" value="${id}">
<button type="submit">Yes, go on</button>
</form>`,
  })

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

export const SIGN_IN_ENDED: Notice = {
  status: 400,
  title: 'This sign-in has ended',
  text: 'It took too long, or it was completed before. Go back to your app and begin again.',
}
export const NOT_YET: Notice = {
  status: 409,
  title: 'Another step comes first',
  text: 'Go back to your app and complete the step before this one; then open this one again.',
}
export const OTHER_BROWSER: Notice = {
  status: 400,
  title: 'This sign-in was begun elsewhere',
  text: 'It was begun in another browser, or this one keeps no cookies. Go back to your app and begin again.',
}
export const NO_PROVIDERS: Notice = {
  status: 404,
  title: 'No way to sign in here',
  text: 'This server has no such provider to sign in with. Go back to your app and choose another way.',
}
export const BAD_REDIRECT: Notice = {
  status: 400,
  title: 'No way back to your app',
  text: 'The address that your app gave for the way back is missing, or is none that a browser should open.',
}

export const providerFailed = (why: 'unavailable' | 'denied' | 'invalid', provider: string): Notice => {
  switch (why) {
    case 'unavailable':
      return {
        status: 502,
        title: `${provider} cannot be reached`,
        text: `${provider} does not answer, or has trouble of its own. Go back to your app and try again later.`,
      }
    case 'denied':
      return {
        status: 403,
        title: 'You did not sign in',
        text: `${provider} says that you did not agree to sign in here. Go back to your app if that was a mistake.`,
      }
    case 'invalid':
      return {
        status: 403,
        title: 'This sign-in could not be checked',
        text: `What ${provider} says does not fit what was asked, so it proves nothing. Go back to your app and begin again.`,
      }
  }
}

export const signInRefused = (why: 'noAccount' | 'deactivated', provider: string): Notice =>
  why === 'deactivated'
    ? {
        status: 403,
        title: 'This account was closed',
        text: `The account that you had here by ${provider} was closed for ever. It cannot be opened again.`,
      }
    : {
        status: 403,
        title: 'You have no account here',
        text: `No account of this server is yours by ${provider}, and it gives out none to its people. Ask whoever runs this server.`,
      }

export const stageRefused = (text: string): Notice => ({
  status: 403,
  title: 'This step was refused',
  text: `${sentence(text)} Go back to your app and begin again.`,
})
