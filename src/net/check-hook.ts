import { createHmac } from 'node:crypto'
import { BoundedWork, type Clock, failureWords } from '#base'
import { isJsonObject, type JsonObject } from '#spec'
import { boundedText } from './bounded-answer.ts'

export interface CheckHookOptions {
  readonly clock: Clock
  /** Set by the operator, so it may be in a private network. */
  readonly url: string
  /** Signs each request. */
  readonly secret: string
  readonly timeoutMs: number
  readonly serverName: string
}

export type CheckHookAnswer =
  | { readonly kind: 'answered'; readonly body: JsonObject }
  | { readonly kind: 'failed'; readonly reason: string }

const AT_ONCE = 32
const MAX_WAITING = 1_000
const MAX_ANSWER_BYTES = 16 * 1024

/** Asks the operator's program what it thinks of what somebody does: one signed `POST` for each question, with the answer in JSON. */
export class CheckHooks {
  readonly #options: CheckHookOptions
  readonly #work = new BoundedWork({ concurrency: AT_ONCE, maxWaiting: MAX_WAITING })

  constructor(options: CheckHookOptions) {
    this.#options = options
  }

  /** Never throws. */
  async ask(deed: string, subject: JsonObject): Promise<CheckHookAnswer> {
    const { clock, timeoutMs, serverName } = this.#options
    const sentAtMs = clock.nowMs()
    const body = JSON.stringify({ version: 1, deed, server_name: serverName, sent_at: sentAtMs, subject })
    const late = new AbortController()
    const cancel = clock.after(timeoutMs, () => late.abort())
    try {
      return { kind: 'answered', body: await this.#work.run(() => this.#post(body, sentAtMs, late.signal)) }
    } catch (error) {
      const reason = late.signal.aborted ? `no answer in ${timeoutMs} ms` : failureWords(error)
      return { kind: 'failed', reason }
    } finally {
      cancel()
    }
  }

  async #post(body: string, sentAtMs: number, signal: AbortSignal): Promise<JsonObject> {
    const { url, secret } = this.#options
    signal.throwIfAborted()
    const mac = createHmac('sha256', secret).update(`${sentAtMs}.${body}`).digest('hex')
    const answer = await fetch(url, {
      method: 'POST',
      headers: { 'content-type': 'application/json', 'x-homeroom-signature': `t=${sentAtMs},v1=${mac}` },
      body,
      redirect: 'error',
      signal,
    })
    const text = await boundedText(answer.body, MAX_ANSWER_BYTES)
    if (!answer.ok) throw new Error(`status ${answer.status}`)
    const parsed: unknown = JSON.parse(text)
    if (!isJsonObject(parsed)) throw new Error('the answer is no JSON object')
    return parsed
  }
}
