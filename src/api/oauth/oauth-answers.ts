import { OAuthRefusal } from '#domain'
import { CustomReply } from '#http'
import type { JsonObject, MatrixError } from '#spec'

/** RFC 6749, section 5.1: no answer of these endpoints is kept. */
const NEVER_KEPT = { 'Cache-Control': 'no-store', Pragma: 'no-cache' }

export const oauthReply = (status: number, body: JsonObject, headers: Readonly<Record<string, string>> = {}) =>
  new CustomReply({ status, headers: { ...NEVER_KEPT, ...headers }, body })

/** Carries out a request of a client; a refusal is an answer in the form of OAuth (RFC 6749, section 5.2). */
export const answered = async (work: () => Promise<CustomReply>): Promise<CustomReply> => {
  try {
    return await work()
  } catch (error) {
    if (!(error instanceof OAuthRefusal)) throw error
    return oauthReply(400, { error: error.code, error_description: error.message })
  }
}

/** The form of a refusal by the edge. `malformed`: the code for a request that cannot be read. */
export const refusedAs =
  (malformed: 'invalid_request' | 'invalid_client_metadata') =>
  ({ status, message, headers }: MatrixError): CustomReply => {
    const error = status >= 500 ? 'server_error' : status === 429 ? 'temporarily_unavailable' : malformed
    return oauthReply(status, { error, error_description: message }, headers)
  }
