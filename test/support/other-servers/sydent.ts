import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, beforeAll, describe } from 'vitest'
import { TEST_CERTIFICATE, TEST_KEY } from '../certificate.ts'
import type { Json } from '../client.ts'
import { type HomeserverSetup, startHomeserver, type TestHomeserver } from '../homeserver.ts'
import { MailServer } from './smtp.ts'

/** A Python that has Sydent: the gate makes one. */
const SYDENT = process.env.HOMEROOM_TEST_SYDENT

const V1 = '/_matrix/identity/api/v1'
const V2 = '/_matrix/identity/v2'
const START_MS = 60_000
const PORT_ATTEMPTS = 5

const MAIL = `From: %(from)s
To: %(to)s
Message-ID: %(messageid)s
Subject: Confirm your address
Content-Type: text/plain; charset=UTF-8

Link: %(link)s
`

const settingsOf = (port: number, smtpPort: number): string => `
[general]
server.name = 127.0.0.1:${port}
pidfile.path =
templates.path = templates
brand.default = test
ip.whitelist = 127.0.0.0/8
[db]
db.file = sydent.db
[http]
clientapi.http.bind_address = 127.0.0.1
clientapi.http.port = ${port}
client_http_base = http://127.0.0.1:${port}
federation.verifycerts = False
[email]
email.from = Sydent <noreply@id.example>
email.hostname = localhost
email.smtphost = 127.0.0.1
email.smtpport = ${smtpPort}
email.ratelimit_sender.burst = 1000000
[crypto]
`

/** Sydent, the identity server that others run too, on loopback and with a mailbox of its own. */
export class Sydent {
  readonly #process: ChildProcess
  readonly #mails: MailServer
  readonly #folder: string
  /** `127.0.0.1:PORT`, as clients name it in `id_server`. */
  readonly name: string

  private constructor(process: ChildProcess, mails: MailServer, folder: string, port: number) {
    this.#process = process
    this.#mails = mails
    this.#folder = folder
    this.name = `127.0.0.1:${port}`
  }

  static async start(): Promise<Sydent> {
    const mails = await MailServer.start()
    const folder = mkdtempSync(join(tmpdir(), 'homeroom-sydent-'))
    mkdirSync(join(folder, 'templates', 'test'), { recursive: true })
    writeFileSync(join(folder, 'templates', 'test', 'verification_template.eml'), MAIL)
    writeFileSync(join(folder, 'templates', 'test', 'invite_template.eml'), MAIL.replace('%(link)s', '%(room_name)s'))
    writeFileSync(join(folder, 'templates', 'test', 'verify_response_template.html'), '%(message)s')
    writeFileSync(join(folder, 'tls.crt'), TEST_CERTIFICATE)
    writeFileSync(join(folder, 'tls.key'), TEST_KEY)
    return onFreePort(async (port) => {
      writeFileSync(join(folder, 'sydent.conf'), settingsOf(port, mails.port))
      return new Sydent(await run(folder, port), mails, folder, port)
    })
  }

  get url(): string {
    return `http://${this.name}`
  }

