import { ERROR_STATUS, type Errcode, isJsonObject, type JsonObject, MatrixError, stringAt, type UserId } from '#spec'
import { type Change, WriteConflict } from '#store'
import {
  type AddressDomains,
  type EmailValidations,
  type IdentityServerCheck,
  type IdentityServerFailure,
  isOfDomains,
  type MailPurpose,
  type ProvenThirdPartyId,
  type ThirdPartyIds,
} from '../../threepids/index.ts'
import { factIn, type Stage, type StageFacts, type StageOffer } from '../../uia/index.ts'

export const EMAIL_STAGE = 'm.login.email.identity'
/** Stages of 2015 in which this server sends the mail. */
export const EMAIL_CODE_STAGE = 'm.login.email.code'
export const EMAIL_URL_STAGE = 'm.login.email.url'

/** The purpose for which the stage proves an address, by the operation of its session. */
export const purposeOf = (operation: string): MailPurpose =>
  operation.startsWith('POST /register') ? 'register' : 'password'

/** The client's part of a session in which an address was validated, here or at an identity server. */
export interface ThreepidCredentials {
  readonly sid: string
  readonly clientSecret: string
  readonly idServer?: string | undefined
}

/** An address that somebody has proved to have, and with which credentials. */
export interface ProvenAddress extends ProvenThirdPartyId {
  readonly creds: ThreepidCredentials
  /** Whether the session is one of this server, and is used up with the proof. */
  readonly own: boolean
}

type ProofOutcome =
  | { readonly kind: 'proven'; readonly proven: ProvenAddress }
  | {
      readonly kind: 'failed'
      readonly errcode: 'M_UNAUTHORIZED' | 'M_SERVER_NOT_TRUSTED' | 'M_UNKNOWN' | 'M_THREEPID_DENIED'
      readonly error: string
    }

type Failure = Extract<ProofOutcome, { readonly kind: 'failed' }>

export interface EmailProofParts {
  /** undefined: this server sends no mail. */
  readonly emails: EmailValidations | undefined
  readonly threepids: ThirdPartyIds
  readonly identityServers: IdentityServerCheck
  /** Names of this server that clients may give as the identity server. */
  readonly ownNames: readonly string[]
  /** Whether any identity server is trusted. */
  readonly trustsIdentityServers: boolean
  readonly addressDomains: AddressDomains
}

/**
 * Reads the credentials by their names of today (`client_secret`) and of 2015 (`clientSecret`). An array of one, as in the document of 2015, counts as its
 * element. Throws `M_MISSING_PARAM`.
 */
export const credentialsIn = (value: unknown, name: string): ThreepidCredentials => {
  const list: readonly unknown[] = Array.isArray(value) ? value : [value]
  const [creds] = list
  if (list.length !== 1 || !isJsonObject(creds)) throw new MatrixError('M_MISSING_PARAM', `${name} is missing`)
  const sid = stringAt(creds, 'sid')
  const clientSecret = stringAt(creds, 'client_secret') ?? stringAt(creds, 'clientSecret')
  if (sid === undefined || clientSecret === undefined) {
    throw new MatrixError('M_MISSING_PARAM', `${name} needs sid and client_secret`)
  }
  return { sid, clientSecret, idServer: stringAt(creds, 'id_server') ?? stringAt(creds, 'idServer') }
}

/** The error for a client whose address could not be added because of a conflict. */
export const notAdded = (error: unknown): unknown => {
  if (!(error instanceof WriteConflict)) return error
  if (error.kind === 'threepid-in-use')
    return new MatrixError('M_THREEPID_IN_USE', 'This address belongs to another account')
  if (error.kind === 'too-many-threepids')
    return new MatrixError('M_THREEPID_DENIED', 'This account has too many addresses')
  if (error.kind === 'validation-gone') return authFailed('The confirmation of this address was used or is too old')
  return error
}

/** 403, as the official data says for `POST /account/3pid`: a 401 would ask for another authentication. */
export const authFailed = (error: string): MatrixError =>
  new MatrixError('M_THREEPID_AUTH_FAILED', error, { status: 403 })

const isErrcode = (text: string): text is Errcode => Object.hasOwn(ERROR_STATUS, text)

/** "Homeservers should simply proxy any errors received by the identity server to the caller." */
export const identityServerFailure = (
  outcome: IdentityServerFailure | { readonly kind: 'refused'; readonly errcode: string; readonly error: string },
): MatrixError => {
  switch (outcome.kind) {
    case 'untrusted':
      return new MatrixError('M_SERVER_NOT_TRUSTED', UNTRUSTED.error)
    case 'unavailable':
      return new MatrixError('M_UNKNOWN', UNAVAILABLE.error, { status: 502 })
    case 'refused': {
      const errcode = isErrcode(outcome.errcode) ? outcome.errcode : 'M_UNKNOWN'
      const status = ERROR_STATUS[errcode]
      // A 401 would concern the caller's session here, and 5xx this server.
      return new MatrixError(errcode, outcome.error, { status: status === 401 || status >= 500 ? 400 : status })
    }
  }
}

/** Proof of an e-mail address as a way to authenticate: `m.login.email.identity`. */
export class EmailProof {
  readonly #parts: EmailProofParts

  constructor(parts: EmailProofParts) {
    this.#parts = parts
  }

  /** Whether addresses can be proved here at all. */
  get available(): boolean {
    return this.#parts.emails !== undefined || this.#parts.trustsIdentityServers
  }

