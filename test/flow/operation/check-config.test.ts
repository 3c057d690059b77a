import { once } from 'node:events'
import { chmodSync, mkdirSync, readdirSync, symlinkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { onPostgres, POSTGRES } from '../../contract/databases.ts'
import { OTHER_KEY, TEST_CERTIFICATE, TEST_KEY } from '../../support/certificate.ts'
import { Program, run, startOnce, temporaryFolder } from './cli-fixture.ts'

/** The problems that check-config names, by their paths. */
const problems = async (...flags: readonly string[]): Promise<Record<string, string>> => {
  const { code, stderr } = await run(['check-config', ...flags])
  const lines = stderr.split('\n').filter((line) => line.startsWith('  '))
  expect(code).toBe(lines.length === 0 ? 0 : 78)
  return Object.fromEntries(lines.map((line) => [line.trim().split(': ')[0], line.trim().replace(/^[^:]*: /, '')]))
}

describe('check-config looks at', () => {
  it('TLS files: missing ones, nonsense, and a key of another certificate', async () => {
    using folder = temporaryFolder()
    const [cert, key] = [join(folder.path, 'cert.pem'), join(folder.path, 'key.pem')]
    const check = () => problems('--data', folder.path, '--tls-port', '0', '--tls-cert', cert, '--tls-key', key)
    expect(await check()).toEqual({
      'listen.tlsCert': `The TLS file ${cert} cannot be read: it does not exist`,
      'listen.tlsKey': `The TLS file ${key} cannot be read: it does not exist`,
    })
    writeFileSync(cert, 'nonsense')
    writeFileSync(key, TEST_KEY, { mode: 0o600 })
    expect(Object.keys(await check())).toEqual(['listen.tlsCert'])
    writeFileSync(cert, TEST_CERTIFICATE)
    expect(await check()).toEqual({})
    writeFileSync(key, OTHER_KEY)
    expect(await check()).toEqual({ 'listen.tlsCert': expect.stringContaining('HTTPS cannot be served') })
  })

  it('the logo of the pages', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'homeroom.yaml')
    writeFileSync(file, `{ pages: { logoFile: ${join(folder.path, 'logo.png')} }, storage: { data: ${folder.path} } }`)
    expect(await problems('--config', file)).toEqual({ 'pages.logoFile': expect.stringContaining('logo.png') })
  })

  it('folders: those that are none, and those that cannot be made', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'file')
    writeFileSync(file, '')
    symlinkSync(join(folder.path, 'nowhere'), join(folder.path, 'link'))
    for (const data of [file, join(file, 'below'), join(folder.path, 'link', 'below')]) {
      expect(await problems('--data', data)).toEqual({
        'storage.data': expect.stringContaining(`The data folder ${data} cannot be used`),
      })
    }
    mkdirSync(join(folder.path, 'data'))
    writeFileSync(join(folder.path, 'data', 'media'), '')
    expect(await problems('--data', join(folder.path, 'data'))).toEqual({
      'storage.data': expect.stringContaining('The media folder'),
    })
    expect(await problems('--data', join(folder.path, 'new', 'data'))).toEqual({})
    expect(readdirSync(folder.path).toSorted()).toEqual(['data', 'file', 'link'])
  })

  it('the database: another name, another key, none that answers; and changes nothing', async () => {
    using folder = temporaryFolder()
    const data = join(folder.path, 'data')
    await startOnce('--data', data)
    const before = readdirSync(data).toSorted()
    expect(await problems('--data', data)).toEqual({})
    expect(await problems('--data', data, '--server-name', 'example.org')).toEqual({
      'server.name': expect.stringContaining('belongs to the server localhost'),
    })
    writeFileSync(
      join(data, 'signing.key'),
      `ed25519 a_x ${Buffer.alloc(32, 7).toString('base64').replaceAll('=', '')}\n`,
    )
    expect(await problems('--data', data)).toEqual({
      'server.signingKeyFile': expect.stringContaining('is not the one of this database'),
    })
    expect(readdirSync(data).toSorted()).toEqual(before)
    expect(await problems('--data', folder.path, '--database', 'postgres://nobody:hunter2@127.0.0.1:1/x')).toEqual({
      'storage.database':
        'The database postgres://nobody@127.0.0.1:1/x cannot be opened: nothing listens at 127.0.0.1:1; is PostgreSQL running?',
    })
  })

  it('all of them also while the server runs', async () => {
    using folder = temporaryFolder()
    await using program = new Program(['start', '--port', '0', '--data', folder.path])
    await program.address()
    expect(await problems('--data', folder.path)).toEqual({})
  })

  it('keys, folders and configuration files that others may read, and open registration: it warns, and the exit code stays 0', async () => {
    using folder = temporaryFolder()
    const data = join(folder.path, 'data')
    mkdirSync(data)
    chmodSync(data, 0o777)
    const file = join(folder.path, 'homeroom.yaml')
    const text = `{ storage: { data: ${data} }, registration: { mode: open, sharedSecret: 'a secret' }, listen: { host: 0.0.0.0 } }`
    writeFileSync(file, text, { mode: 0o644 })
    const { code, stdout, stderr } = await run(['check-config', '--config', file])
    expect([code, stderr]).toEqual([0, ''])
    expect(stdout).toMatch(/^The configuration is good/)
    expect(stdout.split('\n').filter((line) => line.startsWith('Warning: '))).toEqual([
      expect.stringContaining(`The configuration file ${file} can be read by other users`),
      expect.stringContaining('Registration is open'),
      expect.stringContaining(`The data folder ${data} can be changed by other users`),
    ])
    chmodSync(file, 0o600)
    expect((await run(['check-config', '--config', file])).stdout).not.toContain('configuration file')
  })
})

