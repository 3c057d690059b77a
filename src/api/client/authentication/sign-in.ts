import { Type } from 'typebox'
import {
  type Choice,
  type IdentityStages,
  isProviderFailure,
  type PolicyDocument,
  SIGN_IN_PATH,
  type SignIn,
  type SignInFlow,
  type SignInStep,
} from '#domain'
import { type AnyEndpoint, CustomReply, endpoint, none } from '#http'
import {
  ACCOUNT_LINK_PAGE,
  choicePage,
  confirmPage,
  donePage,
  goOnByItself,
  goOnPage,
  html,
  NOT_YET,
  newAccountPage,
  noticePage,
  OTHER_BROWSER,
  providerFailed,
  SIGN_IN_ENDED,
  signInRefused,
  stageRefused,
} from '#pages'
import { MatrixError } from '#spec'
import { BrowserCookie } from './browser-cookie.ts'
import { login2015Reply } from './interactive-login-2015.ts'
import { deedOf, UNEXPECTED } from './operation-words.ts'

export interface SignInDeps {
  readonly signIn: SignIn
  readonly signInFlow: SignInFlow
  readonly identityStages: IdentityStages
  /** The base URL of this server's pages; empty where there are no providers. */
  readonly baseUrl: string
  readonly serverName: string
  readonly documents: readonly PolicyDocument[]
}

export type CookieRequest = Parameters<BrowserCookie['of']>[0]

const REDIRECT_HEADERS = { 'Cache-Control': 'no-store', 'Referrer-Policy': 'no-referrer' }

/** No cache may keep an answer, as the addresses of a sign-in are good once. */
export const redirect = (uri: string, headers: Readonly<Record<string, string>> = {}): CustomReply =>
  new CustomReply({ status: 302, headers: { ...REDIRECT_HEADERS, ...headers, Location: uri }, body: '' })

export class SignInPages {
  readonly #deps: SignInDeps
  readonly cookies: BrowserCookie

  constructor(deps: SignInDeps) {
    this.#deps = deps
    this.cookies = new BrowserCookie(deps.signIn, deps.baseUrl)
  }

  /** The page to choose a provider for a stage on: also the stage's fallback page. */
  async stageChoice(
    choice: Choice,
    about: { readonly operation: string; readonly requester: string | undefined },
    request: CookieRequest,
  ): Promise<CustomReply> {
    const { operation, requester } = about
    const { cookie, headers } = this.cookies.give(request)
    const id = await this.#deps.signIn.show(choice, cookie)
    return choicePage({
      title: requester === undefined ? 'Sign in to go on' : 'Confirm that it is you',
      lead: html`An app wants to ${deedOf(operation)}${requester === undefined ? undefined : html`, <strong>${requester}</strong>`}. To go on, sign in.`,
      warning: UNEXPECTED,
      providers: choice.providers.map(({ id: provider, name }) => ({
        name,
        href: `${this.#at('/start/')}${encodeURIComponent(provider)}?choice=${id}`,
      })),
      headers,
    })
  }

  step(step: SignInStep): CustomReply {
    const { serverName, documents } = this.#deps
    switch (step.kind) {
      case 'ended':
        return noticePage(SIGN_IN_ENDED)
      case 'notYet':
        return noticePage(NOT_YET)
      case 'otherBrowser':
        return noticePage(OTHER_BROWSER)
      case 'failed':
        return noticePage(providerFailed(step.why, step.name))
      case 'refused':
        return noticePage(signInRefused(step.why, step.name))
      case 'stageRefused':
        return noticePage(stageRefused(step.text))
      case 'stagePassed':
        return donePage()
      case 'answered':
        return login2015Page(step.answer, step.type)
      case 'redirect':
        return redirect(step.uri)
      case 'signedIn':
        // A page rather than a redirect: the chain of redirects began at another site.
        return goOnByItself('You are signed in', step.next, { 'Set-Cookie': step.setCookie })
      case 'link':
        return goOnByItself('One more step', `${ACCOUNT_LINK_PAGE}?id=${step.id}`, {})
      case 'goOn':
        return goOnPage({ ...step, href: 'uri' in step.to ? step.to.uri : `${this.#at('/continue')}?id=${step.to.id}` })
      case 'newAccount':
        return newAccountPage({
          ...step,
          action: this.#at('/account'),
          serverName,
          policies: documents.flatMap(({ translations }) => Object.values(translations).slice(0, 1)),
        })
      case 'confirm':
        return confirmPage({
          action: this.#at('/confirm'),
          id: step.id,
          provider: step.name,
          deed: deedOf(step.operation),
          requester: step.requester,
        })
    }
  }

  #at(path: string): string {
    return `${this.#deps.baseUrl}${SIGN_IN_PATH}${path}`
  }
}

