import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Clock, Random } from '#base'
import { MatrixError } from '#spec'

const NONCE_LIFETIME_MS = 60_000
/** When more are asked for, the oldest end early. */
const MAX_NONCES = 1_000

export interface SharedSecretClaim {
  readonly nonce: string
  readonly username: string
  readonly password: string
  readonly admin: boolean
  readonly userType: string | undefined
  /** HMAC-SHA1 in hexadecimal. */
  readonly mac: string
}

/**
 * Registration by who knows the server's secret: the operator's scripts and tests. The wire format is that of Synapse
 * (`/_synapse/admin/v1/register`), since the tools for it exist.
 */
export class SharedSecret {
  readonly #secret: string | undefined
  readonly #random: Random
  readonly #clock: Clock
  /** Nonce -> when it ends, on the monotonic clock; oldest first. */
  readonly #nonces = new Map<string, number>()

  constructor(secret: string | undefined, random: Random, clock: Clock) {
    this.#secret = secret
    this.#random = random
    this.#clock = clock
  }

  /** Good for one claim within a minute. Throws where the server has no shared secret. */
  nonce(): string {
    this.#requireSecret()
    const now = this.#clock.monotonicMs()
    for (const [nonce, end] of this.#nonces) {
      if (end > now && this.#nonces.size < MAX_NONCES) break
      this.#nonces.delete(nonce)
    }
    const nonce = Buffer.from(this.#random.bytes(32)).toString('hex')
    this.#nonces.set(nonce, now + NONCE_LIFETIME_MS)
    return nonce
  }

  /** Throws `M_UNKNOWN` (400) for a nonce that is unknown, used or old, `M_FORBIDDEN` for a wrong code. Takes the nonce in any case. */
  assertGenuine(claim: SharedSecretClaim): void {
    const secret = this.#requireSecret()
    const end = this.#nonces.get(claim.nonce)
    this.#nonces.delete(claim.nonce)
    if (end === undefined || end <= this.#clock.monotonicMs()) {
      throw new MatrixError('M_UNKNOWN', 'The nonce is not known, was used or is too old', { status: 400 })
    }
    const fields = [claim.nonce, claim.username, claim.password, claim.admin ? 'admin' : 'notadmin']
    if (claim.userType !== undefined) fields.push(claim.userType)
    // U+0000 separates the fields, so with one inside a code could be read two ways.
    if (fields.some((field) => field.includes('\0'))) throw new MatrixError('M_INVALID_PARAM', 'U+0000 is not allowed')
    const expected = createHmac('sha1', secret).update(fields.join('\0')).digest()
    const given = /^[0-9a-fA-F]{40}$/.test(claim.mac) ? Buffer.from(claim.mac, 'hex') : Buffer.alloc(0)
    if (given.length !== expected.length || !timingSafeEqual(given, expected)) {
      throw new MatrixError('M_FORBIDDEN', 'The code does not fit')
    }
  }

  #requireSecret(): string {
    if (this.#secret === undefined) {
      throw new MatrixError('M_UNKNOWN', 'Registration by shared secret is switched off', { status: 400 })
    }
    return this.#secret
  }
}
