import type { Readable } from 'node:stream'
import type { LongText, Pending, TextPieces } from '#base'
import type { JsonObject } from '#spec'

/** A ready-made JSON text, sent as it is: spliced answers. */
export class RawJson {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** A JSON text that is made while it is sent: one that may be too long to be held whole. */
export class StreamedJson {
  readonly pieces: TextPieces
  constructor(pieces: TextPieces) {
    this.pieces = pieces
  }
}

/** A text of another kind that is made while it is sent: an export. Its headers name its type. */
export class StreamedText {
  readonly pieces: TextPieces
  readonly headers: Readonly<Record<string, string>>
  constructor(pieces: TextPieces, headers: Readonly<Record<string, string>>) {
    this.pieces = pieces
    this.headers = headers
  }
}

/** The answer that a text is, long or not. */
export const jsonOf = (text: LongText): RawJson | StreamedJson =>
  typeof text === 'string' ? new RawJson(text) : new StreamedJson(text)

/**
 * A JSON text that comes later: a long poll. The edge drops everything else of the request meanwhile, so endpoints on which
 * many requests wait long return this rather than await it. `over` is called once, when the request has ended, however it did.
 */
export class LaterJson {
  readonly text: Pending<LongText>
  readonly over: () => void
  constructor(text: Pending<LongText>, over: () => void) {
    this.text = text
    this.over = over
  }
}

/** The answer of `begin`, now or later; `over` is called once, when the request has ended, however it did. */
export const nowOrLater = async (
  begin: () => Promise<LongText | Pending<LongText>>,
  over: () => void,
): Promise<RawJson | StreamedJson | LaterJson> => {
  let waits = false
  try {
    const text = await begin()
    if (typeof text === 'string') return new RawJson(text)
    if ('rest' in text) return new StreamedJson(text)
    waits = true
    return new LaterJson(text, over)
  } finally {
    if (!waits) over()
  }
}

export interface Reply {
  readonly status: number
  readonly headers?: Readonly<Record<string, string>>
  readonly body: JsonObject | RawJson | string
}

/** An answer with another status, headers or a body that is not JSON. */
export class CustomReply {
  readonly reply: Reply
  constructor(reply: Reply) {
    this.reply = reply
  }
}

/** Bytes of a file, the last one included. */
export interface ByteRange {
  readonly start: number
  readonly end: number
}

/** A file that never changes under its name. */
export interface ServedFile {
  readonly contentType: string
  readonly sizeBytes: number
  /** Names these bytes and no others; letters, digits, `-` and `_`. */
  readonly etag: string
  readonly headers: Readonly<Record<string, string>>
  /** The bytes, or those of a range. The caller reads the stream to its end or destroys it. */
  open(range?: ByteRange): Promise<Readable>
}

/** An answer that is streamed, with ranges and conditions as RFC 9110 has them. */
export class FileReply {
  readonly file: ServedFile
  constructor(file: ServedFile) {
    this.file = file
  }
}

/** An interface as an answer: to TypeScript an interface is no JSON object, as others could add members to it. */
export type AsJson<Body extends object> = { readonly [Name in keyof Body]: Body[Name] }

export type Answer = JsonObject | RawJson | StreamedJson | StreamedText | LaterJson | CustomReply | FileReply
