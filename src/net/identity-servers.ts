import { type Clock, failureWords, type Logger } from '#base'
import { type SigningKey, signaturesOf, signJson } from '#rules'
import { type JsonObject, parseServerName, stringAt, type UserId } from '#spec'
import { askIdentityServer, type IdentityServerAnswer, type IdentityServerRequest } from './identity-server-requests.ts'

export interface IdentityServersOptions {
  readonly clock: Clock
  readonly logger: Logger
  /**
   * Origins (`https://id.example.org:8090`; `https://id.example.org:*` at any port) of the only servers that are ever asked. They are chosen
   * by the operator, so they may be in private networks.
   */
  readonly trusted: readonly string[]
  readonly timeoutMs: number
  readonly signingKey: SigningKey
}

/** `untrusted`: not on the list, and nothing was sent. `unavailable`: no answer in time, or none that can be understood. */
export type IdentityServerFailure = { readonly kind: 'untrusted' } | { readonly kind: 'unavailable' }

/** An identifier as the identity server has it. */
export interface RemoteThirdPartyId {
  readonly medium: string
  readonly address: string
}

export type ValidationAnswer =
  | { readonly kind: 'validated'; readonly threepid: RemoteThirdPartyId; readonly validatedAtMs: number }
  | { readonly kind: 'unvalidated' }
  | IdentityServerFailure

/** The identity server's own error, bounded in length. */
export interface IdentityServerRefusal {
  readonly kind: 'refused'
  readonly errcode: string
  readonly error: string
}

export type BindAnswer =
  | { readonly kind: 'bound'; readonly threepid: RemoteThirdPartyId }
  | { readonly kind: 'unvalidated' }
  | IdentityServerRefusal
  | IdentityServerFailure

export interface BindRequest {
  readonly idServer: string
  /** If given, the v2 API is used, else v1, which has no tokens. */
  readonly accessToken: string | undefined
  readonly sid: string
  readonly clientSecret: string
  readonly userId: UserId
}

export interface UnbindRequest {
  readonly idServer: string
  readonly threepid: RemoteThirdPartyId
  readonly userId: UserId
}

export interface EmailTokenRequest {
  readonly idServer: string
  readonly accessToken: string | undefined
  readonly email: string
  readonly clientSecret: string
  readonly sendAttempt: number
  readonly nextLink: string | undefined
}

export type EmailTokenAnswer =
  | { readonly kind: 'sent'; readonly sid: string }
  | IdentityServerRefusal
  | IdentityServerFailure

const V1 = '/_matrix/identity/api/v1'
const V2 = '/_matrix/identity/v2'
/** Limit over all servers. Beyond it the answer is `unavailable`: there is an attack, or a server hangs. */
const MAX_AT_ONCE = 64
const MAX_ADDRESS = 512
/** The grammar of a session's id and of its secret (appendices, "Opaque Identifiers"). Nothing else is sent on. */
const OPAQUE = /^[0-9A-Za-z.=_-]{1,255}$/
const ACCESS_TOKEN = /^[\x21-\x7e]{1,2048}$/
const NO_SUCH_SESSION = new Set(['M_NO_VALID_SESSION', 'M_SESSION_NOT_VALIDATED', 'M_SESSION_EXPIRED'])

/**
 * The identity servers that the operator trusts (identity service API). Their answers are treated as hostile: bounded in time and size,
 * no redirects. No method throws.
 */
export class IdentityServers {
  readonly #options: IdentityServersOptions
  /** Host, and port unless it is the usual one -> origin. */
  readonly #origins: ReadonlyMap<string, string>
  readonly #hostsAtAnyPort: ReadonlySet<string>
  #running = 0

  constructor(options: IdentityServersOptions) {
    this.#options = options
    const { trusted } = options
    this.#origins = new Map(trusted.filter((one) => !isAtAnyPort(one)).map((origin) => [new URL(origin).host, origin]))
    this.#hostsAtAnyPort = new Set(trusted.filter(isAtAnyPort).map((one) => new URL(one.slice(0, -2)).host))
  }

