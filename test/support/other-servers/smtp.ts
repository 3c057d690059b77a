import type { AddressInfo } from 'node:net'
import PostalMime, { type Email } from 'postal-mime'
import { SMTPServer, type SMTPServerOptions } from 'smtp-server'
import type { TestHomeserver } from '../homeserver.ts'

export interface ReceivedMail {
  readonly from: string
  readonly to: readonly string[]
  /** As it came, headers and all. */
  readonly raw: string
  readonly mail: Email
}

/** Where the mails of tests say that the homeserver stands. */
export const PUBLIC_URL = 'https://chat.example'

type Mood = 'accept' | 'refuseAddresses' | 'refuseMails' | 'silent'

/** A mail server on loopback, which keeps what it is sent. A mail is there before the homeserver knows that it was accepted. */
export class MailServer {
  readonly #server: SMTPServer
  readonly #unanswered = new Set<() => void>()
  readonly received: ReceivedMail[] = []
  mood: Mood = 'accept'
  /** How many mails were refused. */
  refused = 0
  readonly #watchers = new Set<() => void>()

  private constructor(options: SMTPServerOptions) {
    this.#server = new SMTPServer({
      authOptional: true,
      disabledCommands: options.secure === true || options.onAuth !== undefined ? [] : ['STARTTLS', 'AUTH'],
      onRcptTo: (_address, _session, done) => {
        if (this.mood !== 'refuseAddresses') return done()
        this.refused += 1
        done(Object.assign(new Error('5.1.1 no such mailbox'), { responseCode: 550 }))
        this.#look()
      },
      onData: (stream, session, done) => {
        const chunks: Buffer[] = []
        stream.on('data', (chunk: Buffer) => chunks.push(chunk))
        stream.on('end', () => {
          if (this.mood === 'silent') return void this.#unanswered.add(() => done(new Error('too late')))
          if (this.mood === 'refuseMails') {
            this.refused += 1
            done(Object.assign(new Error('4.3.0 not now'), { responseCode: 451 }))
            return this.#look()
          }
          const { mailFrom, rcptTo } = session.envelope
          const raw = Buffer.concat(chunks).toString('utf8')
          void PostalMime.parse(raw).then((mail) => {
            const from = mailFrom === false ? '' : mailFrom.address
            this.received.push({ from, to: rcptTo.map(({ address }) => address), raw, mail })
            done()
            this.#look()
          }, done)
        })
      },
      ...options,
    })
    this.#server.on('error', () => {})
  }

  static async start(options: SMTPServerOptions = {}): Promise<MailServer> {
    const server = new MailServer(options)
    await new Promise<void>((ready) => server.#server.listen(0, '127.0.0.1', ready))
    return server
  }

  get port(): number {
    return (this.#server.server.address() as AddressInfo).port
  }

  /** The mail of that number, counted from 0, once it is there. */
  async mail(number: number): Promise<ReceivedMail> {
    await this.#until(() => this.received.length > number)
    return this.received[number] as ReceivedMail
  }

  /** Resolves once so many mails were refused. */
  refusals(count: number): Promise<void> {
    return this.#until(() => this.refused >= count)
  }

  #until(isSo: () => boolean): Promise<void> {
    return new Promise((resolve) => {
      const look = (): void => {
        if (!isSo()) return
        this.#watchers.delete(look)
        resolve()
      }
      this.#watchers.add(look)
      look()
    })
  }

  #look(): void {
    for (const look of this.#watchers) look()
  }

  /** How many mails came that it says nothing of. */
  get unanswered(): number {
    return this.#unanswered.size
  }

  /** The mail that came last. */
  get last(): ReceivedMail {
    const last = this.received.at(-1)
    if (last === undefined) throw new Error('no mail came')
    return last
  }

  async [Symbol.asyncDispose](): Promise<void> {
    for (const answer of this.#unanswered) answer()
    await new Promise<void>((closed) => this.#server.close(closed))
  }
}

/** Settings of a homeserver that sends its mails there. */
export const mailSettings = (
  { port }: MailServer,
  mail: Readonly<Record<string, unknown>> = {},
  registration: Readonly<Record<string, unknown>> = { email: 'optional' },
) => ({
  server: { publicBaseUrl: PUBLIC_URL },
  registration,
  mail: {
    ...{ smtpHost: '127.0.0.1', smtpPort: port, security: 'none', from: 'Chat Example <noreply@chat.example>' },
    ...mail,
  },
})

/** The link in a mail, at the homeserver of the test. */
export const linkIn = ({ mail }: ReceivedMail, homeserver: TestHomeserver): string => {
  const link = /^https:\/\/chat\.example\S+$/m.exec(mail.text ?? '')?.[0]
  if (link === undefined) throw new Error(`no link in:\n${mail.text}`)
  return link.replace(PUBLIC_URL, homeserver.url)
}

/** Confirms as a person does on the page. */
export const openLink = (link: string): Promise<Response> => fetch(link, { method: 'POST', redirect: 'manual' })
