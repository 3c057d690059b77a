import type { Clock, Random } from '#base'
import { MatrixError } from '#spec'
import type {
  Commit,
  EmailValidationKey,
  EmailValidationRecord,
  EmailValidationsReader,
  EmailValidationsWriter,
  ThirdPartyIdsReader,
  Turns,
} from '#store'
import { type AddressDomains, canonicalEmail, isOfDomains } from './addresses.ts'
import { CODE_LENGTH, hashOf, OPAQUE } from './email-tokens.ts'
import type { EmailValidations } from './email-validations.ts'
import { type Mail, type MailPurpose, noticeMail, type TokenForm, validationMail } from './mails.ts'

/** Sends a mail through a mail server. `refused`: the server takes no mail for that address. Never throws. */
export interface MailSender {
  send(mail: Mail): Promise<'sent' | 'refused' | 'failed'>
}

/** Counts mails to one address, and of one client if it is named. Throws `M_LIMIT_EXCEEDED`. */
export interface MailLimit {
  consume(address: string, ip: string | undefined): Promise<void>
}

export interface ValidationMailSettings {
  readonly serverName: string
  /** The page that links lead to, without query. */
  readonly pageUrl: string
  readonly tokenLifetimeMs: number
  readonly resendIntervalMs: number
  /** Allowed hosts, with the port if it is not the usual one; empty: any. */
  readonly nextLinkHosts: readonly string[]
  readonly addressDomains: AddressDomains
  /** Whether the answer tells that an address is in use, or that no account has it; otherwise only the mail says so. */
  readonly tellWhetherInUse: boolean
}

export interface EmailValidationRequest {
  /** The address as typed. */
  readonly address: string
  readonly clientSecret: string
  readonly sendAttempt: number
  readonly nextLink?: string | undefined
  readonly purpose: MailPurpose
  readonly form: TokenForm
  /** The client's IP address, if the edge did not count the request as one for a mail. */
  readonly ip?: string | undefined
}

const MAX_LINK = 2_000
/** Host names without the further characters that URLs allow, such as `;` and `,`: they have a meaning in the policy of the page that sends people on. */
const HOST = /^[\w.:[\]-]+$/
const LINK_TOKEN_LENGTH = 43

/** Whether an account must have the address (true) or must not (false), for each purpose. */
const WANTS_ACCOUNT: Readonly<Record<MailPurpose, boolean>> = {
  register: false,
  add: false,
  password: true,
  login: true,
}

export interface ValidationMailStore {
  readonly reader: EmailValidationsReader
  readonly writer: EmailValidationsWriter
  readonly owners: ThirdPartyIdsReader
  readonly commit: Commit
}

export interface ValidationMailsParts {
  readonly store: ValidationMailStore
  readonly delivery: { readonly sender: MailSender; readonly limit: MailLimit }
  readonly clock: Clock
  readonly random: Random
  /** Two requests of one session take turns, so that one attempt is one mail. */
  readonly turns: Turns
  readonly settings: ValidationMailSettings
}

/**
 * Sends tokens to addresses (client-server API, the `requestToken` endpoints). One session for a client's secret, an address and a purpose.
 * The mail server's answer is waited for: a client learns that no mail went out, and the same attempt, which was not counted then, sends it when it is
 * made again.
 */
export class ValidationMails {
  readonly #parts: ValidationMailsParts

  constructor(parts: ValidationMailsParts) {
    this.#parts = parts
  }

