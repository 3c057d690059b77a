import { Type } from 'typebox'
import type { Clock } from '#base'
import {
  type AuthorizationCodes,
  type AuthorizationRequest,
  answerUri,
  type BrowserSession,
  type CheckedRequest,
  type Consents,
  checkAuthorization,
  grantableBy,
  OAUTH_PATHS,
  type OAuthClients,
  PROVEN_AFTER,
  receiverOf,
} from '#domain'
import { type AnyEndpoint, type CustomReply, endpoint, type FormFields, none } from '#http'
import { accountRefusedPage, backToAppPage, lostRequestPage, refusedRequestPage, silentRequestPage } from '#pages'
import type { UserId } from '#spec'
import { type BrowserGate, seeOther } from '../account/index.ts'
import { type Asked, type ConsentDeps, consentFor } from './consent.ts'
import { pageForPeople } from './sign-in-page.ts'

export interface AuthorizeDeps extends ConsentDeps {
  readonly issuer: string
  readonly clients: OAuthClients
  readonly codes: AuthorizationCodes
  readonly consents: Consents
  readonly gate: BrowserGate
  readonly clock: Pick<Clock, 'nowMs'>
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
  'max_age',
  PROVEN_AFTER,
  'login_hint',
  'request',
  'request_uri',
]
/** Parameters that are carried in the form that they were understood in. */
const UNDERSTOOD: readonly string[] = ['prompt', 'max_age', PROVEN_AFTER]
const PAGE = { auth: none(), rateLimit: 'other', errorPage: accountRefusedPage } as const
const FORM_LIMIT_BYTES = 32 * 1024

/**
 * The authorisation endpoint: signs people in, asks for their consent, and sends them back to the client. The request is carried along and checked
 * at each step, so no process has to remember it.
 */
export const authorizeEndpoints = (deps: AuthorizeDeps): readonly AnyEndpoint[] => {
  const { clients, codes, consents, gate, issuer, registration, clock } = deps
  return [
    endpoint({
      method: 'GET',
      paths: [OAUTH_PATHS.authorize],
      ...PAGE,
      query: Type.Record(Type.String(), Type.Unknown()),
      handler: async (request) => {
        const fields = fieldsOf(request.query)
        if (fields === undefined) return lostRequestPage('twice')
        const checked = await checkAuthorization(clients, fields, clock.nowMs())
        if (checked.kind !== 'asked') return refusal(checked, issuer)
        const asked = checked.request
        const session = await gate.of(request)
        if (asked.silent) return silentAnswer(deps, asked, session)
        const next = nextOf(fields, asked)
        const creates = asked.createsAccount && registration
        if (session === undefined || creates) return pageForPeople({ next, creates, hint: fields.get('login_hint') })
        if (isTooOld(gate, session, asked)) return gate.toSignIn(next, true)
        if ((await consentOf(deps, session.userId, asked)) === 'given') return letIn(deps, session, asked)
        return consentFor(deps, askedFor(asked, fields, consents.canRemember(asked)), session)
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
        const checked = await checkAuthorization(clients, request.body, clock.nowMs())
        if (checked.kind !== 'asked') return refusal(checked, issuer)
        const asked = checked.request
        const next = nextOf(request.body, asked)
        if (session === undefined) return pageForPeople({ next, creates: false })
        const allowed = request.body.get('decision') === 'allow'
        if (!allowed) return backToAppPage(answerUri(asked, issuer, DENIED), false)
        if (isTooOld(gate, session, asked)) return gate.toSignIn(next, true)
        const code = await codes.issue(grantableBy(asked, session.admin), session.userId)
        if (request.body.get('remember') === 'yes') await consents.remember(session.userId, asked)
        return backToAppPage(answerUri(asked, issuer, { code }), true)
      },
    }),
  ]
}

/** Whether the person has to prove anew who they are, as the client asks for it, or as it asks for power over the server. */
const isTooOld = (gate: BrowserGate, session: BrowserSession, { provenAfterMs, admin }: AuthorizationRequest) =>
  (provenAfterMs !== undefined && session.authenticatedAtMs < provenAfterMs) || (admin && gate.isTooOld(session))

