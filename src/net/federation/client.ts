import type { IncomingMessage } from 'node:http'
import type { Readable } from 'node:stream'
import { type Clock, failureWords, type Tracing } from '#base'
import { contentJson, parseJson, requestText, type SigningKey, xMatrixHeader } from '#rules'
import type { JsonValue, ServerName } from '#spec'
import { boundedBytes } from '../bounded-answer.ts'
import { AnswerTooLong, refusalOf, unpacked } from './answer.ts'
import { type Connections, NotConnected, type SentRequest } from './connections.ts'
import { Deadlines } from './deadlines.ts'
import { DestinationsCounted } from './destination-counts.ts'
import {
  FederationFailure,
  type FederationRequest,
  type FederationRequests,
  type FederationStream,
} from './requests.ts'
import type { Route, Routes } from './routes.ts'

export interface FederationClientParts {
  readonly clock: Clock
  readonly signingKey: SigningKey
  readonly routes: Routes
  readonly connections: Connections
  /** Whether this server talks with that one. */
  readonly allows: (server: ServerName) => boolean
  readonly userAgent: string
  readonly tracing: Tracing | undefined
}

/** The answer of a server at one place. */
export interface ReachedServer {
  /** Its answer about its keys; null where that is no JSON. */
  readonly keys: JsonValue
  /** Its time, to the second. */
  readonly dateMs: number | undefined
}

const TIMEOUT_MS = 60_000
const PROBE_MS = 15_000
const PROBE_BYTES = 64 * 1024
const MAX_BYTES = 16 * 1024 * 1024

/** An answer whose time and connection are still bounded; `end` must be called. */
interface OpenAnswer {
  readonly response: IncomingMessage
  /** The body, unpacked. */
  readonly body: Readable
  /** Whether the time was over. */
  isLate(): boolean
  end(): void
}

/** Requests to other homeservers (server-server API), signed and bounded. Redirects are not followed. */
export class FederationClient implements FederationRequests {
  readonly #parts: FederationClientParts
  readonly #deadlines: Deadlines
  readonly counts = new DestinationsCounted()

  constructor(parts: FederationClientParts) {
    this.#parts = parts
    this.#deadlines = new Deadlines(parts.clock)
  }

  async json(destination: ServerName, request: FederationRequest): Promise<JsonValue> {
    const { body, isLate, end } = await this.#opened(destination, request)
    try {
      const maxBytes = request.maxBytes ?? MAX_BYTES
      const parsed = parseJson(await boundedBytes(body, maxBytes))
      if (parsed.ok) return parsed.value
      throw badAnswer(destination, `its answer cannot be read: ${parsed.failure.reason}`)
    } catch (error) {
      throw brokenAnswer(destination, error, isLate())
    } finally {
      end()
    }
  }

  async stream(destination: ServerName, request: FederationRequest): Promise<FederationStream> {
    const { response, body, isLate, end } = await this.#opened(destination, request)
    const bytes = async function* (): AsyncGenerator<Uint8Array> {
      try {
        yield* body
      } catch (error) {
        throw brokenAnswer(destination, error, isLate())
      } finally {
        end()
      }
    }
    return {
      contentType: response.headers['content-type'],
      headers: response.headers,
      bytes: bytes(),
      destroy: end,
    }
  }

  #opened(destination: ServerName, request: FederationRequest): Promise<OpenAnswer> {
    const { tracing } = this.#parts
    if (tracing === undefined) return this.#open(destination, request)
    const [path = ''] = request.path.split('/').slice(1, 5).join('/').split('?')
    const facts = { 'http.request.method': request.method, 'server.address': destination, 'homeroom.operation': path }
    return tracing.step('federation request', facts, () => this.#open(destination, request))
  }

  /** Asks for the keys of a server at one place, and nowhere else: whether it can be reached there. Throws `FederationFailure`. */
  async askAt(route: Route, destination: ServerName): Promise<ReachedServer> {
    const deadline = this.#deadlines.begin(PROBE_MS)
    const request = { method: 'GET', path: '/_matrix/key/v2/server' } as const
    let response: IncomingMessage | undefined
    try {
      response = await this.#parts.connections.send(route, this.#signed(destination, request, deadline.signal))
      if (response.statusCode !== 200) throw await refusalOf(destination, response)
      const parsed = parseJson(await boundedBytes(unpacked(response, PROBE_BYTES), PROBE_BYTES))
      const dateMs = Date.parse(response.headers.date ?? '')
      return { keys: parsed.ok ? parsed.value : null, dateMs: Number.isNaN(dateMs) ? undefined : dateMs }
    } catch (error) {
      if (error instanceof FederationFailure) throw error
      throw unreachable(destination, error, deadline.isLate())
    } finally {
      deadline.over()
      response?.destroy()
    }
  }

