import { execFileSync } from 'node:child_process'
import { resolve } from 'node:path'
import { describe, expect, it } from 'vitest'
import { ConfigError, type ConfigSources, loadConfig, PLACES } from '#config'

const yaml = (text: string) => ({ name: 'homeroom.yaml', text })
const problemsOf = (sources: ConfigSources): Record<string, string> => {
  try {
    loadConfig(sources)
  } catch (error) {
    if (error instanceof ConfigError)
      return Object.fromEntries(error.problems.map(({ path, message }) => [path, message]))
    throw error
  }
  return {}
}

describe('the configuration', () => {
  it('without a word is a server for this machine alone', () => {
    const config = loadConfig({})
    expect(config.server).toMatchObject({ name: 'localhost', defaultRoomVersion: '12' })
    expect(config.listen).toMatchObject({ host: '127.0.0.1', port: 8008, tls: undefined, metricsPort: undefined })
    expect(config.storage).toEqual({
      dataFolder: resolve('data'),
      database: { kind: 'sqlite', path: resolve('data/homeroom.sqlite') },
      durability: 'full',
      severalProcesses: false,
    })
    expect(config.registration).toMatchObject({ mode: 'open', sharedSecret: undefined, guests: false })
    expect(config.sessions.accessTokenLifetime).toEqual({ ms: undefined })
    expect(config.rateLimits).toMatchObject({ enabled: true, message: { requests: 100, perSeconds: 10 } })
  })

  it('takes a flag before a variable before the file', () => {
    const file = yaml('listen: { port: 1, host: 10.0.0.1 }\nserver: { name: file.example }')
    const environment = { HOMEROOM_PORT: '2', HOMEROOM_SERVER_NAME: 'env.example', PATH: '/bin' }
    const config = loadConfig({ flags: { port: '3' }, environment, file })
    expect(config.listen).toMatchObject({ port: 3, host: '10.0.0.1' })
    expect(config.server.name).toBe('env.example')
  })

  it.each([
    [{}, 'open'],
    [{ 'server-name': 'example.org' }, 'closed'],
    [{ host: '0.0.0.0' }, 'closed'],
    [{ host: '::1' }, 'open'],
    [{ host: '0.0.0.0', registration: 'open' }, 'open'],
    [{ registration: 'token' }, 'token'],
  ])('opens the registration by itself only on this machine: %j is %s', (flags, mode) => {
    expect(loadConfig({ flags }).registration.mode).toBe(mode)
  })

  it.each([
    [{ flags: { 'no-rate-limit': true } }, false],
    [{ environment: { HOMEROOM_NO_RATE_LIMIT: 'true' } }, false],
    [{ environment: { HOMEROOM_NO_RATE_LIMIT: '0' } }, true],
    [{ file: yaml('rateLimits: { enabled: false }') }, false],
  ] as const)('switches rate limits: %j', (sources, enabled) => {
    expect(loadConfig(sources).rateLimits.enabled).toBe(enabled)
  })

  it('knows two databases', () => {
    const databaseOf = (database: string) => loadConfig({ flags: { database } }).storage.database
    expect(databaseOf('sqlite:/srv/x.sqlite')).toEqual({ kind: 'sqlite', path: '/srv/x.sqlite' })
    expect(databaseOf('postgres://u:p@db/x')).toEqual({ kind: 'postgres', url: 'postgres://u:p@db/x' })
  })

  it('reads times, sizes, rates and lists', () => {
    const file = yaml(
      'sessions: { refreshableAccessTokenLifetime: 90m }\nlisten: { bodySize: 1MiB, trustProxy: [10.0.0.0/8, "::1"] }\nrateLimits: { login: 5/30s }\nserver: { defaultRoomVersion: 11 }',
    )
    const config = loadConfig({ file })
    expect(config.sessions.refreshableAccessTokenLifetime).toEqual({ ms: 5_400_000 })
    expect(config.listen).toMatchObject({ bodySize: 1_048_576, trustProxy: ['10.0.0.0/8', '::1'] })
    expect(config.rateLimits.login).toEqual({ requests: 5, perSeconds: 30 })
    expect(config.server.defaultRoomVersion).toBe('11')
    const environment = { HOMEROOM_LISTEN_TRUST_PROXY: '10.0.0.1, 10.0.0.2' }
    expect(loadConfig({ environment }).listen.trustProxy).toEqual(['10.0.0.1', '10.0.0.2'])
  })
})

