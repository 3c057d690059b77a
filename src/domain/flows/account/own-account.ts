import { MatrixError, type UserId } from '#spec'
import type { Accounts, TriedFrom } from '../../accounts/index.ts'
import type { BrowserSessions } from '../../browser-sessions/index.ts'
import type { ChangePassword } from './change-password.ts'

export interface OwnAccountParts {
  readonly accounts: Accounts
  readonly sessions: BrowserSessions
  readonly changePassword: Pick<ChangePassword, 'byOwner'>
  /** The name of whoever keeps the user's password, if it is not this server. */
  keeperOf(userId: UserId): Promise<string | undefined>
}

export interface NewOwnPassword {
  /** Empty where the account has none yet. */
  readonly current: string
  readonly password: string
  readonly endsSessions: boolean
}

/** The password of an account, `elsewhere` with the name of whoever keeps it. */
export type PasswordState = { readonly kind: 'set' | 'none' } | { readonly kind: 'elsewhere'; readonly name: string }

/** Deeds of somebody with their own account on the pages for it. The person is signed in at a browser. */
export class OwnAccount {
  readonly #parts: OwnAccountParts

  constructor(parts: OwnAccountParts) {
    this.#parts = parts
  }

  async passwordOf(userId: UserId): Promise<PasswordState> {
    const name = await this.#parts.keeperOf(userId)
    if (name !== undefined) return { kind: 'elsewhere', name }
    const account = await this.#parts.accounts.account(userId)
    return { kind: account?.passwordHash === undefined ? 'none' : 'set' }
  }

  /**
   * Changes the password. All sessions at browsers end, as they do with every new password; the answer is a new one for this browser. Throws what
   * `Accounts.authenticate` throws for the current password, `M_WEAK_PASSWORD`, `M_INVALID_PARAM`.
   */
  async changePassword(
    userId: UserId,
    { current, password, endsSessions }: NewOwnPassword,
    from: TriedFrom,
  ): Promise<{ readonly setCookie: string }> {
    const { accounts, sessions, changePassword } = this.#parts
    accounts.assertAcceptablePassword(password)
    const state = await this.passwordOf(userId)
    if (state.kind === 'set') {
      try {
        await accounts.authenticate({ kind: 'user', user: userId }, current, { ...from, requester: userId })
      } catch (error) {
        if (!(error instanceof MatrixError) || error.errcode !== 'M_FORBIDDEN') throw error
        throw new MatrixError('M_FORBIDDEN', 'This is not your current password')
      }
    }
    await changePassword.byOwner(userId, password, endsSessions)
    return sessions.begin(userId)
  }
}
