import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'
import type { UserNumber } from '../rooms/events.ts'

/** An account that ends, or has ended, at a time. */
export interface AccountEnd {
  readonly user: UserNumber
  readonly userId: UserId
  readonly expiresAtMs: number
}

export interface AccountEndsReader {
  /**
   * Accounts that end in that time, have an e-mail address, and whose people are still to be told of that end: by the time of the end and then by number,
   * those behind `after`. Costs what there is to be told.
   */
  untoldEnds(page: {
    readonly fromMs: number
    readonly toMs: number
    readonly after: Pick<AccountEnd, 'user' | 'expiresAtMs'> | undefined
    readonly limit: number
  }): Promise<readonly AccountEnd[]>
  /** The present end of an account that is not deactivated. undefined: no such account; its `expiresAtMs` is undefined where it never ends. */
  endOf(user: UserNumber): Promise<{ readonly userId: UserId; readonly expiresAtMs: number | undefined } | undefined>
}

export interface AccountEndsWriter {
  /** Remembers that the account's person was told of that end. Nothing happens where the account has another end by now. */
  told(end: Pick<AccountEnd, 'user' | 'expiresAtMs'>): Change<void>
  /** Moves an end. Announces the user in the stream `sessions`. Returns whether it did: the account may have another end by now, or be deactivated. */
  renew(end: Pick<AccountEnd, 'user' | 'expiresAtMs'>, toMs: number): Change<boolean>
}