  /** `/validate/email/requestToken`: makes it send a mail with a link of its own, for clients that ask this server instead. */
  async requestEmailToken(request: EmailTokenRequest): Promise<EmailTokenAnswer> {
    const host = this.#trusted(request.idServer)
    if (host === undefined) return { kind: 'untrusted' }
    const { email, clientSecret, sendAttempt, nextLink, accessToken } = request
    if (isMalformed(accessToken)) return UNKNOWN_TOKEN
    const received = await this.#send(host, {
      method: 'POST',
      path: `${accessToken === undefined ? V1 : V2}/validate/email/requestToken`,
      content: { email, client_secret: clientSecret, send_attempt: sendAttempt, next_link: nextLink },
      ...bearer(accessToken),
    })
    if (received.kind === 'error') return refusalOf(received)
    if (received.kind !== 'answer') return received
    const sid = stringAt(received.body, 'sid')
    return sid !== undefined && OPAQUE.test(sid) ? { kind: 'sent', sid } : { kind: 'unavailable' }
  }

  /** `/3pid/getValidated3pid`, of v1: in v2 it wants an access token that only the client has. `idServer` as the client sent it. */
  async validated(idServer: string, sid: string, clientSecret: string): Promise<ValidationAnswer> {
    const host = this.#trusted(idServer)
    if (host === undefined) return { kind: 'untrusted' }
    if (!OPAQUE.test(sid) || !OPAQUE.test(clientSecret)) return { kind: 'unvalidated' }
    const query = new URLSearchParams({ sid, client_secret: clientSecret })
    const received = await this.#send(host, { method: 'GET', path: `${V1}/3pid/getValidated3pid?${query.toString()}` })
    if (received.kind === 'error') return unvalidatedOr(received) ?? { kind: 'unavailable' }
    if (received.kind !== 'answer') return received
    const threepid = threepidIn(received.body)
    const { validated_at: validatedAtMs } = received.body
    if (threepid === undefined || !isTimestamp(validatedAtMs)) return { kind: 'unavailable' }
    return { kind: 'validated', threepid, validatedAtMs }
  }

  /** `/3pid/bind`: publishes that the address of a validated session is the user's. */
  async bind({ idServer, accessToken, sid, clientSecret, userId }: BindRequest): Promise<BindAnswer> {
    const host = this.#trusted(idServer)
    if (host === undefined) return { kind: 'untrusted' }
    if (!OPAQUE.test(sid) || !OPAQUE.test(clientSecret)) return { kind: 'unvalidated' }
    if (isMalformed(accessToken)) return UNKNOWN_TOKEN
    const received = await this.#send(host, {
      method: 'POST',
      path: `${accessToken === undefined ? V1 : V2}/3pid/bind`,
      content: { sid, client_secret: clientSecret, mxid: userId },
      ...bearer(accessToken),
    })
    if (received.kind === 'error') return unvalidatedOr(received) ?? refusalOf(received)
    if (received.kind !== 'answer') return received
    const threepid = threepidIn(received.body)
    if (threepid === undefined || received.body.mxid !== userId) return { kind: 'unavailable' }
    return { kind: 'bound', threepid }
  }

  /**
   * `/3pid/unbind`, signed by this homeserver. `no-support`: the identity server did not do it, whatever the reason. Uses v1 if it has no v2.
   */
  async unbind({ idServer, threepid, userId }: UnbindRequest): Promise<'success' | 'no-support'> {
    const host = this.#trusted(idServer)
    if (host === undefined) return 'no-support'
    const content = { mxid: userId, threepid: { medium: threepid.medium, address: threepid.address } }
    let received = await this.#sendSigned(host, `${V2}/3pid/unbind`, content)
    if (received.kind === 'error' && received.status === 404) {
      received = await this.#sendSigned(host, `${V1}/3pid/unbind`, content)
    }
    return received.kind === 'answer' ? 'success' : 'no-support'
  }

  /** Asks it anything else. With a token, as the client that it belongs to. */
  async ask(
    idServer: string,
    accessToken: string | undefined,
    request: Omit<IdentityServerRequest, 'authorization'>,
  ): Promise<AnswerBody | IdentityServerRefusal | IdentityServerFailure> {
    const host = this.#trusted(idServer)
    if (host === undefined) return { kind: 'untrusted' }
    if (isMalformed(accessToken)) return UNKNOWN_TOKEN
    const received = await this.#send(host, { ...request, ...bearer(accessToken) })
    return received.kind === 'error' ? refusalOf(received) : received
  }

  /** The name in the operator's list. */
  #trusted(idServer: string): string | undefined {
    // Some clients send a URL.
    const name = parseServerName(idServer.replace(/^https?:\/\//, '').replace(/\/$/, ''))
    if (name === undefined) return undefined
    const host = name.toLowerCase().replace(/:443$/, '')
    return this.#origins.has(host) || this.#hostsAtAnyPort.has(host.replace(/:\d+$/, '')) ? host : undefined
  }

  /**
   * Server-server API, "Request Authentication", with `destination_is` in place of `destination`: no text says so, but it is what identity
   * servers check and other homeservers send.
   */
  async #sendSigned(host: string, path: string, content: JsonObject): Promise<Received> {
    const { signingKey } = this.#options
    const { serverName: origin, keyId } = signingKey
    const signed = signJson({ method: 'POST', uri: path, origin, destination_is: host, content }, signingKey)
    if (!signed.ok) return { kind: 'unavailable' }
    const { signature } = signaturesOf(signed.value, origin)[0] ?? {}
    const authorization = `X-Matrix origin="${origin}",key="${keyId}",sig="${signature}"`
    return this.#send(host, { method: 'POST', path, content, authorization })
  }

  async #send(host: string, sent: IdentityServerRequest): Promise<Received> {
    const { clock, logger, timeoutMs } = this.#options
    if (this.#running >= MAX_AT_ONCE) return { kind: 'unavailable' }
    this.#running++
    const late = new AbortController()
    const cancel = clock.after(timeoutMs, () => late.abort())
    try {
      return await askIdentityServer(this.#origins.get(host) ?? `https://${host}`, sent, late.signal)
    } catch (err) {
      // The query is not logged: it holds the client's secret.
      const path = sent.path.replace(/\?.*$/, '')
      logger.warn(
        { err, reason: failureWords(err), identityServer: host, path },
        'an identity server gave no usable answer',
      )
      return { kind: 'unavailable' }
    } finally {
      cancel()
      this.#running--
    }
  }
}

