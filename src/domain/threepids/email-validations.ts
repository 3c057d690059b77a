import type { Clock } from '#base'
import type { UserId } from '#spec'
import type { Change, Commit, EmailValidationRecord, EmailValidationsReader, EmailValidationsWriter } from '#store'
import { asSent, hashOf, OPAQUE } from './email-tokens.ts'
import type { MailPurpose } from './mails.ts'

export interface ValidatedEmail {
  readonly sid: string
  /** Canonical form. */
  readonly address: string
  readonly validatedAtMs: number
}

export type LinkState =
  | {
      readonly kind: 'open' | 'validated'
      readonly address: string
      readonly purpose: MailPurpose
      readonly nextLink: string | undefined
    }
  | { readonly kind: 'gone' }

const MAX_TOKEN = 255
const MAX_WRONG = 10

const OPENS_ACCOUNT: readonly MailPurpose[] = ['password', 'login']

export interface EmailValidationsParts {
  readonly reader: EmailValidationsReader
  readonly writer: EmailValidationsWriter
  readonly commit: Commit
  readonly clock: Clock
  /** Time for which a proof may be used. */
  readonly tokenLifetimeMs: number
}

/** Proves that somebody reads the mail of an address, by the tokens that `ValidationMails` sent there. */
export class EmailValidations {
  readonly #parts: EmailValidationsParts

  constructor(parts: EmailValidationsParts) {
    this.#parts = parts
  }

  /** Checks the code or the token of a mail. false: it is wrong, too late, or follows too many wrong ones. */
  async submit(sid: string, clientSecret: string, token: string): Promise<boolean> {
    return (await this.#submit(sid, hashOf(clientSecret), token)) === 'validated'
  }

  /** The address validated with that id and secret for that purpose, if it was not used yet. */
  async validated(sid: string, clientSecret: string, purpose: MailPurpose): Promise<ValidatedEmail | undefined> {
    const session = await this.#alive(sid)
    if (session?.secretHash !== hashOf(clientSecret) || session.purpose !== purpose) return undefined
    const { address, validatedAtMs } = session
    return validatedAtMs === undefined ? undefined : { sid, address, validatedAtMs }
  }

  /** Uses up a proof, as a change for the commit of the operation. Conflict: `validation-gone`. */
  consume(sid: string): Change<void> {
    return this.#parts.writer.consume(sid, this.#parts.clock.nowMs())
  }

  /** Ends sessions when a new password is set: earlier requests and proofs, whoever made them, no longer open the account. */
  withdrawn(userId: UserId): Change<void> {
    return this.#parts.writer.withdraw(userId, OPENS_ACCOUNT)
  }

  /** The state of the session in a mail's link. Changes nothing, as mail servers open links too. */
  async link(sid: string): Promise<LinkState> {
    const session = await this.#alive(sid)
    if (session === undefined) return { kind: 'gone' }
    const { address, nextLink, validatedAtMs } = session
    const purpose = session.purpose as MailPurpose
    return { kind: validatedAtMs === undefined ? 'open' : 'validated', address, purpose, nextLink }
  }

  /** Validates the session after a person opened the link and confirmed. */
  async confirm(sid: string, token: string): Promise<LinkState | { readonly kind: 'wrong' }> {
    const outcome = await this.#submit(sid, undefined, token)
    return outcome === 'validated' ? this.link(sid) : { kind: outcome }
  }

  async #submit(sid: string, secretHash: string | undefined, token: string) {
    if (!OPAQUE.test(sid) || token.length > MAX_TOKEN) return 'gone'
    const { clock, tokenLifetimeMs } = this.#parts
    const nowMs = clock.nowMs()
    const [outcome] = await this.#parts.commit([
      this.#parts.writer.submit({
        sid,
        secretHash,
        tokenHash: hashOf(asSent(token)),
        nowMs,
        expiresAtMs: nowMs + tokenLifetimeMs,
        most: MAX_WRONG,
      }),
    ])
    return outcome
  }

  async #alive(sid: string): Promise<EmailValidationRecord | undefined> {
    const session = OPAQUE.test(sid) ? await this.#parts.reader.emailValidation(sid) : undefined
    return session !== undefined && session.expiresAtMs > this.#parts.clock.nowMs() ? session : undefined
  }
}
