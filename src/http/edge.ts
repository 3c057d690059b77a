import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { type CacheStats, type Clock, KeyedWork, LoopTurns } from '#base'
import { MatrixError } from '#spec'
import { AnswerBudget } from './answering/answer-budget.ts'
import { preflightHeaders, sendError, sendOutcome } from './answering/send.ts'
import {
  boundArrival,
  closeServer,
  type Listener,
  listen,
  openServer,
  renewTls,
  type SocketLimits,
} from './connections/sockets.ts'
import type { CustomReply } from './endpoint/answer.ts'
import type { AnyEndpoint } from './endpoint/endpoint.ts'
import type { TokenIssuer } from './endpoint/token-issuer.ts'
import { BodyBudget } from './reading/body-budget.ts'
import { hasBody } from './reading/body-bytes.ts'
import { clientAddress } from './reading/client-address.ts'
import { type EdgeContext, IncomingRequest } from './reading/incoming.ts'
import { LiveSignals } from './reading/live-signals.ts'
import { RepeatedBodies } from './reading/repeated-bodies.ts'
import { noOtherServers, type RequestSignatures } from './reading/request-signatures.ts'
import { TokenOwners } from './reading/token-owners.ts'
import { Admission } from './serving/admission.ts'
import { addressKey, type RateLimiter } from './serving/rate-limits.ts'
import { Routes } from './serving/routes.ts'
import { type EdgeReports, type Observe, Serving } from './serving/serving.ts'
import { WaitingRequests } from './serving/waiting.ts'

export interface EdgeLimits extends SocketLimits {
  /** Limit of a request body where the endpoint sets no other. */
  readonly bodyBytes: number
}

/** Finds out who asks. */
export interface CallerChecks {
  /** Everything that gives out access tokens; a token is checked by the first that may have issued it. */
  readonly issuers: readonly TokenIssuer[]
  /** Tells which homeserver signed a request; without it, no other server is heard. */
  readonly signatures?: RequestSignatures
}

export interface EdgeOptions {
  readonly endpoints: readonly AnyEndpoint[]
  readonly callers: CallerChecks
  readonly rateLimiter: RateLimiter
  readonly limits: EdgeLimits
  /** The proxies whose `X-Forwarded-For` counts: none, all, or those at these addresses and networks. */
  readonly trustProxy: boolean | readonly string[]
  readonly clock: Clock
  readonly reports: EdgeReports
  /** The page for people whose browser asks for an address that is none; without it they get JSON. Its status is that of the error. */
  readonly unknownPage?: (error: MatrixError) => CustomReply
}

/** The HTTP edge: all endpoints at all their paths, on as many listeners as wanted. */
export interface Edge {
  /** Returns the base URL. `serves`: the paths for which it is there, without it all. Throws as Node does when it cannot listen. */
  listen(listener: Listener, serves?: (path: string) => boolean): Promise<string>
  /** Gives an HTTPS listener another certificate, for new connections. Throws as Node does if it cannot be used. */
  renewTls(listener: Listener, tls: NonNullable<Listener['tls']>): void
  caches(): readonly CacheStats[]
  /** Stops accepting, aborts every request's signal, waits for the answers; after `graceMs` it cuts connections. */
  stop(graceMs: number): Promise<void>
}

export const createEdge = (options: EdgeOptions): Edge => new HttpEdge(options)

/** The error for a path that takes these methods and no others, or none at all. */
const unknownTo = (allowed: readonly string[]): MatrixError =>
  allowed.length === 0
    ? new MatrixError('M_UNRECOGNIZED', 'Unrecognized request')
    : new MatrixError('M_UNRECOGNIZED', 'This path takes another method', {
        status: 405,
        headers: { Allow: allowed.join(', ') },
      })

/** Whether a browser shows the answer to a person: it asks for HTML, and not below the paths of the API, whose answers are JSON. */
const isForPeople = ({ method, url = '', headers }: IncomingMessage): boolean =>
  (method === 'GET' || method === 'HEAD') &&
  !url.startsWith('/_matrix/') &&
  !url.startsWith('/.well-known/') &&
  headers.accept?.includes('text/html') === true

/** Limits of what has come of large bodies and waits for the rest. */
/** Requests of costly endpoints by one caller: fewer at once than the store has threads for long reads, so nobody takes all of these. */
const COSTLY_OF_ONE = { concurrency: 2, maxWaiting: 100 }

const BODIES_UNDER_WAY = {
  bytesOfOne: 16 * 1024 * 1024,
  usersBytes: 128 * 1024 * 1024,
  addressesBytes: 32 * 1024 * 1024,
}

/** Limits of answers that are made, or sent and not taken yet. */
const ANSWERS_UNDER_WAY = {
  bytesOfOne: 8 * 1024 * 1024,
  bytesOfAll: 96 * 1024 * 1024,
  waitingOfOne: 32,
  waitingOfAll: 1_000,
  waitMs: 10_000,
}

/** Request numbers start again here. */
const MAX_NUMBER = 2 ** 31

