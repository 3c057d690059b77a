import { MatrixError } from '#spec'
import {
  canonicalEmail,
  type EmailTokenRequest,
  type IdentityServerMails,
  type MailPurpose,
  type ThirdPartyIds,
  type ValidationMails,
} from '../../threepids/index.ts'
import { identityServerFailure } from '../stages/email-proof.ts'

export interface EmailTokenParams extends Omit<EmailTokenRequest, 'idServer'> {
  readonly idServer: string | undefined
  readonly purpose: Extract<MailPurpose, 'register' | 'password' | 'add'>
}

export interface RequestEmailTokenParts {
  /** undefined: this server sends no mail. */
  readonly mails: ValidationMails | undefined
  readonly threepids: ThirdPartyIds
  readonly identityServers: IdentityServerMails
  readonly registersWithEmail: boolean
}

/** The `requestToken` endpoints. */
export class RequestEmailToken {
  readonly #parts: RequestEmailTokenParts

  constructor(parts: RequestEmailTokenParts) {
    this.#parts = parts
  }

  /**
   * Sends a mail of this server, even if an identity server is named: "This parameter is ignored when the homeserver handles 3PID verification". A
   * server that sends no mail asks the named one, as was usual until 2019. Throws what `ValidationMails.request` throws, and
   * `M_THREEPID_MEDIUM_NOT_SUPPORTED`, `M_SERVER_NOT_TRUSTED`.
   */
  async run(params: EmailTokenParams): Promise<{ readonly sid: string }> {
    if (params.purpose === 'register' && !this.#parts.registersWithEmail) throw notSupported()
    if (this.#parts.mails === undefined) return this.#elsewhere(params)
    const { email: address, clientSecret, sendAttempt, nextLink, purpose } = params
    return this.#parts.mails.request({ address, clientSecret, sendAttempt, nextLink, purpose, form: 'link' })
  }

  async #elsewhere({ purpose, idServer, ...request }: EmailTokenParams): Promise<{ readonly sid: string }> {
    if (idServer === undefined) throw notSupported()
    const email = canonicalEmail(request.email)
    if (email === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is no e-mail address')
    // The identity server writes that mail, so only this answer can say that the address is in use.
    const owned = (await this.#parts.threepids.owner('email', email)) !== undefined
    if (owned && purpose !== 'password') {
      throw new MatrixError('M_THREEPID_IN_USE', 'This address belongs to an account already')
    }
    if (!owned && purpose === 'password') throw new MatrixError('M_THREEPID_NOT_FOUND', 'No account has this address')
    const answer = await this.#parts.identityServers.requestEmailToken({ ...request, email, idServer })
    if (answer.kind !== 'sent') throw identityServerFailure(answer)
    return { sid: answer.sid }
  }
}

const notSupported = (): MatrixError =>
  new MatrixError('M_THREEPID_MEDIUM_NOT_SUPPORTED', 'This server cannot confirm e-mail addresses')
