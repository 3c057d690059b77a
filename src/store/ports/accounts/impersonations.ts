import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** A token by which an administrator acts as another user, as a request needs to know of it. */
export interface Impersonation {
  readonly impersonation: number
  readonly user: UserNumber
  readonly userId: UserId
  readonly guest: boolean
  readonly locked: boolean
  readonly suspended: boolean
  readonly shadowBanned: boolean
  /** undefined: never. The same for the accounts of the user and of the administrator. */
  readonly expiresAtMs: number | undefined
  readonly accountExpiresAtMs: number | undefined
  readonly byExpiresAtMs: number | undefined
}

export interface NewImpersonation {
  readonly accessHash: string
  readonly userId: UserId
  readonly byUserId: UserId
  readonly expiresAtMs: number | undefined
}

export interface ImpersonationsWriter {
  /** Beyond `most` of one administrator the oldest go. Conflict: `account-gone` (either account is not there, or deactivated). */
  add(impersonation: NewImpersonation, most: number): Change<void>
  remove(impersonation: number): Change<void>
  /** Ends all of an administrator. */
  removeBy(userId: UserId): Change<void>
  /** Ends all that have to do with an account that ends. */
  removeUser(user: UserNumber): Change<void>
}

export interface ImpersonationsReader {
  /** undefined for a token that is none, and while its administrator is none, is locked or has ended, or the user has. */
  impersonation(accessHash: string): Promise<Impersonation | undefined>
}
