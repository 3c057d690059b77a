import { Type } from 'typebox'
import { clientOf, type LoginTokens, parseRedirectUrl, withLoginToken } from '#domain'
import { type AnyEndpoint, type CustomReply, endpoint, none } from '#http'
import { accountRefusedPage, BAD_REDIRECT, backToAppPage, legacyLoginPage, noticePage } from '#pages'
import { type BrowserGate, seeOther } from '../account/index.ts'
import { pageForPeople } from './sign-in-page.ts'

export interface LegacyLoginDeps {
  readonly gate: BrowserGate
  readonly loginTokens: LoginTokens
  readonly registration: boolean
}

const PATH = '/oauth/login'
const PAGE = { auth: none(), errorPage: accountRefusedPage } as const

/** The way of `m.login.sso` for clients without OAuth: the same pages, and a login token at the end (client-server API, "OAuth 2.0 aware clients"). */
export const toLegacyLogin = (redirectUrl: string | undefined, action: string | undefined): CustomReply => {
  if (redirectUrl === undefined || parseRedirectUrl(redirectUrl) === undefined) return noticePage(BAD_REDIRECT)
  const query = new URLSearchParams({ redirectUrl, ...(action === 'register' ? { action } : {}) })
  return seeOther(`${PATH}?${query.toString()}`)
}

const nextOf = (redirectUrl: string): string => `${PATH}?${new URLSearchParams({ redirectUrl }).toString()}`

export const legacyLoginEndpoints = ({ gate, loginTokens, registration }: LegacyLoginDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [PATH],
    ...PAGE,
    rateLimit: 'login',
    query: Type.Object({ redirectUrl: Type.String(), action: Type.Optional(Type.String({ maxLength: 255 })) }),
    handler: async (request) => {
      const { redirectUrl, action } = request.query
      const target = parseRedirectUrl(redirectUrl)
      if (target === undefined) return noticePage(BAD_REDIRECT)
      const session = await gate.of(request)
      const next = nextOf(redirectUrl)
      const creates = action === 'register' && registration
      if (session === undefined || creates) return pageForPeople({ next, creates })
      // Sessions without OAuth can do all that the person can.
      if (gate.isTooOld(session)) return gate.toSignIn(next, true)
      const { userId, csrf } = session
      return legacyLoginPage({ action: PATH, userId, csrf, next, redirectUrl, client: clientOf(target) })
    },
  }),
  endpoint({
    method: 'POST',
    paths: [PATH],
    ...PAGE,
    rateLimit: 'login',
    body: 'form',
    handler: async (request) => {
      const session = await gate.ofForm(request)
      const target = parseRedirectUrl(request.body.get('redirectUrl') ?? '')
      if (target === undefined) return noticePage(BAD_REDIRECT)
      if (session === undefined) return toLegacyLogin(target, undefined)
      if (gate.isTooOld(session)) return gate.toSignIn(nextOf(target), true)
      return backToAppPage(withLoginToken(target, await loginTokens.issue(session.userId)), true)
    },
  }),
]
