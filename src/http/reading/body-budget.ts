import type { Unavailable } from '#base'
import { MatrixError } from '#spec'

/** A body that is being read. */
export interface CountedBody {
  /** Counts bytes that came. Throws where they are more than there is room for. */
  add(bytes: number): void
  /** To be called once, when the bytes are not held any more. */
  close(): void
}

export interface BodyBudgetLimits {
  /** Bytes for one user, or for one address without a user. */
  readonly bytesOfOne: number
  /** Bytes for all users together, and apart from them for all addresses. */
  readonly usersBytes: number
  readonly addressesBytes: number
}

/** The first bytes of each body are not counted: short requests get through whatever others do. */
const FREE_BYTES = 16 * 1024
const RETRY_MS = 1_000

class TooManyBodies extends Error implements Unavailable {
  override readonly name = 'TooManyBodies'
  readonly retryAfterMs = RETRY_MS
}

/** Bounds the bytes of all large bodies that have come in part and wait for the rest. */
export class BodyBudget {
  readonly #limits: BodyBudgetLimits
  readonly #bytes = new Map<string, number>()
  #usersBytes = 0
  #addressesBytes = 0

  constructor(limits: BodyBudgetLimits) {
    this.#limits = limits
  }

  /** `key`: a user, or an address. */
  open(key: string, isUser: boolean): CountedBody {
    let seen = 0
    let counted = 0
    return {
      add: (bytes) => {
        seen += bytes
        const more = Math.max(0, seen - FREE_BYTES) - counted
        if (more === 0) return
        this.#count(key, isUser, more)
        counted += more
      },
      close: () => {
        if (counted > 0) this.#change(key, isUser, -counted)
        counted = 0
      },
    }
  }

  #count(key: string, isUser: boolean, more: number): void {
    const { bytesOfOne, usersBytes, addressesBytes } = this.#limits
    if ((this.#bytes.get(key) ?? 0) + more > bytesOfOne) {
      throw new MatrixError('M_LIMIT_EXCEEDED', 'Too many large requests at once', {
        fields: { retry_after_ms: RETRY_MS },
        headers: { 'Retry-After': String(RETRY_MS / 1_000) },
      })
    }
    const all = isUser ? this.#usersBytes : this.#addressesBytes
    if (all + more > (isUser ? usersBytes : addressesBytes)) throw new TooManyBodies('too many large requests at once')
    this.#change(key, isUser, more)
  }

  #change(key: string, isUser: boolean, by: number): void {
    const bytes = (this.#bytes.get(key) ?? 0) + by
    if (bytes === 0) this.#bytes.delete(key)
    else this.#bytes.set(key, bytes)
    if (isUser) this.#usersBytes += by
    else this.#addressesBytes += by
  }
}
