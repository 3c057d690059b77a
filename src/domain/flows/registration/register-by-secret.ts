import type { JsonObject, ServerName } from '#spec'
import {
  type Accounts,
  mindUserType,
  type ReservedNames,
  type SharedSecret,
  type SharedSecretClaim,
} from '../../accounts/index.ts'
import type { SessionRequest } from '../../devices/index.ts'
import type { CreateAccount } from './create-account.ts'

export interface RegisterBySecretParts {
  readonly accounts: Accounts
  /** Names of application services, which even whoever administers the server leaves to them. */
  readonly reservedNames: Pick<ReservedNames, 'assertUnreserved'>
  readonly secret: SharedSecret
  readonly createAccount: CreateAccount
  readonly serverName: ServerName
}

/** Accounts for whoever knows the server's secret, whether or not registration is open. */
export class RegisterBySecret {
  readonly #parts: RegisterBySecretParts

  constructor(parts: RegisterBySecretParts) {
    this.#parts = parts
  }

  nonce(): Promise<string> {
    return this.#parts.secret.nonce()
  }

  /** Throws what `SharedSecret.assertGenuine` throws, `M_INVALID_PARAM` for a type of users that there is not, `M_INVALID_USERNAME`, `M_USER_IN_USE`, `M_EXCLUSIVE`, `M_WEAK_PASSWORD`. */
  async register(
    claim: SharedSecretClaim,
    displayName: string | undefined,
    from: SessionRequest['from'],
  ): Promise<JsonObject> {
    await this.#parts.secret.assertGenuine(claim)
    mindUserType(claim.userType)
    const userId = this.#parts.accounts.newUserId(claim.username)
    this.#parts.reservedNames.assertUnreserved(userId)
    await this.#parts.accounts.assertFree(userId)
    const passwordHash = await this.#parts.accounts.hashPassword(claim.password)
    const answer = await this.#parts.createAccount.run({
      userId,
      passwordHash,
      admin: claim.admin,
      userType: claim.userType,
      displayName,
      session: { deviceId: undefined, displayName: undefined, refreshable: false, from },
    })
    return { user_id: userId, home_server: this.#parts.serverName, ...answer }
  }
}
