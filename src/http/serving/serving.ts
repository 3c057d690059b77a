import {
  type Clock,
  type KeyedWork,
  type Logger,
  type LongText,
  type TextPieces,
  TooMuchWork,
  type Tracing,
  yieldToEventLoop,
} from '#base'
import { type JsonObject, MatrixError } from '#spec'
import { asInV1, refuse } from '../answering/errors.ts'
import { sendOutcome } from '../answering/send.ts'
import { sendFileReply } from '../answering/send-file.ts'
import { sendPieces } from '../answering/send-pieces.ts'
import { boundWrite } from '../connections/sockets.ts'
import {
  type Answer,
  type CustomReply,
  FileReply,
  LaterJson,
  RawJson,
  StreamedJson,
  StreamedText,
} from '../endpoint/answer.ts'
import type { AnyEndpoint } from '../endpoint/endpoint.ts'
import { countedAs } from '../endpoint/requester.ts'
import { hasBody, readBody } from '../reading/body-bytes.ts'
import { parseFormBody } from '../reading/form-body.ts'
import type { EdgeContext, IncomingRequest } from '../reading/incoming.ts'
import { checkJsonBody, parseJsonBody, SIGNED_WIRE_FACTOR, WIRE_FACTOR } from '../reading/json-body.ts'
import { type EndpointShapes, endpointShapes } from '../reading/shapes.ts'
import { streamedBody } from '../reading/streamed-body.ts'
import type { Admission } from './admission.ts'
import { addressKey, limitExceeded } from './rate-limits.ts'
import { type Ending, type Exchange, WaitingRequest, type WaitingRequests } from './waiting.ts'

/** Bodies above this are looked at and parsed in two steps of the event loop. */
const LONG_WORK_BYTES = 512 * 1024

/** Answers up to this length are not counted: short ones get through whatever others do. */
const FREE_LENGTH = 64 * 1024
/** The most that a streamed answer holds, as a rule: the rows and texts of one batch, and what is on its way. */
const STREAMED_BYTES = 1024 * 1024

/** Called once for each endpoint; the function it returns is called for each request that was answered. */
export type Observe = (method: string, path: string) => (status: number, durationMs: number) => void

/** The places where requests and their failures are reported. */
export interface EdgeReports {
  readonly logger: Logger
  /** Whether each request gets a line at level `debug`. */
  logsRequests(): boolean
  readonly observe?: Observe
  readonly tracing?: Tracing
  /** Tells people more about the limits of their accounts (`M_USER_LIMIT_EXCEEDED`). */
  readonly limitInfoUri?: string
}

export interface ServingParts {
  readonly edge: EdgeContext
  readonly admission: Admission
  readonly waiting: WaitingRequests
  /** The requests of costly endpoints, by caller. */
  readonly costly: KeyedWork<string>
  readonly clock: Clock
  readonly reports: EdgeReports
  readonly limits: { readonly bodyBytes: number; readonly writeTimeoutMs: number }
}

/** Serves the requests of one endpoint, from their headers to their answer. */
export class Serving implements Ending {
  readonly endpoint: AnyEndpoint
  readonly #parts: ServingParts
  readonly #shapes: EndpointShapes
  readonly #bodyLimitBytes: number
  readonly #observed: ((status: number, durationMs: number) => void) | undefined

  constructor(endpoint: AnyEndpoint, parts: ServingParts) {
    this.endpoint = endpoint
    this.#parts = parts
    this.#shapes = endpointShapes(endpoint)
    this.#bodyLimitBytes = endpoint.bodyLimitBytes ?? parts.limits.bodyBytes
    this.#observed = parts.reports.observe?.(endpoint.method, endpoint.paths[0])
  }

  /** Never rejects: a failure is an answer too. */
  serve(incoming: IncomingRequest): Promise<void> {
    const { tracing } = this.#parts.reports
    if (tracing === undefined) return this.#serve(incoming)
    const { method, paths } = this.endpoint
    const facts = { 'http.request.method': method, 'http.route': paths[0], 'homeroom.request': incoming.id }
    return tracing.request(`${method} ${paths[0]}`, facts, (traced) => {
      incoming.traced = traced
      return this.#serve(incoming)
    })
  }

