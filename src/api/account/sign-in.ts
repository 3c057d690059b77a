import { Type } from 'typebox'
import {
  type BrowserSession,
  type BrowserSessions,
  type BrowserSignIn,
  type FormTokens,
  identifierTyped,
  type RegistrationPolicy,
  type SignIn,
} from '#domain'
import { type AnyEndpoint, type CustomReply, endpoint, type FormFields, none } from '#http'
import {
  ACCOUNT_PAGE,
  ACCOUNT_REGISTER_PAGE,
  ACCOUNT_SIGN_IN_PAGE,
  accountRefusedPage,
  accountSignInPage,
  goOnByItself,
} from '#pages'
import { MatrixError } from '#spec'
import { assertOwnForm, type BrowserGate, type BrowserRequest, seeOther } from './browser-gate.ts'
import { localPath } from './local-path.ts'
import { refusalOf } from './own-pages.ts'
import { providerLinks } from './providers.ts'

export interface AccountSignInDeps {
  readonly gate: BrowserGate
  readonly sessions: BrowserSessions
  readonly formTokens: FormTokens
  readonly browserSignIn: BrowserSignIn
  readonly serverName: string
  /** The page for people who forgot their password; undefined: there is none. */
  readonly recovery: string | undefined
  readonly signIn: Pick<SignIn, 'providers'>
  readonly registrationPolicy: Pick<RegistrationPolicy, 'mode'>
}

const Query = Type.Object({
  /** A path of this server; anything else counts as the account page. */
  next: Type.Optional(Type.String()),
  /** Set: somebody who is signed in proves anew who they are. */
  again: Type.Optional(Type.String({ maxLength: 10 })),
  /** The name that the field begins with: `mxid:@name:server`, or a name. */
  login_hint: Type.Optional(Type.String({ maxLength: 300 })),
})

type Query = { readonly next?: string; readonly again?: string; readonly login_hint?: string }

const hintIn = ({ login_hint: hint = '' }: Query): string => hint.replace(/^mxid:/, '')

const registrationPage = ({ next }: Query): string => {
  const path = localPath(next)
  return path === undefined ? ACCOUNT_REGISTER_PAGE : `${ACCOUNT_REGISTER_PAGE}?next=${encodeURIComponent(path)}`
}

/** Signing in at a browser. No file of the official data has it. */
export const accountSignInEndpoints = (deps: AccountSignInDeps): readonly AnyEndpoint[] => {
  const { gate, sessions, formTokens, browserSignIn, serverName, recovery, signIn } = deps
  const registers = deps.registrationPolicy.mode !== 'closed'
  const page = (
    request: BrowserRequest & { readonly query: Query },
    about: {
      readonly session?: BrowserSession | undefined
      readonly name?: string
      readonly refused?: MatrixError
    } = {},
  ): CustomReply => {
    const { csrf, setCookie } = formTokens.give(request.cookie(formTokens.cookieName))
    const { session, name, refused } = about
    return accountSignInPage({
      serverName,
      csrf,
      name: name ?? session?.userId ?? hintIn(request.query),
      again: session !== undefined,
      recovery,
      registration: registers ? registrationPage(request.query) : undefined,
      providers: providerLinks(signIn, { next: localPath(request.query.next), again: session !== undefined }),
      // The words for a wrong password and for an unknown user are the same.
      refusal: refused === undefined ? undefined : refusalOf(refused),
      headers: { 'Set-Cookie': setCookie, ...refused?.headers },
    })
  }
  const signedIn = async (fields: FormFields, ip: string) =>
    browserSignIn.withPassword(identifierTyped(fields.get('user') ?? ''), fields.get('password') ?? '', { ip })
  return [
    endpoint({
      method: 'GET',
      paths: [ACCOUNT_SIGN_IN_PAGE, `${ACCOUNT_SIGN_IN_PAGE}/`],
      auth: none(),
      rateLimit: 'other',
      query: Query,
      errorPage: accountRefusedPage,
      handler: async (request) => {
        const session = await gate.of(request)
        return session !== undefined && request.query.again === undefined
          ? seeOther(localPath(request.query.next) ?? ACCOUNT_PAGE)
          : page(request, { session })
      },
    }),
    endpoint({
      method: 'POST',
      paths: [ACCOUNT_SIGN_IN_PAGE, `${ACCOUNT_SIGN_IN_PAGE}/`],
      auth: none(),
      rateLimit: 'login',
      query: Query,
      body: 'form',
      errorPage: accountRefusedPage,
      handler: async (request) => {
        const { body, query, ip } = request
        assertOwnForm(request)
        formTokens.check(request.cookie(formTokens.cookieName), body)
        const before = await gate.of(request)
        try {
          const { setCookie } = await signedIn(body, ip)
          if (before !== undefined) await sessions.end(before.id)
          return goOnByItself('You are signed in', localPath(query.next) ?? ACCOUNT_PAGE, { 'Set-Cookie': setCookie })
        } catch (error) {
          if (!(error instanceof MatrixError)) throw error
          return page(request, { session: before, name: body.get('user') ?? '', refused: error })
        }
      },
    }),
  ]
}
