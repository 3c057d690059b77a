import { createHmac, timingSafeEqual } from 'node:crypto'
import type { Random } from '#base'
import { MatrixError } from '#spec'
import type { ShortLivedTable } from '#store'

const NONCE_BYTES = 32

export interface SharedSecretParts {
  /** undefined: registration by it is switched off. */
  readonly secret: string | undefined
  readonly nonces: ShortLivedTable<object>
  readonly random: Random
}

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
 * Registration with the server's secret, for the operator's scripts and for tests. The wire format is that of Synapse
 * (`/_synapse/admin/v1/register`), because tools for it exist.
 */
export class SharedSecret {
  readonly #parts: SharedSecretParts

  constructor(parts: SharedSecretParts) {
    this.#parts = parts
  }

  /** A nonce for one claim within a minute. Throws if the server has no shared secret. */
  async nonce(): Promise<string> {
    const { nonces, random } = this.#parts
    this.#requireSecret()
    return nonces.put({}, { id: Buffer.from(random.bytes(NONCE_BYTES)).toString('hex') })
  }

  /** Throws `M_UNKNOWN` (400) for a nonce that is unknown, used or old, `M_FORBIDDEN` for a wrong code. Takes the nonce in any case. */
  async assertGenuine(claim: SharedSecretClaim): Promise<void> {
    const secret = this.#requireSecret()
    if ((await this.#parts.nonces.take(claim.nonce)) === undefined) {
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
    const { secret } = this.#parts
    if (secret === undefined) {
      throw new MatrixError('M_UNKNOWN', 'Registration by shared secret is switched off', { status: 400 })
    }
    return secret
  }
}
