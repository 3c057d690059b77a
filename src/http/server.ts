import type { Server, ServerResponse } from 'node:http'
import { type FastifyInstance, type FastifyReply, type FastifyRequest, fastify } from 'fastify'
import type { Clock, Logger } from '#base'
import { MatrixError } from '#spec'
import { accessTokenOf } from './access-token.ts'
import { CORS_HEADERS, errorOf, sendError, sendJson, sendOutcome } from './answers.ts'
import { type Answer, type AnyEndpoint, isV1Path, LaterJson, type Requester, type TokenCheck } from './endpoint.ts'
import { FileReply } from './file-reply.ts'
import { parseFormBody } from './form-body.ts'
import { IncomingRequest, LiveSignals } from './incoming.ts'
import { parseJsonBody } from './json-body.ts'
import { knownPaths, MAX_PARAM_LENGTH } from './known-paths.ts'
import { type Ending, type Exchange, Parked, ParkingLot } from './parked.ts'
import { addressKey, type RateLimiter } from './rate-limits.ts'
import { type EndpointShapes, endpointShapes } from './shapes.ts'
import { boundWrite, closeServer, type Listener, listen, openServer, type SocketLimits } from './sockets.ts'
import { beginFile, boundBody, streamedBody } from './streaming.ts'

declare module 'fastify' {
  interface FastifyRequest {
    incoming: IncomingRequest | undefined
    startedMs: number
  }
  interface FastifyContextConfig {
    /** How refusals look where a person reads them. */
    errorPage?: AnyEndpoint['errorPage'] | undefined
  }
}

/** Called once for each endpoint; what it answers is called for each request that was answered. */
export type Observe = (method: string, path: string) => (status: number, durationMs: number) => void

export interface EdgeLimits extends SocketLimits {
  /** Of a request body, where the endpoint sets no other. */
  readonly bodyBytes: number
}

export interface EdgeOptions {
  readonly endpoints: readonly AnyEndpoint[]
  readonly tokens: TokenCheck
  readonly rateLimiter: RateLimiter
  readonly limits: EdgeLimits
  /** Whose `X-Forwarded-For` is believed: nobody's, everybody's, or that of these addresses and networks. */
  readonly trustProxy: boolean | readonly string[]
  readonly clock: Clock
  readonly logger: Logger
  /** A line for each request, at level `debug`; left off it costs nothing. */
  readonly logRequests: boolean
  readonly observe?: Observe
}

/** The HTTP edge: all endpoints at all their paths, on as many listeners as wanted. */
export interface Edge {
  /** Answers with the base URL. Throws as Node does when it cannot listen. */
  listen(listener: Listener): Promise<string>
  /** Stops accepting, aborts every request's signal, waits for the answers; after `graceMs` it cuts connections. */
  stop(graceMs: number): Promise<void>
}

export const DEFAULT_BODY_BYTES = 128 * 1024

export const createEdge = async (options: EdgeOptions): Promise<Edge> => {
  const { limits } = options
  const signals = new LiveSignals()
  const lot = new ParkingLot()
  options.tokens.onVoided?.((userId) => lot.recheck(userId))
  let sequence = 0
  const app = fastify({
    logger: false,
    bodyLimit: limits.bodyBytes,
    exposeHeadRoutes: false,
    return503OnClosing: false,
    trustProxy: typeof options.trustProxy === 'boolean' ? options.trustProxy : [...options.trustProxy],
    genReqId: () => {
      sequence = (sequence + 1) % 2 ** 31
      return `r${sequence}`
    },
    routerOptions: { maxParamLength: MAX_PARAM_LENGTH, ignoreTrailingSlash: false, caseSensitive: true },
    frameworkErrors: (_error, request, reply) => {
      answerError(
        options,
        request,
        reply,
        new MatrixError('M_INVALID_PARAM', 'The path is malformed or a part of it too long'),
      )
    },
  })
  prepare(app, options)
  for (const endpoint of options.endpoints) {
    if (endpoint.body !== 'stream') register(app, endpoint, options, signals, lot)
  }
  void app.register(async (unread) => {
    unread.removeAllContentTypeParsers()
    unread.addContentTypeParser('*', (_request, _bytes, done) => done(null))
    for (const endpoint of options.endpoints) {
      if (endpoint.body === 'stream') register(unread, endpoint, options, signals, lot)
    }
  })
  answerUnknown(app, options)
  await app.ready()

  const servers: Server[] = []
  return {
    listen: (listener) => {
      const server = openServer(listener, limits, app.routing)
      servers.push(server)
      return listen(server, listener)
    },
    stop: async (graceMs) => {
      const closed = servers.map((server) => closeServer(server, options.clock, graceMs))
      signals.abortAll()
      lot.hurryAll()
      await Promise.all(closed)
      await app.close()
    },
  }
}