type Received = IdentityServerAnswer | IdentityServerFailure
type AnswerBody = Extract<Received, { readonly kind: 'answer' }>
type ReceivedError = Extract<Received, { readonly kind: 'error' }>

const unvalidatedOr = ({ errcode }: ReceivedError): { readonly kind: 'unvalidated' } | undefined =>
  errcode !== undefined && NO_SUCH_SESSION.has(errcode) ? { kind: 'unvalidated' } : undefined

const refusalOf = ({ status, errcode, error }: ReceivedError): IdentityServerRefusal | IdentityServerFailure =>
  errcode === undefined || status >= 500 ? { kind: 'unavailable' } : { kind: 'refused', errcode, error }

const isAtAnyPort = (trusted: string): boolean => trusted.endsWith(':*')

const UNKNOWN_TOKEN: IdentityServerRefusal = {
  kind: 'refused',
  errcode: 'M_UNKNOWN_TOKEN',
  error: 'id_access_token is no access token',
}

const isMalformed = (accessToken: string | undefined): boolean =>
  accessToken !== undefined && !ACCESS_TOKEN.test(accessToken)

const bearer = (accessToken: string | undefined): Pick<IdentityServerRequest, 'authorization'> =>
  accessToken === undefined ? {} : { authorization: `Bearer ${accessToken}` }

const isTimestamp = (value: unknown): value is number => Number.isSafeInteger(value) && Number(value) >= 0

const threepidIn = (body: JsonObject): RemoteThirdPartyId | undefined => {
  const medium = stringAt(body, 'medium')
  const address = stringAt(body, 'address')
  if (medium === undefined || address === undefined || address.length > MAX_ADDRESS) return undefined
  return { medium, address }
}
