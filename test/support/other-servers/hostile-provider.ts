import { createSign, generateKeyPairSync } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

const { privateKey, publicKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
const stranger = generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey
const encoded = (value: unknown): string => Buffer.from(JSON.stringify(value)).toString('base64url')

/** What is answered instead of the honest thing; `silent`: nothing ever. */
export type Lie = { readonly status?: number; readonly body: string; readonly type?: string } | 'silent'

/** A provider that says what a test wants it to, of OpenID Connect and of plain OAuth 2.0. It lets everybody in at once. */
export class HostileProvider implements AsyncDisposable {
  /** By path: `/.well-known/openid-configuration`, `/token`, `/jwks`, `/userinfo`. */
  readonly lies = new Map<string, Lie>()
  /** Over the claims of the ID token. */
  claims: Readonly<Record<string, unknown>> = {}
  signedByStranger = false
  /** What plain OAuth 2.0 tells of who it is. */
  userinfo: unknown = { sub: 'ann' }
  readonly #waiting = new Map<string, () => void>()
  readonly #server: Server
  #nonce = ''

  constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  start(): Promise<void> {
    return new Promise((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
  }

  [Symbol.asyncDispose](): Promise<void> {
    return new Promise((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  /** When it is asked for that path the next time. */
  asked(path: string): Promise<void> {
    return new Promise((resolve) => this.#waiting.set(path, resolve))
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const url = new URL(request.url ?? '/', this.url)
    request.resume()
    this.#waiting.get(url.pathname)?.()
    const lie = this.lies.get(url.pathname)
    if (lie === 'silent') return
    if (lie !== undefined) {
      response.writeHead(lie.status ?? 200, { 'content-type': lie.type ?? 'application/json' }).end(lie.body)
      return
    }
    if (url.pathname === '/authorize') {
      this.#nonce = url.searchParams.get('nonce') ?? ''
      const back = new URL(url.searchParams.get('redirect_uri') ?? '')
      back.searchParams.set('code', 'a-code')
      back.searchParams.set('state', url.searchParams.get('state') ?? '')
      response.writeHead(302, { location: back.href }).end()
      return
    }
    const body = JSON.stringify(this.#honest(url.pathname))
    response.writeHead(200, { 'content-type': 'application/json' }).end(body)
  }

  #honest(path: string): unknown {
    switch (path) {
      case '/.well-known/openid-configuration':
        return {
          issuer: this.url,
          authorization_endpoint: `${this.url}/authorize`,
          token_endpoint: `${this.url}/token`,
          jwks_uri: `${this.url}/jwks`,
          response_types_supported: ['code'],
          subject_types_supported: ['public'],
          id_token_signing_alg_values_supported: ['RS256'],
        }
      case '/jwks':
        return { keys: [{ ...publicKey.export({ format: 'jwk' }), kid: 'k', alg: 'RS256', use: 'sig' }] }
      case '/token':
        return { access_token: 'an-access-token', token_type: 'bearer', expires_in: 60, id_token: this.#idToken() }
      default:
        return this.userinfo
    }
  }

  #idToken(): string {
    const now = Math.floor(Date.now() / 1_000)
    const claims = { iss: this.url, aud: 'homeroom', sub: 'ann', iat: now, exp: now + 60, nonce: this.#nonce }
    const text = `${encoded({ alg: 'RS256', kid: 'k' })}.${encoded({ ...claims, ...this.claims })}`
    const signature = createSign('RSA-SHA256')
      .update(text)
      .sign(this.signedByStranger ? stranger : privateKey)
    return `${text}.${signature.toString('base64url')}`
  }
}
