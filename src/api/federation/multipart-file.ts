import { Readable } from 'node:stream'
import { FileReply, type ServedFile } from '#http'

/**
 * A file as the second of two parts; the first is for what servers may want to say of it, of which there is nothing yet. `sha256`: the hash of the file, or of
 * that from which it was made: no file contains its own hash, so it can stand in the boundary, and the same file has the same answer each time.
 */
export const multipartFile = (file: Omit<ServedFile, 'headers'>, disposition: string, sha256: string) => {
  const boundary = `part-${sha256}`
  const head = Buffer.from(
    [
      `--${boundary}\r\nContent-Type: application/json\r\n\r\n{}`,
      `--${boundary}\r\nContent-Type: ${file.contentType}\r\nContent-Disposition: ${disposition}\r\n\r\n`,
    ].join('\r\n'),
    'latin1',
  )
  const tail = Buffer.from(`\r\n--${boundary}--\r\n`, 'latin1')
  return new FileReply({
    contentType: `multipart/mixed; boundary=${boundary}`,
    sizeBytes: head.length + file.sizeBytes + tail.length,
    etag: file.etag,
    headers: { 'Cache-Control': 'no-store' },
    open: async ({ start, end } = { start: 0, end: Number.MAX_SAFE_INTEGER }) => {
      const part = (from: number, bytes: Buffer) =>
        bytes.subarray(Math.max(0, start - from), Math.max(0, end + 1 - from))
      const first = Math.max(0, start - head.length)
      const last = Math.min(file.sizeBytes, end + 1 - head.length) - 1
      const inner = first <= last ? await file.open({ start: first, end: last }) : undefined
      return joined([part(0, head), inner, part(head.length + file.sizeBytes, tail)])
    },
  })
}

const joined = (parts: readonly (Buffer | Readable | undefined)[]): Readable => {
  const inner = parts.find((part) => part instanceof Readable)
  const stream = Readable.from(
    (async function* () {
      for (const part of parts) {
        if (part instanceof Readable) yield* part
        else if (part !== undefined && part.length > 0) yield part
      }
    })(),
    { objectMode: false },
  )
  // Destroyed before it is read, it would leave the file open.
  stream.once('close', () => inner?.destroy())
  return stream
}
