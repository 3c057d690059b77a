import type { JsonObject, ServerName } from '#spec'
import type { Accounts, SharedSecret, SharedSecretClaim } from '../../accounts/index.ts'
import type { SessionRequest } from '../../devices/index.ts'
import type { CreateAccount } from './create-account.ts'

/** Accounts for whoever knows the server's secret, whether or not registration is open. */
export class RegisterBySecret {
  readonly #accounts: Accounts
  readonly #secret: SharedSecret
  readonly #createAccount: CreateAccount
  readonly #serverName: ServerName

  constructor(accounts: Accounts, secret: SharedSecret, createAccount: CreateAccount, serverName: ServerName) {
    this.#accounts = accounts
    this.#secret = secret
    this.#createAccount = createAccount
    this.#serverName = serverName
  }

  nonce(): string {
    return this.#secret.nonce()
  }

  /** Throws what `SharedSecret.assertGenuine` throws, `M_INVALID_USERNAME`, `M_USER_IN_USE`, `M_WEAK_PASSWORD`. */
  async register(
    claim: SharedSecretClaim,
    displayName: string | undefined,
    from: SessionRequest['from'],
  ): Promise<JsonObject> {
    this.#secret.assertGenuine(claim)
    const userId = this.#accounts.newUserId(claim.username)
    await this.#accounts.assertFree(userId)
    const passwordHash = await this.#accounts.hashPassword(claim.password)
    const answer = await this.#createAccount.run({
      userId,
      passwordHash,
      admin: claim.admin,
      displayName,
      session: { deviceId: undefined, displayName: undefined, refreshable: false, from },
    })
    return { user_id: userId, home_server: this.#serverName, ...answer }
  }
}