class HttpEdge implements Edge {
  readonly #clock: Clock
  readonly #limits: EdgeLimits
  readonly #context: EdgeContext
  readonly #waiting = new WaitingRequests()
  readonly #routes = new Routes<Serving>()
  readonly #unknownPage: EdgeOptions['unknownPage']
  readonly #unknownObserved: ReturnType<Observe> | undefined
  readonly #servers = new Map<Listener, Server>()
  #number = 0

  constructor({ endpoints, callers, rateLimiter, trustProxy, unknownPage, ...shared }: EdgeOptions) {
    this.#unknownPage = unknownPage
    const waiting = this.#waiting
    this.#clock = shared.clock
    this.#limits = shared.limits
    this.#context = {
      tokenOwners: new TokenOwners({
        issuers: callers.issuers,
        wrong: {
          count: (ip) => rateLimiter.consume('wrongToken', addressKey(ip)),
          check: (ip) => rateLimiter.check('wrongToken', addressKey(ip)),
        },
      }),
      signatures: callers.signatures ?? noOtherServers,
      clientAddress: clientAddress(trustProxy),
      signals: new LiveSignals(),
      bodies: new BodyBudget(BODIES_UNDER_WAY),
      repeated: new RepeatedBodies(),
      turns: new LoopTurns(shared.clock),
      answers: new AnswerBudget(shared.clock, ANSWERS_UNDER_WAY),
    }
    this.#context.tokenOwners.onVoided((user) => waiting.recheck(user))
    const admission = new Admission({ rateLimiter, waiting })
    const costly = new KeyedWork<string>(COSTLY_OF_ONE)
    const parts = { ...shared, edge: this.#context, admission, waiting, costly }
    for (const endpoint of endpoints) {
      const serving = new Serving(endpoint, parts)
      for (const path of endpoint.paths) {
        this.#routes.add(endpoint.method, path, serving)
        // RFC 9110, section 9.3.2: the same as `GET`, without the body.
        if (endpoint.method === 'GET' && endpoint.acts !== true) this.#routes.add('HEAD', path, serving)
      }
    }
    this.#unknownObserved = shared.reports.observe?.('*', 'unrecognized')
  }

  listen(listener: Listener, serves: (path: string) => boolean = () => true): Promise<string> {
    const server = openServer(listener, this.#limits, (request, response) => {
      if (serves(request.url ?? '')) this.#handle(request, response)
      else sendError(response, unknownTo([]))
    })
    this.#servers.set(listener, server)
    return listen(server, listener)
  }

  renewTls(listener: Listener, tls: NonNullable<Listener['tls']>): void {
    const server = this.#servers.get(listener)
    if (server !== undefined) renewTls(server, tls)
  }

  caches(): readonly CacheStats[] {
    return [this.#context.repeated.stats()]
  }

  async stop(graceMs: number): Promise<void> {
    const closed = [...this.#servers.values()].map((server) => closeServer(server, this.#clock, graceMs))
    this.#context.signals.abortAll()
    this.#waiting.hurryAll()
    await Promise.all(closed)
  }

  #handle(request: IncomingMessage, response: ServerResponse): void {
    const startedMs = this.#clock.monotonicMs()
    const { method = '', url = '' } = request
    const route = this.#routes.find(method, url)
    const found = typeof route === 'object' ? route : undefined
    if (hasBody(request)) this.#boundBody(request, response, found?.target.endpoint.body === 'stream')
    if (found === undefined) {
      this.#answerUnknown(request, response, route === 'malformed', startedMs)
      return
    }
    this.#number = (this.#number + 1) % MAX_NUMBER
    const { target, params, query } = found
    void target.serve(
      new IncomingRequest({ edge: this.#context, request, response, number: this.#number, startedMs, params, query }),
    )
  }

  /** Bounds the time in which a body arrives. */
  #boundBody(request: IncomingMessage, response: ServerResponse, streamed: boolean): void {
    const bound = (): void => boundArrival(request, response, this.#clock, this.#limits.requestTimeoutMs)
    // A short body comes with the headers, and needs no timer.
    if (!streamed) queueMicrotask(() => request.complete || bound())
    // Node keeps the longer limit of an upload. Bytes that still come after the answer have the usual limit.
    else response.once('finish', () => request.complete || bound())
  }

  /** Answers requests that no endpoint takes. `OPTIONS` is answered at every path (client-server API, "Web Browser Clients"). */
  #answerUnknown(request: IncomingMessage, response: ServerResponse, malformed: boolean, startedMs: number): void {
    const { method, url = '' } = request
    if (this.#context.signals.stopping) response.shouldKeepAlive = false
    if (method === 'OPTIONS') {
      const put = this.#routes.find('PUT', url)
      const more = typeof put === 'object' ? put.target.endpoint.scriptHeaders : undefined
      response.writeHead(204, [...preflightHeaders(more)])
      response.end()
      return
    }
    const error = malformed
      ? new MatrixError('M_INVALID_PARAM', 'The path is malformed or a part of it too long')
      : unknownTo(this.#routes.allowed(url))
    if (this.#unknownPage !== undefined && isForPeople(request)) sendOutcome(response, this.#unknownPage(error))
    else sendError(response, error)
    this.#unknownObserved?.(error.status, this.#clock.monotonicMs() - startedMs)
  }
}
