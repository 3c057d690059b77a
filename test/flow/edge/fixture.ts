import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { Type } from 'typebox'
import { type Clock, type Logger, silentLogger, systemClock } from '#base'
import {
  type AnyEndpoint,
  type Auth,
  admin,
  createEdge,
  type Edge,
  type EdgeLimits,
  endpoint,
  none,
  noRateLimits,
  optional,
  type RateLimiter,
  type Requester,
  type TokenIssuer,
  user,
  v3,
} from '#http'
import { type DeviceId, MatrixError, type UserId } from '#spec'

const LIMITS: EdgeLimits = {
  bodyBytes: 4_096,
  headerBytes: 8_192,
  headersTimeoutMs: 5_000,
  requestTimeoutMs: 10_000,
  uploadTimeoutMs: 10_000,
  keepAliveTimeoutMs: 10_000,
  writeTimeoutMs: 10_000,
}

const requesterOf = (name: string): Requester => {
  const session = {
    userId: `@${name}:edge.test` as UserId,
    user: 1,
    deviceId: 'DEVICE' as DeviceId,
    device: 1,
    suspended: false,
    shadowBanned: false,
  }
  return name === 'guest' ? { kind: 'guest', ...session } : { kind: 'user', ...session, admin: name === 'admin' }
}

/** Its tokens are `PREFIX-NAME`, for all names but `nobody`. */
const issuerOf = (prefix: string): TokenIssuer => ({
  mayHaveIssued: (accessToken) => accessToken.startsWith(`${prefix}-`),
  check: async (accessToken) => {
    const name = accessToken.slice(prefix.length + 1)
    if (name === 'nobody') throw new MatrixError('M_UNKNOWN_TOKEN', `Unknown ${prefix}`)
    return requesterOf(name)
  },
})

/** Answers with what arrived. */
const echo = endpoint({
  method: 'PUT',
  paths: v3('/rooms/:roomId/state/:eventType/:stateKey'),
  auth: user(),
  rateLimit: 'message',
  query: Type.Object({
    limit: Type.Optional(Type.Integer()),
    full: Type.Optional(Type.Boolean()),
    via: Type.Optional(Type.Array(Type.String())),
  }),
  body: Type.Object({}),
  handler: async ({ params, query, body, requester, path }) =>
    ({ params, query, body, user: requester.userId, path }) as never,
})

const strict = endpoint({
  method: 'POST',
  paths: v3('/strict'),
  auth: none(),
  rateLimit: 'unlimited',
  body: Type.Object({
    name: Type.String(),
    count: Type.Optional(Type.Integer()),
    list: Type.Optional(Type.Array(Type.Object({ id: Type.String() }))),
  }),
  handler: async ({ body }) => ({ body }) as never,
})

const lenient = endpoint({
  method: 'POST',
  paths: v3('/lenient'),
  auth: none(),
  rateLimit: 'unlimited',
  body: Type.Object({ reason: Type.Optional(Type.String()) }),
  bodyOptional: true,
  handler: async ({ body }) => ({ body }) as never,
})

const AUTHS: Readonly<Record<string, Auth<Requester | undefined>>> = {
  none: none(),
  optional: optional(),
  user: user(),
  guest: user({ guests: true }),
  admin: admin(),
}

const access = Object.entries(AUTHS).map(([name, auth]) =>
  endpoint({
    method: 'GET',
    paths: v3(`/access/${name}`),
    auth,
    rateLimit: 'read',
    handler: async ({ requester }) => ({ user: requester?.userId ?? null, kind: requester?.kind ?? null }),
  }),
)

export interface EdgeSetup {
  readonly endpoints?: readonly AnyEndpoint[]
  readonly limits?: Partial<EdgeLimits>
  readonly rateLimiter?: RateLimiter
  readonly trustProxy?: boolean | readonly string[]
  readonly logger?: Logger
  readonly logRequests?: boolean
  readonly clock?: Clock
}

export interface TestEdge extends AsyncDisposable {
  readonly edge: Edge
  readonly url: string
  readonly port: number
  /** Sends and reads a whole answer; paths go out as they are written. */
  ask(method: string, path: string, options?: AskOptions): Promise<Asked>
}

export interface AskOptions {
  readonly token?: string
  readonly body?: string | Uint8Array
  readonly headers?: Readonly<Record<string, string>>
}

export interface Asked {
  readonly status: number
  readonly headers: Headers
  readonly text: string
  // biome-ignore lint/suspicious/noExplicitAny: judged by the assertions of the tests.
  readonly json: any
}

/** The HTTP edge alone, with endpoints that show what reaches a handler. */
export const startEdge = async (setup: EdgeSetup = {}): Promise<TestEdge> => {
  const edge = createEdge({
    endpoints: [echo, strict, lenient, ...access, ...(setup.endpoints ?? [])],
    callers: { issuers: [issuerOf('token'), issuerOf('other')] },
    rateLimiter: setup.rateLimiter ?? noRateLimits,
    limits: { ...LIMITS, ...setup.limits },
    trustProxy: setup.trustProxy ?? false,
    clock: setup.clock ?? systemClock,
    reports: { logger: setup.logger ?? silentLogger, logsRequests: () => setup.logRequests ?? false },
  })
  const url = await edge.listen({ host: '127.0.0.1', port: 0 })
  return {
    edge,
    url,
    port: Number(new URL(url).port),
    ask: (method, path, options) => ask(url, method, path, options ?? {}),
    [Symbol.asyncDispose]: () => edge.stop(0),
  }
}

const ask = async (url: string, method: string, path: string, { token, body, headers }: AskOptions): Promise<Asked> => {
  const response = await fetch(`${url}${path}`, {
    method,
    headers: { ...(token === undefined ? {} : { authorization: `Bearer ${token}` }), ...headers },
    ...(body === undefined ? {} : { body }),
  })
  const text = await response.text()
  const isJson = response.headers.get('content-type') === 'application/json' && text !== ''
  return { status: response.status, headers: response.headers, text, json: isJson ? JSON.parse(text) : undefined }
}

/** A bare connection, for clients that behave as no library does. */
export const openSocket = async (port: number): Promise<Socket> => {
  const socket = connect(port, '127.0.0.1')
  socket.on('error', () => {})
  await once(socket, 'connect')
  return socket
}

/** All that the server sends until it closes. */
export const readToEnd = async (socket: Socket): Promise<string> => {
  let text = ''
  socket.setEncoding('utf8')
  socket.on('data', (chunk: string) => {
    text += chunk
  })
  await once(socket, 'close')
  return text
}
