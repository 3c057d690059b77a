import type { ServerResponse } from 'node:http'
import type { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { isUnavailable } from '#base'
import { type JsonObject, MatrixError } from '#spec'
import { CustomReply, RawJson } from './endpoint.ts'
import type { FilePlan } from './file-reply.ts'

/** On every answer: client-server API, "Web Browser Clients". */
export const CORS_HEADERS = [
  'Access-Control-Allow-Origin',
  '*',
  'Access-Control-Allow-Methods',
  'GET, POST, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers',
  'X-Requested-With, Content-Type, Authorization',
] as const

const JSON_HEADERS = [...CORS_HEADERS, 'Content-Type', 'application/json', 'Content-Length'] as const

/** Writes a whole answer of JSON text at once. */
export const sendJson = (
  response: ServerResponse,
  status: number,
  text: string,
  headers?: Readonly<Record<string, string>>,
): void => {
  const list: (string | number)[] = [...JSON_HEADERS, Buffer.byteLength(text)]
  if (headers !== undefined) for (const name of Object.keys(headers)) list.push(name, headers[name] ?? '')
  response.writeHead(status, list as never)
  response.end(text)
}

/** Answers what a handler gave; answers the status. */
export const sendOutcome = (response: ServerResponse, outcome: JsonObject | RawJson | CustomReply): number => {
  if (outcome instanceof RawJson) {
    sendJson(response, 200, outcome.text)
    return 200
  }
  if (outcome instanceof CustomReply) {
    const { status, headers, body } = outcome.reply
    if (typeof body === 'string') sendText(response, status, body, headers)
    else sendJson(response, status, body instanceof RawJson ? body.text : JSON.stringify(body), headers)
    return status
  }
  sendJson(response, 200, JSON.stringify(outcome))
  return 200
}

const CLIENT_GONE: ReadonlySet<unknown> = new Set([
  'ERR_STREAM_PREMATURE_CLOSE',
  'ERR_STREAM_DESTROYED',
  'ECONNRESET',
  'EPIPE',
])
const codeOf = (error: unknown): unknown => (error instanceof Error && 'code' in error ? error.code : undefined)

/**
 * Answers with a part of a file, or with nothing but its headers. Throws when the file fails half-way: the client learns it
 * from a connection that ends early. A client that goes away is no failure.
 */
export const sendFile = async (
  response: ServerResponse,
  plan: FilePlan,
  bytes: Readable | undefined,
): Promise<void> => {
  const list: (string | number)[] = [...CORS_HEADERS]
  for (const [name, value] of Object.entries(plan.headers)) list.push(name, value)
  response.writeHead(plan.status, list as never)
  if (bytes === undefined) {
    response.end()
    return
  }
  try {
    await pipeline(bytes, response)
  } catch (error) {
    if (!CLIENT_GONE.has(codeOf(error))) throw error
  }
}

const sendText = (
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> | undefined,
): void => {
  const list: (string | number)[] = [...CORS_HEADERS, 'Content-Length', Buffer.byteLength(body)]
  let typed = false
  for (const [name, value] of Object.entries(headers ?? {})) {
    typed ||= name.toLowerCase() === 'content-type'
    list.push(name, value)
  }
  if (!typed) list.push('Content-Type', 'text/plain; charset=utf-8')
  response.writeHead(status, list as never)
  response.end(body)
}

/**
 * What a thrown error means to the client (client-server API, "Standard error response"). Only errors of the catalogue
 * tell anything; `unexpected` ones are for the log.
 */
export const errorOf = (thrown: unknown): { readonly error: MatrixError; readonly unexpected: boolean } => {
  if (thrown instanceof MatrixError) return { error: thrown, unexpected: false }
  if (isUnavailable(thrown)) {
    const retryAfterMs = Math.max(0, Math.ceil(thrown.retryAfterMs))
    const error = new MatrixError('M_UNKNOWN', 'The server cannot do this now; try again later', {
      status: 503,
      headers: { 'Retry-After': String(Math.max(1, Math.ceil(retryAfterMs / 1000))) },
      fields: { retry_after_ms: retryAfterMs },
      cause: thrown,
    })
    return { error, unexpected: false }
  }
  return { error: new MatrixError('M_UNKNOWN', 'Internal server error'), unexpected: true }
}

export const sendError = (response: ServerResponse, error: MatrixError): void => {
  const body = { errcode: error.errcode, error: error.message, ...error.fields }
  sendJson(response, error.status, JSON.stringify(body), error.headers)
}
