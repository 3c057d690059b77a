import { once } from 'node:events'
import { type IncomingMessage, request } from 'node:http'
import { text as consumeText } from 'node:stream/consumers'
import { type HomeserverSetup, startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { CasTestServer } from '../../support/other-servers/cas-server.ts'
import { freePort } from '../../support/other-servers/openid-provider.ts'
import { CLIENT } from '../../support/sign-in-house.ts'

/** What an app gets that fetches a page by itself: it sends nothing that browsers send. (`fetch` says which languages it takes, as they do.) */
const fetchByApp = async (url: string, headers: Readonly<Record<string, string>>) => {
  const sent = request(url, { headers, agent: false }).end()
  const [answer] = (await once(sent, 'response')) as [IncomingMessage]
  return { status: answer.statusCode, text: await consumeText(answer), location: answer.headers.location }
}

/** A homeserver and its CAS server. */
export class CasHouse {
  readonly homeserver: TestHomeserver
  readonly server: CasTestServer

  constructor(homeserver: TestHomeserver, server: CasTestServer) {
    this.homeserver = homeserver
    this.server = server
  }

  get api(): string {
    return `${this.homeserver.url}/_matrix/client`
  }

  /** Where a client sends a browser. */
  start(redirectUrl = CLIENT, path = '/v3/login/cas/redirect'): string {
    return `${this.api}${path}?${new URLSearchParams({ redirectUrl }).toString()}`
  }

  /** What the CAS server knows this server by. */
  service(query: string): string {
    return `${this.api}/r0/login/cas/ticket?${query}`
  }

  login(redirectUrl = CLIENT): string {
    return this.service(`redirectUrl=${encodeURIComponent(redirectUrl)}`)
  }

  /** Comes with a ticket, as an app without a browser: what it gets. */
  async come(service: string, ticket = this.server.ticketFor(service), headers: Record<string, string> = {}) {
    const answer = await fetchByApp(`${service}&ticket=${ticket}`, headers)
    return { ...answer, token: /loginToken=(\w+)/.exec(answer.text)?.[1] ?? '' }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.homeserver.stop()
    await this.server[Symbol.asyncDispose]()
  }
}

export interface CasSetup extends Omit<HomeserverSetup, 'database'> {
  /** Over the settings of section `cas`. */
  readonly cas?: Readonly<Record<string, unknown>>
  readonly start?: typeof startHomeserver
}

export const startCasHouse = async (setup: CasSetup = {}): Promise<CasHouse> => {
  const { settings = {}, cas, start = startHomeserver, ...rest } = setup
  const server = new CasTestServer()
  await server.start()
  const port = await freePort()
  const publicBaseUrl = `http://127.0.0.1:${port}`
  try {
    const homeserver = await start({
      ...rest,
      settings: {
        ...settings,
        listen: { port, ...settings.listen },
        server: { publicBaseUrl, ...settings.server },
        // With OAuth on, people come to a provider by the pages of accounts.
        oauth: { enabled: false, ...settings.oauth },
        cas: { serverUrl: `${server.url}/cas/`, ...cas },
      },
    })
    return new CasHouse(homeserver, server)
  } catch (error) {
    await server[Symbol.asyncDispose]()
    throw error
  }
}
