import { MatrixError } from '#spec'
import { type Commit, WriteConflict } from '#store'
import type { AccountIdentifier, Accounts, TriedFrom } from '../../accounts/index.ts'
import type { BrowserSessions } from '../../browser-sessions/index.ts'

export interface BrowserSignInParts {
  readonly accounts: Accounts
  readonly sessions: BrowserSessions
  readonly commit: Commit
}

/** Signs people in at browsers, by the same passwords and within the same limits as logins. */
export class BrowserSignIn {
  readonly #parts: BrowserSignInParts

  constructor(parts: BrowserSignInParts) {
    this.#parts = parts
  }

  /** Throws what `Accounts.authenticate` throws. */
  async withPassword(
    identifier: AccountIdentifier,
    password: string,
    from: TriedFrom,
  ): Promise<{ readonly setCookie: string }> {
    const { accounts, sessions } = this.#parts
    const account = await accounts.authenticate(identifier, password, from)
    const rehashed = await accounts.rehashed(account, password)
    if (rehashed !== undefined) await this.#commitRehash(rehashed.change)
    return sessions.begin(account.userId, rehashed?.account ?? account)
  }

  async #commitRehash(change: Parameters<Commit>[0][number]): Promise<void> {
    try {
      await this.#parts.commit([change])
    } catch (error) {
      if (!(error instanceof WriteConflict)) throw error
      // The password was changed between the check and the commit, so it was the old one.
      throw new MatrixError('M_FORBIDDEN', 'Wrong user name or password')
    }
  }
}