  /** Aborts all requests. */
  close(): void {
    this.#deadlines.close()
    this.#parts.connections.close()
  }

  async #open(destination: ServerName, request: FederationRequest): Promise<OpenAnswer> {
    if (!this.#parts.allows(destination)) {
      const reason = 'this server does not talk with that one'
      throw new FederationFailure({ destination, kind: 'not-allowed', reason })
    }
    const deadline = this.#deadlines.begin(request.timeoutMs ?? TIMEOUT_MS, request.signal)
    let response: IncomingMessage | undefined
    const end = (): void => {
      deadline.over()
      response?.destroy()
    }
    try {
      response = await this.#send(destination, this.#signed(destination, request, deadline.signal))
      this.counts.count(destination, this.#parts.clock.nowMs())
      const status = response.statusCode ?? 0
      if (status < 200 || status > 299) throw await refusalOf(destination, response)
      const body = unpacked(response, request.maxBytes ?? MAX_BYTES)
      return { response, body, isLate: deadline.isLate, end }
    } catch (error) {
      end()
      if (response === undefined) this.counts.count(destination, undefined)
      if (error instanceof FederationFailure) throw error
      throw unreachable(destination, error, deadline.isLate())
    }
  }

  /** Tries one route after the other until one leads to somebody. */
  async #send(destination: ServerName, sent: SentRequest): Promise<IncomingMessage> {
    const { routes, connections } = this.#parts
    let failure: unknown
    for (const route of await routes.routesOf(destination)) {
      try {
        return await connections.send(route, sent)
      } catch (error) {
        if (!(error instanceof NotConnected)) throw error
        routes.forget(destination, route)
        if (sent.signal.aborted) throw error
        failure = error
      }
    }
    throw failure
  }

  #signed(destination: ServerName, request: FederationRequest, signal: AbortSignal): SentRequest {
    const { method, path } = request
    const { signingKey, userAgent } = this.#parts
    const body = bodyOf(request)
    const uri = `${path}${queryOf(request)}`
    const origin = signingKey.serverName
    const sig = signingKey.sign(requestText({ method, uri, origin, destination, contentJson: body }))
    return {
      method,
      uri,
      body,
      signal,
      headers: {
        authorization: xMatrixHeader({ origin, destination, key: signingKey.keyId, sig }),
        'accept-encoding': 'gzip',
        'user-agent': userAgent,
        ...(method === 'GET' ? {} : { 'content-length': Buffer.byteLength(body ?? '') }),
        ...(body === undefined ? {} : { 'content-type': 'application/json' }),
      },
    }
  }
}

/** The text that is sent, and signed as it is. */
const bodyOf = ({ bodyJson, body }: FederationRequest): string | undefined => {
  if (bodyJson !== undefined || body === undefined) return bodyJson
  const json = contentJson(body)
  if (!json.ok) throw new Error(`a request cannot be signed: ${json.failure.reason}`)
  return json.value
}

const queryOf = ({ query = {} }: FederationRequest): string => {
  const pairs = Object.entries(query).flatMap(([name, value]) => {
    const values = value === undefined ? [] : typeof value === 'object' ? value : [value]
    return values.map((one) => `${encodeURIComponent(name)}=${encodeURIComponent(one)}`)
  })
  return pairs.length === 0 ? '' : `?${pairs.join('&')}`
}

const badAnswer = (destination: ServerName, reason: string, cause?: unknown): FederationFailure =>
  new FederationFailure({ destination, kind: 'bad-answer', reason, cause })

/** Words for what came of a request that nobody answered. */
const unreachable = (destination: ServerName, cause: unknown, isLate: boolean): FederationFailure => {
  const reason = isLate ? 'no answer in time' : failureWords(cause)
  return new FederationFailure({ destination, kind: 'unreachable', reason, cause })
}

const brokenAnswer = (destination: ServerName, error: unknown, isLate: boolean): FederationFailure => {
  if (error instanceof FederationFailure) return error
  if (error instanceof AnswerTooLong) return badAnswer(destination, error.message, error)
  return isLate || isConnectionError(error)
    ? unreachable(destination, error, isLate)
    : badAnswer(destination, `its answer cannot be read: ${failureWords(error)}`, error)
}

/** Errors of `zlib` are the fault of what was sent. */
const isConnectionError = (error: unknown): boolean => {
  const code = error instanceof Error && 'code' in error ? String(error.code) : ''
  return !code.startsWith('Z_')
}
