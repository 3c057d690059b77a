import { Type } from 'typebox'
import {
  EMAIL_STAGE,
  type FormTokens,
  type OwnMail,
  purposeOf,
  REGISTRATION,
  type RegistrationPolicy,
  type SignIn,
  type SignUp,
  type SignUpStep,
} from '#domain'
import { type AnyEndpoint, type CustomReply, endpoint, type FormFields, none } from '#http'
import {
  ACCOUNT_PAGE,
  ACCOUNT_REGISTER_PAGE,
  ACCOUNT_SIGN_IN_PAGE,
  accountRefusedPage,
  goOnByItself,
  type Refusal,
  STAGE_FORMS,
  signUpClosedPage,
  signUpCodePage,
  signUpPage,
  signUpStagePage,
  signUpWaitsPage,
} from '#pages'
import { MatrixError } from '#spec'
import { assertOwnForm, type BrowserRequest } from './browser-gate.ts'
import { localPath } from './local-path.ts'
import { refusalOf } from './own-pages.ts'
import { providerLinks } from './providers.ts'

export interface AccountSignUpDeps {
  readonly signUp: SignUp
  readonly formTokens: FormTokens
  /** Providers whose people may make accounts. */
  readonly newcomers: Pick<SignIn, 'providers'>
  readonly registrationPolicy: Pick<RegistrationPolicy, 'mode'>
  readonly registrationEmail: 'off' | 'optional' | 'required'
  /** undefined: this server sends no mail. */
  readonly ownMail: OwnMail | undefined
  readonly captchaScript: string
  readonly serverName: string
}

const Query = Type.Object({ next: Type.Optional(Type.String()), login_hint: Type.Optional(Type.String()) })

type Request = BrowserRequest & {
  readonly query: { readonly next?: string }
  readonly ip: string
  readonly userAgent: string | undefined
}
type Posted = Request & { readonly body: FormFields }
type Stage = SignUpStep & { readonly kind: 'stage' }

const MAX_ATTEMPT = 1_000
const WRONG_CODE = 'This is not the code of the mail, or it is too old. After many wrong ones only another mail helps.'

const sentence = (text: string): string => (/[.!?]$/.test(text) ? text : `${text}.`)

/** The pages of one registration, each made in answer to the form before it, so that no address leads into it. */
class SignUpPages {
  readonly #deps: AccountSignUpDeps

  constructor(deps: AccountSignUpDeps) {
    this.#deps = deps
  }

  first(request: Request, fields: FormFields, refusal: Refusal | undefined): CustomReply {
    const { serverName, registrationPolicy, formTokens } = this.#deps
    const { mode } = registrationPolicy
    const next = localPath(request.query.next)
    const signIn =
      next === undefined ? ACCOUNT_SIGN_IN_PAGE : `${ACCOUNT_SIGN_IN_PAGE}?next=${encodeURIComponent(next)}`
    if (mode === 'closed') return signUpClosedPage(serverName, signIn)
    const { csrf, setCookie } = formTokens.give(request.cookie(formTokens.cookieName))
    const headers = { 'Set-Cookie': setCookie }
    const providers = providerLinks(this.#deps.newcomers, { next, again: false })
    return signUpPage({ serverName, csrf, mode, email: this.#email, fields, signIn, providers, refusal, headers })
  }

  async posted(request: Posted): Promise<CustomReply> {
    const { body, ip, userAgent } = request
    const session = body.get('session')
    const from = { ip, userAgent }
    if (session === undefined) return this.#begun(request)
    const email = this.#emailIn(body)
    const type = body.get('type') ?? ''
    if (type === EMAIL_STAGE) return this.#emailPosted(request, session, email)
    const form = STAGE_FORMS.get(type)
    if (form === undefined) throw new MatrixError('M_INVALID_PARAM', 'There is no such step')
    const auth = form.auth(body)
    if (typeof auth === 'string') {
      // Asks for the stage again without an attempt, for its parameters.
      const step = await this.#deps.signUp.attempt(session, {}, { withEmail: email !== '', from })
      return this.#shown(request, step, { status: 400, text: auth })
    }
    return this.#shown(
      request,
      await this.#deps.signUp.attempt(session, { type, ...auth }, { withEmail: email !== '', from }),
    )
  }

  get #email(): AccountSignUpDeps['registrationEmail'] {
    return this.#deps.ownMail === undefined ? 'off' : this.#deps.registrationEmail
  }

  #emailIn(fields: FormFields): string {
    return this.#email === 'off' ? '' : (fields.get('email')?.trim() ?? '')
  }

  async #begun(request: Posted): Promise<CustomReply> {
    const { body, ip, userAgent } = request
    const password = body.get('password') ?? ''
    const again = (refusal: Refusal) => this.first(request, body, refusal)
    if (password !== (body.get('repeated') ?? '')) {
      return again({ status: 400, text: 'The two passwords are not the same.' })
    }
    const email = this.#emailIn(body)
    if (this.#email === 'required' && email === '') return again({ status: 400, text: 'Enter your e-mail address.' })
    const wish = {
      username: body.get('user')?.trim() ?? '',
      password,
      token: body.get('token')?.trim() ?? '',
      withEmail: email !== '',
    }
    try {
      return await this.#shown(request, await this.#deps.signUp.begin(wish, { ip, userAgent }))
    } catch (error) {
      if (error instanceof MatrixError) return again(refusalOf(error))
      throw error
    }
  }

