import type { CustomReply, FormFields } from '#http'
import type { JsonObject } from '#spec'
import { captchaSources } from '../auth-fallback.ts'
import { csrfField } from '../form-fields.ts'
import { type Html, html } from '../html.ts'
import type { StageForm } from '../stage-forms.ts'
import { ACCOUNT_PAGE, accountReply, type Refusal, refusedField } from './account-page.ts'

export const ACCOUNT_REGISTER_PAGE = `${ACCOUNT_PAGE}/register`

export interface SignUpView {
  readonly serverName: string
  readonly csrf: string
  readonly mode: 'open' | 'token'
  readonly email: 'off' | 'optional' | 'required'
  readonly fields: FormFields
  /** The way to sign in for people who have an account. */
  readonly signIn: string
  readonly providers: readonly { readonly name: string; readonly href: string }[]
  readonly refusal: Refusal | undefined
  readonly headers: Readonly<Record<string, string>>
}

export const signUpPage = (view: SignUpView): CustomReply => {
  const { serverName, mode, email, fields, refusal } = view
  const marks = refusedField(refusal)
  return accountReply({
    title: 'Create an account',
    form: true,
    headers: view.headers,
    refusal,
    main: html`<p>on <strong>${serverName}</strong></p>
<form method="post">
${csrfField(view.csrf)}
${mode === 'token' ? tokenField(fields, marks) : undefined}<label for="user">User name</label>
<input id="user" name="user" value="${fields.get('user')}" maxlength="255" required${mode === 'token' ? undefined : html` autofocus`} autocomplete="username" autocapitalize="none" spellcheck="false" aria-describedby="user-hint"${refusal === undefined ? undefined : html` aria-invalid="true"`}>
<p class="hint" id="user-hint">Others will know you as @name:${serverName}. It cannot be changed later.</p>
<label for="password">Password</label>
<input id="password" name="password" type="password" required autocomplete="new-password"${marks}>
<label for="repeated">Password, once more</label>
<input id="repeated" name="repeated" type="password" required autocomplete="new-password"${marks}>${email === 'off' ? undefined : emailField(email === 'required', fields)}
<button type="submit">Create account</button>
</form>
<p>Have an account? <a href="${view.signIn}">Sign in</a></p>${
      view.providers.length === 0
        ? undefined
        : html`
<h2>Other ways to an account</h2>
<ul class="choices">
${view.providers.map(({ name, href }) => html`<li><a class="button" href="${href}">Continue with ${name}</a></li>\n`)}</ul>`
    }`,
  })
}

const tokenField = (
  fields: FormFields,
  marks: Html | undefined,
): Html => html`<label for="token">Registration token</label>
<input id="token" name="token" value="${fields.get('token')}" maxlength="64" required autofocus autocomplete="off" autocapitalize="none" spellcheck="false"${marks}>
<p class="hint">This server gives accounts to people who have one. Whoever runs it can give you yours.</p>
`

const emailField = (isRequired: boolean, fields: FormFields): Html => html`
<label for="email">E-mail address${isRequired ? undefined : ' (optional)'}</label>
<input id="email" name="email" type="email" value="${fields.get('email')}" maxlength="254"${isRequired ? html` required` : undefined} autocomplete="email" autocapitalize="none" spellcheck="false">
<p class="hint">It brings you back in if you forget your password. A mail with a code shows that it is yours.</p>`

/** The parts of a registration under way that its next form brings along. */
export interface SignUpUnderWay {
  readonly csrf: string
  readonly session: string
  readonly type: string
  /** Empty: without an address. */
  readonly email: string
}

const hidden = (fields: Readonly<Record<string, string>>): readonly Html[] =>
  Object.entries(fields).map(([name, value]) => html`<input type="hidden" name="${name}" value="${value}">\n`)

export interface SignUpStageView extends SignUpUnderWay {
  readonly form: StageForm
  readonly params: JsonObject | undefined
  readonly fields: FormFields
  readonly refusal: Refusal | undefined
  readonly captchaScript: string
}

/** A stage that needs a person: the terms, a captcha. */
export const signUpStagePage = (view: SignUpStageView): CustomReply => {
  const { csrf, session, type, email, form, refusal } = view
  const content = form.content?.({
    params: view.params,
    requester: undefined,
    fields: view.fields,
    refused: refusal !== undefined,
  })
  return accountReply({
    title: form.title,
    form: true,
    refusal,
    main: html`<p>${form.lead}</p>
<form method="post">
${hidden({ csrf, session, type, email })}${content}
<button type="submit">${form.button}</button>
</form>`,
    ...(form.scripts === undefined ? {} : { scripts: form.scripts }),
    // The maker of the captcha needs the site, and gets no more than its origin.
    ...(form.captcha === true
      ? { foreign: captchaSources(view.captchaScript), headers: { 'Referrer-Policy': 'strict-origin' } }
      : {}),
  })
}

export interface SignUpCodeView extends SignUpUnderWay {
  /** Empty: no mail could be sent yet. */
  readonly sid: string
  readonly attempt: number
  readonly refusal: Refusal | undefined
}

/** The code of a mail, with a way to send another one or to another address. */
export const signUpCodePage = ({ csrf, session, type, email, sid, attempt, refusal }: SignUpCodeView): CustomReply => {
  const brought = hidden({ csrf, session, type, sid, attempt: String(attempt) })
  return accountReply({
    title: sid === '' ? 'Your e-mail address' : 'Enter the code',
    form: true,
    refusal,
    main: html`${
      sid === ''
        ? undefined
        : html`<p>We sent a mail to ${email}. It may take a minute to arrive.</p>
<form method="post">
${brought}<input type="hidden" name="email" value="${email}">
<label for="code">The code in the mail</label>
<input id="code" name="code" maxlength="64" required autofocus autocomplete="one-time-code" autocapitalize="characters" spellcheck="false"${refusedField(refusal)}>
<button type="submit">Continue</button>
</form>
<h2>No mail?</h2>
`
    }<form method="post">
${brought}<label for="email">E-mail address</label>
<input id="email" name="email" type="email" value="${email}" maxlength="254" required autocomplete="email" autocapitalize="none" spellcheck="false"${sid === '' ? refusedField(refusal) : undefined}>
<button type="submit">${sid === '' ? 'Send me a code' : 'Send another mail'}</button>
</form>`,
  })
}

/** For people who cannot make an account: registration is closed. */
export const signUpClosedPage = (serverName: string, signIn: string): CustomReply =>
  accountReply({
    title: 'No new accounts here',
    status: 403,
    main: html`<p>Whoever runs <strong>${serverName}</strong> gives out its accounts. Ask them for one.</p>
<p>Have an account? <a href="${signIn}">Sign in</a></p>`,
  })

export const signUpWaitsPage = (): CustomReply =>
  accountReply({
    title: 'Your account waits for approval',
    main: html`<p role="status">It is made. Whoever runs this server looks at it before you can sign in.</p>`,
  })
