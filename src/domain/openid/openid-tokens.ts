import { BoundedCache, type CacheStats, type Clock, type Random } from '#base'
import type { ServerName, UserId } from '#spec'

/** The answer of `POST /user/{userId}/openid/request_token`. */
export interface OpenIdToken {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly matrix_server_name: ServerName
  /** Seconds. */
  readonly expires_in: number
}

/** Whether there is such an account, and it was not deactivated. */
export interface ActiveAccounts {
  isActive(userId: UserId): Promise<boolean>
}

export interface OpenIdOptions {
  readonly serverName: ServerName
  readonly clock: Clock
  readonly random: Random
}

const LIFETIME_S = 3_600
const LIMIT_BYTES = 4 * 1024 * 1024
const TOKEN_BYTES = 512

/** With too many, those not asked for longest end early. */
export class OpenIdTokens {
  readonly #accounts: ActiveAccounts
  readonly #options: OpenIdOptions
  readonly #tokens = new BoundedCache<string, { readonly userId: UserId; readonly endsAtMs: number }>({
    name: 'openid-tokens',
    limitBytes: LIMIT_BYTES,
    sizeBytes: () => TOKEN_BYTES,
  })

  constructor(accounts: ActiveAccounts, options: OpenIdOptions) {
    this.#accounts = accounts
    this.#options = options
  }

  issue(userId: UserId): OpenIdToken {
    const { serverName, clock, random } = this.#options
    const token = random.token(32)
    this.#tokens.set(token, { userId, endsAtMs: clock.monotonicMs() + LIFETIME_S * 1_000 })
    return { access_token: token, token_type: 'Bearer', matrix_server_name: serverName, expires_in: LIFETIME_S }
  }

  /** Whose it is; undefined where it ended, or never was one. */
  async userOf(token: string): Promise<UserId | undefined> {
    const known = this.#tokens.get(token)
    if (known === undefined) return undefined
    const isGood = known.endsAtMs > this.#options.clock.monotonicMs() && (await this.#accounts.isActive(known.userId))
    if (isGood) return known.userId
    this.#tokens.delete(token)
    return undefined
  }

  stats(): CacheStats {
    return this.#tokens.stats()
  }
}