/** Bodies come as bytes whatever their content type says; what they mean is for the endpoint to say. */
const prepare = (app: FastifyInstance, options: EdgeOptions): void => {
  app.removeAllContentTypeParsers()
  app.addContentTypeParser('*', { parseAs: 'buffer' }, (_request, bytes, done) => done(null, bytes))
  app.decorateRequest('incoming', undefined)
  app.decorateRequest('startedMs', 0)
  app.decorateRequest('contentType', undefined)
  app.addHook('onRequest', (request, reply, done) => {
    const { headers } = request.raw
    request.startedMs = options.clock.monotonicMs()
    request.contentType = headers['content-type']
    headers['content-type'] = undefined
    if (headers['content-length'] !== undefined || headers['transfer-encoding'] !== undefined) {
      boundBody(request, reply, options)
    }
    done()
  })
  app.setErrorHandler((error, request, reply) => answerError(options, request, reply, edgeError(error)))
}

/** What the framework itself refuses, in the terms of the specification. */
const edgeError = (error: unknown): unknown => {
  const code = error instanceof Error && 'code' in error ? error.code : undefined
  switch (code) {
    case 'FST_ERR_CTP_BODY_TOO_LARGE':
      return new MatrixError('M_TOO_LARGE', 'The body is too large')
    case 'FST_ERR_CTP_INVALID_CONTENT_LENGTH':
    case 'ECONNRESET':
      return new MatrixError('M_NOT_JSON', 'The body ended early')
    default:
      return error
  }
}

const answerUnknown = (app: FastifyInstance, options: EdgeOptions): void => {
  const known = knownPaths(options.endpoints)
  const observed = options.observe?.('*', 'unrecognized')
  app.setNotFoundHandler((request, reply) => {
    const response = take(reply)
    if (request.method === 'OPTIONS') {
      response.writeHead(204, [...CORS_HEADERS, 'Access-Control-Max-Age', '86400'])
      response.end()
      return
    }
    const error = known(request.url)
      ? new MatrixError('M_UNRECOGNIZED', 'This path takes another method', { status: 405 })
      : new MatrixError('M_UNRECOGNIZED', 'Unrecognized request')
    sendError(response, error)
    observed?.(error.status, options.clock.monotonicMs() - request.startedMs)
  })
}

/** We write the answer ourselves, at once and whole. */
const take = (reply: FastifyReply): ServerResponse => {
  reply.hijack()
  return reply.raw
}

const answerError = (
  options: EdgeOptions,
  request: FastifyRequest,
  reply: FastifyReply,
  thrown: unknown,
  page = request.routeOptions.config?.errorPage,
): number => {
  const { id, method } = request
  return refuse(options.logger, { id, method, path: request.routeOptions.url }, take(reply), thrown, page)
}

/** Answers the status. */
const refuse = (
  logger: Logger,
  { id, method, path }: { readonly id: string; readonly method: string; readonly path: string | undefined },
  response: ServerResponse,
  thrown: unknown,
  page: AnyEndpoint['errorPage'],
): number => {
  const { error, unexpected } = errorOf(thrown)
  if (unexpected || error.status >= 500) {
    // Never the query string: it may hold a token.
    const fields = { request: id, method, path, err: thrown }
    if (unexpected) logger.error(fields, 'request failed')
    else logger.warn(fields, 'request refused')
  }
  if (response.headersSent || response.destroyed) return error.status
  if (page === undefined) sendError(response, error)
  else sendOutcome(response, page(error))
  return error.status
}

/** How requests of an endpoint end: told to the log and the metrics; and the answers of those that waited. */
const endingsOf = (
  endpoint: AnyEndpoint,
  options: EdgeOptions,
  signals: LiveSignals,
): {
  readonly answered: (exchange: Exchange, status: number) => void
  readonly ending: Ending
  readonly endingInV1: Ending
} => {
  const observed = options.observe?.(endpoint.method, endpoint.paths[0])
  const { clock, limits, logger, logRequests } = options

  const answered = ({ id, response, startedMs, userId: user }: Exchange, status: number): void => {
    boundWrite(response, limits.writeTimeoutMs)
    if (observed === undefined && !logRequests) return
    const durationMs = clock.monotonicMs() - startedMs
    observed?.(status, durationMs)
    if (!logRequests) return
    logger.debug(
      { request: id, method: endpoint.method, path: endpoint.paths[0], user, status, durationMs },
      'answered',
    )
  }

  const ending: Ending = {
    recheck: (accessToken) => options.tokens.check(accessToken),
    answer: (parked, text) => {
      if (signals.stopping) parked.response.shouldKeepAlive = false
      sendJson(parked.response, 200, text)
      answered(parked, 200)
    },
    refuse: (parked, thrown) => {
      if (signals.stopping) parked.response.shouldKeepAlive = false
      const { method, paths, errorPage } = endpoint
      answered(parked, refuse(logger, { id: parked.id, method, path: paths[0] }, parked.response, thrown, errorPage))
    },
  }
  const endingInV1: Ending = { ...ending, refuse: (parked, thrown) => ending.refuse(parked, asInV1(thrown)) }
  return { answered, ending, endingInV1 }
}

