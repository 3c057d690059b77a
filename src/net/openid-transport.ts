import type { CustomFetch } from 'openid-client'
import type { Clock } from '#base'
import { boundedBytes } from './bounded-answer.ts'

/** The keys, metadata and claims of known providers are far smaller. */
const MAX_ANSWER_BYTES = 512 * 1024

/** The statuses with which a `Response` must have no body. */
const BODILESS: ReadonlySet<number> = new Set([204, 205, 304])

/** `fetch` with bounds: a whole answer within `timeoutMs`, and no more than `MAX_ANSWER_BYTES` of it. Redirects are not followed. */
export const boundedFetch =
  (clock: Clock, timeoutMs: number): CustomFetch =>
  async (url, { method, headers, body }) => {
    const late = new AbortController()
    const cancel = clock.after(timeoutMs, () => late.abort())
    try {
      const answer = await fetch(url, {
        method,
        headers,
        redirect: 'manual',
        signal: late.signal,
        ...(body === undefined || body === null ? {} : { body: body as RequestInit['body'] & {} }),
      })
      const bytes = await boundedBytes(answer.body, MAX_ANSWER_BYTES)
      return new Response(BODILESS.has(answer.status) ? null : bytes, {
        status: answer.status,
        headers: answer.headers,
      })
    } finally {
      cancel()
    }
  }
