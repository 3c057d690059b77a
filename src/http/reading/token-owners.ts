import { MatrixError } from '#spec'
import type { Requester } from '../endpoint/requester.ts'
import type { TokenIssuer, TokenUse } from '../endpoint/token-issuer.ts'

export class TokenOwners {
  readonly #issuers: readonly TokenIssuer[]

  constructor(issuers: readonly TokenIssuer[]) {
    this.#issuers = issuers
  }

  /** Throws `M_UNKNOWN_TOKEN`. */
  async check(accessToken: string, use?: TokenUse): Promise<Requester> {
    for (const issuer of this.#issuers) if (issuer.mayHaveIssued(accessToken)) return issuer.check(accessToken, use)
    throw new MatrixError('M_UNKNOWN_TOKEN', 'Unknown access token', { fields: { soft_logout: false } })
  }

  onVoided(listener: (user: number | 'all') => void): void {
    for (const issuer of this.#issuers) issuer.onVoided?.(listener)
  }
}