  /** The page of a step; the mail of the stage that needs one is sent on the way to its page. */
  async #shown(request: Posted, step: SignUpStep, refusal?: Refusal): Promise<CustomReply> {
    if (step.kind === 'done') {
      return goOnByItself('Your account is made', localPath(request.query.next) ?? ACCOUNT_PAGE, {
        'Set-Cookie': step.setCookie,
      })
    }
    if (step.kind === 'waits') return signUpWaitsPage()
    if (step.type === EMAIL_STAGE) return this.#sent(request, step.session, this.#emailIn(request.body))
    const form = STAGE_FORMS.get(step.type)
    if (form === undefined) throw new MatrixError('M_FORBIDDEN', 'This server asks for a step that only apps can do')
    return signUpStagePage({
      ...this.#underWay(request, step),
      form,
      params: step.params,
      fields: request.body,
      refusal: refusal ?? (step.refusal === undefined ? undefined : { status: 403, text: sentence(step.refusal) }),
      captchaScript: this.#deps.captchaScript,
    })
  }

  async #emailPosted(request: Posted, session: string, email: string): Promise<CustomReply> {
    const { body, ip, userAgent } = request
    const code = body.get('code')
    if (code === undefined) return this.#sent(request, session, email)
    const sid = body.get('sid') ?? ''
    const again = (refusal: Refusal) =>
      this.#codePage(request, { session, email, sid, attempt: attemptIn(body), refusal })
    if (
      this.#deps.ownMail?.validations === undefined ||
      !(await this.#deps.ownMail.validations.submit(sid, session, code))
    )
      return again({ status: 403, text: WRONG_CODE })
    const auth = { type: EMAIL_STAGE, threepid_creds: { sid, client_secret: session } }
    const step = await this.#deps.signUp.attempt(session, auth, { withEmail: true, from: { ip, userAgent } })
    return step.kind === 'stage' && step.type === EMAIL_STAGE
      ? again({ status: 403, text: sentence(step.refusal ?? WRONG_CODE) })
      : this.#shown(request, step)
  }

  async #sent(request: Posted, session: string, email: string): Promise<CustomReply> {
    const { body, ip } = request
    const attempt = Math.min(attemptIn(body) + 1, MAX_ATTEMPT)
    const purpose = purposeOf(REGISTRATION)
    try {
      if (this.#deps.ownMail === undefined) throw new MatrixError('M_FORBIDDEN', 'This server sends no mails')
      const { sid } = await this.#deps.ownMail.mails.request({
        ...{ address: email, clientSecret: session, sendAttempt: attempt, purpose, ip },
        form: 'code',
      })
      return this.#codePage(request, { session, email, sid, attempt, refusal: undefined })
    } catch (error) {
      if (!(error instanceof MatrixError)) throw error
      const refusal = { status: error.status, text: sentence(error.message) }
      return this.#codePage(request, { session, email, sid: body.get('sid') ?? '', attempt: attemptIn(body), refusal })
    }
  }

  #codePage(request: Posted, view: Omit<Parameters<typeof signUpCodePage>[0], 'csrf' | 'type'>): CustomReply {
    return signUpCodePage({ ...view, csrf: request.body.get('csrf') ?? '', type: EMAIL_STAGE })
  }

  #underWay({ body }: Posted, { session, type }: Stage) {
    return { csrf: body.get('csrf') ?? '', session, type, email: this.#emailIn(body) }
  }
}

const attemptIn = (fields: FormFields): number => {
  const text = fields.get('attempt') ?? ''
  return /^\d{1,4}$/.test(text) ? Number(text) : 0
}

/** Registration at a browser. No file of the official data has it. */
export const accountSignUpEndpoints = (deps: AccountSignUpDeps): readonly AnyEndpoint[] => {
  const pages = new SignUpPages(deps)
  return [
    endpoint({
      method: 'GET',
      paths: [ACCOUNT_REGISTER_PAGE, `${ACCOUNT_REGISTER_PAGE}/`],
      auth: none(),
      rateLimit: 'other',
      query: Query,
      errorPage: accountRefusedPage,
      handler: async (request) => {
        const hint = /^[a-z0-9._=/+-]{1,100}$/.exec(request.query.login_hint ?? '')?.[0]
        return pages.first(request, new Map(hint === undefined ? [] : [['user', hint]]), undefined)
      },
    }),
    endpoint({
      method: 'POST',
      paths: [ACCOUNT_REGISTER_PAGE, `${ACCOUNT_REGISTER_PAGE}/`],
      auth: none(),
      rateLimit: 'registration',
      query: Query,
      body: 'form',
      errorPage: accountRefusedPage,
      handler: async (request) => {
        assertOwnForm(request)
        deps.formTokens.check(request.cookie(deps.formTokens.cookieName), request.body)
        if (deps.registrationPolicy.mode === 'closed') return pages.first(request, request.body, undefined)
        return pages.posted(request)
      },
    }),
  ]
}
