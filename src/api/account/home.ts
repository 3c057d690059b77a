import type { BrowserSessions } from '#domain'
import { type AnyEndpoint, endpoint, none } from '#http'
import { ACCOUNT_PAGE, ACCOUNT_SIGN_IN_PAGE, ACCOUNT_SIGN_OUT_PAGE, accountHomePage, accountRefusedPage } from '#pages'
import { type BrowserGate, seeOther } from './browser-gate.ts'

export interface AccountHomeDeps {
  readonly gate: BrowserGate
  readonly sessions: BrowserSessions
}

export const accountHomeEndpoints = ({ gate, sessions }: AccountHomeDeps): readonly AnyEndpoint[] => [
  endpoint({
    method: 'GET',
    paths: [ACCOUNT_PAGE, `${ACCOUNT_PAGE}/`],
    auth: none(),
    rateLimit: 'other',
    errorPage: accountRefusedPage,
    handler: async (request) => {
      const session = await gate.of(request)
      return session === undefined ? gate.toSignIn(ACCOUNT_PAGE) : accountHomePage(session)
    },
  }),
  endpoint({
    method: 'POST',
    paths: [ACCOUNT_SIGN_OUT_PAGE],
    auth: none(),
    rateLimit: 'other',
    body: 'form',
    errorPage: accountRefusedPage,
    handler: async (request) => {
      const session = await gate.ofForm(request)
      if (session !== undefined) await sessions.end(session.id)
      return seeOther(ACCOUNT_SIGN_IN_PAGE, { 'Set-Cookie': sessions.goneCookie })
    },
  }),
]
