import { once } from 'node:events'
import { readFileSync, statSync, writeFileSync } from 'node:fs'
import { connect, createServer } from 'node:net'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { describe, expect, it } from 'vitest'
import { TestClient } from '../../support/client.ts'
import { Program, run, startOnce, temporaryFolder } from './cli-fixture.ts'

const oneLine = (start: string) => new RegExp(`^homeroom: ${start}[^\\n]*\\n$`)

describe('homeroom start', () => {
  it('says where it is and how to go on, and keeps its data to itself', async () => {
    using folder = temporaryFolder()
    const data = join(folder.path, 'data')
    await using program = new Program(['start', '--port', '0', '--data', data])
    const address = await program.address()
    const response = await fetch(`${address}/_matrix/client/versions`)
    expect(response.status).toBe(200)
    program.process.kill('SIGTERM')
    const { code, stdout } = await program.finished
    expect(code).toBe(0)
    expect(stdout).toContain('Server name    localhost')
    expect(stdout).toContain(`${data} (SQLite)`)
    expect(stdout).toContain('users create NAME')
    expect(statSync(data).mode & 0o777).toBe(0o700)
    expect(statSync(join(data, 'signing.key')).mode & 0o777).toBe(0o600)
    expect(statSync(join(data, 'homeroom.sqlite')).mode & 0o077).toBe(0)
    expect(readFileSync(join(data, 'signing.key'), 'utf8')).toMatch(/^ed25519 a_[a-z]{4} [A-Za-z0-9+/]{43}\n$/)
  })

  it('keeps its key from one start to the next', async () => {
    using folder = temporaryFolder()
    const keys: string[] = []
    for (const signal of ['SIGINT', 'SIGTERM'] as const) {
      await using program = new Program(['start', '--port', '0', '--data', folder.path])
      await program.address()
      keys.push(readFileSync(join(folder.path, 'signing.key'), 'utf8'))
      program.process.kill(signal)
      expect((await program.finished).code).toBe(0)
    }
    expect(keys[1]).toBe(keys[0])
  })

  it('answers a waiting sync when it is told to stop, and ends well', async () => {
    using folder = temporaryFolder()
    await using program = new Program(['start', '--port', '0', '--data', folder.path], {
      HOMEROOM_LISTEN_METRICS_PORT: '0',
    })
    const client = new TestClient(await program.address())
    const [, metrics = ''] = await program.printed(/Metrics +(\S+)/)
    await client.register('alice')
    // Presence would be news.
    const { next_batch: since } = await client.sync({ set_presence: 'offline' })
    const waiting = client.sync({ since, timeout: 30_000, set_presence: 'offline' })
    while (!/^homeroom_streams_waiting 1$/m.test(await (await fetch(metrics)).text())) await setImmediate()
    program.process.kill('SIGTERM')
    expect((await waiting).next_batch).toBe(since)
    expect((await program.finished).code).toBe(0)
  })

  it('ends at once at a second signal, though a request is still arriving', async () => {
    using folder = temporaryFolder()
    await using program = new Program(['start', '--port', '0', '--data', folder.path])
    const address = new URL(await program.address())
    const socket = connect(Number(address.port), address.hostname)
    socket.on('error', () => {})
    await once(socket, 'connect')
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n')
    // The server has read what was written before, for it answers what was written later.
    await fetch(address)
    program.process.kill('SIGTERM')
    await new Promise<void>((resolve) => {
      program.process.stderr.on('data', (chunk: Buffer) => {
        if (chunk.includes('stopping')) resolve()
      })
    })
    const repeat = setInterval(() => program.process.kill('SIGTERM'), 100)
    const { code } = await program.finished
    clearInterval(repeat)
    socket.destroy()
    expect(code).toBe(130)
  })
})

