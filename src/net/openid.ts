import { createPrivateKey } from 'node:crypto'
import type { ClientAuth, Configuration } from 'openid-client'
import type { Clock } from '#base'
import { isJsonObject, type JsonObject } from '#spec'
import { boundedFetch } from './openid-transport.ts'

type Library = typeof import('openid-client')

/** The addresses of a provider: discovered at an issuer, or set by the operator. */
export type OpenIdEndpoints =
  | { readonly kind: 'issuer'; readonly issuer: string }
  | {
      readonly kind: 'explicit'
      readonly authorizationEndpoint: string
      readonly tokenEndpoint: string
      readonly userinfoEndpoint: string
      /** The member of the userinfo that names a person for ever. */
      readonly subjectClaim: string
    }

export type OpenIdClientAuth =
  | { readonly kind: 'client_secret_basic' | 'client_secret_post'; readonly secret: string }
  /** `pem`: PKCS #8, RSA or P-256. */
  | { readonly kind: 'private_key_jwt'; readonly pem: string; readonly keyId: string | undefined }

export interface OpenIdOptions {
  readonly clock: Clock
  readonly endpoints: OpenIdEndpoints
  readonly clientId: string
  readonly clientAuth: OpenIdClientAuth
  readonly scopes: readonly string[]
  readonly redirectUri: string
  readonly timeoutMs: number
}

/** The values that tie an answer to its authorization request; secret but for `state`. */
export interface AuthorizationSecrets {
  readonly state: string
  readonly nonce: string
  /** 43 to 128 characters: RFC 7636. */
  readonly pkceVerifier: string
}

export interface ProvenIdentity {
  /** Unique at the provider and never given again. */
  readonly subject: string
  /** All claims of the ID token and of the userinfo. Their origin is sure, their content is untrusted. */
  readonly claims: JsonObject
}

/**
 * `unavailable`: no answer in time, or an answer of trouble. `denied`: the person said no. `invalid`: the answer proves nothing, as
 * it was made for something else, was changed, or cannot be understood.
 */
export class ProviderFailure extends Error {
  override readonly name = 'ProviderFailure'
  readonly kind: 'unavailable' | 'denied' | 'invalid'

  constructor(kind: ProviderFailure['kind'], cause: unknown) {
    super(`the provider's answer is ${kind}`, { cause })
    this.kind = kind
  }
}

/** Keys and addresses of a provider change rarely; the library asks for keys it does not know by itself. */
const METADATA_LIFETIME_MS = 3_600_000
const METADATA_RETRY_MS = 60_000
const DISCOVERY_ATTEMPTS = 2
const CLOCK_TOLERANCE_S = 60
const MAX_SUBJECT_LENGTH = 255

/** One provider of identities, as its confidential client: authorization code with PKCE, `state` and `nonce` (OpenID Connect Core, RFC 6749). */
export class OpenIdProvider {
  readonly #options: OpenIdOptions
  #client: { readonly library: Library; readonly configuration: Configuration; readonly untilMs: number } | undefined
  #loading: Promise<Configuration> | undefined

  constructor(options: OpenIdOptions) {
    this.#options = options
  }

  /** Returns the URL to send the browser to. `again`: the person has to log in there anew. Throws `ProviderFailure`. */
  async authorizationUri(secrets: AuthorizationSecrets, again: boolean): Promise<string> {
    const { endpoints, redirectUri, scopes } = this.#options
    try {
      const [library, configuration] = await this.#ready()
      const uri = library.buildAuthorizationUrl(configuration, {
        redirect_uri: redirectUri,
        scope: scopes.join(' '),
        state: secrets.state,
        code_challenge: await library.calculatePKCECodeChallenge(secrets.pkceVerifier),
        code_challenge_method: 'S256',
        ...(endpoints.kind === 'issuer' ? { nonce: secrets.nonce } : {}),
        ...(endpoints.kind === 'issuer' && again ? { prompt: 'login' } : {}),
      })
      return uri.href
    } catch (error) {
      throw failureOf(error)
    }
  }

