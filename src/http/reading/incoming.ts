import type { IncomingHttpHeaders, IncomingMessage, ServerResponse } from 'node:http'
import type { LoopTurns, TracedRequest } from '#base'
import type { AnswerBudget } from '../answering/answer-budget.ts'
import type { AuthRequest } from '../endpoint/auth.ts'
import type { AnyRequest } from '../endpoint/endpoint.ts'
import { isV1Path } from '../endpoint/paths.ts'
import type { Caller, RemoteServer, Requester } from '../endpoint/requester.ts'
import type { Masquerade } from '../endpoint/token-issuer.ts'
import { accessTokenOf } from './access-token.ts'
import type { BodyBudget } from './body-budget.ts'
import type { ClientAddress } from './client-address.ts'
import { cookieIn } from './cookie.ts'
import type { LiveSignals } from './live-signals.ts'
import type { RepeatedBodies } from './repeated-bodies.ts'
import type { RequestSignatures } from './request-signatures.ts'
import type { TokenOwners } from './token-owners.ts'

/** One of them is enough: browsers send the first with every request, the others with most. */
const BROWSERS_SAY = ['accept-language', 'sec-fetch-mode', 'sec-fetch-site', 'origin', 'referer', 'cookie'] as const

export interface EdgeContext {
  readonly tokenOwners: TokenOwners
  readonly clientAddress: ClientAddress
  readonly signals: LiveSignals
  readonly bodies: BodyBudget
  readonly repeated: RepeatedBodies
  /** For answers that are sent in pieces. */
  readonly turns: LoopTurns
  readonly answers: AnswerBudget
  readonly signatures: RequestSignatures
}

export interface IncomingParts {
  readonly edge: EdgeContext
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly number: number
  readonly startedMs: number
  readonly params: unknown
  readonly query: Record<string, unknown>
}

const NOBODY_ELSE: Masquerade = { userId: undefined, deviceId: undefined }

const firstOf = (value: unknown): string | undefined => {
  const first: unknown = Array.isArray(value) ? value[0] : value
  return typeof first === 'string' ? first : undefined
}

/** One request, as its auth and its handler see it. Members that few of them read are made at the first reading. */
export class IncomingRequest implements AnyRequest, AuthRequest {
  readonly request: IncomingMessage
  readonly response: ServerResponse
  readonly startedMs: number
  readonly params: unknown
  readonly query: Record<string, unknown>
  requester: Caller | undefined = undefined
  admitsLocked = false
  body: unknown = undefined
  bodyText: string | undefined = undefined
  /** Bytes of a body that may come again, until it was checked. */
  uncheckedBytes: Buffer | undefined = undefined
  /** The body was read and checked for an earlier request. */
  hasKeptBody = false
  /** The number of rechecks when this request was admitted; see `WaitingRequests.add`. */
  rechecksBefore = 0
  traced: TracedRequest | undefined = undefined
  readonly #edge: EdgeContext
  readonly #number: number
  #accessToken: string | undefined = undefined
  #asItself = false
  #signal: AbortSignal | undefined = undefined

  constructor({ edge, request, response, number, startedMs, params, query }: IncomingParts) {
    this.request = request
    this.response = response
    this.startedMs = startedMs
    this.params = params
    this.query = query
    this.#edge = edge
    this.#number = number
  }

  /** The request's name in the log. */
  get id(): string {
    return `r${this.#number}`
  }

  get userId(): string | undefined {
    return this.#person?.userId
  }

  get user(): number | undefined {
    return this.#person?.user
  }

  get #person(): Requester | undefined {
    return this.requester?.kind === 'server' ? undefined : this.requester
  }

  get method(): string {
    return this.request.method ?? ''
  }

  get url(): string {
    return this.request.url ?? ''
  }

  get path(): string {
    const { url } = this
    const end = url.indexOf('?')
    return end === -1 ? url : url.slice(0, end)
  }

  get inV1(): boolean {
    return isV1Path(this.url)
  }

  get headers(): IncomingHttpHeaders {
    return this.request.headers
  }

  get authorizations(): readonly string[] {
    return this.request.headersDistinct.authorization ?? []
  }

  get ip(): string {
    return this.#edge.clientAddress(this.request)
  }

  get userAgent(): string | undefined {
    return this.request.headers['user-agent']
  }

  readonly header = (name: string): string | undefined => {
    const value = this.request.headers[name]
    return typeof value === 'string' ? value : value?.[0]
  }

  cookie(name: string): string | undefined {
    return cookieIn(this.request.headers.cookie, name)
  }

  get fromBrowser(): boolean {
    const { headers } = this.request
    return BROWSERS_SAY.some((name) => headers[name] !== undefined)
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#edge.signals.open(this.response)
    return this.#signal
  }

  /** The access token that was checked for this request, if any. */
  get accessToken(): string | undefined {
    return this.#accessToken
  }

  tokenOwner(of: { readonly locked?: boolean; readonly itself?: boolean } = {}): Promise<Requester> | undefined {
    this.admitsLocked = of.locked === true
    this.#asItself = of.itself === true
    const token = accessTokenOf(this.request.headers, this.query)
    if (token === undefined) return undefined
    this.#accessToken = token
    return this.#edge.tokenOwners.check(token, this)
  }

  get asksService(): boolean {
    const token = accessTokenOf(this.request.headers, this.query)
    return token !== undefined && this.#edge.tokenOwners.isOfService(token)
  }

  get masquerade(): Masquerade {
    if (this.#asItself) return NOBODY_ELSE
    return {
      userId: firstOf(this.query.user_id),
      deviceId: firstOf(this.query.device_id) ?? firstOf(this.query['org.matrix.msc3202.device_id']),
    }
  }

  signer(): Promise<RemoteServer> {
    return this.#edge.signatures.signerOf(this)
  }

  beforeLookUp(): Promise<void> {
    return this.#edge.tokenOwners.checkAddress(this.ip)
  }

  /** Whether the handler asked for the signal, and so may have taken long. */
  get waited(): boolean {
    return this.#signal !== undefined
  }

  /** Throws `M_UNKNOWN_TOKEN` where the access token, if there is one, is void now. */
  async checkAgain(): Promise<void> {
    if (this.#accessToken !== undefined) await this.#edge.tokenOwners.check(this.#accessToken, this)
  }
}
