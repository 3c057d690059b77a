/** The part of a page in which its encoding must be named (HTML standard, "Determining the character encoding"). */
const HEAD_BYTES = 1_024

const BYTE_ORDER_MARKS = [
  [[0xef, 0xbb, 0xbf], 'utf-8'],
  [[0xfe, 0xff], 'utf-16be'],
  [[0xff, 0xfe], 'utf-16le'],
] as const

/**
 * Decodes a page by its byte order mark, else its Content-Type, else the encoding named in the page, else as
 * UTF-8 if it is valid, else Windows-1252. Invalid bytes become U+FFFD and are no error.
 */
export async function* decodeText(
  bytes: AsyncIterable<Uint8Array>,
  contentTypeCharset: string | undefined,
): AsyncIterable<string> {
  let decoder: TextDecoder | undefined
  let held: Uint8Array[] = []
  let heldBytes = 0
  for await (const piece of bytes) {
    if (decoder !== undefined) {
      yield decoder.decode(piece, { stream: true })
      continue
    }
    held.push(piece)
    heldBytes += piece.length
    if (heldBytes < HEAD_BYTES) continue
    const head = Buffer.concat(held)
    held = []
    decoder = decoderOf(head, contentTypeCharset)
    yield decoder.decode(head, { stream: true })
  }
  if (decoder !== undefined) {
    yield decoder.decode()
    return
  }
  const all = Buffer.concat(held)
  yield decoderOf(all, contentTypeCharset).decode(all)
}

const decoderOf = (bytes: Buffer, contentTypeCharset: string | undefined): TextDecoder => {
  const head = bytes.subarray(0, HEAD_BYTES)
  const marked = BYTE_ORDER_MARKS.find(([mark]) => mark.every((byte, index) => head[index] === byte))
  if (marked !== undefined) return new TextDecoder(marked[1])
  return knownDecoder(contentTypeCharset) ?? knownDecoder(namedIn(head)) ?? new TextDecoder(guess(head))
}

/** undefined for a name that is missing or means no encoding. */
const knownDecoder = (label: string | undefined): TextDecoder | undefined => {
  if (label === undefined) return undefined
  try {
    return new TextDecoder(label)
  } catch {
    return undefined
  }
}

const namedIn = (head: Buffer): string | undefined => {
  const text = head.toString('latin1')
  const label = /<meta[^>]{0,200}?charset\s*=\s*["']?\s*([\w.:-]{1,40})/i.exec(text)?.[1]
  const found = label ?? /^<\?xml[^>]{0,100}?encoding\s*=\s*["']([\w.:-]{1,40})/i.exec(text)?.[1]
  // The name was read as ASCII, so the page cannot be UTF-16.
  return found !== undefined && /^utf-?16/i.test(found) ? 'utf-8' : found
}

const guess = (head: Buffer): string => {
  try {
    // Decoded as a stream, since the head may end within a character.
    new TextDecoder('utf-8', { fatal: true }).decode(head, { stream: true })
    return 'utf-8'
  } catch {
    return 'windows-1252'
  }
}
