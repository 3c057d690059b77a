import { createCipheriv, createDecipheriv, createHmac } from 'node:crypto'
import type { Random } from './random.ts'

export interface SealerParts {
  /** 32 bytes. */
  readonly key: Uint8Array
  readonly random: Random
}

const CIPHER = 'aes-256-gcm'
const NONCE_BYTES = 12
const TAG_BYTES = 16

/** Seals texts so that only the holders of a key can read them or make others (AES-256-GCM). */
export class Sealer {
  readonly #parts: SealerParts

  constructor(parts: SealerParts) {
    this.#parts = parts
  }

  /** Seals a text for one `context` (its place in the database): it cannot be opened for another. Each context has a key of its own, so that few texts share one. */
  seal(text: string, context: string): string {
    const nonce = this.#parts.random.bytes(NONCE_BYTES)
    const cipher = createCipheriv(CIPHER, this.#keyOf(context), nonce)
    const parts = [nonce, cipher.update(text, 'utf8'), cipher.final(), cipher.getAuthTag()]
    return Buffer.concat(parts).toString('base64url')
  }

  /** undefined: sealed with another key, for another context, or damaged. */
  open(sealed: string, context: string): string | undefined {
    const bytes = Buffer.from(sealed, 'base64url')
    if (bytes.length < NONCE_BYTES + TAG_BYTES) return undefined
    const decipher = createDecipheriv(CIPHER, this.#keyOf(context), bytes.subarray(0, NONCE_BYTES))
    decipher.setAuthTag(bytes.subarray(-TAG_BYTES))
    try {
      return decipher.update(bytes.subarray(NONCE_BYTES, -TAG_BYTES), undefined, 'utf8') + decipher.final('utf8')
    } catch {
      return undefined
    }
  }

  #keyOf(context: string): Buffer {
    return createHmac('sha256', this.#parts.key).update(context).digest()
  }
}
