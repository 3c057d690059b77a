import { type Clock, failureWords, type Logger } from '#base'
import { isJsonObject } from '#spec'
import { boundedText } from './bounded-answer.ts'

export interface CaptchaOptions {
  readonly clock: Clock
  readonly logger: Logger
  /** Set by the operator, so it may be in a private network. */
  readonly verifyUrl: string
  readonly privateKey: string
  readonly timeoutMs: number
}

/** `unavailable`: no answer in time, or none that can be understood. */
export type CaptchaOutcome = 'solved' | 'refused' | 'unavailable'

const MAX_ANSWER_BYTES = 16 * 1024

/** Checks responses of reCAPTCHA, and of others with the same protocol: a form with `secret`, `response`, `remoteip`; the answer is JSON with `success`. */
export class CaptchaVerifier {
  readonly #options: CaptchaOptions

  constructor(options: CaptchaOptions) {
    this.#options = options
  }

  /** Never throws. */
  async verify(response: string, ip: string | undefined): Promise<CaptchaOutcome> {
    const { clock, logger, verifyUrl, privateKey, timeoutMs } = this.#options
    const late = new AbortController()
    const cancel = clock.after(timeoutMs, () => late.abort())
    try {
      const answer = await fetch(verifyUrl, {
        method: 'POST',
        // Set here because `fetch` would add a parameter, which the registered type does not have.
        headers: { 'content-type': 'application/x-www-form-urlencoded' },
        body: new URLSearchParams({
          secret: privateKey,
          response,
          ...(ip === undefined ? {} : { remoteip: ip }),
        }).toString(),
        redirect: 'error',
        signal: late.signal,
      })
      const verdict: unknown = JSON.parse(await boundedText(answer.body, MAX_ANSWER_BYTES))
      if (!answer.ok || !isJsonObject(verdict) || typeof verdict.success !== 'boolean')
        throw new Error(`an answer that is none of a captcha, with status ${answer.status}`)
      return verdict.success ? 'solved' : 'refused'
    } catch (error) {
      logger.warn({ verifyUrl, reason: failureWords(error) }, 'a captcha could not be checked')
      return 'unavailable'
    } finally {
      cancel()
    }
  }
}
