import { writeFileSync } from 'node:fs'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { SMTPServer } from 'smtp-server'
import { describe, expect, it } from 'vitest'
import { OTHER_KEY, TEST_CERTIFICATE, TEST_KEY } from '../../support/certificate.ts'
import { type Finished, Program, run, temporaryFolder } from './cli-fixture.ts'

interface Finding {
  readonly subject: string
  readonly state: 'good' | 'note' | 'bad'
  readonly text: string
  readonly advice?: string
}

const findingsOf = ({ stdout }: Finished): readonly Finding[] =>
  (JSON.parse(stdout) as { findings: readonly Finding[] }).findings

const about = (findings: readonly Finding[], subject: string): readonly string[] =>
  findings.filter((finding) => finding.subject === subject).map(({ state, text }) => `${state} ${text}`)

const listening = async (server: Server): Promise<number> => {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A reverse proxy before a server whose address comes later; `path` is what it makes of the paths. */
class ReverseProxy implements AsyncDisposable {
  target = ''
  readonly #server: Server

  constructor(path: (path: string) => string) {
    this.#server = createServer((incoming, outgoing) => {
      const asked = request(`${this.target}${path(incoming.url ?? '/')}`, { method: incoming.method }, (answer) => {
        outgoing.writeHead(answer.statusCode ?? 502, answer.headers)
        answer.pipe(outgoing)
      })
      incoming.pipe(asked)
    })
  }

  async url(): Promise<string> {
    return `http://127.0.0.1:${await listening(this.#server)}`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

const judgeThrough = async (path: (path: string) => string): Promise<Finished> => {
  using folder = temporaryFolder()
  await using proxy = new ReverseProxy(path)
  const environment = { HOMEROOM_SERVER_PUBLIC_BASE_URL: await proxy.url() }
  const settings = ['--port', '0', '--data', folder.path]
  await using server = new Program(['start', ...settings], environment)
  proxy.target = await server.address()
  return await run(['doctor', '--json', ...settings], { environment })
}

describe('homeroom doctor', () => {
  it('finds a server well that runs behind a proxy which hands on paths as they are', async () => {
    const finished = await judgeThrough((path) => path)
    expect(finished.code).toBe(0)
    const findings = findingsOf(finished)
    expect(findings.filter(({ state }) => state === 'bad')).toEqual([])
    expect(about(findings, 'server')).toEqual(['good localhost runs'])
    expect(about(findings, 'addresses')).toEqual([
      expect.stringMatching(/^good http:\S+ answers as a homeserver does$/),
      'good the proxy hands on paths as they are',
    ])
  })

  it('sees a proxy that decodes paths, and one that leads elsewhere', async () => {
    const decoding = await judgeThrough((path) => path.replaceAll('%2F', '/'))
    expect(decoding.code).toBe(1)
    expect(about(findingsOf(decoding), 'addresses')[1]).toMatch(/^bad the proxy .* changes paths on the way/)
    const elsewhere = await judgeThrough(() => '/nothing')
    expect(about(findingsOf(elsewhere), 'addresses')).toEqual([
      expect.stringMatching(/^bad .* not as a homeserver does$/),
    ])
  })

  it('says for people what to do, and that no server runs; it makes nothing', async () => {
    using folder = temporaryFolder()
    const data = join(folder.path, 'data')
    const { code, stdout } = await run(['doctor', '--data', data])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^NOTE {2}server +no server runs on this data folder\n +Start it, /m)
    expect(stdout).toMatch(/^NOTE {2}database +there is no server in .*\n +The first start makes one\.$/m)
    expect(stdout).toMatch(/GiB are free/)
    expect(stdout.endsWith('Nothing is wrong; look at the notes.\n')).toBe(true)
    await expect(run(['show-user', '--user', 'anna', '--data', data])).resolves.toMatchObject({ code: 78 })
  })

  it('tells all wrong settings, and certificates without their key', async () => {
    const wrong = await run(['doctor', '--json', '--port', 'abc', '--registration', 'maybe'])
    expect(wrong.code).toBe(1)
    expect(about(findingsOf(wrong), 'configuration')).toEqual([
      expect.stringMatching(/^bad listen.port: /),
      expect.stringMatching(/^bad registration.mode: /),
    ])
    using folder = temporaryFolder()
    const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')]
    writeFileSync(cert, TEST_CERTIFICATE)
    writeFileSync(key, OTHER_KEY, { mode: 0o600 })
    const tls = ['--tls-port', '0', '--tls-cert', cert, '--tls-key', key, '--data', join(folder.path, 'data')]
    const apart = await run(['doctor', '--json', ...tls])
    expect(apart.code).toBe(1)
    expect(about(findingsOf(apart), 'configuration')).toContainEqual(expect.stringMatching(/^bad listen.tlsCert: /))
    writeFileSync(key, TEST_KEY, { mode: 0o600 })
    const good = findingsOf(await run(['doctor', '--json', ...tls]))
    expect(about(good, 'certificates')).toEqual([expect.stringMatching(/^good .*cert.pem is good for \d+ more days$/)])
  })

  it('signs in at the mail server, and says what that answers', async () => {
    const mail = new SMTPServer({
      disabledCommands: ['STARTTLS'],
      allowInsecureAuth: true,
      onAuth: ({ password }, _session, done) =>
        password === 'right' ? done(null, { user: 'homeroom' }) : done(new Error('no such password')),
    })
    const port = await listening(mail.server as unknown as Server)
    using folder = temporaryFolder()
    const judged = async (password: string): Promise<readonly string[]> => {
      const environment = {
        HOMEROOM_MAIL_SMTP_HOST: '127.0.0.1',
        HOMEROOM_MAIL_SMTP_PORT: String(port),
        HOMEROOM_MAIL_SECURITY: 'none',
        HOMEROOM_MAIL_FROM: 'chat@example.org',
        HOMEROOM_MAIL_USER: 'homeroom',
        HOMEROOM_MAIL_PASSWORD: password,
        HOMEROOM_SERVER_PUBLIC_BASE_URL: 'http://127.0.0.1:1',
      }
      return about(findingsOf(await run(['doctor', '--json', '--data', folder.path], { environment })), 'mail')
    }
    expect(await judged('right')).toEqual(['good 127.0.0.1 lets this server in'])
    expect(await judged('wrong')).toEqual([expect.stringMatching(/^bad 127.0.0.1 .*no such password/)])
    await new Promise<void>((resolve) => mail.close(() => resolve()))
  })
})
