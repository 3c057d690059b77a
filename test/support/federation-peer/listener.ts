import { once } from 'node:events'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { createServer, type Server } from 'node:https'
import type { AddressInfo, Socket } from 'node:net'
import { FEDERATION_CERTIFICATE, FEDERATION_KEY } from '../certificate.ts'
import type { Json } from '../client.ts'
import { jsonOf, readAll } from './requests.ts'
import { readAuthorization } from './x-matrix.ts'

/** A request that reached the peer. */
export interface PeerRequest {
  readonly method: string
  /** Without the query, still encoded. */
  readonly path: string
  readonly query: URLSearchParams
  /** Decoded members of the path, by the names of the handler's pattern. */
  readonly params: Readonly<Record<string, string>>
  readonly headers: IncomingMessage['headers']
  readonly text: string
  /** The JSON of the body; undefined where there is none. */
  readonly body: Json
  readonly origin: string | undefined
}

export interface Received extends PeerRequest {
  /** Whether X-Matrix was there and right, for this peer. */
  readonly signed: boolean
  readonly atMs: number
}

export interface Reply {
  readonly status: number
  readonly json: unknown
  readonly headers?: Readonly<Record<string, string>>
}

export const reply = (json: unknown, status = 200): Reply => ({ status, json })
export const refusal = (status: number, errcode: string, error = errcode): Reply => ({
  status,
  json: { errcode, error },
})

/** What a handler returns that leaves the request to the one plugged in before it. */
export const PASS_ON = Symbol('pass on')

type Handled = Reply | typeof PASS_ON | undefined
/** Answers, passes on, or writes into the response what it likes and returns undefined. */
export type PeerHandler = (request: PeerRequest, response: ServerResponse) => Handled | Promise<Handled>

interface Route {
  readonly method: string
  readonly pattern: RegExp
  readonly names: readonly string[]
  readonly handler: PeerHandler
}

const MAX_RECEIVED = 20_000

/** Listens with TLS, answers by handlers, and keeps what arrived. */
export class PeerListener {
  /** In the order of arrival; the oldest go when there are too many. */
  readonly received: Received[] = []
  readonly #isSigned: (request: IncomingMessage, text: string) => Promise<boolean>
  readonly #server: Server
  readonly #sockets = new Set<Socket>()
  readonly #routes: Route[] = []
  readonly #waiting = new Set<() => void>()
  #port: number

  constructor(isSigned: (request: IncomingMessage, text: string) => Promise<boolean>, port: number) {
    this.#port = port
    this.#isSigned = isSigned
    this.#server = createServer({ cert: FEDERATION_CERTIFICATE, key: FEDERATION_KEY }, (request, response) => {
      void this.#answer(request, response)
    })
    this.#server.on('connection', (socket: Socket) => {
      this.#sockets.add(socket)
      socket.on('error', () => {})
      socket.once('close', () => this.#sockets.delete(socket))
    })
  }

  get port(): number {
    return this.#port
  }

  get listens(): boolean {
    return this.#server.listening
  }

  async listen(): Promise<void> {
    this.#server.listen(this.#port, '127.0.0.1')
    await once(this.#server, 'listening')
    this.#port = (this.#server.address() as AddressInfo).port
  }

  /** Nobody listens any more, and open connections are cut. `listen` brings it back, at the same address. */
  async close(): Promise<void> {
    const closed = once(this.#server, 'close')
    this.#server.close()
    this.cutConnections()
    await closed
  }

  cutConnections(): void {
    for (const socket of this.#sockets) socket.destroy()
  }

  /** Plugs in a handler; `:name` in the path stands for one member. */
  on(method: string, path: string, handler: PeerHandler): void {
    const names = [...path.matchAll(/:([A-Za-z]+)/g)].map(([, name = '']) => name)
    const pattern = new RegExp(`^${path.replaceAll(/:[A-Za-z]+/g, '([^/]*)')}$`)
    this.#routes.unshift({ method, pattern, names, handler })
  }

  /** Resolves with the first request, come or to come, of which that is true. */
  async requestWhich(holds: (request: Received) => boolean, timeoutMs = 20_000): Promise<Received> {
    const until = Date.now() + timeoutMs
    for (;;) {
      const found = this.received.find(holds)
      if (found !== undefined) return found
      const left = until - Date.now()
      if (left <= 0) throw new Error(`no such request within ${timeoutMs} ms; came: ${this.#paths()}`)
      await this.#nextRequest(left)
    }
  }

  #paths(): string {
    return this.received
      .slice(-30)
      .map(({ method, path }) => `${method} ${path}`)
      .join(', ')
  }

  #nextRequest(withinMs: number): Promise<void> {
    return new Promise((resolve) => {
      const done = (): void => {
        clearTimeout(timer)
        this.#waiting.delete(done)
        resolve()
      }
      const timer = setTimeout(done, withinMs)
      this.#waiting.add(done)
    })
  }

  async #answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    try {
      const text = await readAll(request)
      const url = new URL(request.url ?? '/', 'https://peer')
      const path = (request.url ?? '/').split('?', 1)[0] ?? '/'
      const authorization = readAuthorization(request.headers.authorization)
      const method = request.method ?? 'GET'
      const incoming: Omit<PeerRequest, 'params'> = {
        method,
        path,
        query: url.searchParams,
        headers: request.headers,
        text,
        body: jsonOf(text),
        origin: authorization?.origin,
      }
      const routes = this.#routesOf(method, path)
      const signed = await this.#isSigned(request, text)
      this.received.push({ ...incoming, params: routes[0]?.params ?? {}, signed, atMs: Date.now() })
      if (this.received.length > MAX_RECEIVED) this.received.shift()
      for (const wake of [...this.#waiting]) wake()
      for (const { handler, params } of routes) {
        const answer = await handler({ ...incoming, params }, response)
        if (answer === PASS_ON) continue
        if (answer !== undefined && !response.writableEnded) write(response, answer)
        return
      }
      write(response, routes.length === 0 ? refusal(404, 'M_UNRECOGNIZED') : refusal(404, 'M_NOT_FOUND'))
    } catch (error) {
      if (!response.headersSent) response.writeHead(500, { 'content-type': 'application/json' })
      response.end(JSON.stringify({ errcode: 'M_UNKNOWN', error: String(error) }))
    }
  }

  #routesOf(method: string, path: string): { handler: PeerHandler; params: Record<string, string> }[] {
    return this.#routes.flatMap(({ method: ofRoute, pattern, names, handler }) => {
      const match = ofRoute === method ? pattern.exec(path) : null
      if (match === null) return []
      const params = Object.fromEntries(names.map((name, at) => [name, decodeURIComponent(match[at + 1] ?? '')]))
      return [{ handler, params }]
    })
  }
}

const write = (response: ServerResponse, { status, json, headers }: Reply): void => {
  response.writeHead(status, { 'content-type': 'application/json', ...headers })
  response.end(typeof json === 'string' ? json : JSON.stringify(json))
}
