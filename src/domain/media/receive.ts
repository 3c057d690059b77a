import { createHash } from 'node:crypto'
import type { Readable } from 'node:stream'
import { MatrixError } from '#spec'
import type { FileDraft } from '#store'

export interface Received {
  /** base64url. */
  readonly sha256: string
  readonly sizeBytes: number
}

export const tooLarge = (limitBytes: number): MatrixError =>
  new MatrixError('M_TOO_LARGE', `Files of more than ${limitBytes} bytes are not taken`)

/**
 * Writes a stream into a draft, piece by piece and no faster than the disk takes it. Throws `M_TOO_LARGE`, and 400 if
 * the stream ends early. The stream is never destroyed, because the answer uses the same connection.
 */
export const receive = async (stream: Readable, draft: FileDraft, limitBytes: number): Promise<Received> => {
  const hash = createHash('sha256')
  let sizeBytes = 0
  try {
    const pieces: AsyncIterable<Uint8Array> = stream.iterator({ destroyOnReturn: false })
    for await (const piece of pieces) {
      sizeBytes += piece.length
      if (sizeBytes > limitBytes) throw tooLarge(limitBytes)
      hash.update(piece)
      await draft.write(piece)
    }
  } catch (error) {
    if (stream.errored === null || stream.errored !== error) throw error
    throw new MatrixError('M_UNKNOWN', 'The upload ended early', { status: 400, cause: error })
  }
  return { sha256: hash.digest('base64url'), sizeBytes }
}
