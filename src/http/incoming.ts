import type { FastifyReply, FastifyRequest } from 'fastify'
import { cookieIn } from './cookie.ts'
import type { Auth, EndpointRequest, Requester } from './endpoint.ts'
import type { Exchange } from './parked.ts'

/** The requests that hold an `AbortSignal` now, so that a stopping server can make its long polls answer. */
export class LiveSignals {
  readonly #live = new Set<AbortController>()
  #stopping = false

  get stopping(): boolean {
    return this.#stopping
  }

  open(response: FastifyReply['raw']): AbortSignal {
    const controller = new AbortController()
    if (this.#stopping) {
      controller.abort()
      return controller.signal
    }
    this.#live.add(controller)
    response.once('finish', () => this.#live.delete(controller))
    response.once('close', () => {
      if (this.#live.delete(controller)) controller.abort()
    })
    return controller.signal
  }

  /** From now on every signal is aborted. */
  abortAll(): void {
    this.#stopping = true
    for (const controller of this.#live) controller.abort()
    this.#live.clear()
  }
}

/** One is enough: the first with every request, the others with most. */
const BROWSERS_SAY = ['accept-language', 'sec-fetch-mode', 'sec-fetch-site', 'origin', 'referer', 'cookie'] as const

/** What a handler sees of a request. What few handlers ask for is made only when asked for. */
export class IncomingRequest implements EndpointRequest<Auth, unknown, unknown, unknown>, Exchange {
  requester: Requester | undefined = undefined
  params: unknown
  query: unknown
  body: unknown = undefined
  accessToken: string | undefined = undefined
  /** See `ParkingLot.park`. */
  rechecksBefore = 0
  readonly #request: FastifyRequest
  readonly #reply: FastifyReply
  readonly #signals: LiveSignals
  #signal: AbortSignal | undefined

  constructor(request: FastifyRequest, reply: FastifyReply, signals: LiveSignals) {
    this.params = request.params
    this.query = request.query
    this.#request = request
    this.#reply = reply
    this.#signals = signals
  }

  get id(): string {
    return this.#request.id
  }

  get startedMs(): number {
    return this.#request.startedMs
  }

  get response(): FastifyReply['raw'] {
    return this.#reply.raw
  }

  get userId(): string | undefined {
    return this.requester?.userId
  }

  get ip(): string {
    return this.#request.ip
  }

  get userAgent(): string | undefined {
    return this.#request.headers['user-agent']
  }

  cookie(name: string): string | undefined {
    return cookieIn(this.#request.headers.cookie, name)
  }

  get fromBrowser(): boolean {
    const { headers } = this.#request
    return BROWSERS_SAY.some((name) => headers[name] !== undefined)
  }

  get signal(): AbortSignal {
    this.#signal ??= this.#signals.open(this.#reply.raw)
    return this.#signal
  }

  /** Whether the handler asked for the signal: it may have taken its time. */
  get waited(): boolean {
    return this.#signal !== undefined
  }

  get path(): string {
    const { url } = this.#request
    const end = url.indexOf('?')
    return end === -1 ? url : url.slice(0, end)
  }
}
