import { createHash } from 'node:crypto'
import { pipeline, type Readable, Transform, type TransformCallback } from 'node:stream'
import type { FileName } from '../ports/media/media-files.ts'

/** The bytes of a file are not those that were stored. */
export class DamagedFile extends Error {
  override readonly name = 'DamagedFile'
}

/** base64url of a SHA-256: the name of an upload. Thumbnails have names with a dot. */
const HASH = /^[A-Za-z0-9_-]{43}$/

/** Passes bytes on but holds the last ones back until the hash of all is right, so that a damaged file never arrives complete. */
export class CheckedBytes extends Transform {
  readonly #name: FileName
  readonly #hash = createHash('sha256')
  #held: Uint8Array | undefined

  private constructor(name: FileName) {
    super()
    this.#name = name
  }

  static knows(name: FileName): boolean {
    return HASH.test(name)
  }

  static over(bytes: Readable, name: FileName): Readable {
    // A fault at one end destroys the other, so the reader sees it.
    return pipeline(bytes, new CheckedBytes(name), () => {})
  }

  override _transform(piece: Uint8Array, _encoding: string, done: TransformCallback): void {
    this.#hash.update(piece)
    const held = this.#held
    this.#held = piece
    done(null, held)
  }

  override _flush(done: TransformCallback): void {
    if (this.#hash.digest('base64url') === this.#name) done(null, this.#held)
    else done(new DamagedFile(`media: ${this.#name} is damaged where it is kept`))
  }
}
