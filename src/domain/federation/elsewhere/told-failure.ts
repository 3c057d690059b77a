import { FederationFailure } from '#net'
import { MatrixError } from '#spec'

/** The error for a client whose request another server did not answer. Other errors stay as they are. */
export const toldFailure = (error: unknown, notFound: string): unknown => {
  if (!(error instanceof FederationFailure)) return error
  const { kind, status, errcode } = error.parts
  if (kind === 'refused' && (status === 404 || errcode === 'M_NOT_FOUND'))
    return new MatrixError('M_NOT_FOUND', notFound, { cause: error })
  if (kind === 'refused' && status === 403)
    return new MatrixError('M_FORBIDDEN', 'The other server does not tell', { cause: error })
  if (kind === 'not-allowed')
    return new MatrixError('M_FORBIDDEN', 'This server does not talk with that one', { cause: error })
  return new MatrixError('M_UNKNOWN', 'The other server could not be asked', {
    status: kind === 'unreachable' ? 504 : 502,
    cause: error,
  })
}
