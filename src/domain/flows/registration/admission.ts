import type { MatrixError, UserId } from '#spec'
import type { SessionRequest } from '../../devices/index.ts'

/** Somebody who has done all that registration asks for, right before the account is made. */
export interface Candidate {
  readonly userId: UserId
  /** The e-mail address that they proved, if any. */
  readonly address?: string | undefined
  readonly from?: SessionRequest['from'] | undefined
  /** The way: by themselves, as a guest, or by signing in at a provider. */
  readonly way: 'registration' | 'guest' | 'provider'
}

/** Decides on accounts that people make by themselves; those that administrators or application services make do not come here. */
export interface Admission {
  /** Throws where the account may not be made: too many from one network, a banned name, a check that the operator set up. */
  admit(candidate: Candidate): Promise<void>
  /** Whether new accounts wait for an administrator. Guests never do. */
  readonly approval: boolean
  /** Tells administrators of an account that waits now. The error for its client. */
  waits(userId: UserId): Promise<MatrixError>
  /** The error for the client of an account that waits already. */
  waiting(userId: UserId): Promise<MatrixError>
}
