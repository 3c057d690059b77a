/** The second part of an answer of the type `multipart/mixed`, which has exactly two. */
export interface FilePart {
  /** By names in small letters; of several with one name the first. */
  readonly headers: ReadonlyMap<string, string>
  /** Fails where the answer ends before the part does. */
  readonly body: AsyncIterable<Uint8Array>
}

/** An answer that is not of that form. */
export class BadMultipart extends Error {
  override readonly name = 'BadMultipart'
}

const MAX_PREAMBLE_BYTES = 16 * 1024
const MAX_HEADER_BYTES = 16 * 1024
const MAX_METADATA_BYTES = 64 * 1024
const CRLF = '\r\n'
const BOUNDARY = /^[\w'()+,./:=? -]{0,69}[\w'()+,./:=?-]$/

/** The boundary that a `Content-Type` names; undefined where it is no multipart type. RFC 2046, section 5.1.1. */
export const boundaryOf = (contentType: string): string | undefined => {
  if (!/^multipart\/mixed\s*;/i.test(contentType)) return undefined
  const [, quoted, plain] = /;\s*boundary\s*=\s*(?:"([^"]{1,70})"|([^\s;"]{1,70}))/i.exec(contentType) ?? []
  const boundary = quoted ?? plain
  return boundary !== undefined && BOUNDARY.test(boundary) ? boundary : undefined
}

/**
 * Reads up to the bytes of the file, and leaves those to the reader. The first part may have metadata, of which none is specified yet. Server-server API,
 * "Content Repository". Throws `BadMultipart`.
 */
export const readFilePart = async (bytes: AsyncIterable<Uint8Array>, boundary: string): Promise<FilePart> => {
  const scanner = new Scanner(bytes)
  const delimiter = Buffer.from(`${CRLF}--${boundary}`, 'latin1')
  await scanner.upTo(delimiter, MAX_PREAMBLE_BYTES)
  await readHeaders(scanner)
  await scanner.upTo(delimiter, MAX_METADATA_BYTES)
  const headers = await readHeaders(scanner)
  return { headers, body: scanner.piecesUpTo(delimiter) }
}

const readHeaders = async (scanner: Scanner): Promise<ReadonlyMap<string, string>> => {
  const text = (await scanner.upTo(Buffer.from(`${CRLF}${CRLF}`), MAX_HEADER_BYTES)).toString('latin1')
  const [padding = '', ...lines] = text.split(CRLF)
  // Two hyphens behind a boundary end the last part.
  if (padding.trim() !== '') throw new BadMultipart('a part is missing')
  const headers = new Map<string, string>()
  for (const line of lines) {
    const at = line.indexOf(':')
    if (at < 1) throw new BadMultipart('a header of a part is malformed')
    const name = line.slice(0, at).trim().toLowerCase()
    if (!headers.has(name)) headers.set(name, line.slice(at + 1).trim())
  }
  return headers
}

/** Finds marks in bytes that come in pieces; holds no more than it has to. */
class Scanner {
  readonly #pieces: AsyncIterator<Uint8Array>
  // The first boundary may stand at the very beginning, without the line break that belongs to it.
  #held: Buffer = Buffer.from(CRLF)

  constructor(bytes: AsyncIterable<Uint8Array>) {
    this.#pieces = bytes[Symbol.asyncIterator]()
  }

  /** Returns the bytes before the mark, and goes on behind it. */
  async upTo(mark: Buffer, limitBytes: number): Promise<Buffer> {
    for (let from = 0; ; ) {
      const at = this.#held.indexOf(mark, from)
      if (at > limitBytes || (at < 0 && this.#held.length > limitBytes + mark.length)) {
        throw new BadMultipart('a part is too long')
      }
      if (at >= 0) return this.#take(at, mark.length)
      from = Math.max(0, this.#held.length - mark.length + 1)
      await this.#fill()
    }
  }

  async *piecesUpTo(mark: Buffer): AsyncGenerator<Uint8Array, void> {
    for (;;) {
      const at = this.#held.indexOf(mark)
      if (at >= 0) {
        if (at > 0) yield this.#held.subarray(0, at)
        return
      }
      // The mark may have begun.
      const sure = this.#held.length - mark.length + 1
      if (sure > 0) yield this.#take(sure, 0)
      await this.#fill()
    }
  }

  #take(length: number, skipped: number): Buffer {
    const taken = this.#held.subarray(0, length)
    this.#held = this.#held.subarray(length + skipped)
    return taken
  }

  async #fill(): Promise<void> {
    const { done, value } = await this.#pieces.next()
    if (done === true) throw new BadMultipart('the answer ends early')
    this.#held =
      this.#held.length === 0
        ? Buffer.from(value.buffer, value.byteOffset, value.length)
        : Buffer.concat([this.#held, value])
  }
}
