import { argon2, timingSafeEqual } from 'node:crypto'
import type { Random } from '#base'
import { MatrixError } from '#spec'

/** The price of one hash (RFC 9106): it takes that memory, and time in proportion to memory times passes. */
export interface PasswordCost {
  readonly memoryKib: number
  readonly passes: number
  readonly parallelism: number
}

export interface PasswordHasherParts {
  readonly random: Random
  readonly cost: PasswordCost
  /** Hashes under way at a time, each on a thread of Node's pool. */
  readonly concurrency: number
}

const SALT_BYTES = 16
const TAG_BYTES = 32
const PHC = /^\$argon2id\$v=19\$m=(\d{1,8}),t=(\d{1,4}),p=(\d{1,3})\$([A-Za-z0-9+/]{11,86})\$([A-Za-z0-9+/]{16,86})$/
/** Beyond it a hash would come long after its client has given up. */
const MAX_WAITING = 1_000

interface ParsedHash {
  readonly cost: PasswordCost
  readonly salt: Buffer
  readonly tag: Buffer
}

/**
 * argon2id with its parameters beside the hash (PHC string), so that they can be raised: a login with an old hash brings a new one.
 * Runs off the event loop, a few at a time.
 */
export class PasswordHasher {
  readonly #random: Random
  readonly #cost: PasswordCost
  readonly #concurrency: number
  readonly #waiting: (() => void)[] = []
  #running = 0

  constructor(parts: PasswordHasherParts) {
    this.#random = parts.random
    this.#cost = parts.cost
    this.#concurrency = parts.concurrency
  }

  async hash(password: string): Promise<string> {
    const salt = Buffer.from(this.#random.bytes(SALT_BYTES))
    const tag = await this.#derive(password, salt, this.#cost, TAG_BYTES)
    const { memoryKib, passes, parallelism } = this.#cost
    return `$argon2id$v=19$m=${memoryKib},t=${passes},p=${parallelism}$${unpadded(salt)}$${unpadded(tag)}`
  }

  /** Whether the password fits the hash. Without a hash it takes as long and returns false, so that the time does not tell which accounts exist. */
  async verify(password: string, stored: string | undefined): Promise<boolean> {
    const parsed = stored === undefined ? undefined : parse(stored)
    if (parsed === undefined) {
      await this.#derive(password, Buffer.alloc(SALT_BYTES), this.#cost, TAG_BYTES)
      return false
    }
    const tag = await this.#derive(password, parsed.salt, parsed.cost, parsed.tag.length)
    return timingSafeEqual(tag, parsed.tag)
  }

  /** Whether the hash was made with other parameters than today's. */
  isOutdated(stored: string): boolean {
    const cost = parse(stored)?.cost
    return (
      cost === undefined ||
      cost.memoryKib !== this.#cost.memoryKib ||
      cost.passes !== this.#cost.passes ||
      cost.parallelism !== this.#cost.parallelism
    )
  }

  async #derive(password: string, salt: Buffer, cost: PasswordCost, tagBytes: number): Promise<Buffer> {
    await this.#enter()
    try {
      return await new Promise<Buffer>((resolve, reject) => {
        argon2(
          'argon2id',
          {
            // The same password typed on another keyboard must be the same bytes.
            message: password.normalize('NFKC'),
            nonce: salt,
            memory: cost.memoryKib,
            passes: cost.passes,
            parallelism: cost.parallelism,
            tagLength: tagBytes,
          },
          (error, tag) => (error === null ? resolve(tag) : reject(error)),
        )
      })
    } finally {
      this.#leave()
    }
  }

  async #enter(): Promise<void> {
    if (this.#running < this.#concurrency) {
      this.#running++
      return
    }
    if (this.#waiting.length >= MAX_WAITING) {
      throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many passwords are being checked', {
        fields: { retry_after_ms: 5_000 },
        headers: { 'Retry-After': '5' },
      })
    }
    await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Gives the place to the next in the queue, if any; the count stays then. */
  #leave(): void {
    const next = this.#waiting.shift()
    if (next === undefined) this.#running--
    else next()
  }
}

const unpadded = (bytes: Buffer): string => bytes.toString('base64').replace(/=+$/, '')

const parse = (stored: string): ParsedHash | undefined => {
  const match = PHC.exec(stored)
  if (match === null) return undefined
  const [, memory, passes, parallelism, salt = '', tag = ''] = match
  return {
    cost: { memoryKib: Number(memory), passes: Number(passes), parallelism: Number(parallelism) },
    salt: Buffer.from(salt, 'base64'),
    tag: Buffer.from(tag, 'base64'),
  }
}
