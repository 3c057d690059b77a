import { createHash, randomBytes } from 'node:crypto'
import { AccountBrowser, PASSWORD } from './account-browser.ts'
import { type Answer, type Json, TestClient } from './client.ts'
import { type HomeserverSetup, type StartHomeserver, startHomeserver, type TestHomeserver } from './homeserver.ts'
import { freePort } from './other-servers/openid-provider.ts'
import type { Page } from './plain-browser.ts'

export const DEVICE_GRANT = 'urn:ietf:params:oauth:grant-type:device_code'
/** As clients register that know all grants there are. */
export const APP = {
  client_name: 'Example app',
  client_uri: 'https://app.example/',
  application_type: 'web',
  redirect_uris: ['https://app.example/back', 'https://app.example/back?with=query'],
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token', DEVICE_GRANT],
  response_types: ['code'],
}

/** Starts a homeserver that knows its own address. */
export const startOAuth = async (
  setup: HomeserverSetup = {},
  start: StartHomeserver = startHomeserver,
): Promise<TestHomeserver> => {
  const port = await freePort()
  const { settings = {}, ...rest } = setup
  return start({
    ...rest,
    settings: {
      ...settings,
      listen: { port, ...settings.listen },
      server: { publicBaseUrl: `http://127.0.0.1:${port}`, ...settings.server },
    },
  })
}

export type Changes = Readonly<Record<string, string | undefined>>

const defined = (fields: Changes): Record<string, string> =>
  Object.fromEntries(Object.entries(fields).flatMap(([name, value]) => (value === undefined ? [] : [[name, value]])))

/** Says all that an OAuth client says, rightly or, with changes, wrongly. */
export class OAuthApp {
  readonly homeserver: TestHomeserver
  readonly clientId: string
  readonly redirectUri: string
  readonly deviceId = randomBytes(8).toString('hex').toUpperCase()
  readonly verifier = randomBytes(32).toString('base64url')
  readonly state = randomBytes(8).toString('hex')

  private constructor(homeserver: TestHomeserver, clientId: string, redirectUri: string) {
    this.homeserver = homeserver
    this.clientId = clientId
    this.redirectUri = redirectUri
  }

  static async register(homeserver: TestHomeserver, metadata: Json = APP): Promise<OAuthApp> {
    const answer = await registration(homeserver, metadata)
    if (answer.status !== 201)
      throw new Error(`the registration was answered ${answer.status}: ${JSON.stringify(answer.body)}`)
    return new OAuthApp(homeserver, answer.body.client_id, metadata.redirect_uris?.[0] ?? '')
  }

  /** The same client beginning again, with secrets of its own. */
  another(): OAuthApp {
    return new OAuthApp(this.homeserver, this.clientId, this.redirectUri)
  }

  get scope(): string {
    return `urn:matrix:client:api:* urn:matrix:client:device:${this.deviceId}`
  }

  /** The path of the authorisation request. */
  path(changes: Changes = {}): string {
    const query = {
      response_type: 'code',
      client_id: this.clientId,
      redirect_uri: this.redirectUri,
      scope: this.scope,
      state: this.state,
      response_mode: 'fragment',
      code_challenge: createHash('sha256').update(this.verifier).digest('base64url'),
      code_challenge_method: 'S256',
      ...changes,
    }
    return `/oauth/authorize?${new URLSearchParams(defined(query)).toString()}`
  }

  token(fields: Changes): Promise<Answer> {
    return postForm(this.homeserver, '/oauth/token', { client_id: this.clientId, ...fields })
  }

  redeem(code: string, changes: Changes = {}): Promise<Answer> {
    return this.token({
      grant_type: 'authorization_code',
      redirect_uri: this.redirectUri,
      code_verifier: this.verifier,
      code,
      ...changes,
    })
  }

  refresh(refreshToken: string, changes: Changes = {}): Promise<Answer> {
    return this.token({ grant_type: 'refresh_token', refresh_token: refreshToken, ...changes })
  }

  revoke(token: string, changes: Changes = {}): Promise<Answer> {
    return postForm(this.homeserver, '/oauth/revoke', { token, client_id: this.clientId, ...changes })
  }

  /** Returns what comes back to the app after a person who is signed in consented. */
  async consent(browser: AccountBrowser, changes: Changes = {}): Promise<URLSearchParams> {
    return answerOn(browser, await browser.submit(await browser.at(this.path(changes)), { decision: 'allow' }))
  }

  async code(browser: AccountBrowser, changes: Changes = {}): Promise<string> {
    const answer = await this.consent(browser, changes)
    const code = answer.get('code')
    if (code === null) throw new Error(`there is no code but ${answer.toString()}`)
    return code
  }

  /** Signs the account in by all the steps there are. */
  async signIn(user: TestClient): Promise<{ readonly client: TestClient; readonly tokens: Json }> {
    const { status, body } = await this.redeem(await this.code(await browserOf(this.homeserver, user)))
    if (status !== 200) throw new Error(`the code was answered ${status}: ${JSON.stringify(body)}`)
    return { client: clientWith(this.homeserver, body, user.userId, this.deviceId), tokens: body }
  }
}

export const clientWith = (homeserver: TestHomeserver, tokens: Json, userId = '', deviceId = ''): TestClient => {
  const client = new TestClient(() => homeserver.url)
  client.accessToken = tokens.access_token
  client.userId = userId
  client.deviceId = deviceId
  return client
}

/** A browser in which the user is signed in. */
export const browserOf = async (homeserver: TestHomeserver, user: TestClient): Promise<AccountBrowser> => {
  const browser = new AccountBrowser(homeserver)
  await browser.signIn(user.userId, PASSWORD)
  return browser
}

/** The parameters that a page gives an app, in the query or the fragment. */
export const answerOn = (browser: AccountBrowser, page: Page): URLSearchParams => {
  const uri = uriOn(browser, page)
  return new URLSearchParams(uri.hash === '' ? uri.search : uri.hash.slice(1))
}

export const uriOn = (browser: AccountBrowser, page: Page): URL => {
  const to = browser.goesOnTo(page)
  if (to === undefined) throw new Error(`the page leads nowhere:\n${page.status} ${page.text}`)
  return new URL(to.replaceAll('&#39;', "'"))
}

export const registration = (homeserver: TestHomeserver, metadata: Json): Promise<Answer> =>
  homeserver.client().request('POST', '/oauth/clients', { body: metadata })

export const postForm = async (homeserver: TestHomeserver, path: string, fields: Changes): Promise<Answer> => {
  const body = new URLSearchParams(defined(fields))
  const response = await fetch(`${homeserver.url}${path}`, { method: 'POST', body })
  return { status: response.status, headers: response.headers, body: await response.json() }
}

/** The ways in which a token endpoint refuses: status and code. */
export const refusal = ({ status, body }: Answer): string => `${status} ${body.error}`
