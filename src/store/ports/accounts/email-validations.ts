import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'

/** A session in which somebody proves that an e-mail address is theirs. */
export interface EmailValidationRecord {
  readonly sid: string
  readonly secretHash: string
  /** Canonical form. */
  readonly address: string
  /** The one use that the proof is good for. */
  readonly purpose: string
  /** `send_attempt` of the last mail that was sent; undefined: none was. */
  readonly attempt: number | undefined
  readonly sentAtMs: number | undefined
  readonly nextLink: string | undefined
  readonly expiresAtMs: number
  readonly validatedAtMs: number | undefined
}

export type EmailValidationKey = Pick<EmailValidationRecord, 'secretHash' | 'address' | 'purpose'>

/** `wrong`: the token is not the one that was sent, or too many wrong ones came before it. */
export type TokenOutcome = 'validated' | 'wrong' | 'gone'

export interface EmailValidationsWriter {
  /**
   * Adds the token of a mail that is about to be sent; the tokens of a few mails before it stay valid, and the count of wrong tokens starts again. Begins a
   * session if the key has none or an expired one. Returns the session's id. Removes all sessions that expired by `nowMs`.
   */
  prepare(
    draft: EmailValidationKey & {
      /** The id of the session if a new one begins. */
      readonly sid: string
      readonly tokenHash: string
      readonly nextLink: string | undefined
      readonly nowMs: number
      readonly expiresAtMs: number
    },
  ): Change<string>
  /** Records that the mail was sent. */
  sent(sid: string, attempt: number, atMs: number): Change<void>
  /**
   * Checks a token. The first right one validates the session and moves its expiry; after `most` wrong ones no token is accepted.
   * `secretHash` undefined: the id of the session is enough.
   */
  submit(proof: {
    readonly sid: string
    readonly secretHash: string | undefined
    readonly tokenHash: string
    readonly nowMs: number
    readonly expiresAtMs: number
    readonly most: number
  }): Change<TokenOutcome>
  /** Removes a validated session, as it is used. Conflict: `validation-gone` (no session, expired, or never validated). */
  consume(sid: string, nowMs: number): Change<void>
  /** Removes the sessions for these purposes of all e-mail addresses of a user, validated or not. */
  withdraw(userId: UserId, purposes: readonly string[]): Change<void>
}

export interface EmailValidationsReader {
  /** Returns expired sessions too. */
  emailValidation(sid: string): Promise<EmailValidationRecord | undefined>
  ofKey(key: EmailValidationKey): Promise<EmailValidationRecord | undefined>
}
