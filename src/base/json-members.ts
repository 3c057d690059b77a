/** A member of a JSON object, or one item of a list that is a member; `text` is JSON as far as its brackets say, and has still to be parsed. */
export interface JsonMember {
  readonly name: string
  readonly text: string
}

export interface JsonMembersOptions {
  /** Members that are lists, and come item by item. */
  readonly lists: ReadonlySet<string>
  /** Members that come whole. All others are passed over. */
  readonly wanted: ReadonlySet<string>
  /** Limit of one item or member. */
  readonly maxTextBytes: number
  /** Limit of the whole text. */
  readonly maxBytes: number
}

export class JsonMembersFailure extends Error {
  override readonly name = 'JsonMembersFailure'
}

/**
 * Reads a long JSON object piece by piece, and never holds more of it than one chunk and one member. Yields what each chunk completed. Throws
 * `JsonMembersFailure` for what is no object, ends early, or has a member beyond the limit.
 */
export async function* jsonMembers(
  chunks: AsyncIterable<Uint8Array>,
  options: JsonMembersOptions,
): AsyncGenerator<readonly JsonMember[], void, undefined> {
  const scanner = new Scanner(options)
  for await (const chunk of chunks) {
    const found = scanner.scan(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength))
    if (found.length > 0) yield found
  }
  scanner.end()
}

const QUOTE = 0x22
const COMMA = 0x2c
const COLON = 0x3a
const OPEN_LIST = 0x5b
const BACKSLASH = 0x5c
const CLOSE_LIST = 0x5d
const OPEN_OBJECT = 0x7b
const CLOSE_OBJECT = 0x7d
const SPACES: ReadonlySet<number> = new Set([0x20, 0x09, 0x0a, 0x0d])

/** The part of the object that is read: its beginning, a key, a value, an item of a list, what follows a list, what follows the object. */
type Place = 'start' | 'key' | 'value' | 'item' | 'after-list' | 'end'

class Scanner {
  readonly #options: JsonMembersOptions
  #place: Place = 'start'
  #depth = 0
  #inString = false
  #escaped = false
  #bytes = 0
  #name = ''
  /** The beginning of a text whose end is in a later chunk. */
  #held: Buffer[] = []
  #heldBytes = 0
  /** Whether a text has begun, and from where in this chunk it is held. */
  #begun = false
  #from = 0
  #found: JsonMember[] = []

  constructor(options: JsonMembersOptions) {
    this.#options = options
  }

  scan(chunk: Buffer): readonly JsonMember[] {
    this.#bytes += chunk.length
    if (this.#bytes > this.#options.maxBytes) throw new JsonMembersFailure('the text is too long')
    this.#found = []
    this.#from = 0
    for (let index = 0; index < chunk.length; index++) {
      if (this.#inString) index = this.#string(chunk, index)
      else this.#step(chunk, index)
    }
    if (this.#begun) this.#hold(chunk.subarray(this.#from))
    return this.#found
  }

  end(): void {
    if (this.#place !== 'end') throw new JsonMembersFailure('the text ends early')
  }

  /** Goes to the end of a string, or of the chunk. Returns the last index that was looked at. */
  #string(chunk: Buffer, start: number): number {
    for (let index = start; index < chunk.length; index++) {
      const byte = chunk[index]
      if (this.#escaped) this.#escaped = false
      else if (byte === BACKSLASH) this.#escaped = true
      else if (byte === QUOTE) {
        this.#inString = false
        return index
      }
    }
    return chunk.length
  }

  #step(chunk: Buffer, index: number): void {
    const byte = chunk[index] as number
    if (SPACES.has(byte)) return
    if (this.#place === 'end') throw new JsonMembersFailure('something follows the object')
    if (this.#place === 'start' && byte !== OPEN_OBJECT) throw new JsonMembersFailure('the text is no object')
    switch (byte) {
      case OPEN_OBJECT:
      case OPEN_LIST:
        this.#open(index, byte)
        break
      case CLOSE_OBJECT:
      case CLOSE_LIST:
        this.#close(chunk, index, byte)
        break
      case COMMA:
        this.#comma(chunk, index)
        break
      case COLON:
        if (this.#place === 'key') this.#key(chunk, index)
        break
      default:
        this.#begin(index)
        if (byte === QUOTE) this.#inString = true
    }
  }

  #open(index: number, byte: number): void {
    this.#depth++
    if (this.#place === 'start') this.#place = 'key'
    else if (this.#depth === 2 && this.#isList(byte)) this.#place = 'item'
    else this.#begin(index)
  }

  #isList(byte: number): boolean {
    return this.#place === 'value' && byte === OPEN_LIST && !this.#begun && this.#options.lists.has(this.#name)
  }

  #close(chunk: Buffer, index: number, byte: number): void {
    this.#depth--
    if (this.#depth === 0) {
      if (byte !== CLOSE_OBJECT) throw new JsonMembersFailure('the brackets do not match')
      this.#finish(chunk, index)
      this.#place = 'end'
    } else if (this.#depth === 1 && this.#place === 'item') {
      if (byte !== CLOSE_LIST) throw new JsonMembersFailure('the brackets do not match')
      this.#finish(chunk, index)
      this.#place = 'after-list'
    } else if (!this.#begun) throw new JsonMembersFailure('the brackets do not match')
  }

  #comma(chunk: Buffer, index: number): void {
    if (this.#depth === 1) {
      this.#finish(chunk, index)
      this.#place = 'key'
    } else if (this.#depth === 2 && this.#place === 'item') this.#finish(chunk, index)
  }

  #key(chunk: Buffer, index: number): void {
    const text = this.#take(chunk, index)
    try {
      this.#name = String(JSON.parse(text ?? ''))
    } catch {
      throw new JsonMembersFailure('a key is no string')
    }
    this.#place = 'value'
  }

  #begin(index: number): void {
    if (this.#begun) return
    if (this.#place === 'after-list') throw new JsonMembersFailure('something follows a list')
    this.#begun = true
    this.#from = index
  }

  /** Ends a value or an item, where there is one. */
  #finish(chunk: Buffer, index: number): void {
    if (this.#place !== 'value' && this.#place !== 'item') return
    const text = this.#take(chunk, index)
    if (text !== undefined) this.#found.push({ name: this.#name, text })
  }

  /** The text that ends before the index; undefined for none, and for one that is not wanted. */
  #take(chunk: Buffer, index: number): string | undefined {
    if (!this.#begun) return undefined
    this.#hold(chunk.subarray(this.#from, index))
    const text = this.#isKept() ? Buffer.concat(this.#held).toString('utf8') : undefined
    this.#begun = false
    this.#held = []
    this.#heldBytes = 0
    return text
  }

  #hold(bytes: Buffer): void {
    this.#from = 0
    if (!this.#isKept()) return
    this.#heldBytes += bytes.length
    if (this.#heldBytes > this.#options.maxTextBytes) throw new JsonMembersFailure(`${this.#name} is too long`)
    // A chunk's memory is not the caller's to keep.
    this.#held.push(Buffer.from(bytes))
  }

  #isKept(): boolean {
    return this.#place !== 'value' || this.#options.wanted.has(this.#name)
  }
}
