import type { Random } from '#base'
import type { DeviceId, ServerName, UserId } from '#spec'
import type { DevicesReader, ShortLivedTable } from '#store'

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

/** A user on one of their devices. */
export interface TokenAsker {
  readonly userId: UserId
  readonly deviceId: DeviceId
  readonly device: number
}

export interface OpenIdTokensParts {
  readonly accounts: ActiveAccounts
  readonly devices: Pick<DevicesReader, 'device'>
  /** Tokens of earlier versions name no device. */
  readonly tokens: ShortLivedTable<Pick<TokenAsker, 'userId'> & Partial<TokenAsker>>
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

  /** A token that is valid for an hour, as long as the device that asked is not logged out. */
  async issue({ userId, deviceId, device }: TokenAsker): Promise<OpenIdToken> {
    const { tokens, random, serverName } = this.#parts
    const id = random.token(32)
    await tokens.put({ userId, deviceId, device }, { id, owner: userId, lifetimeMs: LIFETIME_S * 1_000 })
    return { access_token: id, token_type: 'Bearer', matrix_server_name: serverName, expires_in: LIFETIME_S }
  }

  /** The owner; undefined if the token has expired or never existed, or its device is gone. */
  async userOf(token: string): Promise<UserId | undefined> {
    const known = token.length > MAX_LENGTH ? undefined : await this.#parts.tokens.find(token)
    if (known === undefined || !(await this.#parts.accounts.isActive(known.userId))) return undefined
    return (await this.#isLoggedIn(known)) ? known.userId : undefined
  }

  /** Numbers of devices are never given twice: one that came back under its old name is another. */
  async #isLoggedIn({ userId, deviceId, device }: Pick<TokenAsker, 'userId'> & Partial<TokenAsker>): Promise<boolean> {
    if (deviceId === undefined || device === undefined) return true
    return (await this.#parts.devices.device(userId, deviceId))?.device === device
  }
}