  /** Looks at the sessions of this server first, as many clients name an identity server although the homeserver sends the mails. */
  async prove(creds: ThreepidCredentials, purpose: MailPurpose): Promise<ProofOutcome> {
    const { sid, clientSecret, idServer } = creds
    const validated = await this.#parts.emails?.validated(sid, clientSecret, purpose)
    if (validated !== undefined) {
      const { address, validatedAtMs } = validated
      return { kind: 'proven', proven: { medium: 'email', address, validatedAtMs, creds, own: true } }
    }
    const ownSession = await this.#parts.emails?.link(sid)
    const isOwn = ownSession !== undefined && ownSession.kind !== 'gone'
    if (idServer === undefined || isOwn || this.#parts.ownNames.includes(idServer)) return UNCONFIRMED
    const answer = await this.#parts.identityServers.validated(idServer, sid, clientSecret)
    switch (answer.kind) {
      case 'validated': {
        const { threepid, validatedAtMs } = answer
        const denied = threepid.medium === 'email' && !isOfDomains(threepid.address, this.#parts.addressDomains)
        return denied ? DENIED : { kind: 'proven', proven: { ...threepid, validatedAtMs, creds, own: false } }
      }
      case 'unvalidated':
        return UNCONFIRMED
      case 'untrusted':
        return UNTRUSTED
      case 'unavailable':
        return UNAVAILABLE
    }
  }

  /** The stage of a registration. `provenIn` reads its fact. Fails for an address that has an account. */
  registrationStage(): Stage {
    return this.#stage('register', async (proven) =>
      (await this.#parts.threepids.owner(proven.medium, proven.address)) === undefined
        ? undefined
        : { errcode: 'M_THREEPID_IN_USE', error: 'This address belongs to an account already' },
    )
  }

  /**
   * Adds to an offer for people with an account that the owner of an address may pass it too. Document of 2015: "M_NOT_FOUND is returned if the user authenticated
   * with a third party identifier but the Home Server could not find a matching account".
   */
  alsoFor(offer: StageOffer): StageOffer {
    if (!this.available) return offer
    const stage = this.#stage('password', async (proven, requester) => {
      await this.#ownerOf(proven, requester)
      return undefined
    })
    return { ...offer, flows: [...offer.flows, [EMAIL_STAGE]], stages: [...offer.stages, stage] }
  }

  /** The user who passed the stage of `alsoFor`, where somebody did; asked anew, since the address may have been removed meanwhile. */
  async confirmedBy(
    facts: StageFacts,
    requester: UserId | undefined,
  ): Promise<{ readonly userId: UserId; readonly changes: readonly Change<void>[] } | undefined> {
    const proven = provenIn(facts)
    if (proven === undefined) return undefined
    return { userId: await this.#ownerOf(proven, requester), changes: this.usedUp(proven) }
  }

  /** Changes that add an address to an account, for the commit of something else. Conflicts: see `notAdded`. */
  added(userId: UserId, proven: ProvenAddress): readonly Change<void>[] {
    return [this.#parts.threepids.add(userId, proven), ...this.usedUp(proven)]
  }

  /** Changes for the commit of a new password, after `usedUp`. */
  withdrawn(userId: UserId): readonly Change<void>[] {
    return this.#parts.emails === undefined ? [] : [this.#parts.emails.withdrawn(userId)]
  }

  usedUp({ own, creds }: ProvenAddress): readonly Change<void>[] {
    return own && this.#parts.emails !== undefined ? [this.#parts.emails.consume(creds.sid)] : []
  }

  #stage(
    purpose: MailPurpose,
    refusal: (
      proven: ProvenAddress,
      requester: UserId | undefined,
    ) => Promise<{ readonly errcode: 'M_THREEPID_IN_USE'; readonly error: string } | undefined>,
  ): Stage {
    return {
      type: EMAIL_STAGE,
      attempt: async ({ auth, requester }) => {
        const outcome = await this.prove(credentialsOf(auth), purpose)
        if (outcome.kind === 'failed') return outcome
        const { proven } = outcome
        if (proven.medium !== 'email') return UNCONFIRMED
        const refused = await refusal(proven, requester)
        return refused === undefined
          ? { kind: 'passed', fact: { kind: 'address', address: proven } }
          : { kind: 'failed', ...refused }
      },
    }
  }

  async #ownerOf({ medium, address }: ProvenAddress, requester: UserId | undefined): Promise<UserId> {
    const owner = await this.#parts.threepids.owner(medium, address)
    if (requester !== undefined && owner !== requester) {
      throw new MatrixError('M_FORBIDDEN', 'This address does not belong to the account whose access token it is')
    }
    if (owner === undefined) throw new MatrixError('M_NOT_FOUND', 'No account has this address')
    return owner
  }
}

const UNCONFIRMED: Failure = {
  kind: 'failed',
  errcode: 'M_UNAUTHORIZED',
  error: 'The address was not confirmed yet: open the link in the mail',
}
const UNTRUSTED: Failure = {
  kind: 'failed',
  errcode: 'M_SERVER_NOT_TRUSTED',
  error: 'This server does not trust that identity server',
}
const UNAVAILABLE: Failure = {
  kind: 'failed',
  errcode: 'M_UNKNOWN',
  error: 'The identity server cannot be asked now; try again later',
}
const DENIED: Failure = {
  kind: 'failed',
  errcode: 'M_THREEPID_DENIED',
  error: 'This server takes no e-mail addresses of that domain',
}

const credentialsOf = (auth: JsonObject): ThreepidCredentials =>
  credentialsIn(auth.threepid_creds ?? auth.threepidCreds, 'threepid_creds')

/** The address that a passed stage proved, if any. */
export const provenIn = (facts: StageFacts): ProvenAddress | undefined => factIn(facts, 'address')?.address
