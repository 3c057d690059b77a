import { FederationFailure, UrlFetchFailed, UrlRefused } from '#net'
import { MatrixError } from '#spec'
import { BadMultipart } from './multipart.ts'

const NETWORK_FAULT = /^(?:E[A-Z]+|ERR_[A-Z_]+|HPE_[A-Z_]+|Z_[A-Z_]+|UND_[A-Z_]+)$/

/**
 * The error for clients when a file of another server could not be had; undefined where the fault is not that server's. It tells no reason, which would reveal
 * the operator's network.
 */
export const refusalOf = (failure: unknown, signal: AbortSignal): MatrixError | undefined => {
  // The end of a stream that failed is reported with the reason inside.
  if (failure instanceof MatrixError && failure.errcode === 'M_TOO_LARGE') return tooLarge(failure)
  const error = failure instanceof MatrixError ? failure.cause : failure
  if (error instanceof FederationFailure) return ofServer(error)
  const isTheirs =
    signal.aborted ||
    error instanceof BadMultipart ||
    error instanceof UrlFetchFailed ||
    error instanceof UrlRefused ||
    (error instanceof Error && 'code' in error && NETWORK_FAULT.test(String(error.code)))
  return isTheirs ? noAnswer(error) : undefined
}

const ofServer = (cause: FederationFailure): MatrixError => {
  const { kind, status, errcode } = cause.parts
  if (kind === 'not-allowed') return notFound(cause)
  if (errcode === 'M_TOO_LARGE' || status === 413) return tooLarge(cause)
  if (errcode === 'M_NOT_YET_UPLOADED') {
    return new MatrixError('M_NOT_YET_UPLOADED', 'The file has not been uploaded yet', { cause })
  }
  if (status === 404 || status === 410) return notFound(cause)
  if (status === 400) return new MatrixError('M_UNKNOWN', 'There is no thumbnail of such a file', { status, cause })
  return noAnswer(cause)
}

const notFound = (cause: unknown): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such media', { cause })

const tooLarge = (cause: unknown): MatrixError =>
  new MatrixError('M_TOO_LARGE', 'The file is too large to be fetched', { status: 502, cause })

const noAnswer = (cause: unknown): MatrixError =>
  new MatrixError('M_UNKNOWN', 'The file could not be had from its server', { status: 502, cause })
