import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Page =
  | { readonly type: string; readonly body: string | Uint8Array; readonly headers?: Readonly<Record<string, string>> }
  | ((request: IncomingMessage, response: ServerResponse) => void)

/** A web site on loopback, which keeps count of who asked for what. */
export class Site {
  readonly #server: Server
  readonly pages = new Map<string, Page>()
  readonly asked: string[] = []
  readonly agents: (string | undefined)[] = []

  private constructor(server: Server) {
    this.#server = server
    server.on('request', (request, response) => {
      const path = request.url ?? ''
      this.asked.push(path)
      this.agents.push(request.headers['user-agent'])
      const page = this.pages.get(path)
      if (page === undefined) response.writeHead(404).end('nothing here')
      else if (typeof page === 'function') page(request, response)
      else response.writeHead(200, { 'content-type': page.type, ...page.headers }).end(page.body)
    })
  }

  static async start(): Promise<Site> {
    const server = createServer()
    await new Promise<void>((ready) => server.listen(0, '127.0.0.1', ready))
    return new Site(server)
  }

  get port(): number {
    return (this.#server.address() as AddressInfo).port
  }

  url(path: string, host = '127.0.0.1'): string {
    return `http://${host}:${this.port}${path}`
  }

  /** An HTML page at that path; answers its URL. */
  html(path: string, body: string | Uint8Array, type = 'text/html; charset=utf-8'): string {
    this.pages.set(path, { type, body })
    return this.url(path)
  }

  redirect(path: string, to: string, status = 302): string {
    this.pages.set(path, (_, response) => response.writeHead(status, { location: to }).end('elsewhere'))
    return this.url(path)
  }

  times(path: string): number {
    return this.asked.filter((one) => one === path).length
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((closed) => this.#server.close(closed))
  }
}

/** Previews of loopback and of any port, as no operator would have them. */
export const previewsOfLoopback = { enabled: true, allowedNetworks: ['127.0.0.0/8'], ports: [] } as const
