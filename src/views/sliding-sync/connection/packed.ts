/** Numbers in few bytes: seven bits each byte, lowest first. Texts are base64 that is safe in a query. */

export class PackedWriter {
  readonly #bytes: number[] = []

  get length(): number {
    return this.#bytes.length
  }

  /** A whole number from 0 on, below 2^53. */
  number(value: number): this {
    let rest = value
    while (rest >= 128) {
      this.#bytes.push((rest % 128) + 128)
      rest = Math.floor(rest / 128)
    }
    this.#bytes.push(rest)
    return this
  }

  /** Growing numbers, each as its distance from the one before. */
  ascending(values: readonly number[]): this {
    this.number(values.length)
    let before = 0
    for (const value of values) {
      this.number(value - before)
      before = value
    }
    return this
  }

  text(): string {
    return Buffer.from(this.#bytes).toString('base64url')
  }
}

/** Thrown for a text that was not written by `PackedWriter`, or not whole. */
export class NotPacked extends Error {
  override readonly name = 'NotPacked'
}

export class PackedReader {
  readonly #bytes: Buffer
  #place = 0

  constructor(text: string) {
    this.#bytes = Buffer.from(text, 'base64url')
  }

  get isAtEnd(): boolean {
    return this.#place >= this.#bytes.length
  }

  number(): number {
    let value = 0
    for (let factor = 1; ; factor *= 128) {
      const byte = this.#bytes[this.#place++]
      if (byte === undefined || factor > Number.MAX_SAFE_INTEGER) throw new NotPacked('a number has no end')
      value += (byte % 128) * factor
      if (byte < 128) break
    }
    if (!Number.isSafeInteger(value)) throw new NotPacked('a number is too large')
    return value
  }

  /** A length of a list: never more than there are bytes. */
  count(): number {
    const count = this.number()
    if (count > this.#bytes.length) throw new NotPacked('a list is longer than the text')
    return count
  }

  ascending(): number[] {
    const values: number[] = []
    let before = 0
    for (let left = this.count(); left > 0; left--) {
      before += this.number()
      values.push(before)
    }
    return values
  }
}
