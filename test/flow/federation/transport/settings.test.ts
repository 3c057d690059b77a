import { expect, it } from 'vitest'
import { ConfigError, loadConfig } from '#config'
import { serverRule } from '#net'
import type { ServerName } from '#spec'
import { checkConfig } from '../../../../src/app/commands/check-config.ts'
import { startFederation, writeTlsFiles } from '../../../support/federation-servers.ts'
import { startHomeserver } from '../../../support/homeserver.ts'

const problemsOf = (settings: object, environment: Readonly<Record<string, string>> = {}): readonly string[] => {
  try {
    loadConfig({ environment, file: { name: 'test', text: JSON.stringify(settings) } })
    return []
  } catch (error) {
    if (error instanceof ConfigError) return error.problems.map(({ path }) => path)
    throw error
  }
}

it('addresses of servers are a mapping in the file, and pairs in a variable', () => {
  const expected = new Map([
    ['hs2.example', '10.1.2.3:8448'],
    ['[::1]:99', 'host'],
  ])
  const file = { name: 'test', text: JSON.stringify({ federation: { addresses: Object.fromEntries(expected) } }) }
  expect(loadConfig({ file }).federation.addresses).toEqual(expected)
  const environment = { HOMEROOM_FEDERATION_ADDRESSES: 'HS2.example=10.1.2.3:8448, [::1]:99=host' }
  expect(loadConfig({ environment }).federation.addresses).toEqual(expected)
  expect(loadConfig({}).federation.addresses.size).toBe(0)
})

it.each([
  ['an address that is none', { federation: { addresses: { 'hs2.example': 'https://x/' } } }, ['federation.addresses']],
  ['a list of addresses', { federation: { addresses: ['hs2.example'] } }, ['federation.addresses']],
  ['a pattern with a slash', { federation: { deny: ['a/b'] } }, ['federation.deny']],
  ['a network that is none', { federation: { allowedNetworks: ['10.0.0.0/33'] } }, ['federation.allowedNetworks']],
  ['a notary that is none', { federation: { keyServers: ['https://x'] } }, ['federation.keyServers']],
  [
    'an old key without its time',
    { server: { oldSigningKeys: [`ed25519:a ${'A'.repeat(43)}`] } },
    ['server.oldSigningKeys'],
  ],
  ['a port without a certificate', { listen: { federationPort: 8448 } }, ['listen.federationCert']],
  [
    'a certificate without its key',
    { listen: { federationPort: 8448, federationCert: 'x' } },
    ['listen.federationKey'],
  ],
])('%s is refused', (_name, settings, paths) => {
  expect(problemsOf(settings)).toEqual(paths)
})

it('files of authorities and certificates that cannot be read are found before the start', async () => {
  const settings = {
    storage: { data: '/nonexistent/homeroom' },
    listen: { federationPort: 1, federationCert: '/nonexistent/cert', federationKey: '/nonexistent/key' },
    federation: { ca: ['/nonexistent/ca'], hostsFile: '/nonexistent/hosts' },
  }
  const config = loadConfig({ file: { name: 'test', text: JSON.stringify(settings) } })
  const problems: readonly string[] = await checkConfig({ config, warnings: [] }).then(
    () => [],
    (error: ConfigError) => error.problems.map(({ path }) => path),
  )
  expect(problems).toEqual(
    expect.arrayContaining(['listen.federationCert', 'listen.federationKey', 'federation.ca', 'federation.hostsFile']),
  )
})

it('a file of authorities without a certificate keeps the server from starting', async () => {
  const tls = writeTlsFiles()
  const started = startFederation({ names: ['first.example'], settings: { federation: { ca: [tls.key] } } })
  await expect(started).rejects.toThrow(/has no certificate/)
  tls.discard()
})

it('servers are allowed and denied by their names, whatever their case and port', () => {
  const allows = (rule: { allow?: string[]; deny?: string[] }, server: string): boolean =>
    serverRule({ allow: [], deny: [], ...rule })(server as ServerName)
  expect(allows({}, 'a.example')).toBe(true)
  expect(allows({ deny: ['*.bad.example'] }, 'x.BAD.example:8448')).toBe(false)
  expect(allows({ deny: ['*.bad.example'] }, 'bad.example')).toBe(true)
  expect(allows({ deny: ['a.example:1'] }, 'a.example:1')).toBe(false)
  expect(allows({ deny: ['a.example:1'] }, 'a.example:2')).toBe(true)
  expect(allows({ deny: ['[::1]'] }, '[::1]:8448')).toBe(false)
  expect(allows({ deny: ['a?example'] }, 'a.example')).toBe(false)
  expect(allows({ deny: ['a.example'] }, 'axexample')).toBe(true)
  expect(allows({ allow: ['*.good.example'] }, 'a.good.example')).toBe(true)
  expect(allows({ allow: ['*.good.example'] }, 'a.example')).toBe(false)
  expect(allows({ allow: ['*'], deny: ['a.example'] }, 'a.example')).toBe(false)
})

it.each([
  ['without federation', { enabled: false }],
  ['with that server denied', { deny: ['elsewhere.example'] }],
])(
  'a room of another server is refused as such %s, not as the fault of a server in between',
  async (_name, federation) => {
    const homeserver = await startHomeserver({ settings: { federation } })
    const alice = await homeserver.register('alice')
    const path = `/v3/join/${encodeURIComponent('!room:elsewhere.example')}?via=elsewhere.example`
    const { status, body } = await alice.request('POST', path, { body: {} })
    expect([status, body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    await homeserver.stop()
  },
)
