import type { UserId } from '#spec'
import type { Change } from '../engine/change.ts'

/** Somebody is to show that an e-mail address is theirs. */
export interface EmailValidationRecord {
  readonly sid: string
  readonly secretHash: string
  /** In canonical form. */
  readonly address: string
  /** What the answer may be used for, and nothing else. */
  readonly purpose: string
  /** `send_attempt` of the last mail that went out; undefined: none did. */
  readonly attempt: number | undefined
  readonly sentAtMs: number | undefined
  readonly nextLink: string | undefined
  readonly expiresAtMs: number
  readonly validatedAtMs: number | undefined
}

export type EmailValidationKey = Pick<EmailValidationRecord, 'secretHash' | 'address' | 'purpose'>

/** `wrong`: the token is another one, or the session was given up after too many of those. */
export type TokenOutcome = 'validated' | 'wrong' | 'gone'

export interface EmailValidationsWriter {
  /**
   * A mail is about to go out with that token: the tokens of a few mails before it stay good, wrong ones are forgotten. Begins the session where there is none of that
   * key or it expired; answers its id. Removes all sessions that expired by `nowMs`.
   */
  prepare(
    draft: EmailValidationKey & {
      /** Taken where the session is new. */
      readonly sid: string
      readonly tokenHash: string
      readonly nextLink: string | undefined
      readonly nowMs: number
      readonly expiresAtMs: number
    },
  ): Change<string>
  /** The mail went out. */
  sent(sid: string, attempt: number, atMs: number): Change<void>
  /**
   * Somebody shows a token. The first right one validates, and moves the expiry; tokens are not taken any more after `most` wrong ones.
   * Without `secretHash` the id of the session is enough.
   */
  submit(proof: {
    readonly sid: string
    readonly secretHash: string | undefined
    readonly tokenHash: string
    readonly nowMs: number
    readonly expiresAtMs: number
    readonly most: number
  }): Change<TokenOutcome>
  /** It was used: nobody can use it again. Conflict: `validation-gone` (none, expired, or never validated). */
  consume(sid: string, nowMs: number): Change<void>
  /** Those for one of the purposes of all e-mail addresses of a user, validated or not, are gone. */
  withdraw(userId: UserId, purposes: readonly string[]): Change<void>
}

export interface EmailValidationsReader {
  /** Expired ones too. */
  emailValidation(sid: string): Promise<EmailValidationRecord | undefined>
  ofKey(key: EmailValidationKey): Promise<EmailValidationRecord | undefined>
}
