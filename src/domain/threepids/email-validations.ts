import { hash } from 'node:crypto'
import { type Clock, KeyedLock, type Random } from '#base'
import { MatrixError, type UserId } from '#spec'
import type {
  Change,
  Commit,
  EmailValidationKey,
  EmailValidationRecord,
  EmailValidationsReader,
  EmailValidationsWriter,
  ThirdPartyIdsReader,
} from '#store'
import { canonicalEmail, isOfDomains } from './addresses.ts'
import { type Mail, type MailPurpose, noticeMail, type TokenForm, validationMail } from './mails.ts'

/** Hands a mail to a mail server. `refused`: it will not take mail for that address. Never throws. */
export interface MailSender {
  send(mail: Mail): Promise<'sent' | 'refused' | 'failed'>
}

/** Counts mails to one address, and those that one client asks for where it is named. Throws `M_LIMIT_EXCEEDED`. */
export interface MailLimit {
  consume(address: string, ip: string | undefined): Promise<void>
}

export interface EmailValidationOptions {
  readonly clock: Clock
  readonly random: Random
  readonly serverName: string
  /** The page that links lead to, without query. */
  readonly pageUrl: string
  /** Of a token; and of what it proved, from then on. */
  readonly tokenLifetimeMs: number
  readonly resendIntervalMs: number
  /** Empty: any. With the port where it is not the usual one. */
  readonly nextLinkHosts: readonly string[]
  /** Empty: any. */
  readonly addressDomains: readonly string[]
  /** Whether who asks is told that an address is in use, or that no account has it; otherwise only the mail says so. */
  readonly tellWhetherInUse: boolean
}

export interface EmailValidationRequest {
  /** As typed. */
  readonly address: string
  readonly clientSecret: string
  readonly sendAttempt: number
  readonly nextLink?: string | undefined
  readonly purpose: MailPurpose
  readonly form: TokenForm
  /** The client's address of the network, where the edge did not count the request as one for a mail. */
  readonly ip?: string | undefined
}

export interface ValidatedEmail {
  readonly sid: string
  /** In canonical form. */
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

/** Appendices, "Opaque Identifiers". */
const OPAQUE = /^[0-9A-Za-z.=_-]{1,255}$/
const MAX_TOKEN = 255
const MAX_LINK = 2_000
/** URLs take more than names have, such as `;` and `,`, which mean something in the policy of the page that sends people on. */
const HOST = /^[\w.:[\]-]+$/
/** 47 bits and more against `MAX_WRONG` guesses; capital letters are easily typed. */
const CODE_LENGTH = 10
const LINK_TOKEN_LENGTH = 43
const MAX_WRONG = 10

/** Whether an account may, or must, have the address for something to come of it. */
const WANTS_ACCOUNT: Readonly<Record<MailPurpose, boolean>> = {
  register: false,
  add: false,
  password: true,
  login: true,
}

const OPENS_ACCOUNT: readonly MailPurpose[] = ['password', 'login']

interface EmailValidationStore {
  readonly reader: EmailValidationsReader
  readonly writer: EmailValidationsWriter
  readonly owners: ThirdPartyIdsReader
  readonly commit: Commit
}

/**
 * Shows that somebody reads the mail of an address, by sending a token there (client-server API, the `requestToken` endpoints). One session
 * for a client's secret, an address and a purpose. What is sent is waited for: a client learns that no mail went out, and the same attempt,
 * which was not counted then, sends it when it is made again.
 */
export class EmailValidations {
  readonly #store: EmailValidationStore
  readonly #sender: MailSender
  readonly #limit: MailLimit
  readonly #options: EmailValidationOptions
  /** Two requests of one session take turns, so that one attempt is one mail. */
  readonly #turns = new KeyedLock<string>()

  constructor(store: EmailValidationStore, sender: MailSender, limit: MailLimit, options: EmailValidationOptions) {
    this.#store = store
    this.#sender = sender
    this.#limit = limit
    this.#options = options
  }

