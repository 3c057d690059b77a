import { Type } from 'typebox'
import {
  type AuthorizationCodes,
  answerUri,
  type CheckedRequest,
  checkAuthorization,
  grantableBy,
  OAUTH_PATHS,
  type OAuthClients,
  receiverOf,
} from '#domain'
import { type AnyEndpoint, type CustomReply, endpoint, type FormFields, none } from '#http'
import { accountRefusedPage, backToAppPage, lostRequestPage, refusedRequestPage } from '#pages'
import type { BrowserGate } from '../account/index.ts'
import { type ConsentDeps, consentFor } from './consent.ts'
import { pageForPeople } from './sign-in-page.ts'

export interface AuthorizeDeps extends ConsentDeps {
  readonly issuer: string
  readonly clients: OAuthClients
  readonly codes: AuthorizationCodes
  readonly gate: BrowserGate
  /** Whether people can make accounts by themselves. */
  readonly registration: boolean
}

/** The parameters of a request, as far as they are carried on from page to page. */
const CARRIED = [
  'client_id',
  'redirect_uri',
  'response_type',
  'response_mode',
  'scope',
  'state',
  'code_challenge',
  'code_challenge_method',
  'prompt',
  'login_hint',
  'request',
  'request_uri',
]
const PAGE = { auth: none(), rateLimit: 'other', errorPage: accountRefusedPage } as const
const FORM_LIMIT_BYTES = 32 * 1024

/**
 * The authorisation endpoint: signs people in, asks for their consent, and sends them back to the client. The request is carried along and checked
 * at each step, so no process has to remember it.
 */
export const authorizeEndpoints = (deps: AuthorizeDeps): readonly AnyEndpoint[] => {
  const { clients, codes, gate, issuer, registration } = deps
  return [
    endpoint({
      method: 'GET',
      paths: [OAUTH_PATHS.authorize],
      ...PAGE,
      query: Type.Record(Type.String(), Type.Unknown()),
      handler: async (request) => {
        const fields = fieldsOf(request.query)
        if (fields === undefined) return lostRequestPage('twice')
        const checked = await checkAuthorization(clients, fields)
        if (checked.kind !== 'asked') return refusal(checked, issuer)
        const { client, createsAccount, deviceId, redirectUri, admin } = checked.request
        const session = await gate.of(request)
        const next = nextOf(fields)
        const creates = createsAccount && registration
        if (session === undefined || creates) return pageForPeople({ next, creates, hint: fields.get('login_hint') })
        if (admin && gate.isTooOld(session)) return gate.toSignIn(next, true)
        const receiver = receiverOf(redirectUri)
        const asked = {
          client,
          deviceId,
          admin,
          receiver,
          action: OAUTH_PATHS.authorize,
          next,
          fields: withoutPrompt(fields),
        }
        return consentFor(deps, asked, session)
      },
    }),
    endpoint({
      method: 'POST',
      paths: [OAUTH_PATHS.authorize],
      ...PAGE,
      body: 'form',
      bodyLimitBytes: FORM_LIMIT_BYTES,
      handler: async (request) => {
        const session = await gate.ofForm(request)
        const checked = await checkAuthorization(clients, request.body)
        if (checked.kind !== 'asked') return refusal(checked, issuer)
        if (session === undefined) return pageForPeople({ next: nextOf(request.body), creates: false })
        const allowed = request.body.get('decision') === 'allow'
        if (allowed && checked.request.admin && gate.isTooOld(session)) return gate.toSignIn(nextOf(request.body), true)
        const answer = allowed
          ? { code: await codes.issue(grantableBy(checked.request, session.admin), session.userId) }
          : DENIED
        return backToAppPage(answerUri(checked.request, issuer, answer), allowed)
      },
    }),
  ]
}

const DENIED = { error: 'access_denied', error_description: 'The person did not consent' }

/** undefined: a parameter comes twice, which RFC 6749 forbids. */
const fieldsOf = (query: Readonly<Record<string, unknown>>): FormFields | undefined => {
  const fields = new Map<string, string>()
  for (const name of CARRIED) {
    const value = query[name]
    if (value === undefined) continue
    if (typeof value !== 'string') return undefined
    fields.set(name, value)
  }
  return fields
}

const withoutPrompt = (fields: FormFields): ReadonlyMap<string, string> =>
  new Map(CARRIED.flatMap((name) => (fields.has(name) && name !== 'prompt' ? [[name, fields.get(name) ?? '']] : [])))

/** The way back here after signing in. A wish for a new account is fulfilled by then. */
const nextOf = (fields: FormFields): string =>
  `${OAUTH_PATHS.authorize}?${new URLSearchParams([...withoutPrompt(fields)]).toString()}`

const refusal = (checked: Exclude<CheckedRequest, { kind: 'asked' }>, issuer: string): CustomReply => {
  if (checked.kind === 'lost') return lostRequestPage(checked.why)
  const { to, code, description } = checked
  const receiver = receiverOf(to.redirectUri)
  const host = receiver.kind === 'site' ? receiver.host : 'the app'
  return refusedRequestPage(description, answerUri(to, issuer, { error: code, error_description: description }), host)
}