  /** Returns the identity of the person that the provider sent back with this query. Throws `ProviderFailure`. */
  async identify(query: URLSearchParams, secrets: AuthorizationSecrets): Promise<ProvenIdentity> {
    const { endpoints, redirectUri } = this.#options
    const callback = new URL(redirectUri)
    callback.search = query.toString()
    // Plain OAuth 2.0 has no issuer that this could be compared with.
    if (endpoints.kind === 'explicit') callback.searchParams.delete('iss')
    try {
      const [library, configuration] = await this.#ready()
      const tokens = await library.authorizationCodeGrant(configuration, callback, {
        expectedState: secrets.state,
        pkceCodeVerifier: secrets.pkceVerifier,
        ...(endpoints.kind === 'issuer' ? { expectedNonce: secrets.nonce } : {}),
      })
      if (endpoints.kind === 'explicit') {
        return await this.#plainIdentity(library, configuration, tokens.access_token, endpoints)
      }
      const token = tokens.claims()
      if (token === undefined) throw new ProviderFailure('invalid', 'no ID token')
      const info =
        configuration.serverMetadata().userinfo_endpoint === undefined
          ? {}
          : await library.fetchUserInfo(configuration, tokens.access_token, token.sub)
      return identityOf(token.sub, { ...info, ...token } as JsonObject)
    } catch (error) {
      throw failureOf(error)
    }
  }

  async #plainIdentity(
    library: Library,
    configuration: Configuration,
    accessToken: string,
    { userinfoEndpoint, subjectClaim }: OpenIdEndpoints & { readonly kind: 'explicit' },
  ): Promise<ProvenIdentity> {
    const url = new URL(userinfoEndpoint)
    const headers = new Headers({ accept: 'application/json', 'user-agent': 'homeroom' })
    const answer = await library.fetchProtectedResource(configuration, accessToken, url, 'GET', null, headers)
    if (answer.status !== 200)
      throw new ProviderFailure(answer.status >= 500 ? 'unavailable' : 'invalid', answer.status)
    const info: unknown = await answer.json()
    if (!isJsonObject(info)) throw new ProviderFailure('invalid', 'the userinfo is no object')
    return identityOf(claimAt(info, subjectClaim), info)
  }

  async #ready(): Promise<readonly [Library, Configuration]> {
    // Loaded with the first sign-in, to keep idle memory low.
    const library = await import('openid-client')
    const known = this.#client
    if (known !== undefined && this.#options.clock.monotonicMs() < known.untilMs) return [library, known.configuration]
    this.#loading ??= this.#load(library).finally(() => {
      this.#loading = undefined
    })
    try {
      return [library, await this.#loading]
    } catch (error) {
      // Old metadata is better than none; newer is asked for again after a while.
      if (known === undefined) throw error
      this.#client = { ...known, untilMs: this.#options.clock.monotonicMs() + METADATA_RETRY_MS }
      return [library, known.configuration]
    }
  }

  async #load(library: Library): Promise<Configuration> {
    const configuration = await this.#discover(library)
    const untilMs = this.#options.clock.monotonicMs() + METADATA_LIFETIME_MS
    this.#client = { library, configuration, untilMs }
    return configuration
  }

  async #discover(library: Library): Promise<Configuration> {
    const { clientAuth, clientId, clock, endpoints, timeoutMs } = this.#options
    const auth = await authOf(library, clientAuth)
    const metadata = { [library.clockTolerance]: CLOCK_TOLERANCE_S }
    const timeout = timeoutMs / 1_000
    const ask = boundedFetch(clock, timeoutMs)
    if (endpoints.kind === 'explicit') {
      const server = {
        issuer: new URL(endpoints.tokenEndpoint).origin,
        authorization_endpoint: endpoints.authorizationEndpoint,
        token_endpoint: endpoints.tokenEndpoint,
      }
      const configuration = new library.Configuration(server, clientId, metadata, auth)
      configuration.timeout = timeout
      configuration[library.customFetch] = ask
      if (isInsecure(endpoints.tokenEndpoint, endpoints.userinfoEndpoint)) library.allowInsecureRequests(configuration)
      return configuration
    }
    const options = {
      [library.customFetch]: ask,
      timeout,
      execute: [
        // The signature of ID tokens counts too, although they come straight from the provider.
        library.enableNonRepudiationChecks,
        // Only where the operator wrote http: a provider on this machine.
        ...(isInsecure(endpoints.issuer) ? [library.allowInsecureRequests] : []),
      ],
    }
    for (let attempt = 1; ; attempt++) {
      try {
        return await library.discovery(new URL(endpoints.issuer), clientId, metadata, auth, options)
      } catch (error) {
        if (attempt === DISCOVERY_ATTEMPTS || failureOf(error).kind !== 'unavailable') throw error
      }
    }
  }
}

