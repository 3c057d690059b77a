import type { IncomingMessage } from 'node:http'
import { MatrixError } from '#spec'
import type { CountedBody } from './body-budget.ts'

/** Whether a body follows the headers (RFC 9112, section 6.3). */
export const hasBody = ({ headers }: IncomingMessage): boolean => {
  const length = headers['content-length']
  return headers['transfer-encoding'] !== undefined || (length !== undefined && length !== '0')
}

/**
 * Reads a whole body. Throws `M_TOO_LARGE` as soon as it is known to be larger than `limitBytes`, `M_NOT_JSON` where it ends early, and what
 * `counted` throws. Node reads and drops what comes after a refusal.
 */
export const readBody = (request: IncomingMessage, limitBytes: number, counted: CountedBody): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    // A client that left before this call causes no event any more.
    if (request.destroyed) {
      reject(endedEarly(request.errored))
      return
    }
    const declared = request.headers['content-length']
    if (declared !== undefined && Number(declared) > limitBytes) {
      reject(tooLarge())
      return
    }
    const pieces: Buffer[] = []
    let sizeBytes = 0
    const onData = (piece: Buffer): void => {
      sizeBytes += piece.length
      if (sizeBytes > limitBytes) {
        end(tooLarge())
        return
      }
      pieces.push(piece)
      try {
        counted.add(piece.length)
      } catch (refusal) {
        end(refusal)
      }
    }
    const onEnd = (): void => end()
    const onError = (cause: Error): void => end(endedEarly(cause))
    const end = (refusal?: unknown): void => {
      request.off('data', onData)
      request.off('end', onEnd)
      request.off('error', onError)
      if (refusal !== undefined) reject(refusal)
      else resolve(pieces.length === 1 && pieces[0] !== undefined ? pieces[0] : Buffer.concat(pieces, sizeBytes))
    }
    request.on('data', onData)
    request.on('end', onEnd)
    request.on('error', onError)
  })

const endedEarly = (cause: Error | null): MatrixError =>
  new MatrixError('M_NOT_JSON', 'The body ended early', { cause })

export const tooLarge = (): MatrixError => new MatrixError('M_TOO_LARGE', 'The body is too large')