describe('homeroom start tells in one line, without a stack, that', () => {
  it('the port is in use', async () => {
    using folder = temporaryFolder()
    const taken = createServer().listen(0, '127.0.0.1')
    await once(taken, 'listening')
    const address = taken.address()
    const port = typeof address === 'object' && address !== null ? String(address.port) : ''
    const { code, stderr } = await run(['start', '--port', port, '--data', folder.path])
    taken.close()
    expect(code).toBe(1)
    expect(stderr).toMatch(oneLine(`Port ${port} on 127\\.0\\.0\\.1 is in use`))
  })

  it('certificate and key are no good', async () => {
    using folder = temporaryFolder()
    const cert = join(folder.path, 'cert.pem')
    const tls = ['--tls-port', '0', '--tls-cert', cert, '--tls-key', cert]
    const start = () => run(['start', '--port', '0', '--data', folder.path, ...tls])
    expect(await start()).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(oneLine('The TLS file .*cert\\.pem')),
    })
    writeFileSync(cert, 'nonsense')
    expect(await start()).toMatchObject({ code: 1, stderr: expect.stringMatching(oneLine('HTTPS cannot be served')) })
  })

  it('the address is not of this machine', async () => {
    using folder = temporaryFolder()
    const { code, stderr } = await run(['start', '--port', '0', '--host', '192.0.2.1', '--data', folder.path])
    expect(code).toBe(1)
    expect(stderr).toMatch(oneLine('192\\.0\\.2\\.1 is no address of this machine'))
  })

  it('the data folder cannot be one', async () => {
    using folder = temporaryFolder()
    const file = join(folder.path, 'file')
    writeFileSync(file, '')
    for (const data of [file, join(file, 'below')]) {
      const { code, stderr } = await run(['start', '--port', '0', '--data', data])
      expect(code).toBe(1)
      expect(stderr).toMatch(oneLine(`The data folder ${data} `))
    }
  })

  it('the signing key is damaged, and leaves it as it is', async () => {
    using folder = temporaryFolder()
    const key = join(folder.path, 'signing.key')
    writeFileSync(key, 'ed25519 a_x short\n')
    const { code, stderr } = await run(['start', '--port', '0', '--data', folder.path])
    expect(code).toBe(78)
    expect(stderr).toMatch(oneLine('The signing key .*signing\\.key cannot be read'))
    expect(readFileSync(key, 'utf8')).toBe('ed25519 a_x short\n')
  })

  it('the database cannot be reached, without its password', async () => {
    using folder = temporaryFolder()
    const database = 'postgres://homeroom:hunter2@127.0.0.1:1/homeroom'
    const { code, stderr } = await run(['start', '--port', '0', '--data', folder.path, '--database', database])
    expect(code).toBe(1)
    expect(stderr).toMatch(oneLine('The database postgres://homeroom@127\\.0\\.0\\.1:1/homeroom cannot be opened'))
  })

  it('the database is no database', async () => {
    using folder = temporaryFolder()
    writeFileSync(join(folder.path, 'homeroom.sqlite'), 'this is a text, and long enough to be looked at. '.repeat(100))
    const { code, stderr } = await run(['start', '--port', '0', '--data', folder.path])
    expect(code).toBe(1)
    expect(stderr).toMatch(oneLine('The database .*homeroom\\.sqlite cannot be opened'))
  })

  it('the database was written by a newer version', async () => {
    using folder = temporaryFolder()
    await startOnce('--data', folder.path)
    const database = new DatabaseSync(join(folder.path, 'homeroom.sqlite'))
    database.exec("insert into schema_migrations (name) values ('9999-from-the-future')")
    database.close()
    const { code, stderr } = await run(['start', '--port', '0', '--data', folder.path])
    expect(code).toBe(1)
    expect(stderr).toMatch(oneLine('The database .*homeroom\\.sqlite was written by a newer Homeroom'))
  })
})

describe('a wrong configuration', () => {
  it('ends start and check-config with 78 and all problems', async () => {
    const environment = { HOMEROOM_LOG_LEVEL: 'loud', HOMEROOM_CONFIG: '/nonexistent.yaml' }
    for (const command of ['start', 'check-config']) {
      const { code, stderr } = await run([command, '--port', 'x', '--prot', '1'], { environment })
      expect(code).toBe(78)
      expect(stderr.split('\n')).toEqual([
        'homeroom: the configuration has 4 problems',
        '  --prot: expected a flag of this command; did you mean --port?',
        '  --config: expected a file that can be read; /nonexistent.yaml: it does not exist',
        '  listen.port: expected a port, a whole number from 0 to 65535; --port says "x"',
        '  logging.level: expected one of debug, info, warn, error, silent; HOMEROOM_LOG_LEVEL says "loud"',
        '',
      ])
    }
  })

  it('is none where check-config says so', async () => {
    // Not the folder of this clone, which is another server's where somebody has started one.
    using folder = temporaryFolder()
    const flags = ['--server-name', 'example.org', '--no-rate-limit', '--data', join(folder.path, 'data')]
    const { code, stdout } = await run(['check-config', ...flags])
    expect(code).toBe(0)
    expect(stdout).toMatch(/^The configuration is good: example\.org on 127\.0\.0\.1:8008, .* registration closed\.\n$/)
  })
})

describe('homeroom create-user', () => {
  it('makes an account from a password on the standard input', async () => {
    using folder = temporaryFolder()
    await startOnce('--data', folder.path)
    const create = (name: string, input: string) =>
      run(['create-user', '--user', name, '--data', folder.path], { input })
    expect(await create('Alice', 'secret password\n')).toMatchObject({
      code: 0,
      stdout: 'Made @alice:localhost.\n',
      stderr: '',
    })
    expect(await create('alice', 'secret password\n')).toMatchObject({
      code: 1,
      stderr: 'homeroom: This user name is taken\n',
    })
    expect(await create('a b', 'secret password\n')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(oneLine('User names')),
    })
    expect(await create('bob', '')).toMatchObject({
      code: 1,
      stderr: expect.stringMatching(oneLine('Expected a password')),
    })
  })
})

describe('homeroom', () => {
  it('says its version', async () => {
    expect(await run(['version'])).toMatchObject({
      code: 0,
      stdout: expect.stringMatching(/^homeroom \d+\.\d+\.\d+\n$/),
    })
  })

  it('explains itself where it does not understand', async () => {
    expect((await run(['fly'])).code).toBe(78)
    expect((await run(['--help'])).stdout).toContain('check-config')
  })
})
