import { Type } from 'typebox'
import { givesTickets, parseRedirectUrl, type SignInPurpose, SSO_STAGE, TICKET_PATH } from '#domain'
import { type AnyEndpoint, type CustomReply, endpoint, none, v3 } from '#http'
import { BAD_REDIRECT, noticePage, providerFailed, stageRefused } from '#pages'
import { type CookieRequest, refusedByEdge, type SignInDeps, SignInPages } from './sign-in.ts'
import { toProviderOf } from './sso-login-redirect.ts'

const RedirectQuery = Type.Object({ redirectUrl: Type.Optional(Type.String()) })
const TicketQuery = Type.Object({
  redirectUrl: Type.Optional(Type.String()),
  /** The way of a browser that signs in to pages of this server. */
  next: Type.Optional(Type.String()),
  link: Type.Optional(Type.String({ maxLength: 64 })),
  session: Type.Optional(Type.String({ maxLength: 255 })),
  // CAS protocol: tickets of 32 characters must be accepted, and of 256 should be.
  ticket: Type.String({ maxLength: 1_024 }),
})

/** `cas_login_redirect.yaml` and `cas_login_ticket.yaml` of r0.4.0, module "CAS-based client login". */
export const casLoginEndpoints = (deps: SignInDeps): readonly AnyEndpoint[] => {
  const { signIn, signInFlow } = deps
  const pages = new SignInPages(deps)
  const send = toProviderOf(deps)

  const arrive = async (
    purpose: SignInPurpose,
    ticket: string,
    request: CookieRequest & {
      readonly fromBrowser: boolean
      readonly ip: string
      readonly userAgent: string | undefined
    },
  ): Promise<CustomReply> => {
    const cookie = pages.cookies.of(request)
    const returned = await signIn.ticketArrived(purpose, ticket, { cookie, attended: request.fromBrowser })
    const step = await signInFlow.arrived(returned, request)
    // "If validation is unsuccessful, the server should respond with a 401 Unauthorized error, the body of which will be displayed to the user."
    if (step.kind === 'failed' && step.why !== 'unavailable') {
      return noticePage({ ...providerFailed(step.why, step.name), status: 401 })
    }
    // The ticket was valid, so the status is 200; the client hears of the failed stage with its next request.
    if (step.kind === 'stageRefused') return noticePage({ ...stageRefused(step.text), status: 200 })
    return pages.step(step)
  }

  return [
    endpoint({
      method: 'GET',
      acts: true,
      paths: v3('/login/cas/redirect'),
      auth: none(),
      rateLimit: 'login',
      query: RedirectQuery,
      errorPage: refusedByEdge,
      handler: async (request) => send(signIn.providers.find(givesTickets)?.id, request.query.redirectUrl, request),
    }),
    endpoint({
      method: 'GET',
      acts: true,
      paths: v3(TICKET_PATH),
      auth: none(),
      rateLimit: 'login',
      query: TicketQuery,
      errorPage: refusedByEdge,
      handler: async (request) => {
        const { redirectUrl, session, next, link, ticket } = request.query
        if (session !== undefined) return arrive({ kind: 'stage', session, type: SSO_STAGE }, ticket, request)
        if (next !== undefined) return arrive({ kind: 'browser', next, link }, ticket, request)
        const target = redirectUrl === undefined ? undefined : parseRedirectUrl(redirectUrl)
        if (redirectUrl === undefined || target === undefined) return noticePage(BAD_REDIRECT)
        return arrive({ kind: 'login', redirectUrl: target, asked: redirectUrl }, ticket, request)
      },
    }),
  ]
}