/** "MUST respond with either new credentials, the next stage of the login process, or a standard error response". */
const login2015Page = (answer: Parameters<typeof login2015Reply>[0], type: string): CustomReply => {
  const headers = { 'Cache-Control': 'no-store' }
  try {
    return new CustomReply({ status: 200, headers, body: login2015Reply(answer, type) })
  } catch (error) {
    if (!(error instanceof MatrixError)) throw error
    return new CustomReply({
      status: error.status,
      headers,
      body: { errcode: error.errcode, error: error.message, ...error.fields },
    })
  }
}

/** The page for a refusal by the edge. */
export const refusedByEdge = (error: MatrixError): CustomReply => {
  const isBusy = error.status === 429
  return noticePage({
    status: error.status,
    title: isBusy ? 'Too many attempts' : error.status >= 500 ? 'The server has a problem' : 'This cannot be done',
    text: `${error.message}.`,
  })
}

const Id = Type.Object({ id: Type.String({ maxLength: 64 }) })

// The limit can be high: each page needs an id that cannot be guessed, and a sign-in loads several.
const SHARED = { auth: none(), rateLimit: 'other', errorPage: refusedByEdge } as const

/** The pages that browsers see on the way to a provider and back. No file of the official data has them. */
export const signInEndpoints = (deps: SignInDeps): readonly AnyEndpoint[] => {
  const { signIn, signInFlow, identityStages } = deps
  const pages = new SignInPages(deps)
  return [
    endpoint({
      method: 'GET',
      acts: true,
      paths: [SIGN_IN_PATH],
      ...SHARED,
      query: Type.Object({ request: Type.String({ maxLength: 64 }) }),
      handler: async (request) => {
        const choice = await signIn.openChoice(request.query.request)
        if (choice === undefined) return noticePage(SIGN_IN_ENDED)
        const about = await identityStages.about(choice.purpose)
        return about.kind === 'open' ? pages.stageChoice(choice, about, request) : pages.step({ kind: about.kind })
      },
    }),
    endpoint({
      method: 'GET',
      acts: true,
      paths: [`${SIGN_IN_PATH}/start/:providerId`],
      ...SHARED,
      params: Type.Object({ providerId: Type.String() }),
      query: Type.Object({ choice: Type.String({ maxLength: 64 }) }),
      handler: async (request) => {
        const { providerId } = request.params
        return toProvider(signIn, providerId, async () => {
          const uri = await signIn.choose(request.query.choice, providerId, pages.cookies.of(request))
          return uri === undefined ? noticePage(OTHER_BROWSER) : redirect(uri)
        })
      },
    }),
    endpoint({
      method: 'GET',
      acts: true,
      paths: [`${SIGN_IN_PATH}/callback`],
      ...SHARED,
      query: Type.Record(Type.String(), Type.Unknown()),
      handler: async (request) => {
        const returned = await signIn.returned(queryOf(request.query), pages.cookies.of(request))
        return pages.step(await signInFlow.arrived(returned, request))
      },
    }),
    ...formEndpoints(signInFlow, pages),
    endpoint({
      method: 'GET',
      acts: true,
      paths: [`${SIGN_IN_PATH}/continue`],
      ...SHARED,
      query: Id,
      handler: async ({ query }) => pages.step(await signInFlow.goOn(query.id)),
    }),
  ]
}

/** The forms of these pages. */
const formEndpoints = (signInFlow: SignInDeps['signInFlow'], pages: SignInPages): readonly AnyEndpoint[] => [
  endpoint({
    method: 'POST',
    paths: [`${SIGN_IN_PATH}/confirm`],
    ...SHARED,
    body: 'form',
    handler: async ({ body, ip, userAgent }) =>
      pages.step(await signInFlow.confirm(body.get('id') ?? '', { ip, userAgent })),
  }),
  endpoint({
    method: 'POST',
    paths: [`${SIGN_IN_PATH}/account`],
    ...SHARED,
    rateLimit: 'registration',
    body: 'form',
    handler: async ({ body }) => {
      const username = body.get('username')?.trim() ?? ''
      return pages.step(await signInFlow.choseName(body.get('id') ?? '', username, body.get('agree') === 'yes'))
    },
  }),
]

/** Parameters that come twice are dropped: RFC 6749, section 3.1, allows each once. */
const queryOf = (query: Readonly<Record<string, unknown>>): URLSearchParams =>
  new URLSearchParams(
    Object.entries(query).flatMap(([name, value]) => (typeof value === 'string' ? [[name, value]] : [])),
  )

/** Answers with a page where the provider is not reachable. */
export const toProvider = async (
  signIn: SignIn,
  providerId: string,
  send: () => Promise<CustomReply>,
): Promise<CustomReply> => {
  try {
    return await send()
  } catch (error) {
    if (!isProviderFailure(error)) throw error
    const name = signIn.providers.find(({ id }) => id === providerId)?.name ?? 'The provider'
    return noticePage(providerFailed(error.kind, name))
  }
}
