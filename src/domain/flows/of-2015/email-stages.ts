import type { Random } from '#base'
import { MatrixError, stringAt, type UserId } from '#spec'
import { type Commit, type ShortLivedTable, WriteConflict } from '#store'
import type { Accounts } from '../../accounts/index.ts'
import type {
  EmailValidations,
  MailPurpose,
  OwnMail,
  ThirdPartyIds,
  TokenForm,
  ValidationMails,
} from '../../threepids/index.ts'
import type { Stage, StageAttempt, StageOutcome } from '../../uia/index.ts'
import {
  credentialsIn,
  EMAIL_CODE_STAGE,
  EMAIL_STAGE,
  EMAIL_URL_STAGE,
  type EmailProof,
  type ProvenAddress,
} from '../stages/email-proof.ts'

/** A mail that a session asked for, until it is confirmed. */
export interface Conversation {
  /** undefined: nothing that could be confirmed was sent, which the client does not learn. */
  readonly sid?: string | undefined
  readonly clientSecret: string
  readonly attempt: number
  readonly user?: string | undefined
}

export interface EmailStages2015Parts {
  /** undefined: this server sends no mail. */
  readonly ownMail: OwnMail | undefined
  readonly proof: EmailProof
  readonly threepids: ThirdPartyIds
  readonly accounts: Pick<Accounts, 'resolve'>
  readonly conversations: ShortLivedTable<Conversation>
  readonly random: Random
  /** Whether any identity server is trusted. */
  readonly trustsIdentityServers: boolean
  readonly commit: Commit
}

type Owned = (proven: ProvenAddress, user: string | undefined) => Promise<StageOutcome>

/**
 * "Email-based (code)", "(url)" and "(identity server)" of the first version. The first two take several requests: the first
 * one names the address, the next ones hold the code, or ask whether the link was opened.
 */
export class EmailStages2015 {
  readonly #parts: EmailStages2015Parts

  constructor(parts: EmailStages2015Parts) {
    this.#parts = parts
  }

  /** Ways to prove the address of a new account; the facts are what `provenIn` reads. */
  registering(): readonly Stage[] {
    const isFree: Owned = async (proven) =>
      (await this.#parts.threepids.owner(proven.medium, proven.address)) === undefined
        ? { kind: 'passed', fact: { kind: 'address', address: proven } }
        : { kind: 'failed', errcode: 'M_THREEPID_IN_USE', error: 'This address belongs to an account already' }
    return [this.#parts.proof.registrationStage(), ...this.#conversing('register', isFree)]
  }

  /** Ways to log in as the owner of an address; the facts are user ids. */
  loggingIn(): readonly Stage[] {
    const isTheirs: Owned = (proven, user) => this.#ofOwner(proven, user)
    const identity: Stage = {
      type: EMAIL_STAGE,
      attempt: async ({ auth }) => {
        const creds = credentialsIn(auth.threepidCreds ?? auth.threepid_creds, 'threepidCreds')
        const outcome = await this.#parts.proof.prove(creds, 'login')
        return outcome.kind === 'failed' ? outcome : isTheirs(outcome.proven, stringAt(auth, 'user'))
      },
    }
    return [...this.#conversing('login', isTheirs), ...(this.#parts.trustsIdentityServers ? [identity] : [])]
  }

  #conversing(purpose: MailPurpose, owned: Owned): readonly Stage[] {
    const { ownMail } = this.#parts
    if (ownMail === undefined) return []
    const stage = (type: string, form: TokenForm): Stage => ({
      type,
      attempt: (attempt) =>
        stringAt(attempt.auth, 'email') === undefined || stringAt(attempt.auth, 'code') !== undefined
          ? this.#answered(ownMail.validations, form, purpose, attempt, owned)
          : this.#asked(ownMail.mails, form, purpose, attempt),
    })
    return [stage(EMAIL_CODE_STAGE, 'code'), stage(EMAIL_URL_STAGE, 'link')]
  }

  /** Sends a mail for each request. */
  async #asked(
    mails: ValidationMails,
    form: TokenForm,
    purpose: MailPurpose,
    { session, auth, ip }: StageAttempt,
  ): Promise<StageOutcome> {
    const known = await this.#parts.conversations.find(session)
    const clientSecret = known?.clientSecret ?? this.#parts.random.token(32)
    const attempt = (known?.attempt ?? 0) + 1
    const address = stringAt(auth, 'email') ?? ''
    const request = { address, clientSecret, sendAttempt: attempt, purpose, form, ip }
    const sent = await mails.request(request).catch((error: unknown) => {
      // A login must not tell whether there is such an account, whatever the operator lets other requests tell.
      if (error instanceof MatrixError && error.errcode === 'M_THREEPID_NOT_FOUND' && purpose === 'login')
        return undefined
      throw error
    })
    await this.#parts.conversations.put(
      { sid: sent?.sid, clientSecret, attempt, user: stringAt(auth, 'user') },
      { id: session },
    )
    return { kind: 'pending' }
  }

  async #answered(
    validations: EmailValidations,
    form: TokenForm,
    purpose: MailPurpose,
    { session, auth }: StageAttempt,
    owned: Owned,
  ): Promise<StageOutcome> {
    const known = await this.#parts.conversations.find(session)
    if (known === undefined) throw new MatrixError('M_MISSING_PARAM', 'email is missing')
    const code = stringAt(auth, 'code')
    if (form === 'code' && code === undefined) throw new MatrixError('M_MISSING_PARAM', 'code is missing')
    const { sid, clientSecret, user } = known
    if (sid !== undefined && code !== undefined) await validations.submit(sid, clientSecret, code)
    const outcome =
      sid === undefined ? undefined : await this.#parts.proof.prove({ sid, clientSecret, idServer: undefined }, purpose)
    if (outcome?.kind === 'proven') return owned(outcome.proven, user)
    return form === 'code'
      ? { kind: 'failed', errcode: 'M_FORBIDDEN', error: 'This is not the code of the mail, or it is too old' }
      : { kind: 'failed', errcode: 'M_LOGIN_EMAIL_URL_NOT_YET', error: 'The link in the mail was not opened yet' }
  }

  /** "`user` must own `email`": another person's address counts as a wrong code. A proof is used up. */
  async #ofOwner(proven: ProvenAddress, user: string | undefined): Promise<StageOutcome> {
    const owner = await this.#parts.threepids.owner(proven.medium, proven.address)
    if (owner === undefined || (user !== undefined && (await this.#resolved(user)) !== owner)) return NOT_THEIRS
    try {
      await this.#parts.commit(this.#parts.proof.usedUp(proven))
    } catch (error) {
      if (error instanceof WriteConflict) return NOT_THEIRS
      throw error
    }
    return { kind: 'passed', fact: { kind: 'user', userId: owner } }
  }

  async #resolved(user: string): Promise<UserId | undefined> {
    return (await this.#parts.accounts.resolve({ kind: 'user', user }))?.userId
  }
}

const NOT_THEIRS: StageOutcome = {
  kind: 'failed',
  errcode: 'M_FORBIDDEN',
  error: 'The account does not have this address, or it was confirmed for another login',
}
