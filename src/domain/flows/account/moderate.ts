import { MatrixError, parseUserId, type ServerName, serverOf, type UserId } from '#spec'
import { type AccountRecord, type Change, type Commit, type DeviceRecord, WriteConflict } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type { AuditLog } from '../../admin/index.ts'
import type { Devices } from '../../devices/index.ts'

export interface ModerateParts {
  readonly accounts: Accounts
  readonly devices: Pick<Devices, 'list'>
  readonly auditLog: AuditLog
  readonly serverName: ServerName
  readonly commit: Commit
}

/** The account of whoever asks; the caller has made sure that it is an administrator's where that is needed. */
export interface Moderator {
  readonly userId: UserId
  readonly admin: boolean
}

/** Locks and suspensions by administrators of this server (client-server API, "Account moderation"). */
export class Moderate {
  readonly #parts: ModerateParts

  constructor(parts: ModerateParts) {
    this.#parts = parts
  }

  /** Throws as `setLocked` does. */
  async isLocked(moderator: Moderator, user: string): Promise<boolean> {
    return (await this.#subject(moderator, user)).lockedAtMs !== undefined
  }

  /** Throws as `setLocked` does. */
  async isSuspended(moderator: Moderator, user: string): Promise<boolean> {
    return (await this.#subject(moderator, user)).suspendedAtMs !== undefined
  }

  /**
   * Throws `M_INVALID_PARAM` for a user of another server, `M_FORBIDDEN` for oneself and for administrators, and `M_NOT_FOUND` for an account that
   * is not there or deactivated.
   */
  async setLocked(moderator: Moderator, user: string, locked: boolean): Promise<void> {
    const { userId } = await this.#subject(moderator, user)
    const change = this.#parts.accounts.setLocked(userId, locked)
    await this.#change(moderator, userId, { change, action: locked ? 'user.lock' : 'user.unlock' })
  }

  /** Throws as `setLocked` does. */
  async setSuspended(moderator: Moderator, user: string, suspended: boolean): Promise<void> {
    const { userId } = await this.#subject(moderator, user)
    const change = this.#parts.accounts.setSuspended(userId, suspended)
    await this.#change(moderator, userId, { change, action: suspended ? 'user.suspend' : 'user.unsuspend' })
  }

  /** The devices of a user, for the user and for administrators. Throws `M_FORBIDDEN`, `M_INVALID_PARAM`, `M_NOT_FOUND`. */
  async devicesOf(asking: Moderator, user: string): Promise<readonly DeviceRecord[]> {
    // The right to ask is judged before anything is looked up, so that nobody learns which accounts there are.
    if (!asking.admin && asking.userId !== user)
      throw new MatrixError('M_FORBIDDEN', 'Only administrators of this server can ask this of other users')
    const userId = this.#local(user)
    if ((await this.#parts.accounts.account(userId)) === undefined) throw noSuchUser()
    return this.#parts.devices.list(userId)
  }

  async #subject(moderator: Moderator, user: string): Promise<AccountRecord> {
    const userId = this.#local(user)
    if (userId === moderator.userId) throw new MatrixError('M_FORBIDDEN', 'Nobody can do this with their own account')
    const account = await this.#parts.accounts.account(userId)
    if (account === undefined || account.deactivatedAtMs !== undefined) throw noSuchUser()
    if (account.admin) throw new MatrixError('M_FORBIDDEN', 'The user is an administrator')
    return account
  }

  #local(user: string): UserId {
    const userId = parseUserId(user)
    if (userId === undefined || serverOf(userId) !== this.#parts.serverName)
      throw new MatrixError('M_INVALID_PARAM', 'The user is not of this server')
    return userId
  }

  async #change(
    { userId: by }: Moderator,
    subject: UserId,
    { change, action }: { readonly change: Change<void>; readonly action: string },
  ): Promise<void> {
    const { auditLog, commit } = this.#parts
    try {
      await commit([change, auditLog.note({ by, via: 'api', action, subject, details: {} })])
    } catch (error) {
      // It was deactivated meanwhile.
      throw error instanceof WriteConflict ? noSuchUser() : error
    }
  }
}

const noSuchUser = (): MatrixError => new MatrixError('M_NOT_FOUND', 'No such user')