const isInsecure = (...urls: readonly string[]): boolean => urls.some((url) => new URL(url).protocol === 'http:')

const authOf = async (library: Library, auth: OpenIdClientAuth): Promise<ClientAuth> => {
  switch (auth.kind) {
    case 'client_secret_basic':
      return library.ClientSecretBasic(auth.secret)
    case 'client_secret_post':
      return library.ClientSecretPost(auth.secret)
    case 'private_key_jwt': {
      const key = await signingKeyOf(auth.pem)
      return library.PrivateKeyJwt(auth.keyId === undefined ? key : { key, kid: auth.keyId })
    }
  }
}

/** Whether it can be the key of `private_key_jwt`. */
export const isSigningKey = (pem: string): boolean => {
  try {
    const { asymmetricKeyType, asymmetricKeyDetails } = createPrivateKey(pem)
    return asymmetricKeyType === 'rsa' || asymmetricKeyDetails?.namedCurve === 'prime256v1'
  } catch {
    return false
  }
}

const signingKeyOf = async (pem: string): Promise<CryptoKey> => {
  const key = createPrivateKey(pem)
  const der = key.export({ type: 'pkcs8', format: 'der' })
  const algorithm =
    key.asymmetricKeyType === 'rsa'
      ? { name: 'RSASSA-PKCS1-v1_5', hash: 'SHA-256' }
      : { name: 'ECDSA', namedCurve: 'P-256' }
  return crypto.subtle.importKey('pkcs8', new Uint8Array(der), algorithm, false, ['sign'])
}

const identityOf = (subject: unknown, claims: JsonObject): ProvenIdentity => {
  // Some plain OAuth 2.0 providers have numbers as ids.
  const text = typeof subject === 'number' && Number.isSafeInteger(subject) ? String(subject) : subject
  if (typeof text !== 'string' || text === '' || text.length > MAX_SUBJECT_LENGTH || /\p{Cc}/u.test(text)) {
    throw new ProviderFailure('invalid', 'the subject is missing, or no text of ours')
  }
  return { subject: text, claims }
}

/** `profile.id` is member `id` of member `profile`. */
const claimAt = (claims: JsonObject, path: string): unknown => {
  let at: unknown = claims
  for (const name of path.split('.')) at = isJsonObject(at) && Object.hasOwn(at, name) ? at[name] : undefined
  return at
}

/** Turns an error of the library, the network or the provider into a `ProviderFailure`. */
const failureOf = (error: unknown): ProviderFailure => {
  if (error instanceof ProviderFailure) return error
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  const told = error instanceof Error && 'error' in error ? error.error : undefined
  if (code === 'OAUTH_AUTHORIZATION_RESPONSE_ERROR') {
    if (told === 'access_denied' || told === 'consent_required' || told === 'login_required') {
      return new ProviderFailure('denied', error)
    }
    const isDown = told === 'temporarily_unavailable' || told === 'server_error'
    return new ProviderFailure(isDown ? 'unavailable' : 'invalid', error)
  }
  if (code === 'OAUTH_TIMEOUT' || code === 'OAUTH_ABORT') return new ProviderFailure('unavailable', error)
  if (code === 'OAUTH_RESPONSE_IS_NOT_CONFORM' && isTrouble(error)) return new ProviderFailure('unavailable', error)
  // Errors without a code of the library come from the network, except for answers that are no JSON.
  const isLibrarys = error instanceof SyntaxError || (typeof code === 'string' && /^(?:OAUTH_|ERR_)/.test(code))
  return new ProviderFailure(isLibrarys ? 'invalid' : 'unavailable', error)
}

/** The library has a status of 5xx as the cause. */
const isTrouble = (error: unknown): boolean => {
  const cause = error instanceof Error ? error.cause : undefined
  return cause instanceof Response && cause.status >= 500
}
