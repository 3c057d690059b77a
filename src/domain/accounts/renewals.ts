import type { Clock, Sealer } from '#base'
import type { UserId } from '#spec'
import type { AccountEnd, AccountEndsReader, AccountEndsWriter, Commit } from '#store'

export interface RenewalsParts {
  readonly reader: Pick<AccountEndsReader, 'endOf'>
  readonly writer: Pick<AccountEndsWriter, 'renew'>
  readonly commit: Commit
  readonly sealer: Pick<Sealer, 'seal' | 'open'>
  readonly clock: Pick<Clock, 'nowMs'>
  /** The page that links lead to, without query. */
  readonly pageUrl: string
  /** How long an account is valid after a renewal. */
  readonly periodMs: number
}

/** The state of a link. `used`: it renewed the account, or somebody else set another end. */
export type RenewalState =
  | { readonly kind: 'ready'; readonly userId: UserId; readonly endsAtMs: number; readonly untilMs: number }
  | { readonly kind: 'used'; readonly userId: UserId; readonly endsAtMs: number | undefined }
  | { readonly kind: 'wrong' }

const CONTEXT = 'renew an account'
const MAX_TOKEN = 200
const TOKEN = /^(\d{1,16}) (\d{1,16})$/

type End = Pick<AccountEnd, 'user' | 'expiresAtMs'>

/**
 * Renews accounts by the link in a mail: whoever holds the mail may, as an account that is over can sign in nowhere. A link is for one end of one account, so
 * it is good once, and not any more when an administrator set another end.
 */
export class Renewals {
  readonly #parts: RenewalsParts

  constructor(parts: RenewalsParts) {
    this.#parts = parts
  }

  urlOf({ user, expiresAtMs }: End): string {
    const { pageUrl, sealer } = this.#parts
    return `${pageUrl}?token=${sealer.seal(`${user} ${expiresAtMs}`, CONTEXT)}`
  }

  async stateOf(token: string): Promise<RenewalState> {
    const end = this.#endIn(token)
    const account = end === undefined ? undefined : await this.#parts.reader.endOf(end.user)
    if (end === undefined || account === undefined) return { kind: 'wrong' }
    const { userId, expiresAtMs } = account
    if (expiresAtMs !== end.expiresAtMs) return { kind: 'used', userId, endsAtMs: expiresAtMs }
    return { kind: 'ready', userId, endsAtMs: end.expiresAtMs, untilMs: this.#untilMs(end) }
  }

  /** Renews the account, once. Returns what the link is after that. */
  async renew(token: string): Promise<RenewalState> {
    const end = this.#endIn(token)
    if (end === undefined) return { kind: 'wrong' }
    await this.#parts.commit([this.#parts.writer.renew(end, this.#untilMs(end))])
    return this.stateOf(token)
  }

  /** A renewal ahead of time costs nobody the time that is left. */
  #untilMs({ expiresAtMs }: End): number {
    return Math.max(expiresAtMs, this.#parts.clock.nowMs()) + this.#parts.periodMs
  }

  #endIn(token: string): End | undefined {
    const opened = token.length > MAX_TOKEN ? undefined : this.#parts.sealer.open(token, CONTEXT)
    const [, user, expiresAtMs] = TOKEN.exec(opened ?? '') ?? []
    return user === undefined ? undefined : { user: Number(user), expiresAtMs: Number(expiresAtMs) }
  }
}
