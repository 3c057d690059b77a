import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** A local account. It outlives its deactivation, so that nobody can take the user id again. */
export interface AccountRecord {
  readonly user: UserNumber
  readonly userId: UserId
  /** PHC string; undefined for guests and for deactivated accounts. */
  readonly passwordHash: string | undefined
  readonly guest: boolean
  readonly admin: boolean
  readonly createdAtMs: number
  readonly deactivatedAtMs: number | undefined
  /** The user asked that their content be erased as far as possible. */
  readonly erased: boolean
}

export interface NewAccount {
  readonly userId: UserId
  readonly passwordHash: string | undefined
  readonly guest: boolean
  readonly admin: boolean
  readonly createdAtMs: number
}

export interface AccountsWriter {
  /** Conflict: `user-exists`, also where the account was deactivated. */
  create(account: NewAccount): Change<UserNumber>
  /**
   * Conflicts: `account-gone` (none, or deactivated); `password-changed` where `expectedHash` is given and another is stored.
   */
  setPassword(userId: UserId, passwordHash: string, expectedHash?: string): Change<void>
  /** Makes a guest a full account. Conflict: `account-gone` (none, deactivated, or no guest). */
  upgradeGuest(userId: UserId, passwordHash: string): Change<void>
  /** Conflict: `account-gone`. */
  setAdmin(userId: UserId, admin: boolean): Change<void>
  /** Takes the password away and marks the rooms as still to be left. Repeating it only adds the wish to be erased. Conflict: `account-gone` (none). */
  deactivate(userId: UserId, erase: boolean, atMs: number): Change<void>
  /** All rooms of the deactivated account were left. */
  finishDeactivation(userId: UserId): Change<void>
}

export interface AccountsReader {
  /** Local parts are compared as they are: see the case rules in `domain/accounts`. */
  account(userId: UserId): Promise<AccountRecord | undefined>
  /** Deactivated accounts whose rooms were not all left yet: a crash came between. */
  unfinishedDeactivations(limit: number): Promise<readonly UserId[]>
}
