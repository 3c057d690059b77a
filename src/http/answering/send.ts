import type { ServerResponse } from 'node:http'
import type { JsonObject, MatrixError } from '#spec'
import { CustomReply, RawJson } from '../endpoint/answer.ts'

/** The headers of every answer: client-server API, "Web Browser Clients". */
export const CORS_HEADERS = [
  'Access-Control-Allow-Origin',
  '*',
  'Access-Control-Allow-Methods',
  'GET, POST, PUT, DELETE, OPTIONS',
  'Access-Control-Allow-Headers',
  'X-Requested-With, Content-Type, Authorization',
] as const

/** The headers of the answer to `OPTIONS`. `more`: headers that scripts may send to that path besides those of the specification. */
export const preflightHeaders = (more: readonly string[] = []): readonly string[] => [
  ...CORS_HEADERS.slice(0, -1),
  [CORS_HEADERS.at(-1), ...more].join(', '),
  'Access-Control-Max-Age',
  '86400',
]

const JSON_HEADERS = [...CORS_HEADERS, 'Content-Type', 'application/json', 'Content-Length'] as const

export const sendJson = (
  response: ServerResponse,
  status: number,
  text: string,
  headers?: Readonly<Record<string, string>>,
): void => {
  const length = Buffer.byteLength(text)
  const list: (string | number)[] = [...JSON_HEADERS, length]
  if (headers !== undefined) for (const name of Object.keys(headers)) list.push(name, headers[name] ?? '')
  response.writeHead(status, list as never)
  // Text of ASCII alone is the same in both, and copied faster as Latin-1.
  response.end(text, length === text.length ? 'latin1' : 'utf8')
}

/** Answers with what a handler gave; returns the status. */
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

const sendText = (
  response: ServerResponse,
  status: number,
  body: string,
  headers: Readonly<Record<string, string>> | undefined,
): void => {
  const list: (string | number)[] = ['Content-Length', Buffer.byteLength(body)]
  let typed = false
  let isPage = false
  for (const [name, value] of Object.entries(headers ?? {})) {
    const isType = name.toLowerCase() === 'content-type'
    typed ||= isType
    isPage ||= isType && value.startsWith('text/html')
    list.push(name, value)
  }
  // Pages are for people alone: no script of another site has any business with them.
  if (!isPage) list.push(...CORS_HEADERS)
  if (!typed) list.push('Content-Type', 'text/plain; charset=utf-8')
  response.writeHead(status, list as never)
  response.end(body)
}

export const sendError = (response: ServerResponse, error: MatrixError): void => {
  const body = { errcode: error.errcode, error: error.message, ...error.fields }
  sendJson(response, error.status, JSON.stringify(body), error.headers)
}
