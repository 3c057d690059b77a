import type { IncomingHttpHeaders } from 'node:http'
import { MatrixError } from '#spec'
import type { ByteRange, ServedFile } from '../endpoint/answer.ts'

export interface FilePlan {
  readonly status: 200 | 206 | 304
  readonly headers: Readonly<Record<string, string | number>>
  readonly range: ByteRange | undefined
}

/** Returns the part of a file that the headers of a request ask for. Throws 416 where the file has no such part. */
export const planFile = (asked: IncomingHttpHeaders, file: ServedFile): FilePlan => {
  const etag = `"${file.etag}"`
  const headers = { ...file.headers, ETag: etag, 'Accept-Ranges': 'bytes' }
  if (namesTag(asked['if-none-match'], etag)) return { status: 304, headers, range: undefined }
  const typed = { ...headers, 'Content-Type': file.contentType }
  const stale = asked['if-range'] !== undefined && asked['if-range'] !== etag
  const range = stale ? undefined : rangeOf(asked.range, file.sizeBytes)
  if (range === undefined) return { status: 200, headers: { ...typed, 'Content-Length': file.sizeBytes }, range }
  return {
    status: 206,
    headers: {
      ...typed,
      'Content-Length': range.end - range.start + 1,
      'Content-Range': `bytes ${range.start}-${range.end}/${file.sizeBytes}`,
    },
    range,
  }
}

const namesTag = (ifNoneMatch: string | undefined, etag: string): boolean =>
  ifNoneMatch
    ?.split(',')
    .map((one) => one.trim().replace(/^W\//, ''))
    .some((one) => one === '*' || one === etag) ?? false

/** RFC 9110, section 14.2: anything but a single range of bytes is ignored, and the whole file is sent. */
const rangeOf = (header: string | undefined, sizeBytes: number): ByteRange | undefined => {
  const match = header === undefined || sizeBytes === 0 ? null : /^bytes=\s*(\d{0,15})-(\d{0,15})\s*$/i.exec(header)
  if (match === null) return undefined
  const [, from = '', to = ''] = match
  if (from === '' && to === '') return undefined
  const start = from === '' ? Math.max(0, sizeBytes - Number(to)) : Number(from)
  const end = from === '' || to === '' ? sizeBytes - 1 : Math.min(Number(to), sizeBytes - 1)
  if (from !== '' && to !== '' && Number(to) < start) return undefined
  if (start < sizeBytes && start <= end) return { start, end }
  throw new MatrixError('M_INVALID_PARAM', 'The file has no such part', {
    status: 416,
    headers: { 'Content-Range': `bytes */${sizeBytes}` },
  })
}
