import type { TestClient } from './client.ts'
import { type HomeserverSetup, type StartHomeserver, startHomeserver, type TestHomeserver } from './homeserver.ts'
import { freePort, OpenIdProviderServer } from './other-servers/openid-provider.ts'
import { type Page, PlainBrowser } from './plain-browser.ts'

/** A client that the browser goes back to; nobody is there. */
export const CLIENT = 'https://app.example/after?x=1&y=%20z'
export const isClient = (url: string): boolean => url.startsWith('https://app.example/')

export interface SignInSetup extends Omit<HomeserverSetup, 'settings' | 'database'> {
  readonly settings?: HomeserverSetup['settings']
  /** Over the settings of the provider. */
  readonly provider?: Readonly<Record<string, unknown>>
  /** Over what the provider knows of its client. */
  readonly client?: Parameters<OpenIdProviderServer['start']>[1]
  /** Further providers, whole. */
  /** Default: on SQLite. */
  readonly start?: StartHomeserver
  readonly others?: readonly Readonly<Record<string, unknown>>[]
}

/** A homeserver and its provider of identities. */
export class SignInHouse {
  readonly homeserver: TestHomeserver
  readonly provider: OpenIdProviderServer

  constructor(homeserver: TestHomeserver, provider: OpenIdProviderServer) {
    this.homeserver = homeserver
    this.provider = provider
  }

  get url(): string {
    return this.homeserver.url
  }

  /** Where a client sends a browser. */
  start(redirectUrl = CLIENT, provider = ''): string {
    const path = `/_matrix/client/v3/login/sso/redirect${provider === '' ? '' : `/${provider}`}`
    return `${this.url}${path}?${new URLSearchParams({ redirectUrl }).toString()}`
  }

  /** From the client to the provider and back: the page that the homeserver shows then. */
  async goAndReturn(browser = new PlainBrowser(), redirectUrl = CLIENT): Promise<Page> {
    return browser.open(this.start(redirectUrl), isClient)
  }

  /** All the way, for somebody who has an account or gets one of that name: the login token. */
  async loginToken(username?: string, browser = new PlainBrowser()): Promise<string> {
    let page = await this.goAndReturn(browser)
    if (username !== undefined) page = await browser.submit(page, { username })
    const href = browser.links(page).get('Continue')
    if (href === undefined) throw new Error(`nothing to go on to:\n${page.text}`)
    const { location } = await browser.open(href, isClient)
    return new URL(location ?? '').searchParams.get('loginToken') ?? ''
  }

  /** A client with an account made at the provider, without a password. */
  async register(username: string): Promise<TestClient> {
    const client = this.homeserver.client()
    await client.login(username, { type: 'm.login.token', token: await this.loginToken(username) })
    return client
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.homeserver.stop()
    await this.provider[Symbol.asyncDispose]()
  }
}

export const startSignInHouse = async (setup: SignInSetup = {}): Promise<SignInHouse> => {
  const { settings = {}, provider: over, client, others = [], start = startHomeserver, ...rest } = setup
  const provider = new OpenIdProviderServer()
  const port = await freePort()
  const publicBaseUrl = `http://127.0.0.1:${port}`
  await provider.start(`${publicBaseUrl}/_homeroom/sign-in/callback`, client)
  try {
    const homeserver = await start({
      ...rest,
      settings: {
        ...settings,
        listen: { port, ...settings.listen },
        server: { publicBaseUrl, ...settings.server },
        // With OAuth on, people come to a provider by the pages of accounts.
        oauth: { enabled: false, ...settings.oauth },
        signIn: { providers: [provider.settings(over), ...others], ...settings.signIn },
      },
    })
    return new SignInHouse(homeserver, provider)
  } catch (error) {
    await provider.stop()
    throw error
  }
}

/** What a page says to people. */
export const headingOf = ({ text }: Pick<Page, 'text'>): string =>
  (/<h1>(.*?)<\/h1>/.exec(text)?.[1] ?? '')
    .replaceAll(/<[^>]*>/g, '')
    .replaceAll(/&#(\d+);/g, (_whole, code: string) => String.fromCodePoint(Number(code)))

/** Status, and user id or errcode, of a login with a login token. */
export const withToken = async (homeserver: TestHomeserver, token: string) => {
  const { status, body } = await homeserver
    .client()
    .request('POST', '/v3/login', { body: { type: 'm.login.token', token } })
  return [status, body.errcode ?? body.user_id]
}