describe('wrong flags and keys get a suggestion', () => {
  it.each([
    [['start', '--prot', '1'], '  --prot: expected a flag of this command; did you mean --port?'],
    [['start', '--sever-name=x'], '  --sever-name: expected a flag of this command; did you mean --server-name?'],
    [['list-users', '--jsn'], '  --jsn: expected a flag of this command; did you mean --json?'],
    [['start', '--xyzzy'], '  --xyzzy: expected a flag of this command; --help lists them'],
    [['check-confg'], '(Did you mean check-config?)'],
  ])('%j', async (args, suggestion) => {
    const { code, stderr } = await run(args)
    expect(code).toBe(78)
    expect(stderr.split('\n')).toContain(suggestion)
  })

  it.each([
    ['listen: { prot: 1 }', 'listen.prot', /did you mean port\?/],
    ['sever: { name: x }', 'sever', /did you mean server\?/],
    ['server: { port: 1 }', 'server.port', /did you mean listen\.port\?/],
    [
      'signIn: { providers: [{ id: a, nmae: b, clientId: c, issuer: "https://x" }] }',
      'signIn.providers[0].nmae',
      /did you mean name\?/,
    ],
  ])('in a file: %s', async (text, path, suggestion) => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'homeroom.yaml')
    writeFileSync(file, text)
    expect((await problems('--config', file, '--data', folder.path))[path]).toMatch(suggestion)
  })

  it('and so do variables', async () => {
    const { stderr } = await run(['check-config'], { environment: { HOMEROOM_SEVER_NAME: 'x' } })
    expect(stderr).toContain(
      'HOMEROOM_SEVER_NAME: expected a variable of the reference page; did you mean HOMEROOM_SERVER_NAME?',
    )
  })
})

onPostgres('what PostgreSQL refuses is said in words', () => {
  it.each([
    ['homeroom', '/no_such_database', /PostgreSQL has no database no_such_database; make it with createdb/],
    ['no_such_user', '/postgres', /PostgreSQL has no user no_such_user; make it with createuser|lets no_such_user in/],
  ])('user %s, database %s', async (username, pathname, sentence) => {
    using folder = temporaryFolder()
    const url = new URL(POSTGRES ?? '')
    Object.assign(url, { username, pathname })
    const { code, stderr } = await run(['start', '--port', '0', '--data', folder.path, '--database', url.href])
    expect(code).toBe(1)
    expect(stderr).toMatch(sentence)
    expect(stderr).not.toMatch(/disconnected/)
  })
})

/** A server that refuses every password, as PostgreSQL does. */
const refusing = async () => {
  const fields = ['SFATAL', 'VFATAL', 'C28P01', 'Mpassword authentication failed for user "anna"', '']
  const body = Buffer.from(fields.map((field) => `${field}\0`).join(''))
  const head = Buffer.alloc(5, 'E')
  head.writeInt32BE(body.length + 4, 1)
  const server = createServer((socket) => socket.once('data', () => socket.end(Buffer.concat([head, body]))))
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return { port: (server.address() as AddressInfo).port, [Symbol.dispose]: () => void server.close() }
}

describe('"disconnected: password authentication failed"', () => {
  it('says who was refused, and where to look, to start and to check-config', async () => {
    using folder = temporaryFolder()
    using server = await refusing()
    const database = `postgres://anna:hunter2@127.0.0.1:${server.port}/homeroom`
    const flags = ['--data', folder.path, '--database', database]
    const sentence = 'PostgreSQL refuses the password of the user anna; look at storage.database'
    expect((await problems(...flags))['storage.database']).toContain(sentence)
    const { stderr } = await run(['start', '--port', '0', ...flags])
    expect(stderr).toContain(sentence)
    expect(stderr).not.toMatch(/hunter2|disconnected/)
  })
})
