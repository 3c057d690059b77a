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
  /** undefined: not locked. A locked account keeps everything, and can do nothing but log out. */
  readonly lockedAtMs: number | undefined
  /** undefined: not suspended. A suspended account can read, leave and take back, and say nothing new. */
  readonly suspendedAtMs: number | undefined
  /** Whether an administrator has to agree before the account can be used. */
  readonly awaitsApproval: boolean
  /** Whether the user asked that their content be erased as far as possible. */
  readonly erased: boolean
  /** `bot`, `support` …; undefined: a person. */
  readonly userType: string | undefined
  /** Whether what the user does is taken and reaches nobody. */
  readonly shadowBanned: boolean
  /** undefined: the limits of the configuration. */
  readonly rateLimit: RateOverride | undefined
  /** undefined: never. After it the account can do nothing until it is renewed. */
  readonly expiresAtMs: number | undefined
}

/** The user's own limit of requests, instead of those of the configuration. */
export interface RateOverride {
  /** 0: no limit. */
  readonly perSecond: number
  readonly burst: number
}

/** Marks of an account that administrators set. An absent member stays; undefined clears it. */
export interface AccountMarks {
  readonly admin?: boolean
  readonly lockedAtMs?: number | undefined
  readonly suspendedAtMs?: number | undefined
  readonly userType?: string | undefined
  readonly shadowBanned?: boolean
  readonly rateLimit?: RateOverride | undefined
  readonly expiresAtMs?: number | undefined
  /** The end of which a mail tells the person beforehand; undefined: none does. */
  readonly tellEndMs?: number | undefined
}

export interface NewAccount {
  readonly userId: UserId
  readonly passwordHash: string | undefined
  readonly guest: boolean
  readonly admin: boolean
  readonly createdAtMs: number
  readonly userType?: string | undefined
  readonly awaitsApproval?: boolean
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
  /** Announces the user in the stream `sessions`, as all that tokens tell of them changes. Conflict: `account-gone`. */
  setAdmin(userId: UserId, admin: boolean): Change<void>
  /** Locks the account, or with undefined unlocks it. Announces the user in the stream `sessions`. Conflict: `account-gone`. */
  setLocked(userId: UserId, atMs: number | undefined): Change<void>
  /** Suspends the account, or with undefined ends that. Announces the user in the stream `sessions`. Conflict: `account-gone`. */
  setSuspended(userId: UserId, atMs: number | undefined): Change<void>
  /** Announces the user in the stream `sessions`. Conflict: `account-gone`. */
  mark(userId: UserId, marks: AccountMarks): Change<void>
  /**
   * Opens a deactivated account again, with what is left of it: its name, and that it was no guest. It is erased no longer, which is announced by
   * `events`. Conflicts: `account-gone` (no such account, or not deactivated), `still-leaving` (some of its rooms).
   */
  reactivate(userId: UserId, passwordHash: string | undefined): Change<void>
  /** Lets the account be used. Conflict: `account-gone` (none, deactivated, or it does not wait). */
  approve(userId: UserId): Change<void>
  /** Removes the password and marks the rooms as still to be left. A repeated call can only add `erase`, which is announced by `events`. Conflict: `account-gone` (no such account). */
  deactivate(userId: UserId, erase: boolean, atMs: number): Change<void>
  /** Records that all rooms of the deactivated account were left. */
  finishDeactivation(userId: UserId): Change<void>
}

/** A user whose content is erased for whoever joins a room after this position of the stream of events. */
export interface Erasure {
  readonly userId: UserId
  readonly position: number
}

export interface AccountsReader {
  /** Local parts are compared byte by byte: `domain/accounts` has the rules for upper and lower case. */
  account(userId: UserId): Promise<AccountRecord | undefined>
  erasures(): Promise<readonly Erasure[]>
  /** The next accounts, in the order in which their users were first seen here. */
  accounts(page: { readonly after: UserNumber; readonly limit: number }): Promise<readonly AccountRecord[]>
  /** Administrators whose accounts are not deactivated, oldest first. */
  administrators(limit: number): Promise<readonly AccountRecord[]>
  /** Accounts that wait for approval with numbers above `after`, in order of number. */
  awaitingApproval(page: { readonly after: UserNumber; readonly limit: number }): Promise<readonly AccountRecord[]>
  /** Deactivated accounts that a crash kept from leaving all their rooms. */
  unfinishedDeactivations(limit: number): Promise<readonly UserId[]>
}
