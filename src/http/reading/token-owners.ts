import { MatrixError } from '#spec'
import type { Requester } from '../endpoint/requester.ts'
import type { TokenIssuer, TokenUse } from '../endpoint/token-issuer.ts'

export interface TokenOwnersParts {
  readonly issuers: readonly TokenIssuer[]
  /** Counts wrong tokens, for the address that they came from. Both throw `M_LIMIT_EXCEEDED`. */
  readonly wrong: { count(ip: string): Promise<void>; check(ip: string): Promise<void> }
}

export class TokenOwners {
  readonly #parts: TokenOwnersParts

  constructor(parts: TokenOwnersParts) {
    this.#parts = parts
  }

  /** Throws `M_UNKNOWN_TOKEN`, and `M_LIMIT_EXCEEDED` where it came with too many wrong ones. */
  async check(accessToken: string, use?: TokenUse): Promise<Requester> {
    try {
      return await this.#owner(accessToken, use)
    } catch (error) {
      if (use !== undefined && error instanceof MatrixError && error.errcode === 'M_UNKNOWN_TOKEN')
        await this.#parts.wrong.count(use.ip)
      throw error
    }
  }

  /** Whether the token is that of an application service. */
  isOfService(accessToken: string): boolean {
    return this.#parts.issuers.some((issuer) => issuer.forServices === true && issuer.mayHaveIssued(accessToken))
  }

  /** Throws `M_LIMIT_EXCEEDED` after too many wrong tokens from the address. */
  checkAddress(ip: string): Promise<void> {
    return this.#parts.wrong.check(ip)
  }

  onVoided(listener: (user: number | 'all') => void): void {
    for (const issuer of this.#parts.issuers) issuer.onVoided?.(listener)
  }

  #owner(accessToken: string, use: TokenUse | undefined): Promise<Requester> {
    for (const issuer of this.#parts.issuers)
      if (issuer.mayHaveIssued(accessToken)) return issuer.check(accessToken, use)
    throw new MatrixError('M_UNKNOWN_TOKEN', 'Unknown access token', { fields: { soft_logout: false } })
  }
}
