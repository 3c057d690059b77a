import { Pool } from 'undici'

/** One answer of the target; the body is text and stays unparsed until somebody needs a field of it. */
export type HttpAnswer = { status: number; body: string }

export type HttpRequest = {
  method: 'GET' | 'POST' | 'PUT'
  path: string
  token?: string | undefined
  body?: string | undefined
}

/** The target answered, but not with success. `status` 0 never occurs here: a lost connection is an ordinary `Error`. */
export class TargetError extends Error {
  readonly status: number
  /** What a 429 asks for, or undefined. */
  readonly retryAfterMs: number | undefined
  constructor(request: HttpRequest, answer: HttpAnswer) {
    const path = request.path.split('?', 1)[0]
    super(`${request.method} ${path} answered ${answer.status}: ${answer.body.slice(0, 200)}`)
    this.status = answer.status
    const wait = /"retry_after_ms"\s*:\s*(\d{1,9})/.exec(answer.body)?.[1]
    this.retryAfterMs = wait === undefined ? undefined : Number(wait)
  }
}

/** Longer than any long-poll the scenarios ask for (30 s) and than a cold first sync of 1,000 rooms. */
const answerTimeoutMs = 300_000

/**
 * A bare HTTP/1.1 client over one keep-alive pool. It uses undici's dispatch interface, which hands the parsed answer to a
 * callback without a stream object per request, so that one core can offer well over 5,000 requests a second.
 */
export class HttpClient {
  readonly #pool: Pool
  /** What stands before every path: empty, unless the target's URL has a path of its own. */
  readonly basePath: string

  constructor(baseUrl: string, connections: number) {
    const url = new URL(baseUrl)
    this.basePath = url.pathname.replace(/\/+$/, '')
    this.#pool = new Pool(url.origin, {
      connections,
      pipelining: 1,
      headersTimeout: answerTimeoutMs,
      bodyTimeout: answerTimeoutMs,
      keepAliveTimeout: 60_000,
      connect: { timeout: 30_000 },
    })
  }

  /** Resolves with any answer, whatever its status; rejects only when the connection fails or times out. */
  exchange(request: HttpRequest): Promise<HttpAnswer> {
    const headers: string[] = []
    if (request.token !== undefined) headers.push('authorization', `Bearer ${request.token}`)
    if (request.body !== undefined) headers.push('content-type', 'application/json')
    return new Promise((resolve, reject) => {
      let status = 0
      let first: Buffer | undefined
      let rest: Buffer[] | undefined
      this.#pool.dispatch(
        { method: request.method, path: this.basePath + request.path, headers, body: request.body ?? null },
        {
          onRequestStart() {},
          onResponseStart(_controller, statusCode) {
            status = statusCode
          },
          onResponseData(_controller, chunk) {
            if (first === undefined) first = chunk
            else if (rest === undefined) rest = [first, chunk]
            else rest.push(chunk)
          },
          onResponseEnd() {
            resolve({ status, body: rest ? Buffer.concat(rest).toString() : (first?.toString() ?? '') })
          },
          onResponseError(_controller, error) {
            reject(error)
          },
        },
      )
    })
  }

  /** As `exchange`, but any status other than 200 rejects with `TargetError`. */
  async call(request: HttpRequest): Promise<string> {
    const answer = await this.exchange(request)
    if (answer.status !== 200) throw new TargetError(request, answer)
    return answer.body
  }

  /** Drops every connection at once; requests still waiting reject. */
  async close(): Promise<void> {
    await this.#pool.destroy()
  }
}
