import { CODE_GRANT } from './client-metadata.ts'
import type { OAuthClient, OAuthClients } from './clients.ts'
import { type Prompts, promptsIn } from './prompts.ts'
import { isRegisteredRedirect } from './redirect-uris.ts'
import { type OAuthErrorCode, OAuthRefusal } from './refusal.ts'
import { type GrantedScope, parseScope } from './scope.ts'

/** The way back to the client. */
export interface ReturnTo {
  readonly redirectUri: string
  readonly responseMode: 'query' | 'fragment'
  readonly state: string | undefined
}

/** A client's request to a person. Client-server API, "Authorisation code flow". */
export interface AuthorizationRequest extends ReturnTo, GrantedScope, Prompts {
  readonly client: OAuthClient
  readonly codeChallenge: string
}

export type CheckedRequest =
  | { readonly kind: 'asked'; readonly request: AuthorizationRequest }
  /** The client can be told. */
  | { readonly kind: 'refused'; readonly to: ReturnTo; readonly code: OAuthErrorCode; readonly description: string }
  /** The receiver of an answer is not known, so it goes nowhere. */
  | { readonly kind: 'lost'; readonly why: 'client' | 'redirect' }

/** `S256` of a verifier: 32 bytes in Base64 for URLs (RFC 7636, section 4.2). */
const CHALLENGE = /^[A-Za-z0-9_-]{43}$/
const MAX_STATE_LENGTH = 2_048

/** The parameters of the request, each once. */
type Parameters = ReadonlyMap<string, string>

/** Checks a request of a client that came by a browser. Nothing of it is trusted; it is stored nowhere and checked anew with each step. */
export const checkAuthorization = async (
  clients: Pick<OAuthClients, 'client'>,
  parameters: Parameters,
  nowMs: number,
): Promise<CheckedRequest> => {
  const client = await clients.client(parameters.get('client_id') ?? '')
  if (client === undefined) return { kind: 'lost', why: 'client' }
  const redirectUri = parameters.get('redirect_uri') ?? ''
  if (!isRegisteredRedirect(client.metadata.redirect_uris, redirectUri)) return { kind: 'lost', why: 'redirect' }
  const responseMode = parameters.get('response_mode') === 'fragment' ? 'fragment' : 'query'
  const state = parameters.get('state')
  const to = { redirectUri, responseMode, state: (state?.length ?? 0) > MAX_STATE_LENGTH ? undefined : state } as const
  try {
    return { kind: 'asked', request: { ...to, ...detailsOf(client, parameters, nowMs) } }
  } catch (error) {
    if (!(error instanceof OAuthRefusal)) throw error
    return { kind: 'refused', to, code: error.code, description: error.message }
  }
}

const detailsOf = (
  client: OAuthClient,
  parameters: Parameters,
  nowMs: number,
): Omit<AuthorizationRequest, keyof ReturnTo> => {
  const challenge = parameters.get('code_challenge') ?? ''
  if (parameters.has('request')) throw new OAuthRefusal('request_not_supported', 'request is not supported')
  if (parameters.has('request_uri')) throw new OAuthRefusal('request_uri_not_supported', 'request_uri is not supported')
  if (parameters.get('response_type') !== 'code')
    throw new OAuthRefusal('unsupported_response_type', 'response_type has to be code')
  if (!['query', 'fragment'].includes(parameters.get('response_mode') ?? 'query'))
    throw new OAuthRefusal('invalid_request', 'response_mode is query or fragment')
  if ((parameters.get('state')?.length ?? 0) > MAX_STATE_LENGTH)
    throw new OAuthRefusal('invalid_request', `state has at most ${MAX_STATE_LENGTH} characters`)
  if (!client.metadata.grant_types.includes(CODE_GRANT))
    throw new OAuthRefusal('unauthorized_client', 'The client did not register for this grant')
  if (parameters.get('code_challenge_method') !== 'S256' || !CHALLENGE.test(challenge))
    throw new OAuthRefusal('invalid_request', 'A code_challenge with the code_challenge_method S256 is needed')
  return {
    client,
    codeChallenge: challenge,
    ...promptsIn(parameters, nowMs),
    ...parseScope(parameters.get('scope') ?? ''),
  }
}

/** The address that gives a client its answer. `iss` tells it who answers (RFC 9207). */
export const answerUri = (to: ReturnTo, issuer: string, answer: Readonly<Record<string, string>>): string => {
  const state = to.state === undefined ? {} : { state: to.state }
  const parameters = new URLSearchParams({ ...answer, ...state, iss: issuer }).toString()
  if (to.responseMode === 'fragment') return `${to.redirectUri}#${parameters}`
  return `${to.redirectUri}${to.redirectUri.includes('?') ? '&' : '?'}${parameters}`
}