  /** For a homeserver that is to be found by it; gone when it stops. */
  get tlsFiles(): { readonly tlsCert: string; readonly tlsKey: string } {
    return { tlsCert: join(this.#folder, 'tls.crt'), tlsKey: join(this.#folder, 'tls.key') }
  }

  /** Asks for a mail, as clients of 2015 do. Answers with the session's id. */
  async requestToken(email: string, clientSecret: string): Promise<string> {
    const body = { email, client_secret: clientSecret, send_attempt: 1 }
    return (await this.post(`${V1}/validate/email/requestToken`, body)).sid
  }

  /** Follows the link of the last mail to the address; it was sent before Sydent answered who asked for it. */
  async followLink(email: string): Promise<void> {
    const mail = this.#mails.received.findLast(({ to }) => to.includes(email))
    const link = /^Link: (\S+)/m.exec(mail?.mail.text ?? '')?.[1]
    if (link === undefined) throw new Error(`no link in the mail:\n${mail?.raw}`)
    const page = await (await fetch(link)).text()
    if (!page.includes('Verification successful')) throw new Error(`the link was answered: ${page}`)
  }

  /** Proves to have the address: all at once. Answers with the credentials, in the spelling of today. */
  async validate(email: string): Promise<{ readonly sid: string; readonly client_secret: string }> {
    const clientSecret = `secret.of.${email.replaceAll(/[^a-z0-9]/g, '-')}`
    const sid = await this.requestToken(email, clientSecret)
    await this.followLink(email)
    return { sid, client_secret: clientSecret }
  }

  /** Whose the address is, as everybody may ask. */
  async lookup(email: string): Promise<string | undefined> {
    const query = new URLSearchParams({ medium: 'email', address: email })
    const answer = await fetch(`${this.url}${V1}/lookup?${query.toString()}`)
    const { mxid }: Json = await answer.json()
    return mxid
  }

  /** An access token for it, in exchange for one of the homeserver's OpenID tokens. */
  async register(openIdToken: Json): Promise<string> {
    return (await this.post(`${V2}/account/register`, openIdToken)).token
  }

  async post(path: string, body: unknown): Promise<Json> {
    const answer = await fetch(`${this.url}${path}`, {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify(body),
    })
    const json: Json = await answer.json()
    if (!answer.ok) throw new Error(`POST ${path} was answered ${answer.status}: ${JSON.stringify(json)}`)
    return json
  }

  async stop(): Promise<void> {
    await end(this.#process)
    await this.#mails[Symbol.asyncDispose]()
    rmSync(this.#folder, { recursive: true, force: true })
  }
}

/** Resolves once it listens. */
const run = async (folder: string, port: number): Promise<ChildProcess> => {
  const child = spawn(SYDENT ?? 'python3', ['-m', 'sydent.sydent'], {
    cwd: folder,
    env: { SYDENT_CONF: 'sydent.conf' },
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  const said: string[] = []
  const late = setTimeout(() => child.kill('SIGKILL'), START_MS)
  try {
    const lines = createInterface({ input: child.stderr })
    // The loop ends with the process, where that ends first.
    for await (const line of lines) {
      said.push(line)
      if (!line.includes(`Site starting on ${port}`)) continue
      lines.close()
      child.stderr.resume()
      return child
    }
  } finally {
    clearTimeout(late)
  }
  throw new Error(`Sydent did not start:\n${said.join('\n')}`)
}

const end = async (child: ChildProcess): Promise<void> => {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const late = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(late)
}

/** A port that nobody has now; should somebody be faster, another one. */
const onFreePort = async <Started>(start: (port: number) => Promise<Started>): Promise<Started> => {
  for (let left = PORT_ATTEMPTS; ; left--) {
    try {
      return await start(await freePort())
    } catch (error) {
      if (left <= 1) throw error
    }
  }
}

const freePort = async (): Promise<number> => {
  const server = createServer().listen(0, '127.0.0.1')
  await once(server, 'listening')
  const { port } = server.address() as AddressInfo
  server.close()
  await once(server, 'close')
  return port
}

/** A homeserver that trusts the identity server, and which that one finds: by a name that says where it listens with TLS. */
export const startHomeserverFor = (sydent: Sydent, setup: HomeserverSetup = {}): Promise<TestHomeserver> =>
  onFreePort((tlsPort) =>
    startHomeserver({
      ...setup,
      settings: {
        ...setup.settings,
        server: { name: `127.0.0.1:${tlsPort}`, ...setup.settings?.server },
        listen: { tlsPort, ...sydent.tlsFiles, ...setup.settings?.listen },
        registration: { mode: 'open', ...setup.settings?.registration },
        identityServers: { trusted: [sydent.url], ...setup.settings?.identityServers },
      },
    }),
  )

/** Tests against a real identity server, one for all of them; skipped with a reason where there is none. */
export const withSydent = (name: string, tests: (sydent: () => Sydent) => void): void => {
  if (SYDENT === undefined) {
    const none = (): Sydent => {
      throw new Error('there is no Sydent')
    }
    describe.skip(`${name} (skipped: no Python)`, () => tests(none))
    return
  }
  describe(name, () => {
    let sydent: Sydent | undefined
    beforeAll(async () => {
      sydent = await Sydent.start()
    }, START_MS)
    afterAll(() => sydent?.stop())
    tests(() => {
      if (sydent === undefined) throw new Error('Sydent did not start')
      return sydent
    })
  })
}
