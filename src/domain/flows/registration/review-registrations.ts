import type { Logger } from '#base'
import { MatrixError, type ServerName, type UserId } from '#spec'
import { type AccountRecord, type Commit, type ThirdPartyIdRecord, WriteConflict } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type { AdminActor, AuditLog } from '../../admin/index.ts'
import { type MailSender, registrationDecisionMail, type ThirdPartyIds } from '../../threepids/index.ts'
import type { Deactivate } from '../account/deactivate.ts'

export interface WaitingRegistration {
  readonly account: AccountRecord
  readonly addresses: readonly ThirdPartyIdRecord[]
}

export interface ReviewRegistrationsParts {
  readonly accounts: Accounts
  readonly threepids: Pick<ThirdPartyIds, 'ofUser'>
  readonly deactivate: Pick<Deactivate, 'byOperator'>
  readonly auditLog: Pick<AuditLog, 'note'>
  readonly commit: Commit
  /** undefined: this server sends no mail. */
  readonly mails: MailSender | undefined
  readonly serverName: ServerName
  readonly logger: Logger
}

const MOST_LISTED = 100

/** Administrators decide on accounts that wait for them. The caller has made sure that the actor is one. */
export class ReviewRegistrations {
  readonly #parts: ReviewRegistrationsParts

  constructor(parts: ReviewRegistrationsParts) {
    this.#parts = parts
  }

  /** Oldest first, at most 100; `after`: the number of the last account of the page before, or 0. */
  async waiting({
    after,
    limit,
  }: {
    readonly after: number
    readonly limit: number
  }): Promise<readonly WaitingRegistration[]> {
    const accounts = await this.#parts.accounts.awaitingApproval(after, Math.min(limit, MOST_LISTED))
    return Promise.all(
      accounts.map(async (account) => ({ account, addresses: await this.#parts.threepids.ofUser(account.user) })),
    )
  }

  /** The person can log in from now on, and is told by mail where they have an address. Throws `M_NOT_FOUND` for an account that does not wait. */
  async approve(actor: AdminActor, userId: UserId): Promise<void> {
    const addresses = await this.#addressesOf(userId)
    const note = this.#parts.auditLog.note({ ...actor, action: 'registration.approve', subject: userId, details: {} })
    try {
      await this.#parts.commit([this.#parts.accounts.approve(userId), note])
    } catch (error) {
      throw error instanceof WriteConflict && error.kind === 'account-gone' ? notWaiting() : error
    }
    this.#tell(addresses, 'approved', undefined)
  }

  /** Ends the account, whose name stays taken. The person is told by mail, with the reason if there is one. Throws `M_NOT_FOUND`. */
  async refuse(actor: AdminActor, userId: UserId, reason: string | undefined): Promise<void> {
    const addresses = await this.#addressesOf(userId)
    const details = reason === undefined ? {} : { reason }
    const note = this.#parts.auditLog.note({ ...actor, action: 'registration.refuse', subject: userId, details })
    await this.#parts.deactivate.byOperator(userId, true, [note])
    this.#tell(addresses, 'refused', reason)
  }

  async #addressesOf(userId: UserId): Promise<readonly string[]> {
    const account = await this.#parts.accounts.account(userId)
    if (account === undefined || !account.awaitsApproval || account.deactivatedAtMs !== undefined) throw notWaiting()
    const held = await this.#parts.threepids.ofUser(account.user)
    return held.filter(({ medium }) => medium === 'email').map(({ address }) => address)
  }

  /** The deed stands whether or not the mail arrives. */
  #tell(addresses: readonly string[], decision: 'approved' | 'refused', reason: string | undefined): void {
    const { mails, serverName, logger } = this.#parts
    const [to] = addresses
    if (mails === undefined || to === undefined) return
    void mails.send(registrationDecisionMail({ to, serverName, decision, reason })).then((outcome) => {
      if (outcome !== 'sent') logger.warn({ outcome }, 'the mail about a decision on a registration was not sent')
    })
  }
}

const notWaiting = (): MatrixError => new MatrixError('M_NOT_FOUND', 'There is no such account that waits for approval')
