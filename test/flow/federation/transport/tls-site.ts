import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { TLSSocket } from 'node:tls'
import { FEDERATION_CERTIFICATE, FEDERATION_KEY } from '../../../support/certificate.ts'
import { ownAddress } from '../../../support/federation-servers.ts'

export type Handler = (request: IncomingMessage, response: ServerResponse) => void

export interface Asked {
  readonly url: string
  readonly host: string | undefined
  /** The name that the client sent in TLS. */
  readonly sni: string | undefined
}

/** A bare TLS server, which says how it was asked unless a path has a handler. */
export class TlsSite {
  readonly host: string
  readonly port: number
  readonly asked: Asked[] = []
  readonly handlers = new Map<string, Handler>()
  connections = 0
  readonly #server: Server

  private constructor(server: Server, host: string, port: number) {
    this.#server = server
    this.host = host
    this.port = port
    server.on('connection', () => {
      this.connections += 1
    })
    server.on('request', (request, response) => this.#answer(request, response))
    server.on('tlsClientError', () => {})
  }

  /** On an address of its own unless one is given; `port` 0 for any. */
  static async start({
    cert = FEDERATION_CERTIFICATE,
    key = FEDERATION_KEY,
    ...place
  }: {
    cert?: string
    key?: string
    host?: string
    port?: number
  } = {}): Promise<TlsSite> {
    const own = await ownAddress()
    const [host, port] = [place.host ?? own.host, place.port ?? own.port]
    const server = createServer({ cert, key })
    await new Promise<void>((ready) => server.listen(port, host, ready))
    const address = server.address()
    return new TlsSite(server, host, typeof address === 'object' && address !== null ? address.port : port)
  }

  get address(): string {
    return `${this.host}:${this.port}`
  }

  /** Answers `/.well-known/matrix/server` with that, as text or JSON. */
  delegate(answer: unknown, headers: Record<string, string> = {}, status = 200): void {
    this.on('/.well-known/matrix/server', (_request, response) => {
      response.writeHead(status, headers).end(typeof answer === 'string' ? answer : JSON.stringify(answer))
    })
  }

  on(path: string, handler: Handler): void {
    this.handlers.set(path, handler)
  }

  times(url: string): number {
    return this.asked.filter((one) => one.url === url).length
  }

  close(): Promise<void> {
    this.#server.closeAllConnections()
    return new Promise((closed) => this.#server.close(() => closed()))
  }

  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#server.listening) await this.close()
  }

  #answer(request: IncomingMessage, response: ServerResponse): void {
    const { url = '', headers } = request
    // False where the client sent none.
    const sni = (request.socket as TLSSocket & { servername?: string | false }).servername
    const asked = { url, host: headers.host, sni: typeof sni === 'string' ? sni : undefined }
    this.asked.push(asked)
    const handler = this.handlers.get(url)
    if (handler !== undefined) handler(request, response)
    else if (url.startsWith('/_matrix/')) response.end(JSON.stringify(asked))
    else response.writeHead(404).end()
  }
}
