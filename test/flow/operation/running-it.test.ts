import { chmodSync, mkdirSync, readdirSync, readFileSync, symlinkSync, writeFileSync } from 'node:fs'
import { get } from 'node:https'
import { join } from 'node:path'
import { setImmediate } from 'node:timers/promises'
import type { TLSSocket } from 'node:tls'
import { describe, expect, it } from 'vitest'
import { OTHER_CERTIFICATE, OTHER_KEY, TEST_CERTIFICATE, TEST_KEY } from '../../support/certificate.ts'
import { Program, run, temporaryFolder } from './cli-fixture.ts'

const RUNNING_MD = readFileSync(new URL('../../../docs/running.md', import.meta.url), 'utf8')
const UNIT = readFileSync(new URL('../../../packaging/homeroom.service', import.meta.url), 'utf8')
const oneLine = (start: string) => new RegExp(`^homeroom: ${start}[^\\n]*\\n$`)

/** The log lines of a server that has ended. */
const linesOf = (stderr: string): readonly Record<string, unknown>[] =>
  stderr
    .split('\n')
    .filter((line) => line.startsWith('{'))
    .map((line) => JSON.parse(line))

/** The name in the certificate that a server shows. */
const nameShownBy = (url: string): Promise<string> =>
  new Promise((resolve, reject) => {
    const request = get(url, { rejectUnauthorized: false, agent: false }, (response) => {
      const { CN } = (response.socket as TLSSocket).getPeerCertificate().subject
      response.resume()
      resolve(String(CN))
    })
    request.on('error', reject)
  })

describe('a folder that cannot be used ends the start with one line, without a stack and without spinning', () => {
  it('--data under a dangling link', async () => {
    using folder = temporaryFolder()
    const link = join(folder.path, 'link')
    symlinkSync(join(folder.path, 'nowhere'), link)
    for (const data of [link, join(link, 'below'), join(link, 'far', 'below')]) {
      const { code, stderr } = await run(['start', '--port', '0', '--data', data])
      expect(code).toBe(1)
      expect(stderr).toMatch(oneLine(`The data folder ${data} cannot be used`))
    }
  })

  it.runIf(process.platform === 'linux')('--data in /proc', async () => {
    const { code, stderr } = await run(['start', '--port', '0', '--data', '/proc/homeroom/data'])
    expect(code).toBe(1)
    expect(stderr).toMatch(oneLine('The data folder /proc/homeroom/data cannot be used'))
  })

  it('a database under a dangling link', async () => {
    using folder = temporaryFolder()
    symlinkSync(join(folder.path, 'nowhere'), join(folder.path, 'link'))
    const database = `sqlite:${join(folder.path, 'link', 'far', 'x.sqlite')}`
    const { code, stderr } = await run(['start', '--port', '0', '--data', folder.path, '--database', database])
    expect(code).toBe(1)
    expect(stderr).toMatch(oneLine('The database .*x\\.sqlite cannot be opened'))
  })

  it('an unwritable media folder', async () => {
    using folder = temporaryFolder()
    // A file in its place is refused to everybody, root included; so is a folder that the user may not write to.
    for (const spoil of [
      () => writeFileSync(join(folder.path, 'media'), ''),
      ...(process.getuid?.() === 0 ? [] : [() => mkdirSync(join(folder.path, 'media'), { mode: 0o500 })]),
    ]) {
      spoil()
      const { code, stderr } = await run(['start', '--port', '0', '--data', folder.path])
      expect(code).toBe(1)
      expect(stderr).toMatch(oneLine('The media folder .*media cannot be used'))
    }
  })

  it('an unwritable spool folder of media in an object store', async () => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, 'media-spool'), '')
    const environment = { HOMEROOM_S3_BUCKET: 'media', HOMEROOM_S3_ENDPOINT: 'http://127.0.0.1:1' }
    const { code, stderr } = await run(['start', '--port', '0', '--data', folder.path], { environment })
    expect(code).toBe(1)
    expect(stderr).toMatch(oneLine('The media folder .*media-spool cannot be used'))
  })
})

