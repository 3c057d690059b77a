import { generateKeyPairSync, randomInt } from 'node:crypto'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import Provider, { type ClientMetadata, type InteractionResults } from 'oidc-provider'

const PORTS = { first: 12_000, count: 20_000 }

/**
 * A port that nobody listens on now: for addresses that must be known before the server starts. Below those that systems give to who asks
 * for any, lest another test gets it in between.
 */
export const freePort = async (): Promise<number> => {
  for (;;) {
    const port = randomInt(PORTS.first, PORTS.first + PORTS.count)
    const server = createServer()
    const isFree = await new Promise<boolean>((resolve) => {
      server.once('error', () => resolve(false))
      server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
    })
    if (isFree) return port
  }
}

export interface Person {
  readonly preferred_username?: string
  readonly name?: string
  readonly email?: string
  readonly email_verified?: boolean
}

const CLIENT_SECRET = 'a secret of forty-three characters or so, see'
const signingKey = {
  ...generateKeyPairSync('rsa', { modulusLength: 2048 }).privateKey.export({ format: 'jwk' }),
  kid: 'k1',
  alg: 'RS256',
  use: 'sig',
}

const page = (
  uid: string,
  prompt: string,
): string => `<!doctype html><title>Provider</title><h1>Provider: ${prompt}</h1>
<form method="post" action="/interaction/${uid}"><input name="person" aria-label="Person" value="ann"><button name="say" value="yes">Allow</button>
<button name="say" value="no">Deny</button></form>`

/** A real OpenID Connect provider on this machine. Whoever comes is asked by a page, or is whom `comes` says. */
export class OpenIdProviderServer {
  readonly people = new Map<string, Person>([
    ['ann', { preferred_username: 'ann', name: 'Ann Example', email: 'ann@example.org', email_verified: true }],
  ])
  /** By the id of a person; `nobody`: they deny. undefined: a page asks. */
  comes: string | undefined = 'ann'
  readonly #server: Server
  #answer: (request: IncomingMessage, response: ServerResponse) => void = () => {}

  constructor() {
    this.#server = createServer((request, response) => this.#answer(request, response))
  }

  get url(): string {
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}`
  }

  /** `redirectUri`: of the homeserver that is its client. */
  async start(redirectUri: string, client: Partial<ClientMetadata> = {}): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    const provider = new Provider(this.url, {
      clients: [{ client_id: 'homeroom', client_secret: CLIENT_SECRET, redirect_uris: [redirectUri], ...client }],
      jwks: { keys: [signingKey as never] },
      cookies: { keys: ['of the cookies'] },
      claims: { openid: ['sub'], profile: ['name', 'preferred_username'], email: ['email', 'email_verified'] },
      findAccount: (_context, id) => ({ accountId: id, claims: () => ({ sub: id, ...this.people.get(id) }) }),
      features: { devInteractions: { enabled: false } },
      interactions: { url: (_context, { uid }) => `/interaction/${uid}` },
      ttl: { AccessToken: 600, AuthorizationCode: 60, IdToken: 600, Interaction: 600, Session: 600, Grant: 600 },
    })
    const answer = provider.callback()
    this.#answer = (request, response) => {
      if (request.url?.startsWith('/interaction/') === true) void this.#interact(provider, request, response)
      else void answer(request, response)
    }
  }

  /** For the settings of a homeserver. */
  settings(over: Readonly<Record<string, unknown>> = {}): Readonly<Record<string, unknown>> {
    return {
      id: 'own',
      name: 'Own Provider',
      issuer: this.url,
      clientId: 'homeroom',
      clientSecret: CLIENT_SECRET,
      ...over,
    }
  }

  async stop(): Promise<void> {
    await new Promise<void>((resolve) => {
      this.#server.close(() => resolve())
      this.#server.closeAllConnections()
    })
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.stop()
  }

  async #interact(provider: Provider, request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { uid, prompt, params, session } = await provider.interactionDetails(request, response)
    const form = request.method === 'POST' ? new URLSearchParams(await textOf(request)) : undefined
    if (this.comes === undefined && form === undefined) {
      response.writeHead(200, { 'content-type': 'text/html' }).end(page(uid, prompt.name))
      return
    }
    const person =
      form === undefined ? this.comes : form.get('say') === 'yes' ? (form.get('person') ?? 'ann') : 'nobody'
    const result = await this.#resultOf(
      provider,
      person ?? 'nobody',
      prompt.name,
      String(params.scope),
      session?.accountId,
    )
    await provider.interactionFinished(request, response, result, { mergeWithLastSubmission: true })
  }

  async #resultOf(
    provider: Provider,
    person: string,
    prompt: string,
    scope: string,
    accountId: string | undefined,
  ): Promise<InteractionResults> {
    if (person === 'nobody') return { error: 'access_denied', error_description: 'They said no' }
    if (prompt === 'login') return { login: { accountId: person } }
    const grant = new provider.Grant({ accountId: accountId ?? person, clientId: 'homeroom' })
    grant.addOIDCScope(scope)
    return { consent: { grantId: await grant.save() } }
  }
}

const textOf = async (request: IncomingMessage): Promise<string> => {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks).toString()
}