  /**
   * Sends a mail, unless that attempt was answered before. Throws `M_INVALID_PARAM`, `M_THREEPID_DENIED`, `M_LIMIT_EXCEEDED`; where it may be
   * told `M_THREEPID_IN_USE` and `M_THREEPID_NOT_FOUND`; `M_UNKNOWN` (502) where the mail server does not take the mail.
   */
  async request(request: EmailValidationRequest): Promise<{ readonly sid: string }> {
    const address = this.#addressOf(request.address)
    if (!OPAQUE.test(request.clientSecret)) {
      throw new MatrixError('M_INVALID_PARAM', 'client_secret has 1 to 255 of 0-9 a-z A-Z . = _ -')
    }
    const nextLink = request.nextLink === undefined ? undefined : this.#nextLinkOf(request.nextLink)
    const owned = (await this.#store.owners.thirdPartyId({ medium: 'email', address })) !== undefined
    const helps = owned === WANTS_ACCOUNT[request.purpose]
    if (!helps && this.#options.tellWhetherInUse) throw owned ? inUse() : notFound()
    const key = { secretHash: hashOf(request.clientSecret), address, purpose: request.purpose }
    return this.#turns.run(Object.values(key).join(' '), async () => {
      const known = await this.#store.reader.ofKey(key)
      if (known !== undefined && this.#isAnswered(known, request.sendAttempt)) return { sid: known.sid }
      await this.#limit.consume(address, request.ip)
      return { sid: await this.#send(key, request, nextLink, helps ? undefined : owned ? 'inUse' : 'notFound') }
    })
  }

  /** Takes the code or the token of a mail. false: it is another one, came too late, or after too many wrong ones. */
  async submit(sid: string, clientSecret: string, token: string): Promise<boolean> {
    return (await this.#submit(sid, hashOf(clientSecret), token)) === 'validated'
  }

  /** What was validated with that id and secret for that purpose, and was not used yet. */
  async validated(sid: string, clientSecret: string, purpose: MailPurpose): Promise<ValidatedEmail | undefined> {
    const session = await this.#alive(sid)
    if (session?.secretHash !== hashOf(clientSecret) || session.purpose !== purpose) return undefined
    const { address, validatedAtMs } = session
    return validatedAtMs === undefined ? undefined : { sid, address, validatedAtMs }
  }

  /** In the commit of what it is used for: nothing is done twice with it. Conflict: `validation-gone`. */
  consume(sid: string): Change<void> {
    return this.#store.writer.consume(sid, this.#options.clock.nowMs())
  }

  /** For who sets a new password: what was asked for or proved before, by whomever, opens the account no more. */
  withdrawn(userId: UserId): Change<void> {
    return this.#store.writer.withdraw(userId, OPENS_ACCOUNT)
  }

  /** How the session stands that a link in a mail names. Changes nothing: mail servers open links too. */
  async link(sid: string): Promise<LinkState> {
    const session = await this.#alive(sid)
    if (session === undefined) return { kind: 'gone' }
    const { address, nextLink, validatedAtMs } = session
    const purpose = session.purpose as MailPurpose
    return { kind: validatedAtMs === undefined ? 'open' : 'validated', address, purpose, nextLink }
  }

  /** A person opened the link and confirmed. */
  async confirm(sid: string, token: string): Promise<LinkState | { readonly kind: 'wrong' }> {
    const outcome = await this.#submit(sid, undefined, token)
    return outcome === 'validated' ? this.link(sid) : { kind: outcome }
  }

  async #submit(sid: string, secretHash: string | undefined, token: string) {
    if (!OPAQUE.test(sid) || token.length > MAX_TOKEN) return 'gone'
    const { clock, tokenLifetimeMs } = this.#options
    const nowMs = clock.nowMs()
    const [outcome] = await this.#store.commit([
      this.#store.writer.submit({
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
    const session = OPAQUE.test(sid) ? await this.#store.reader.emailValidation(sid) : undefined
    return session !== undefined && session.expiresAtMs > this.#options.clock.nowMs() ? session : undefined
  }

  /** Nothing is to be sent: "the server should respond with success but not resend the email". Throws `M_LIMIT_EXCEEDED`. */
  #isAnswered({ expiresAtMs, validatedAtMs, attempt, sentAtMs }: EmailValidationRecord, sendAttempt: number): boolean {
    const { clock, resendIntervalMs } = this.#options
    const nowMs = clock.nowMs()
    if (expiresAtMs <= nowMs || attempt === undefined || sentAtMs === undefined) return false
    if (validatedAtMs !== undefined || sendAttempt <= attempt) return true
    // A clock that was set back keeps nobody waiting.
    const waitMs = nowMs < sentAtMs ? 0 : sentAtMs + resendIntervalMs - nowMs
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
    const { clock, random, serverName, pageUrl, tokenLifetimeMs: lifetimeMs } = this.#options
    const token = form === 'code' ? random.letters(CODE_LENGTH) : random.token(LINK_TOKEN_LENGTH)
    const nowMs = clock.nowMs()
    const tokenHash = hashOf(token)
    const draft = { ...key, sid: random.token(24), tokenHash, nextLink, nowMs, expiresAtMs: nowMs + lifetimeMs }
    const [sid] = await this.#store.commit([this.#store.writer.prepare(draft)])
    const value = form === 'code' ? token : `${pageUrl}?${new URLSearchParams({ sid, token }).toString()}`
    const { address: to } = key
    // With a notice the token goes to nobody, so the session looks like any other and is never validated.
    const mail =
      notice === undefined
        ? validationMail({ to, serverName, purpose, token: { form, value }, lifetimeMs })
        : noticeMail(to, serverName, notice)
    const outcome = await this.#sender.send(mail)
    if (outcome === 'refused') throw new MatrixError('M_INVALID_PARAM', 'Mail cannot be sent to this address')
    if (outcome === 'failed') {
      throw new MatrixError('M_UNKNOWN', 'The mail could not be sent now; try again later', { status: 502 })
    }
    await this.#store.commit([this.#store.writer.sent(sid, sendAttempt, clock.nowMs())])
    return sid
  }

  #addressOf(text: string): string {
    const address = canonicalEmail(text)
    if (address === undefined) throw new MatrixError('M_INVALID_PARAM', 'This is no e-mail address')
    if (!isOfDomains(address, this.#options.addressDomains)) {
      throw new MatrixError('M_THREEPID_DENIED', 'This server takes no e-mail addresses of that domain')
    }
    return address
  }

  /** Somebody who trusts this server is sent there. */
  #nextLinkOf(text: string): string {
    const { nextLinkHosts } = this.#options
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

const hashOf = (secret: string): string => hash('sha256', secret, 'hex')

/** Codes are typed by hand: in any case, with spaces or hyphens between. */
const asSent = (token: string): string => {
  const compact = token.replaceAll(/[\s-]/g, '')
  return compact.length === CODE_LENGTH ? compact.toUpperCase() : token.trim()
}

const inUse = (): MatrixError => new MatrixError('M_THREEPID_IN_USE', 'This address belongs to an account already')
const notFound = (): MatrixError => new MatrixError('M_THREEPID_NOT_FOUND', 'No account has this address')
