import { BoundedWork, type Clock, type Logger } from '#base'

/** The operator's mail server, and how to sign in. */
export interface MailServer {
  readonly host: string
  /** undefined: the usual one of `security`. */
  readonly port: number | undefined
  /** `starttls`: nothing is sent before the connection is encrypted. */
  readonly security: 'starttls' | 'tls' | 'none'
  readonly auth: { readonly user: string; readonly pass: string } | undefined
  /** Limit from connecting until the mail server has accepted the mail. */
  readonly timeoutMs: number
}

export interface MailerOptions extends MailServer {
  readonly clock: Clock
  readonly logger: Logger
  readonly from: { readonly name: string | undefined; readonly address: string }
}

export interface OutgoingMail {
  /** One address and nothing else: never parsed as a list. */
  readonly to: string
  readonly subject: string
  readonly text: string
  readonly html: string
  /** Further headers, with values of ours alone. */
  readonly headers?: Readonly<Record<string, string>>
}

/** `refused`: the mail server will not take mail for that address. `failed`: it could not be reached, or had another problem. */
export type MailOutcome = 'sent' | 'refused' | 'failed'

const USUAL_PORTS = { starttls: 587, tls: 465, none: 25 } as const
const AT_ONCE = 4
const MAX_WAITING = 100

/** Headers that keep vacation notices and mailing lists from answering (RFC 3834). The second is the one that Exchange reads. */
const HEADERS = { 'Auto-Submitted': 'auto-generated', 'X-Auto-Response-Suppress': 'All' }

type Transport = Awaited<ReturnType<typeof openTransport>>

/** Sends mails through the operator's mail server, with one connection for each, so that an idle server holds none. */
export class Mailer {
  readonly #options: MailerOptions
  readonly #work = new BoundedWork({ concurrency: AT_ONCE, maxWaiting: MAX_WAITING })
  #transport: Promise<Transport> | undefined

  constructor(options: MailerOptions) {
    this.#options = options
  }

  /** Connects and signs in, and sends nothing. Returns what went wrong, in the words of the mail server or of the network. */
  static async failureOf(server: MailServer): Promise<string | undefined> {
    const transport = await openTransport(server)
    try {
      await transport.verify()
      return undefined
    } catch (error) {
      return error instanceof Error ? error.message : String(error)
    } finally {
      transport.close()
    }
  }

  /** Resolves when the mail server has accepted the mail, or has not in time. Never throws. */
  async send(mail: OutgoingMail): Promise<MailOutcome> {
    const { clock, logger, timeoutMs } = this.#options
    // Waiting in the queue counts too, so that behind a mail server that hangs no mail waits longer than the first.
    const deadlineMs = clock.monotonicMs() + timeoutMs
    try {
      await this.#work.run(() => this.#deliver(mail, deadlineMs))
      return 'sent'
    } catch (error) {
      const { code, responseCode, command } = faultOf(error)
      // The error itself is not logged: mail servers repeat the address in it.
      logger.warn({ code, responseCode }, 'a mail was not accepted by the mail server')
      // Permanent, and about the recipient alone: RFC 5321, section 4.2.1.
      return command === 'RCPT TO' && responseCode !== undefined && responseCode >= 500 ? 'refused' : 'failed'
    }
  }

  async #deliver({ to, subject, text, html, headers = {} }: OutgoingMail, deadlineMs: number): Promise<void> {
    const { clock, from } = this.#options
    const leftMs = deadlineMs - clock.monotonicMs()
    if (leftMs <= 0) throw new MailServerSilent('the mail server kept others waiting')
    this.#transport ??= openTransport(this.#options)
    const transport = await this.#transport
    let cancel = (): void => {}
    const late = new Promise<never>((_, reject) => {
      cancel = clock.after(leftMs, () => reject(new MailServerSilent('the mail server took too long')))
    })
    const delivery = transport.sendMail({
      from: { name: from.name ?? '', address: from.address },
      to: { name: '', address: to },
      subject,
      text,
      html,
      date: new Date(clock.nowMs()),
      headers: { ...HEADERS, ...headers },
      disableFileAccess: true,
      disableUrlAccess: true,
    })
    try {
      await Promise.race([delivery, late])
    } finally {
      cancel()
      // After the time-out its result is ignored.
      delivery.catch(() => {})
    }
  }
}

class MailServerSilent extends Error {
  override readonly name = 'MailServerSilent'
  readonly code = 'ETIMEDOUT'
}

/** Loaded with the first mail: most servers send none. */
const openTransport = async ({ host, port, security, auth, timeoutMs }: MailServer) => {
  const { createTransport } = await import('nodemailer')
  return createTransport({
    host,
    port: port ?? USUAL_PORTS[security],
    secure: security === 'tls',
    requireTLS: security === 'starttls',
    ignoreTLS: security === 'none',
    connectionTimeout: timeoutMs,
    greetingTimeout: timeoutMs,
    socketTimeout: timeoutMs,
    ...(auth === undefined ? {} : { auth: { user: auth.user, pass: auth.pass } }),
  })
}

interface Fault {
  readonly code: string | undefined
  /** The mail server's answer, and the command that it answers. */
  readonly responseCode: number | undefined
  readonly command: string | undefined
}

const faultOf = (error: unknown): Fault => {
  if (!(error instanceof Error)) return { code: undefined, responseCode: undefined, command: undefined }
  return {
    code: 'code' in error && typeof error.code === 'string' ? error.code : error.name,
    responseCode: 'responseCode' in error && typeof error.responseCode === 'number' ? error.responseCode : undefined,
    command: 'command' in error && typeof error.command === 'string' ? error.command : undefined,
  }
}
