/** The whole of an answer from outside. Throws where it is longer than `limitBytes`, without reading on. */
export const boundedBytes = async (
  pieces: AsyncIterable<Uint8Array> | null,
  limitBytes: number,
): Promise<Buffer<ArrayBuffer>> => {
  const chunks: Uint8Array[] = []
  let sizeBytes = 0
  for await (const chunk of pieces ?? []) {
    sizeBytes += chunk.length
    // Leaving the loop ends the connection.
    if (sizeBytes > limitBytes) throw new Error(`the answer is longer than ${limitBytes} bytes`)
    chunks.push(chunk)
  }
  return Buffer.concat(chunks)
}

/** The whole of an answer as UTF-8 text; throws like `boundedBytes`. */
export const boundedText = async (pieces: AsyncIterable<Uint8Array> | null, limitBytes: number): Promise<string> =>
  (await boundedBytes(pieces, limitBytes)).toString('utf8')