  async #serve(incoming: IncomingRequest): Promise<void> {
    try {
      const { admission } = this.#parts
      const { endpoint } = this
      if (endpoint.auth.stage === 'headers') await admission.admit(endpoint, incoming)
      await this.#read(incoming)
      if (endpoint.auth.stage === 'body') await admission.admit(endpoint, incoming)
      // Long texts are not held for longer than the signature needs them.
      incoming.bodyText = undefined
      this.#check(incoming)
      if (endpoint.costly === true) await this.#inTurn(incoming)
      else await this.#answer(incoming, await this.#outcomeOf(incoming))
    } catch (thrown) {
      this.refuse(incoming, await this.#toldFirst(incoming, thrown))
    }
  }

  recheck(accessToken: string): Promise<unknown> {
    return this.#parts.edge.tokenOwners.check(accessToken)
  }

  async answer(waiting: Exchange, text: LongText): Promise<void> {
    this.#mindStop(waiting)
    if (typeof text === 'string') this.#send(waiting, new RawJson(text))
    else await this.#stream(waiting, text)
  }

  refuse(exchange: Exchange, thrown: unknown): void {
    this.#mindStop(exchange)
    const { id, response, inV1 } = exchange
    const { logger, limitInfoUri } = this.#parts.reports
    const said = inV1 ? asInV1(thrown) : thrown
    this.#answered(exchange, refuse({ logger, id, endpoint: this.endpoint, response, thrown: said, limitInfoUri }))
  }

  /** The endpoint decides how a body is read; its content type does not count. */
  async #read(incoming: IncomingRequest): Promise<void> {
    const { body, bodyOptional, bareBody, repeats, auth, method } = this.endpoint
    const { request } = incoming
    if (body === 'stream') {
      incoming.body = streamedBody(request)
      return
    }
    const bytes = method !== 'GET' && hasBody(request) ? await this.#bytes(incoming) : undefined
    if (body === 'form') {
      incoming.body = parseFormBody(bytes)
    } else if (repeats === true && bytes !== undefined && this.#isKept(incoming, bytes)) {
      return
    } else if (body !== undefined || (auth.stage === 'body' && bytes !== undefined)) {
      const unique = auth.stage === 'body'
      const options = { optional: bodyOptional === true, bare: bareBody, limitBytes: this.#bodyLimitBytes, unique }
      const checked = checkJsonBody(bytes, options)
      if (bytes !== undefined && bytes.length > LONG_WORK_BYTES) await yieldToEventLoop(this.#parts.clock)
      incoming.body = parseJsonBody(checked, options)
      if (auth.stage === 'body') incoming.bodyText = checked?.text
    }
  }

  /** Takes the body from an earlier request that had the same bytes; otherwise these are noted. */
  #isKept(incoming: IncomingRequest, bytes: Buffer): boolean {
    const kept = this.#parts.edge.repeated.of(this.endpoint.paths[0], bytes)
    incoming.body = kept
    incoming.hasKeptBody = kept !== undefined
    incoming.uncheckedBytes = kept === undefined ? bytes : undefined
    return incoming.hasKeptBody
  }

  async #bytes({ request, requester, ip }: IncomingRequest): Promise<Buffer> {
    const counted = this.#parts.edge.bodies.open(countedAs(requester) ?? addressKey(ip), requester !== undefined)
    const { body, auth } = this.endpoint
    // Servers send what they have signed, without needless escapes and white space.
    const factor = body === 'form' ? 1 : auth.stage === 'body' ? SIGNED_WIRE_FACTOR : WIRE_FACTOR
    try {
      return await readBody(request, this.#bodyLimitBytes * factor, counted)
    } finally {
      counted.close()
    }
  }