describe('SIGHUP', () => {
  it('does not kill: the server goes on, and reads its TLS files anew', async () => {
    using folder = temporaryFolder()
    const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')]
    writeFileSync(cert, TEST_CERTIFICATE)
    writeFileSync(key, TEST_KEY, { mode: 0o600 })
    const tls = ['--tls-port', '0', '--tls-cert', cert, '--tls-key', key]
    await using program = new Program(['start', '--port', '0', '--data', join(folder.path, 'data'), ...tls])
    const address = await program.address()
    const [, secure = ''] = await program.printed(/Address +\S+ and (https:\S+)/)
    expect(await nameShownBy(secure)).toBe('localhost')
    writeFileSync(cert, OTHER_CERTIFICATE)
    writeFileSync(key, OTHER_KEY)
    program.process.kill('SIGHUP')
    while ((await nameShownBy(secure)) !== 'other.example') await setImmediate()
    writeFileSync(cert, 'nonsense')
    program.process.kill('SIGHUP')
    await program.logged(/HTTPS cannot be served/)
    expect(await nameShownBy(secure)).toBe('other.example')
    expect((await fetch(`${address}/_matrix/client/versions`)).status).toBe(200)
    program.process.kill('SIGTERM')
    expect((await program.finished).code).toBe(0)
  })
})

describe('SIGHUP after a change of the configuration', () => {
  it('puts limits, servers and the level of the log into force, says what waits for a start, and keeps all if there is a mistake', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'homeroom.yaml')
    const settings = (more: string) => writeFileSync(file, `storage: { data: ${join(folder.path, 'data')} }\n${more}\n`)
    const hangUp = async (text: RegExp): Promise<void> => {
      program.process.kill('SIGHUP')
      await program.logged(text)
    }
    settings('listen: { port: 0 }\nrateLimits: { login: 2/3600s }')
    await using program = new Program(['start', '--config', file])
    const address = await program.address()
    const statuses = async (count: number): Promise<number[]> => {
      const answers: number[] = []
      for (let n = 0; n < count; n++) answers.push((await fetch(`${address}/_matrix/client/v3/login`)).status)
      return answers
    }
    expect(await statuses(3)).toEqual([200, 200, 429])

    settings(
      'listen: { port: 0 }\nrateLimits: { login: 500/3600s }\nserver: { defaultRoomVersion: 11 }\nlogging: { level: debug }',
    )
    await hangUp(/"settings":\["server.defaultRoomVersion"\].*count from the next start on/)
    await program.logged(/"changed":\["rateLimits.login","logging.level"\]/)
    expect(await statuses(3)).toEqual([200, 200, 200])
    await program.logged(/"level":"debug".*"path":"\/_matrix\/client\/v3\/login","status":200/)

    settings('listen: { port: 0 }\nrateLimits: { login: often }')
    await hangUp(/rateLimits.login: expected .*stays as it was/s)
    expect(await statuses(3)).toEqual([200, 200, 200])

    settings('listen: { port: 0 }\nrateLimits: { login: 2/3600s }\nserver: { defaultRoomVersion: 11 }')
    await hangUp(/"changed":\["rateLimits.login","logging.level"\].*"changed":\["rateLimits.login","logging.level"\]/s)
    expect(await statuses(3)).toEqual([200, 200, 429])
  })

  it('shuts out a server that is denied from now on', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'homeroom.yaml')
    const settings = (deny: string) =>
      writeFileSync(
        file,
        `listen: { port: 0 }\nstorage: { data: ${join(folder.path, 'data')} }\nfederation: { deny: [${deny}] }\n`,
      )
    settings('')
    await using program = new Program(['start', '--config', file])
    await program.address()
    const check = async (): Promise<string> =>
      (await run(['check-federation', 'other.invalid', '--config', file])).stdout
    expect(await check()).not.toContain('do not let this server talk')
    settings('"*.invalid"')
    program.process.kill('SIGHUP')
    await program.logged(/"changed":\["federation.deny"\]/)
    expect(await check()).toContain('do not let this server talk with other.invalid')
  })
})

describe('the log', () => {
  it('has its levels as words, and a line when the server listens', async () => {
    using folder = temporaryFolder()
    await using program = new Program(['start', '--port', '0', '--data', folder.path])
    const address = await program.address()
    program.process.kill('SIGTERM')
    const lines = linesOf((await program.finished).stderr)
    expect(lines.find(({ msg }) => msg === 'listening')).toMatchObject({ level: 'info', url: address })
    expect(new Set(lines.map(({ level }) => typeof level))).toEqual(new Set(['string']))
  })

  it('is text for people if the format says so', async () => {
    using folder = temporaryFolder()
    await using program = new Program(['start', '--port', '0', '--data', folder.path], {
      HOMEROOM_LOGGING_FORMAT: 'text',
    })
    const address = await program.address()
    program.process.kill('SIGTERM')
    const { stderr } = await program.finished
    expect(stderr).toMatch(/^\d{4}-\d\d-\d\dT[\d:.]+Z info {2}listening url=http:\S+ serverName=localhost$/m)
    expect(stderr).toContain(`url=${address}`)
    expect(stderr).not.toContain('{')
  })
})