/**
 * The consent that a person gave for good to such a request: `taken` where they consented, and have to be asked all the same, as a device of theirs that another app has is never taken from it
 * without a question.
 */
const consentOf = async (
  { consents, devices }: Pick<AuthorizeDeps, 'consents' | 'devices'>,
  userId: UserId,
  asked: AuthorizationRequest,
): Promise<'given' | 'taken' | 'none'> => {
  if (!(await consents.isGiven(userId, asked))) return 'none'
  const device = await devices.device(userId, asked.deviceId)
  return device === undefined || device.oauthClient === asked.client.clientId ? 'given' : 'taken'
}

const letIn = async (
  { codes, issuer }: Pick<AuthorizeDeps, 'codes' | 'issuer'>,
  { userId, admin }: BrowserSession,
  asked: AuthorizationRequest,
): Promise<CustomReply> => {
  const code = await codes.issue(grantableBy(asked, admin), userId)
  return seeOther(answerUri(asked, issuer, { code }))
}

/**
 * The answer to `prompt=none`. A browser is sent on by itself only to apps that its person let in for good: anybody may register an app that leads
 * anywhere, so for all others this would be an open redirect (RFC 9700, section 4.11.2).
 */
const silentAnswer = async (
  deps: AuthorizeDeps,
  asked: AuthorizationRequest,
  session: BrowserSession | undefined,
): Promise<CustomReply> => {
  const { gate, issuer } = deps
  const mustSignIn = session === undefined || isTooOld(gate, session, asked)
  const consent = session === undefined ? 'none' : await consentOf(deps, session.userId, asked)
  if (!mustSignIn && consent === 'given') return letIn(deps, session, asked)
  const uri = answerUri(asked, issuer, mustSignIn ? MUST_SIGN_IN : MUST_CONSENT)
  if (consent !== 'none') return seeOther(uri)
  return silentRequestPage(mustSignIn, uri, hostOf(asked.redirectUri))
}

const MUST_SIGN_IN = { error: 'login_required', error_description: 'The person has to sign in' }
const MUST_CONSENT = { error: 'consent_required', error_description: 'The person has to be asked' }
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

/** The request as it goes on: wishes for a new account and a new proof are fulfilled by then, or stand in the time after which the proof has to be. */
const carriedOn = (
  fields: FormFields,
  { asksAlways, provenAfterMs }: Pick<AuthorizationRequest, 'asksAlways' | 'provenAfterMs'>,
): ReadonlyMap<string, string> => {
  const carried = CARRIED.filter((name) => fields.has(name) && !UNDERSTOOD.includes(name))
  return new Map([
    ...carried.map((name) => [name, fields.get(name) ?? ''] as const),
    ...(asksAlways ? [['prompt', 'consent'] as const] : []),
    ...(provenAfterMs === undefined ? [] : [[PROVEN_AFTER, String(Math.max(0, provenAfterMs))] as const]),
  ])
}

/** The way back here after signing in. */
const nextOf = (fields: FormFields, asked: AuthorizationRequest): string =>
  `${OAUTH_PATHS.authorize}?${new URLSearchParams([...carriedOn(fields, asked)]).toString()}`

const askedFor = (asked: AuthorizationRequest, fields: FormFields, canRemember: boolean): Asked => {
  const { client, deviceId, admin, redirectUri } = asked
  return {
    ...{ client, deviceId, admin, canRemember },
    receiver: receiverOf(redirectUri),
    action: OAUTH_PATHS.authorize,
    next: nextOf(fields, asked),
    fields: carriedOn(fields, asked),
  }
}

/** The receiver of an answer in a word. */
const hostOf = (redirectUri: string): string => {
  const receiver = receiverOf(redirectUri)
  return receiver.kind === 'site' ? receiver.host : 'the app'
}

const refusal = (checked: Exclude<CheckedRequest, { kind: 'asked' }>, issuer: string): CustomReply => {
  if (checked.kind === 'lost') return lostRequestPage(checked.why)
  const { to, code, description } = checked
  const uri = answerUri(to, issuer, { error: code, error_description: description })
  return refusedRequestPage(description, uri, hostOf(to.redirectUri))
}
