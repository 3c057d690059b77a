import { createServer, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Lie } from './hostile-provider.ts'

interface Ticket {
  readonly service: string
  readonly user: string
  readonly renewed: boolean
}

const escaped = (text: string): string => text.replaceAll(/[<>&"']/g, (character) => `&#${character.codePointAt(0)};`)

export const casXml = (inner: string): string =>
  `<?xml version="1.0"?>\n<cas:serviceResponse xmlns:cas='http://www.yale.edu/tp/cas'>\n${inner}\n</cas:serviceResponse>\n`

/** A CAS server by the protocol: tickets are good once, for one service. Whoever comes is logged in there already. */
export class CasTestServer implements AsyncDisposable {
  /** Who is at the browser. */
  comes = 'ann'
  readonly attributes = new Map<string, readonly string[]>()
  /** What is answered at `/proxyValidate` instead of the honest thing. */
  lie: Lie | undefined
  /** What was asked at `/login`, in order. */
  readonly logins: URLSearchParams[] = []
  readonly #tickets = new Map<string, Ticket>()
  readonly #server: Server
  #given = 0
  #asked: (() => void) | undefined

  constructor() {
    this.#server = createServer((request, response) => {
      request.resume()
      this.#answer(new URL(request.url ?? '/', this.url), response)
    })
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

  /** When a ticket is validated the next time. */
  asked(): Promise<void> {
    return new Promise((resolve) => {
      this.#asked = resolve
    })
  }

  /** As by the REST protocol of CAS, which gives out tickets without a browser. */
  ticketFor(service: string, renewed = false): string {
    const ticket = `ST-${++this.#given}-${'x'.repeat(20)}`
    this.#tickets.set(ticket, { service, user: this.comes, renewed })
    return ticket
  }

  #answer(url: URL, response: ServerResponse): void {
    const service = url.searchParams.get('service') ?? ''
    if (url.pathname === '/cas/login') {
      this.logins.push(url.searchParams)
      const ticket = this.ticketFor(service, url.searchParams.get('renew') === 'true')
      response.writeHead(302, { location: `${service}&ticket=${ticket}` }).end()
      return
    }
    if (url.pathname !== '/cas/proxyValidate') {
      response.writeHead(404).end()
      return
    }
    this.#asked?.()
    const { lie } = this
    if (lie === 'silent') return
    if (lie !== undefined) {
      response.writeHead(lie.status ?? 200, { 'content-type': lie.type ?? 'application/xml' }).end(lie.body)
      return
    }
    const xml = this.#validate(service, url.searchParams)
    response.writeHead(200, { 'content-type': 'application/xml;charset=UTF-8' }).end(casXml(xml))
  }

  #validate(service: string, query: URLSearchParams): string {
    const id = query.get('ticket') ?? ''
    const ticket = this.#tickets.get(id)
    this.#tickets.delete(id)
    const failure = (code: string) =>
      `<cas:authenticationFailure code="${code}">Ticket ${escaped(id)} not recognized</cas:authenticationFailure>`
    if (ticket === undefined || (query.get('renew') === 'true' && !ticket.renewed)) return failure('INVALID_TICKET')
    if (ticket.service !== service) return failure('INVALID_SERVICE')
    const attributes = [...this.attributes].flatMap(([name, values]) =>
      values.map((value) => `<cas:${name}>${escaped(value)}</cas:${name}>`),
    )
    return `<cas:authenticationSuccess><cas:user>${escaped(ticket.user)}</cas:user>
<cas:attributes>${attributes.join('')}</cas:attributes></cas:authenticationSuccess>`
  }
}