describe('what is wrong with the configuration', () => {
  it('is reported all at once, each with its path, what was expected, and who said it', () => {
    const problems = problemsOf({
      flags: { port: '70000', 'tls-port': '8448' },
      environment: { HOMEROOM_REGISTRATION: 'maybe', HOMEROOM_SEVER_NAME: 'typo' },
      file: yaml(
        'listen: { prot: 1, bodySize: big, keepAliveTimeout: 10 }\nextra: {}\nserver: 3\nrateLimits: { login: 0/1s }',
      ),
    })
    expect(problems).toEqual({
      'listen.port': 'expected a port, a whole number from 0 to 65535; --port says "70000"',
      'listen.tlsCert': 'expected, since tlsPort, tlsCert and tlsKey go together',
      'listen.tlsKey': 'expected, since tlsPort, tlsCert and tlsKey go together',
      'registration.mode': 'expected one of open, token, closed; HOMEROOM_REGISTRATION says "maybe"',
      HOMEROOM_SEVER_NAME: expect.stringContaining('did you mean HOMEROOM_SERVER_NAME?'),
      'listen.prot': expect.stringContaining('expected one of the settings host, port,'),
      'listen.bodySize': 'expected a size such as 64KiB, 10MiB or 1GiB; homeroom.yaml says "big"',
      'listen.keepAliveTimeout': 'expected a time such as 500ms, 30s, 10m, 12h or 7d; homeroom.yaml says 10',
      extra: expect.stringContaining('expected one of the sections server, listen,'),
      server: 'expected a mapping of settings',
      'rateLimits.login': expect.stringContaining('expected a rate such as 20/10s'),
    })
  })

  it.each([
    ['listen: [', 'homeroom.yaml'],
    ['a: 1\na: 2', 'homeroom.yaml'],
    ['- 1', 'homeroom.yaml'],
    ['listen: { __proto__: 1 }', 'listen.__proto__'],
    ['constructor: {}', 'constructor'],
  ])('includes a file that cannot be read: %j', (text, path) => {
    expect(Object.keys(problemsOf({ file: yaml(text) }))).toEqual([path])
  })

  it.each([
    ['s3: { prefix: x/ }', ['s3.bucket']],
    ['s3: { bucket: media, accessKeyId: a }', ['s3.secretAccessKey']],
    ['s3: { bucket: media, prefix: /x }', ['s3.prefix']],
    ['s3: { bucket: media }\nurlPreviews: { ports: [], allowedNetworks: [fd00::/8] }', []],
    [
      'urlPreviews: { ports: [http], allowedNetworks: [10.0.0.0/33], refusedUrls: ["a b"] }',
      ['urlPreviews.allowedNetworks', 'urlPreviews.ports', 'urlPreviews.refusedUrls'],
    ],
  ])('includes what is missing of a store of objects, and what is none of a preview: %j', (text, paths) => {
    const problems = Object.keys(problemsOf({ file: yaml(text) }))
    expect(problems.filter((path) => /^(?:s3|urlPreviews)\./.test(path)).toSorted()).toEqual(paths)
  })

  it('is shown without secrets', () => {
    const file = yaml('registration: { sharedSecret: 12345678 }\nstorage: { database: mysql://u:hunter2@x/y }')
    const text = JSON.stringify(problemsOf({ file }))
    expect(text).toContain('registration.sharedSecret')
    expect(text).toContain('storage.database')
    expect(text).not.toMatch(/12345678|hunter2/)
  })
})

describe('every setting', () => {
  it('has a name of its own, words that explain it, and a default that fits', () => {
    expect(new Set(PLACES.map(({ environment }) => environment)).size).toBe(PLACES.length)
    for (const { path, setting } of PLACES) {
      expect(setting.description, path).toMatch(/^.{10,}\.$/)
      if (setting.fallback !== undefined) expect(setting.kind.parse(setting.fallback, false), path).not.toBeUndefined()
    }
  })

  it('stands in docs/configuration.md, which is up to date', () => {
    expect(() =>
      execFileSync(process.execPath, ['scripts/write-config-reference.ts', '--check'], { stdio: 'pipe' }),
    ).not.toThrow()
  })
})
