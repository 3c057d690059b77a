import type { UserId } from '#spec'
import { MatrixError } from '#spec'
import { type Change, type Commit, WriteConflict } from '#store'
import { type Accounts, userInUse } from '../../accounts/index.ts'
import type { PreparedSession, SessionRequest, Sessions } from '../../devices/index.ts'
import { notAdded } from '../stages/email-proof.ts'

/** Further changes in the commit of a new account: the profile. */
export interface NewAccountChanges {
  /** `displayName`: undefined if none was chosen. */
  changesFor(userId: UserId, displayName: string | undefined): readonly Change<unknown>[]
}

export interface AccountDraft {
  readonly userId: UserId
  readonly passwordHash: string | undefined
  readonly guest?: boolean
  readonly admin?: boolean
  /** Whether the account cannot be used before an administrator has approved it. It has no session then. */
  readonly awaitsApproval?: boolean
  readonly userType?: string | undefined
  readonly displayName?: string | undefined
  /** undefined: the account begins without a device. */
  readonly session: Omit<SessionRequest, 'userId'> | undefined
  readonly alongside?: readonly Change<unknown>[]
}

export interface CreateAccountParts {
  readonly accounts: Accounts
  readonly sessions: Sessions
  readonly extras: NewAccountChanges
  readonly commit: Commit
}

/** Makes every new account, in one commit. */
export class CreateAccount {
  readonly #parts: CreateAccountParts

  constructor(parts: CreateAccountParts) {
    this.#parts = parts
  }

  /** Throws `M_USER_IN_USE`, and `M_FORBIDDEN` if a registration token became void meanwhile. */
  async run(draft: AccountDraft): Promise<PreparedSession['answer'] | undefined> {
    const { userId, passwordHash, guest = false, admin = false, userType, awaitsApproval = false } = draft
    const account = this.#parts.accounts.create(userId, passwordHash, { guest, admin, userType, awaitsApproval })
    const rest = [...this.#parts.extras.changesFor(userId, draft.displayName), ...(draft.alongside ?? [])]
    try {
      if (draft.session === undefined || awaitsApproval) {
        await this.#parts.commit([account, ...rest])
        return undefined
      }
      const session = this.#parts.sessions.prepare({ userId, ...draft.session })
      await this.#parts.commit([account, session.change, ...rest])
      return session.answer
    } catch (error) {
      throw notCreated(error)
    }
  }
}

/** The error for a client whose account could not be made because of a conflict. */
export const notCreated = (error: unknown): unknown => {
  if (!(error instanceof WriteConflict)) return error
  if (error.kind === 'user-exists') return userInUse()
  if (error.kind === 'account-gone') return new MatrixError('M_FORBIDDEN', 'There is no such guest any more')
  if (error.kind === 'identity-linked')
    return new MatrixError('M_FORBIDDEN', 'An account was made with this sign-in meanwhile')
  if (error.kind === 'registration-token-void')
    return new MatrixError('M_FORBIDDEN', 'The registration token is used up')
  return notAdded(error)
}
