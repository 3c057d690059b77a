import type { FormFields } from '#http'
import { isJsonObject, type JsonObject, stringAt, type UserId } from '#spec'
import { type Html, html } from './html.ts'
import { PageScript } from './html-page.ts'

export interface StageView {
  readonly params: JsonObject | undefined
  /** The owner of the client's access token, if it has one. */
  readonly requester: UserId | undefined
  readonly fields: FormFields
  readonly refused: boolean
}

/** The form of a stage, and its translation into `auth`. */
export interface StageForm {
  readonly title: string
  readonly lead: string
  readonly button: string
  readonly content: ((view: StageView) => Html) | undefined
  /** Returns `auth`, or a text that tells what is missing. */
  auth(fields: FormFields): JsonObject | string
  readonly scripts?: readonly PageScript[]
  /** Whether the page needs the captcha's script. */
  readonly captcha?: boolean
  /** Whether passing the stage is consent to the whole operation: the page then describes that instead of `lead`. */
  readonly consents?: boolean
}

/** Attributes that lead a screen reader to the refusal. */
const marks = ({ refused }: StageView): Html | undefined =>
  refused ? html` aria-invalid="true" aria-describedby="refusal"` : undefined

const dummy: StageForm = {
  title: 'Confirm this step',
  lead: 'Your app asked for it. There is nothing to fill in.',
  button: 'Continue',
  content: undefined,
  auth: () => ({}),
}

const registrationToken: StageForm = {
  title: 'Registration token',
  lead: 'This server gives accounts to people who have a registration token. Whoever runs it can give you one.',
  button: 'Continue',
  content: (view) => html`<label for="token">Registration token</label>
<input id="token" name="token" value="${view.fields.get('token')}" maxlength="64" required autofocus autocomplete="off" autocapitalize="none" spellcheck="false"${marks(view)}>`,
  auth: (fields) => {
    const token = fields.get('token')?.trim() ?? ''
    return token === '' ? 'Enter your registration token.' : { token }
  },
}

const password: StageForm = {
  title: 'Confirm with your password',
  lead: 'Enter your password so that we know it is you.',
  button: 'Confirm',
  consents: true,
  content: (view) => {
    const user = view.fields.get('user') ?? view.requester
    const atUser = user === undefined ? html` autofocus` : undefined
    const atPassword = user === undefined ? undefined : html` autofocus`
    return html`<label for="user">User name</label>
<input id="user" name="user" value="${user}" maxlength="255" required autocomplete="username" autocapitalize="none" spellcheck="false"${atUser}${marks(view)}>
<label for="password">Password</label>
<input id="password" name="password" type="password" required autocomplete="current-password"${atPassword}${marks(view)}>`
  },
  auth: (fields) => {
    const user = fields.get('user')?.trim() ?? ''
    const given = fields.get('password') ?? ''
    if (user === '' || given === '') return 'Enter your user name and your password.'
    return { identifier: { type: 'm.id.user', user }, password: given }
  },
}

/** Name and address of each document of `m.login.terms`, in English where there is English. */
const policiesIn = (params: unknown): readonly { readonly name: string; readonly url: string }[] => {
  const policies = isJsonObject(params) && isJsonObject(params.policies) ? Object.values(params.policies) : []
  return policies.flatMap((policy) => {
    if (!isJsonObject(policy)) return []
    const translations = [policy.en, ...Object.values(policy)]
    for (const translation of translations) {
      if (!isJsonObject(translation)) continue
      const name = stringAt(translation, 'name')
      const url = stringAt(translation, 'url')
      if (name !== undefined && url !== undefined && /^https?:/.test(url)) return [{ name, url }]
    }
    return []
  })
}

const terms: StageForm = {
  title: 'Terms of this server',
  lead: 'Read these documents. An account needs your agreement to them.',
  button: 'Continue',
  content: (view) => html`<ul>
${policiesIn(view.params).map(
  ({
    name,
    url,
  }) => html`<li><a href="${url}" target="_blank" rel="noopener noreferrer">${name}</a> (opens in a new window)</li>
`,
)}</ul>
<label class="choice"><input type="checkbox" name="agree" value="yes" required autofocus${marks(view)}><span>I have read and agree to all of them</span></label>`,
  auth: (fields) => (fields.get('agree') === 'yes' ? {} : 'To go on, agree to the documents.'),
}

/** Runs before the captcha's script: sets the small size for a narrow window, and the dark theme. */
const WIDGET_SCRIPT = new PageScript(`
var widget = document.querySelector(".g-recaptcha");
widget.dataset.size = window.innerWidth < 420 ? "compact" : "normal";
if (window.matchMedia("(prefers-color-scheme: dark)").matches) widget.dataset.theme = "dark";
`)

const recaptcha: StageForm = {
  title: 'Are you a person?',
  lead: 'Solve this captcha, so that we know that no program is asking. It comes from another site, which learns your address.',
  button: 'Continue',
  content: ({ params }) => html`<div class="g-recaptcha" data-sitekey="${stringAt(params ?? {}, 'public_key')}"></div>
<noscript><p class="refusal">The captcha needs JavaScript, which this browser does not run.</p></noscript>`,
  auth: (fields) => {
    const response = fields.get('g-recaptcha-response') ?? ''
    return response === '' ? 'Solve the captcha first.' : { response }
  },
  scripts: [WIDGET_SCRIPT],
  captcha: true,
}

/** The stages that a person can do on a page of ours, by their types. */
export const STAGE_FORMS: ReadonlyMap<string, StageForm> = new Map([
  ['m.login.dummy', dummy],
  ['m.login.terms', terms],
  ['m.login.registration_token', registrationToken],
  ['m.login.password', password],
  ['m.login.recaptcha', recaptcha],
])