  #check(incoming: IncomingRequest): void {
    const { params, query, body } = this.#shapes
    params?.(incoming.params)
    query?.(incoming.query)
    if (incoming.hasKeptBody) return
    body?.(incoming.body)
    const { uncheckedBytes: bytes } = incoming
    incoming.uncheckedBytes = undefined
    if (bytes !== undefined) this.#parts.edge.repeated.keep(this.endpoint.paths[0], bytes, incoming.body as JsonObject)
  }

  /** The turn lasts until the answer has been made. */
  async #inTurn(incoming: IncomingRequest): Promise<void> {
    const key = countedAs(incoming.requester) ?? addressKey(incoming.ip)
    let begun = false
    try {
      await this.#parts.costly.run(key, async () => {
        begun = true
        if (!incoming.response.destroyed) await this.#answer(incoming, await this.#outcomeOf(incoming))
      })
    } catch (error) {
      throw !begun && error instanceof TooMuchWork ? limitExceeded(error.retryAfterMs) : error
    }
  }

  /** The refusal to tell: that the caller may not ask at all comes before any of what is asked. */
  async #toldFirst(incoming: IncomingRequest, thrown: unknown): Promise<unknown> {
    const { allows } = this.endpoint
    const isForm = thrown instanceof MatrixError && thrown.status === 400
    if (allows === undefined || !isForm || incoming.requester === undefined) return thrown
    try {
      await allows(incoming)
      return thrown
    } catch (denied) {
      return denied
    }
  }

  /** A user who was logged out while the handler took its time is told that, and no news. */
  async #outcomeOf(incoming: IncomingRequest): Promise<Answer> {
    try {
      return this.#toShadowBanned(incoming) ?? (await this.endpoint.handler(incoming))
    } finally {
      if (incoming.waited) await incoming.checkAgain()
    }
  }

  #toShadowBanned(incoming: IncomingRequest): Answer | undefined {
    const { requester } = incoming
    if (requester === undefined || requester.kind === 'server' || !requester.shadowBanned) return undefined
    return this.endpoint.toShadowBanned?.(incoming)
  }

  async #answer(incoming: IncomingRequest, outcome: Answer): Promise<void> {
    if (outcome instanceof LaterJson) {
      const { waiting: all } = this.#parts
      const { accessToken } = incoming
      all.add(
        new WaitingRequest({ exchange: incoming, accessToken, later: outcome, all, ending: this }),
        incoming.rechecksBefore,
      )
      return
    }
    this.#mindStop(incoming)
    if (outcome instanceof FileReply) {
      const { reports, limits, edge } = this.#parts
      this.#answered(
        incoming,
        await sendFileReply(outcome, {
          exchange: incoming,
          headers: incoming.headers,
          logger: reports.logger,
          path: this.endpoint.paths[0],
          writeTimeoutMs: limits.writeTimeoutMs,
          signals: edge.signals,
        }),
      )
    } else if (outcome instanceof StreamedJson) await this.#stream(incoming, outcome.pieces)
    else if (outcome instanceof StreamedText) await this.#stream(incoming, outcome.pieces, outcome.headers)
    else this.#send(incoming, outcome)
  }

  #send(exchange: Exchange, outcome: JsonObject | RawJson | CustomReply): void {
    const { response } = exchange
    if (outcome instanceof RawJson && outcome.text.length > FREE_LENGTH) {
      response.once('close', this.#parts.edge.answers.takeNow(answerKey(exchange), outcome.text.length))
    }
    this.#answered(exchange, sendOutcome(response, outcome))
  }

  /** An answer that is not begun waits for its turn; one that has begun must not be held any longer. */
  async #stream(exchange: Exchange, pieces: TextPieces, headers?: StreamedText['headers']): Promise<void> {
    const { clock, edge, limits } = this.#parts
    const begun = pieces.begun.reduce((length, { length: more }) => length + more, 0)
    const key = answerKey(exchange)
    const { response } = exchange
    const gone = new AbortController()
    response.once('close', () => gone.abort())
    const release =
      begun === 0
        ? await edge.answers.take(key, STREAMED_BYTES, gone.signal)
        : edge.answers.takeNow(key, Math.max(begun, STREAMED_BYTES))
    try {
      const options = { clock, turns: edge.turns, writeTimeoutMs: limits.writeTimeoutMs }
      await sendPieces(response, pieces, headers === undefined ? options : { ...options, headers })
      this.#answered(exchange, 200)
    } finally {
      release()
    }
  }

  /** A connection that is kept open would delay a stop. */
  #mindStop({ response }: Exchange): void {
    if (this.#parts.edge.signals.stopping) response.shouldKeepAlive = false
  }

  #answered({ id, response, startedMs, userId: user, traced }: Exchange, status: number): void {
    traced?.ended(status)
    const { clock, limits, reports } = this.#parts
    boundWrite(response, limits.writeTimeoutMs)
    if (this.#observed === undefined && !reports.logsRequests()) return
    const durationMs = clock.monotonicMs() - startedMs
    this.#observed?.(status, durationMs)
    if (!reports.logsRequests()) return
    const { method, paths } = this.endpoint
    reports.logger.debug({ request: id, method, path: paths[0], user, status, durationMs }, 'answered')
  }
}

const answerKey = ({ userId, ip = '' }: Exchange): string => userId ?? addressKey(ip)
