import type { CustomFetch } from 'openid-client'
import type { Clock } from '#base'

/** Keys, metadata and claims of every known provider are far smaller. */
const MAX_ANSWER_BYTES = 512 * 1024

/** The statuses that a `Response` must not have a body with. */
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
      const bytes = await readBounded(answer)
      return new Response(BODILESS.has(answer.status) ? null : bytes, {
        status: answer.status,
        headers: answer.headers,
      })
    } finally {
      cancel()
    }
  }

const readBounded = async (answer: Response): Promise<Uint8Array<ArrayBuffer>> => {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of answer.body ?? []) {
    sizeBytes += chunk.length
    // Leaving the loop ends the connection.
    if (sizeBytes > MAX_ANSWER_BYTES) throw new Error(`the answer is longer than ${MAX_ANSWER_BYTES} bytes`)
    chunks.push(chunk)
  }
  return new Uint8Array(Buffer.concat(chunks))
}
