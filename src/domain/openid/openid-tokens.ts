import type { Random } from '#base'
import type { ServerName, UserId } from '#spec'
import type { ShortLivedTable } from '#store'

/** The answer of `POST /user/{userId}/openid/request_token`. */
export interface OpenIdToken {
  readonly access_token: string
  readonly token_type: 'Bearer'
  readonly matrix_server_name: ServerName
  /** Seconds. */
  readonly expires_in: number
}

/** Whether the account exists and is not deactivated. */
export interface ActiveAccounts {
  isActive(userId: UserId): Promise<boolean>
}

export interface OpenIdTokensParts {
  readonly accounts: ActiveAccounts
  readonly tokens: ShortLivedTable<{ readonly userId: UserId }>
  readonly serverName: ServerName
  readonly random: Random
}

const LIFETIME_S = 3_600
const MAX_LENGTH = 255

/** Client-server API, module "OpenID". */
export class OpenIdTokens {
  readonly #parts: OpenIdTokensParts

  constructor(parts: OpenIdTokensParts) {
    this.#parts = parts
  }

  async issue(userId: UserId): Promise<OpenIdToken> {
    const { tokens, random, serverName } = this.#parts
    const id = random.token(32)
    await tokens.put({ userId }, { id, owner: userId, lifetimeMs: LIFETIME_S * 1_000 })
    return { access_token: id, token_type: 'Bearer', matrix_server_name: serverName, expires_in: LIFETIME_S }
  }

  /** The owner; undefined if the token has expired or never existed. */
  async userOf(token: string): Promise<UserId | undefined> {
    const known = token.length > MAX_LENGTH ? undefined : await this.#parts.tokens.find(token)
    return known !== undefined && (await this.#parts.accounts.isActive(known.userId)) ? known.userId : undefined
  }
}