describe('open registration on all addresses', () => {
  it('is warned of, and the banner names an address that can be opened', async () => {
    using folder = temporaryFolder()
    const flags = ['--host', '0.0.0.0', '--registration', 'open']
    await using program = new Program(['start', '--port', '0', '--data', folder.path, ...flags])
    const address = await program.address()
    expect(address).not.toContain('0.0.0.0')
    expect((await fetch(`${address}/_matrix/client/versions`)).status).toBe(200)
    program.process.kill('SIGTERM')
    const { stdout, stderr } = await program.finished
    expect(stdout).not.toContain('0.0.0.0')
    expect(stdout).toMatch(/^Warning: .*anybody.*accounts/m)
    expect(linesOf(stderr).filter(({ level }) => level === 'warn')).toEqual([
      expect.objectContaining({ msg: expect.stringContaining('anybody') }),
    ])
  })

  it('is not warned of on this machine alone, or where a token is needed', async () => {
    for (const flags of [[], ['--host', '0.0.0.0', '--registration', 'token']]) {
      using folder = temporaryFolder()
      await using program = new Program(['start', '--port', '0', '--data', folder.path, ...flags])
      await program.address()
      program.process.kill('SIGTERM')
      const { stdout, stderr } = await program.finished
      expect(stdout + stderr).not.toMatch(/anybody/)
    }
  })
})

describe('files that others may read', () => {
  it('0644 keys and 0777 folders are warned of', async () => {
    using folder = temporaryFolder()
    const start = async () => {
      await using program = new Program(['start', '--port', '0', '--data', folder.path])
      await program.address()
      program.process.kill('SIGTERM')
      return linesOf((await program.finished).stderr).filter(({ level }) => level === 'warn')
    }
    expect(await start()).toEqual([])
    chmodSync(folder.path, 0o777)
    chmodSync(join(folder.path, 'signing.key'), 0o644)
    chmodSync(join(folder.path, 'homeroom.sqlite'), 0o644)
    expect((await start()).map(({ msg }) => msg)).toEqual([
      `The data folder ${folder.path} can be changed by other users of this machine (mode 0777): chmod 700 it`,
      `The signing key ${join(folder.path, 'signing.key')} can be read by other users of this machine (mode 0644): chmod 600 it`,
      `The database ${join(folder.path, 'homeroom.sqlite')} can be read by other users of this machine (mode 0644): chmod 600 it`,
    ])
  })
})

describe('the documented service', () => {
  it('has a prepared copy of its own where the program belongs to another user, and rests between restarts', {
    timeout: 60_000,
  }, async () => {
    expect(UNIT).toMatch(/^RestartSec=\d+$/m)
    expect(UNIT).toMatch(/^CacheDirectory=homeroom$/m)
    expect(RUNNING_MD).toContain('packaging/homeroom.service')
    using folder = temporaryFolder()
    const cache = join(folder.path, 'cache')
    mkdirSync(cache)
    // systemd names the folder of CacheDirectory in this variable.
    await run(['version'], { environment: { CACHE_DIRECTORY: cache } })
    expect(readdirSync(join(cache, 'program'))).toContainEqual(expect.stringMatching(/^program-/))
  })
})

describe('passwords', () => {
  it('have 8 characters at least, unless the setting says otherwise', async () => {
    using folder = temporaryFolder()
    await using program = new Program(['start', '--port', '0', '--data', folder.path])
    const address = await program.address()
    const register = async (username: string, password: string) => {
      const body = JSON.stringify({ username, password, auth: { type: 'm.login.dummy' } })
      const answer = await fetch(`${address}/_matrix/client/v3/register`, { method: 'POST', body })
      return [answer.status, ((await answer.json()) as { errcode?: string }).errcode]
    }
    expect(await register('alice', '1234567')).toEqual([400, 'M_WEAK_PASSWORD'])
    expect(await register('alice', '12345678')).toEqual([200, undefined])
  })
})
