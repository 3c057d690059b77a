import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { type Clock, failureWords, nodeHttp } from '#base'
import { boundedText } from './bounded-answer.ts'

export interface AppserviceRequestsOptions {
  readonly clock: Clock
  /** Limit of one request, from connecting to the last byte of its answer. */
  readonly timeoutMs: number
}

/** Where an application service is reached, and by what it knows this server. */
export interface AppserviceAddress {
  /** Without a slash at the end. */
  readonly url: string
  readonly hsToken: string
}

export type AppserviceAnswer =
  | { readonly kind: 'answered'; readonly status: number; readonly text: string }
  | { readonly kind: 'failed'; readonly timedOut: boolean; readonly reason: string }

export interface AppserviceRequest {
  readonly method: 'GET' | 'PUT' | 'POST'
  /** Below the service's address, with query. */
  readonly path: string
  /** The path of before paths had versions; asked where the service does not know the path. */
  readonly oldPath?: string
  /** JSON text. */
  readonly body?: string
  /** Shorter than the usual limit. */
  readonly timeoutMs?: number
  readonly signal?: AbortSignal
}

const MAX_ANSWER_BYTES = 1024 * 1024
const IDLE_CONNECTION_MS = 30_000
const OLD_PATHS_FOR_MS = 600_000
const MAX_OLD = 1_000

/** Requests to application services. Their addresses are the operator's own, so they may be private. */
export class AppserviceRequests {
  readonly #options: AppserviceRequestsOptions
  readonly #agents = {
    http: new nodeHttp.Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS }),
    https: new HttpsAgent({ keepAlive: true, timeout: IDLE_CONNECTION_MS }),
  }
  readonly #closing = new AbortController()
  /** Services that know old paths alone, and until when that is taken for granted, on the monotonic clock. */
  readonly #old = new Map<string, number>()

  constructor(options: AppserviceRequestsOptions) {
    this.#options = options
  }

  /** Never throws. */
  async ask(to: AppserviceAddress, request: AppserviceRequest): Promise<AppserviceAnswer> {
    const { clock } = this.#options
    const { oldPath } = request
    if (oldPath === undefined) return this.#once(to, request, request.path)
    const isOld = (this.#old.get(to.url) ?? 0) > clock.monotonicMs()
    const first = await this.#once(to, request, isOld ? withToken(oldPath, to) : request.path)
    if (isOld || first.kind === 'failed' || !isUnknownPath(first)) return first
    const second = await this.#once(to, request, withToken(oldPath, to))
    if (second.kind === 'failed' || second.status < 200 || second.status > 299) return first
    if (this.#old.size >= MAX_OLD) this.#old.clear()
    this.#old.set(to.url, clock.monotonicMs() + OLD_PATHS_FOR_MS)
    return second
  }

  /** Aborts all requests. */
  close(): void {
    this.#closing.abort()
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  async #once(to: AppserviceAddress, request: AppserviceRequest, path: string): Promise<AppserviceAnswer> {
    const { clock, timeoutMs: usual } = this.#options
    const timeoutMs = Math.min(request.timeoutMs ?? usual, usual)
    const late = new AbortController()
    const cancel = clock.after(timeoutMs, () => late.abort())
    try {
      const given = request.signal === undefined ? [] : [request.signal]
      const signal = AbortSignal.any([late.signal, this.#closing.signal, ...given])
      const answer = await this.#send(new URL(`${to.url}${path}`), to.hsToken, request, signal)
      return { kind: 'answered', status: answer.statusCode ?? 0, text: await boundedText(answer, MAX_ANSWER_BYTES) }
    } catch (error) {
      const timedOut = late.signal.aborted
      return { kind: 'failed', timedOut, reason: timedOut ? `no answer in ${timeoutMs} ms` : failureWords(error) }
    } finally {
      cancel()
    }
  }

  #send(url: URL, hsToken: string, { method, body }: AppserviceRequest, signal: AbortSignal) {
    const secure = url.protocol === 'https:'
    const options = {
      method,
      agent: secure ? this.#agents.https : this.#agents.http,
      headers: {
        authorization: `Bearer ${hsToken}`,
        ...(body === undefined
          ? {}
          : { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) }),
      },
      signal,
    }
    return new Promise<InstanceType<typeof nodeHttp.IncomingMessage>>((resolve, reject) => {
      const request = secure ? requestHttps(url, options) : nodeHttp.request(url, options)
      request.on('response', resolve)
      request.on('error', reject)
      request.end(body)
    })
  }
}

/** Old services answer 404 for paths that they do not know, or 405; but their word that there is no such user is 404 as well. */
const isUnknownPath = ({ status, text }: { readonly status: number; readonly text: string }): boolean =>
  status === 405 || status === 501 || (status === 404 && !/"errcode"\s*:\s*"(?!M_UNRECOGNIZED)/.test(text))

/** The way of the time: the token in the query too. */
const withToken = (path: string, { hsToken }: AppserviceAddress): string =>
  `${path}${path.includes('?') ? '&' : '?'}access_token=${encodeURIComponent(hsToken)}`
