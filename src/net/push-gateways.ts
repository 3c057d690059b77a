import type { IncomingMessage } from 'node:http'
import { Agent as HttpsAgent, request as requestHttps } from 'node:https'
import { type Clock, failureWords, nodeHttp } from '#base'
import { isJsonObject } from '#spec'
import { boundedText } from './bounded-answer.ts'
import { isPrivateHost, PrivateAddress, publicLookup } from './private-addresses.ts'

export interface PushGatewayOptions {
  readonly clock: Clock
  /** Whether gateways may stand in private networks and on this machine. */
  readonly allowPrivateAddresses: boolean
  /** Limit of one request, from connecting to the last byte of its answer. */
  readonly timeoutMs: number
}

export type PushAnswer =
  | { readonly kind: 'delivered'; readonly rejected: readonly string[] }
  | { readonly kind: 'failed'; readonly reason: string }

/** Requests to one gateway at a time; the others wait, before their time begins. */
const MAX_AT_ONCE = 16
const MAX_ANSWER_BYTES = 64 * 1024
const IDLE_CONNECTION_MS = 30_000

/** `POST /_matrix/push/v1/notify` (push gateway API). */
export class PushGateways {
  readonly #options: PushGatewayOptions
  readonly #agents = {
    http: new nodeHttp.Agent({ keepAlive: true, timeout: IDLE_CONNECTION_MS }),
    https: new HttpsAgent({ keepAlive: true, timeout: IDLE_CONNECTION_MS }),
  }
  readonly #turns = new Map<string, { running: number; readonly waiting: (() => void)[] }>()
  readonly #closing = new AbortController()

  constructor(options: PushGatewayOptions) {
    this.#options = options
  }

  /** Never throws. `body` is JSON text. */
  async notify(url: string, body: string): Promise<PushAnswer> {
    const target = URL.parse(url)
    if (target === null) return { kind: 'failed', reason: 'the URL cannot be read' }
    await this.#take(target.origin)
    try {
      return await this.#post(target, body)
    } catch (error) {
      return { kind: 'failed', reason: failureWords(error) }
    } finally {
      this.#give(target.origin)
    }
  }

  /** Aborts all requests; those that wait fail. */
  close(): void {
    this.#closing.abort()
    this.#agents.http.destroy()
    this.#agents.https.destroy()
  }

  async #take(origin: string): Promise<void> {
    const turns = this.#turns.get(origin) ?? { running: 0, waiting: [] }
    this.#turns.set(origin, turns)
    if (turns.running < MAX_AT_ONCE) turns.running++
    else await new Promise<void>((go) => turns.waiting.push(go))
  }

  #give(origin: string): void {
    const turns = this.#turns.get(origin)
    if (turns === undefined) return
    // The next in the queue takes the turn over, so the count stays.
    const next = turns.waiting.shift()
    if (next === undefined) turns.running--
    else next()
    if (turns.running === 0) this.#turns.delete(origin)
  }

  async #post(url: URL, body: string): Promise<PushAnswer> {
    if (this.#closing.signal.aborted) return { kind: 'failed', reason: 'the server stops' }
    const { allowPrivateAddresses, timeoutMs, clock } = this.#options
    // A host that is an address is never looked up, so it is checked here.
    if (!allowPrivateAddresses && isPrivateHost(url.hostname))
      throw new PrivateAddress(`${url.hostname} is a private address`)
    const late = new AbortController()
    const cancel = clock.after(timeoutMs, () => late.abort())
    try {
      const answer = await this.#send(url, body, AbortSignal.any([late.signal, this.#closing.signal]))
      const { statusCode = 0 } = answer
      const text = await boundedText(answer, MAX_ANSWER_BYTES)
      if (statusCode < 200 || statusCode > 299) return { kind: 'failed', reason: `status ${statusCode}` }
      return { kind: 'delivered', rejected: rejectedIn(text) }
    } catch (error) {
      throw late.signal.aborted ? new Error(`no answer in ${timeoutMs} ms`) : error
    } finally {
      cancel()
    }
  }

  #send(url: URL, body: string, signal: AbortSignal): Promise<IncomingMessage> {
    const secure = url.protocol === 'https:'
    const options = {
      method: 'POST',
      agent: secure ? this.#agents.https : this.#agents.http,
      headers: { 'content-type': 'application/json', 'content-length': Buffer.byteLength(body) },
      signal,
      ...(this.#options.allowPrivateAddresses ? {} : { lookup: publicLookup }),
    }
    return new Promise((resolve, reject) => {
      const request = secure ? requestHttps(url, options) : nodeHttp.request(url, options)
      request.on('response', resolve)
      request.on('error', reject)
      request.end(body)
    })
  }
}

/** Throws where the answer is no JSON object: it did not come from a push gateway. */
const rejectedIn = (text: string): readonly string[] => {
  const answer: unknown = JSON.parse(text)
  if (!isJsonObject(answer)) throw new Error('the answer is no JSON object')
  const { rejected } = answer
  return Array.isArray(rejected) ? rejected.filter((pushkey) => typeof pushkey === 'string') : []
}