const register = (
  app: FastifyInstance,
  endpoint: AnyEndpoint,
  options: EdgeOptions,
  signals: LiveSignals,
  lot: ParkingLot,
): void => {
  const shapes = endpointShapes(endpoint)
  const { limits } = options
  const { answered, ending, endingInV1 } = endingsOf(endpoint, options, signals)

  const serve = async (request: FastifyRequest, reply: FastifyReply): Promise<void> => {
    let status: number
    const incoming = request.incoming ?? new IncomingRequest(request, reply, signals)
    try {
      readInto(endpoint, shapes, incoming, request)
      const outcome = await outcomeOf(endpoint, incoming, options.tokens)
      if (outcome instanceof LaterJson) {
        take(reply)
        const end = isV1Path(request.url) ? endingInV1 : ending
        lot.park(new Parked(incoming, incoming.accessToken, outcome, lot, end), incoming.rechecksBefore)
        return
      }
      if (signals.stopping) reply.raw.shouldKeepAlive = false
      status =
        outcome instanceof FileReply
          ? await beginFile(outcome, request, () => take(reply), { ...options, stopping: () => signals.stopping })
          : sendOutcome(take(reply), outcome)
    } catch (thrown) {
      // Kept open, the connection would hold up the stop.
      if (signals.stopping) reply.raw.shouldKeepAlive = false
      status = answerError(options, request, reply, isV1Path(request.url) ? asInV1(thrown) : thrown)
    }
    answered(incoming, status)
  }

  const admit = async (request: FastifyRequest, reply: FastifyReply): Promise<boolean> => {
    const incoming = new IncomingRequest(request, reply, signals)
    request.incoming = incoming
    incoming.rechecksBefore = lot.rechecks
    try {
      if (endpoint.auth !== 'none') await authenticate(endpoint, incoming, request, options.tokens)
      if (endpoint.rateLimit !== 'unlimited') {
        const key = incoming.requester?.userId ?? addressKey(request.ip)
        await options.rateLimiter.consume(endpoint.rateLimit, key)
      }
      return true
    } catch (thrown) {
      answered(incoming, answerError(options, request, reply, isV1Path(request.url) ? asInV1(thrown) : thrown))
      return false
    }
  }

  for (const url of endpoint.paths) {
    app.route({
      method: endpoint.method,
      url,
      bodyLimit: endpoint.bodyLimitBytes ?? limits.bodyBytes,
      config: { streamed: endpoint.body === 'stream', errorPage: endpoint.errorPage },
      onRequest: (request, reply, done) => {
        void admit(request, reply).then((admitted) => {
          if (admitted) done()
        })
      },
      handler: (request, reply) => {
        void serve(request, reply)
      },
    })
  }
}

/** The first version of the API answered 403 to a missing or unknown access token. */
const asInV1 = (thrown: unknown): unknown => {
  if (!(thrown instanceof MatrixError)) return thrown
  const { errcode, message, fields, headers } = thrown
  if (errcode !== 'M_MISSING_TOKEN' && errcode !== 'M_UNKNOWN_TOKEN') return thrown
  return new MatrixError(errcode, message, { status: 403, fields, headers })
}

const authenticate = async (
  endpoint: AnyEndpoint,
  incoming: IncomingRequest,
  request: FastifyRequest,
  tokens: TokenCheck,
): Promise<void> => {
  const token = accessTokenOf(request.headers, request.query as Record<string, unknown>)
  if (token === undefined) {
    if (endpoint.auth === 'optional') return
    throw new MatrixError('M_MISSING_TOKEN', 'Missing access token')
  }
  incoming.accessToken = token
  const requester: Requester = await tokens.check(token, incoming)
  if (requester.guest && endpoint.auth === 'user') {
    throw new MatrixError('M_GUEST_ACCESS_FORBIDDEN', 'Guests cannot do this')
  }
  incoming.requester = requester
}

/** A request may wait for news longer than its access token lives: who was logged out meanwhile is told that, and no news. */
const outcomeOf = async (endpoint: AnyEndpoint, incoming: IncomingRequest, tokens: TokenCheck): Promise<Answer> => {
  try {
    return await endpoint.handler(incoming)
  } finally {
    const { accessToken, requester, waited } = incoming
    if (waited && requester !== undefined && accessToken !== undefined) await tokens.check(accessToken, incoming)
  }
}

const readInto = (
  endpoint: AnyEndpoint,
  shapes: EndpointShapes,
  incoming: IncomingRequest,
  request: FastifyRequest,
): void => {
  shapes.params?.(incoming.params)
  shapes.query?.(incoming.query)
  if (endpoint.body === 'stream') incoming.body = streamedBody(request)
  if (endpoint.body === 'form') incoming.body = parseFormBody(request.body as Buffer | undefined)
  if (shapes.body === undefined) return
  incoming.body = shapes.body(
    parseJsonBody(request.body as Buffer | undefined, endpoint.bodyOptional === true, endpoint.bareBody),
  )
}