  /**
   * Sends a mail, unless that attempt was answered before. Throws `M_INVALID_PARAM`, `M_THREEPID_DENIED`, `M_LIMIT_EXCEEDED`;
   * `M_THREEPID_IN_USE` and `M_THREEPID_NOT_FOUND` if the settings allow telling it; `M_UNKNOWN` (502) if the mail server does not take the mail.
   */
  async request(request: EmailValidationRequest): Promise<{ readonly sid: string }> {
    const address = this.#addressOf(request.address)
    if (!OPAQUE.test(request.clientSecret)) {
      throw new MatrixError('M_INVALID_PARAM', 'client_secret has 1 to 255 of 0-9 a-z A-Z . = _ -')
    }
    const nextLink = request.nextLink === undefined ? undefined : this.#nextLinkOf(request.nextLink)
    const owned = (await this.#parts.store.owners.thirdPartyId({ medium: 'email', address })) !== undefined
    const helps = owned === WANTS_ACCOUNT[request.purpose]
    if (!helps && this.#parts.settings.tellWhetherInUse) throw owned ? inUse() : notFound()
    const key = { secretHash: hashOf(request.clientSecret), address, purpose: request.purpose }
    return this.#parts.turns.run(Object.values(key).join(' '), async () => {
      const known = await this.#parts.store.reader.ofKey(key)
      if (known !== undefined && this.#isAnswered(known, request.sendAttempt)) return { sid: known.sid }
      await this.#parts.delivery.limit.consume(address, request.ip)
      return { sid: await this.#send(key, request, nextLink, helps ? undefined : owned ? 'inUse' : 'notFound') }
    })
  }

  /** Whether nothing is to be sent: "the server should respond with success but not resend the email". Throws `M_LIMIT_EXCEEDED`. */
  #isAnswered({ expiresAtMs, validatedAtMs, attempt, sentAtMs }: EmailValidationRecord, sendAttempt: number): boolean {
    const { clock, settings } = this.#parts
    const nowMs = clock.nowMs()
    if (expiresAtMs <= nowMs || attempt === undefined || sentAtMs === undefined) return false
    if (validatedAtMs !== undefined || sendAttempt <= attempt) return true
    // A clock that was set back must not make anybody wait.
    const waitMs = nowMs < sentAtMs ? 0 : sentAtMs + settings.resendIntervalMs - nowMs
    if (waitMs <= 0) return false
    throw new MatrixError('M_LIMIT_EXCEEDED', 'The last mail was sent a moment ago; give it time to arrive', {
      fields: { retry_after_ms: waitMs },
      headers: { 'Retry-After': String(Math.ceil(waitMs / 1_000)) },
    })
  }

  async #send(
    key: EmailValidationKey,
    { form, purpose, sendAttempt }: EmailValidationRequest,
    nextLink: string | undefined,
    notice: 'inUse' | 'notFound' | undefined,
  ): Promise<string> {
    const { clock, random, delivery } = this.#parts
    const { writer, commit } = this.#parts.store
    const { serverName, pageUrl, tokenLifetimeMs: lifetimeMs } = this.#parts.settings
    const token = form === 'code' ? random.letters(CODE_LENGTH) : random.token(LINK_TOKEN_LENGTH)
    const nowMs = clock.nowMs()
    const tokenHash = hashOf(token)
    const draft = { ...key, sid: random.token(24), tokenHash, nextLink, nowMs, expiresAtMs: nowMs + lifetimeMs }
    const [sid] = await commit([writer.prepare(draft)])
    const value = form === 'code' ? token : `${pageUrl}?${new URLSearchParams({ sid, token }).toString()}`
    const { address: to } = key
    // For a notice, nobody gets the token: the session looks like any other and is never validated.
    const mail =
      notice === undefined
        ? validationMail({ to, serverName, purpose, token: { form, value }, lifetimeMs })
        : noticeMail(to, serverName, notice)
    const outcome = await delivery.sender.send(mail)
    if (outcome === 'refused') throw new MatrixError('M_INVALID_PARAM', 'Mail cannot be sent to this address')
    if (outcome === 'failed') {
      throw new MatrixError('M_UNKNOWN', 'The mail could not be sent now; try again later', { status: 502 })
    }
    await commit([writer.sent(sid, sendAttempt, clock.nowMs())])
    return sid
  }

  #addressOf(text: string): string {
    const address = canonicalEmail(text)
    if (address === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is no e-mail address')
    if (!isOfDomains(address, this.#parts.settings.addressDomains)) {
      throw new MatrixError('M_THREEPID_DENIED', 'This server takes no e-mail addresses of that domain')
    }
    return address
  }

  /** Checks `next_link`, as people who trust this server are sent there. */
  #nextLinkOf(text: string): string {
    const { nextLinkHosts } = this.#parts.settings
    const url = text.length <= MAX_LINK ? URL.parse(text) : null
    const isWeb = url?.protocol === 'https:' || url?.protocol === 'http:'
    if (url === null || !isWeb || url.username !== '' || url.password !== '' || !HOST.test(url.host)) {
      throw new MatrixError('M_INVALID_PARAM', 'next_link is no http or https URL')
    }
    if (nextLinkHosts.length > 0 && !nextLinkHosts.some((allowed) => allowed.toLowerCase() === url.host)) {
      throw new MatrixError('M_INVALID_PARAM', 'next_link leads to a site that is not on the list of this server')
    }
    return url.href
  }
}

/** The mails of this server, and the proofs by them. */
export interface OwnMail {
  readonly validations: EmailValidations
  readonly mails: ValidationMails
}

const inUse = (): MatrixError => new MatrixError('M_THREEPID_IN_USE', 'This address belongs to an account already')
const notFound = (): MatrixError => new MatrixError('M_THREEPID_NOT_FOUND', 'No account has this address')
