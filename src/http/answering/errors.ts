import type { ServerResponse } from 'node:http'
import { isUnavailable, isUnstorable, type Logger } from '#base'
import { MatrixError } from '#spec'
import type { AnyEndpoint } from '../endpoint/endpoint.ts'
import { sendError, sendOutcome } from './send.ts'

/**
 * Turns a thrown error into one for the client (client-server API, "Standard error response"). Only errors of the catalogue
 * tell anything; `unexpected` ones are for the log.
 */
const errorOf = (
  thrown: unknown,
  limitInfoUri: string | undefined,
): { readonly error: MatrixError; readonly unexpected: boolean } => {
  if (thrown instanceof MatrixError) return { error: withInfo(thrown, limitInfoUri), unexpected: false }
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
  // Names and ids are checked where they mean something; a text that came as far as this meant nothing to the server.
  if (isUnstorable(thrown)) return { error: new MatrixError('M_INVALID_PARAM', 'Text holds U+0000'), unexpected: false }
  return { error: new MatrixError('M_UNKNOWN', 'Internal server error'), unexpected: true }
}

/** "The error response MUST have an `info_uri` field", which tells more about the limits of accounts. */
const withInfo = (error: MatrixError, uri: string | undefined): MatrixError => {
  if (error.errcode !== 'M_USER_LIMIT_EXCEEDED' || uri === undefined) return error
  const { errcode, message, status, fields, headers } = error
  return new MatrixError(errcode, message, { status, fields: { info_uri: uri, ...fields }, headers })
}

/** The first version of the API answered 403 to a missing or unknown access token. */
export const asInV1 = (thrown: unknown): unknown => {
  if (!(thrown instanceof MatrixError)) return thrown
  const { errcode, message, fields, headers } = thrown
  if (errcode !== 'M_MISSING_TOKEN' && errcode !== 'M_UNKNOWN_TOKEN') return thrown
  return new MatrixError(errcode, message, { status: 403, fields, headers })
}

export interface Refusal {
  readonly logger: Logger
  /** The request's name in the log. */
  readonly id: string
  readonly endpoint: Pick<AnyEndpoint, 'method' | 'paths' | 'errorPage'>
  readonly response: ServerResponse
  readonly thrown: unknown
  /** Tells people more about the limits of their accounts. */
  readonly limitInfoUri: string | undefined
}

/** Answers the client with a thrown error, unless an answer has begun; returns the status. */
export const refuse = ({ logger, id, endpoint, response, thrown, limitInfoUri }: Refusal): number => {
  const { error, unexpected } = errorOf(thrown, limitInfoUri)
  const { method, paths, errorPage } = endpoint
  if (unexpected || error.status >= 500) {
    // The query string is not logged: it may hold a token.
    const fields = { request: id, method, path: paths[0], err: thrown }
    if (unexpected) logger.error(fields, 'request failed')
    else logger.warn(fields, 'request refused')
  }
  if (response.headersSent || response.destroyed) return error.status
  if (errorPage === undefined) sendError(response, error)
  else sendOutcome(response, errorPage(error))
  return error.status
}
