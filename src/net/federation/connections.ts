import type { Agent, ClientRequest, IncomingMessage, OutgoingHttpHeaders } from 'node:http'
import { type AgentOptions, Agent as HttpsAgent, type RequestOptions, request as requestHttps } from 'node:https'
import { isIP, type LookupFunction } from 'node:net'
import type { Duplex } from 'node:stream'
import {
  checkServerIdentity,
  createSecureContext,
  type PeerCertificate,
  rootCertificates,
  type SecureContext,
} from 'node:tls'
import type { Clock } from '#base'
import { type AddressRule, PrivateAddress } from '../private-addresses.ts'
import type { Route } from './routes.ts'

export interface ConnectionsParts {
  readonly clock: Clock
  /** The addresses that may be connected to, unless the operator named them for the server. */
  readonly addresses: AddressRule
  /** Resolves and checks the names of hosts. */
  readonly lookup: LookupFunction
  /** undefined: the authorities that Node knows. */
  readonly secureContext: SecureContext | undefined
}

export interface SentRequest {
  readonly method: string
  readonly uri: string
  readonly headers: OutgoingHttpHeaders
  readonly body: string | undefined
  readonly signal: AbortSignal
}

/** The request reached nobody: another route may be tried. */
export class NotConnected extends Error {
  override readonly name = 'NotConnected'
}

/** Of one server. Requests beyond wait for one that ends. */
const CONNECTIONS_OF_ONE = 16
const IDLE_OF_ONE = 2
/** With more connections than this, none is kept when it is idle. */
const KEPT_IN_ALL = 1_000
const IDLE_MS = 30_000
const CONNECT_MS = 10_000
const MAX_HEADER_BYTES = 32 * 1024

type RouteOptions = AgentOptions & { readonly certificateName?: string }
type Callback = [callback?: Parameters<HttpsAgent['createConnection']>[1]]

/** For connections that also trust authorities of one's own, given as PEM texts. Made once, as it reads all certificates. Throws as Node does. */
export const trusting = (authorities: readonly string[]): SecureContext | undefined =>
  authorities.length === 0 ? undefined : createSecureContext({ ca: [...rootCertificates, ...authorities] })

/** Keeps the connections of each route apart: those to one address may be for different names. */
class RouteAgent extends HttpsAgent {
  readonly #open = new Set<Duplex>()

  override getName(options?: RouteOptions): string {
    return `${options?.certificateName ?? ''}|${options?.host ?? ''}|${options?.port ?? ''}`
  }

  /** The check of the name belongs to the route and so to the connection: given with each request, it would keep connections from being used again. */
  override createConnection(
    options: RouteOptions & RequestOptions,
    ...more: Callback
  ): ReturnType<HttpsAgent['createConnection']> {
    const { certificateName = '' } = options
    const checked = {
      ...options,
      checkServerIdentity: (_host: string, certificate: PeerCertificate) =>
        checkServerIdentity(certificateName, certificate),
    }
    const socket = super.createConnection(checked, ...more)
    if (!socket) return socket
    this.#open.add(socket)
    socket.once('close', () => this.#open.delete(socket))
    return socket
  }

  /** What it returns counts, though the types have no result. */
  override keepSocketAlive(socket: Duplex): ReturnType<HttpsAgent['keepSocketAlive']> {
    return this.#open.size <= KEPT_IN_ALL ? super.keepSocketAlive(socket) : (false as unknown as undefined)
  }
}

/** Connections to other homeservers, by HTTPS. Those that are idle are kept for a while. */
export class Connections {
  readonly #parts: ConnectionsParts
  readonly #agent: RouteAgent

  constructor(parts: ConnectionsParts) {
    this.#parts = parts
    this.#agent = new RouteAgent({
      keepAlive: true,
      maxSockets: CONNECTIONS_OF_ONE,
      maxFreeSockets: IDLE_OF_ONE,
      timeout: IDLE_MS,
    })
  }

  /** Resolves with the head of the answer. Throws `NotConnected`, and as Node does for what happens later. */
  async send(route: Route, sent: SentRequest): Promise<IncomingMessage> {
    const { addresses } = this.#parts
    // An address is not looked up, so it is checked here.
    if (!route.byOperator && isIP(route.host) !== 0 && !addresses.allows(route.host)) {
      const cause = new PrivateAddress(`${route.host} is a private address`)
      throw new NotConnected(cause.message, { cause })
    }
    try {
      return await this.#ask(route, sent)
    } catch (error) {
      // The other side closed an idle connection just as it was used.
      if (error instanceof CutWhileIdle && !sent.signal.aborted) return this.#ask(route, sent)
      throw error
    }
  }

  close(): void {
    this.#agent.destroy()
  }

  #ask(route: Route, { method, uri, headers, body, signal }: SentRequest): Promise<IncomingMessage> {
    const { certificateName } = route
    const { secureContext } = this.#parts
    const options: RouteOptions = {
      host: route.host,
      port: route.port,
      certificateName,
      servername: isIP(certificateName) === 0 ? certificateName : '',
      ...(secureContext === undefined ? {} : { secureContext }),
    }
    return new Promise((resolve, reject) => {
      const request = requestHttps({
        ...options,
        method,
        path: uri,
        headers: { ...headers, host: route.hostHeader },
        agent: this.#agent as Agent,
        lookup: this.#parts.lookup,
        maxHeaderSize: MAX_HEADER_BYTES,
        signal,
      })
      const connected = this.#watchConnecting(request)
      request.on('response', (response) => {
        // An error that nobody listens to would end the process.
        response.on('error', () => {})
        resolve(response)
      })
      request.on('error', (error: NodeJS.ErrnoException) => {
        if (signal.aborted) reject(error)
        else if (!connected()) reject(new NotConnected(error.message, { cause: error }))
        else if (request.reusedSocket && error.code === 'ECONNRESET') reject(new CutWhileIdle(error.message))
        else reject(error)
      })
      request.end(body)
    })
  }

  /** Bounds the time of connecting. Returns whether there is a connection. */
  #watchConnecting(request: ClientRequest): () => boolean {
    let isConnected = false
    request.once('socket', (socket) => {
      if (request.reusedSocket) {
        isConnected = true
        return
      }
      const cancel = this.#parts.clock.after(CONNECT_MS, () =>
        request.destroy(Object.assign(new Error('no connection in time'), { code: 'ETIMEDOUT' })),
      )
      socket.once('secureConnect', () => {
        isConnected = true
        cancel()
      })
      socket.once('close', cancel)
    })
    return () => isConnected
  }
}

class CutWhileIdle extends Error {
  override readonly name = 'CutWhileIdle'
}
