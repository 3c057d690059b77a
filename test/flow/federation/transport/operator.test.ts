import { request as requestHttps } from 'node:https'
import { expect, it } from 'vitest'
import { OTHER_CERTIFICATE, OTHER_KEY, TEST_AUTHORITY } from '../../../support/certificate.ts'
import { FederationPeer } from '../../../support/federation-peer/peer.ts'
import { ownAddress, startFederation, writeTlsFiles } from '../../../support/federation-servers.ts'
import { startHomeserver } from '../../../support/homeserver.ts'
import { command } from '../../../support/operator.ts'
import { TlsSite } from './tls-site.ts'

const PROFILE = '/_matrix/federation/v1/query/profile?user_id=%40nobody%3Afirst.example'

const get = (address: string, path: string, servername = 'first.example'): Promise<number> => {
  const [host = '', port = ''] = address.split(':')
  return new Promise((resolve, reject) => {
    const request = requestHttps({ host, port, path, servername, ca: TEST_AUTHORITY, agent: false }, (response) => {
      response.resume()
      resolve(response.statusCode ?? 0)
    })
    request.on('error', reject)
    request.end()
  })
}

it('a server that can be reached and reaches back is good at each step', async () => {
  await using federation = await startFederation()
  const { ok, findings } = await command(federation.at(0), 'check-federation', { server: 'second.example' })
  expect(findings.map(({ text }: { text: string }) => text)).toEqual([
    expect.stringMatching(/^federation.addresses says that second.example is at 127\./),
    expect.stringMatching(/^127\.[\d.]+ port 8448 answers, with a certificate for second.example$/),
    expect.stringMatching(/^it signs with ed25519:\S+, good for another 24 hours at least$/),
    expect.stringMatching(/^its clock and ours are [01] s apart$/),
    expect.stringMatching(/^it takes our signature/),
  ])
  expect(ok).toBe(true)
})

it('a server that cannot reach back is said to be one', async () => {
  await using federation = await startFederation({
    route: (from, to, address) => (from === 'second.example' && to === 'first.example' ? '127.0.0.1:1' : address),
  })
  const { ok, findings } = await command(federation.at(0), 'check-federation', { server: 'second.example' })
  expect(findings.at(-1)).toEqual({
    ok: false,
    text: expect.stringMatching(/does not take our signature.*check-federation first.example/),
  })
  expect(ok).toBe(false)
})

it('a server that is not there, has another certificate, or answers nonsense is told apart', async () => {
  await using wrong = await TlsSite.start({ cert: OTHER_CERTIFICATE, key: OTHER_KEY, port: 0 })
  await using nonsense = await TlsSite.start({ port: 0 })
  nonsense.on('/_matrix/key/v2/server', (_request, response) => response.end('{}'))
  await using federation = await startFederation({
    names: ['first.example'],
    others: [
      { serverName: 'gone.servers.example', address: '127.0.0.1:1' },
      { serverName: 'wrong.servers.example', address: wrong.address },
      { serverName: 'nonsense.servers.example', address: nonsense.address },
    ],
    settings: { federation: { deny: ['denied.example'] } },
  })
  const wordsOf = async (server: string): Promise<string> => {
    const { ok, findings } = await command(federation.at(0), 'check-federation', { server })
    expect(ok).toBe(false)
    return findings.filter((one: { ok: boolean }) => !one.ok).map(({ text }: { text: string }) => text)[0]
  }
  expect(await wordsOf('gone.servers.example')).toMatch(/cannot be reached: nothing listens/)
  expect(await wordsOf('wrong.servers.example')).toMatch(/cannot be reached: its certificate/)
  expect(await wordsOf('nonsense.servers.example')).toMatch(/not signed by one of them/)
  expect(await wordsOf('denied.example')).toMatch(/settings do not let/)
  await expect(command(federation.at(0), 'check-federation', { server: 'no name' })).rejects.toThrow(/no server name/)
})

it('with its own name a server is told whether that leads to it', async () => {
  await using federation = await startFederation({
    route: (from, to, address) => (from === 'second.example' && to === 'second.example' ? '127.0.0.1:1' : address),
  })
  const own = await command(federation.at(0), 'check-federation', { server: 'first.example' })
  expect(own.findings.at(-1).text).toMatch(/it is this one/)
  expect(own.ok).toBe(true)
  expect((await command(federation.at(1), 'check-federation', { server: 'second.example' })).ok).toBe(false)
})

it('the federation port serves other servers and nobody else, with a certificate of its own', async () => {
  const tls = writeTlsFiles()
  const { host, port } = await ownAddress()
  const settings = {
    server: { name: 'first.example' },
    listen: { federationPort: port, federationHost: host, federationCert: tls.cert, federationKey: tls.key },
    federation: { delegatedTo: 'first.example:443' },
  }
  await using server = await startHomeserver({ settings })
  const at = `${host}:${port}`
  const statuses = async (...paths: string[]) => Promise.all(paths.map((path) => get(at, path)))
  expect(
    await statuses('/_matrix/key/v2/server', '/_matrix/federation/v1/version', '/.well-known/matrix/server'),
  ).toEqual([200, 200, 200])
  expect(await statuses(PROFILE)).toEqual([401])
  expect(await statuses('/_matrix/client/versions', '/', '/_matrix/client/v3/login', '/_matrix/keys')).toEqual([
    404, 404, 404, 404,
  ])
  expect((await fetch(`${server.url}/_matrix/client/versions`)).status).toBe(200)
  tls.discard()
})

it('one server has one budget for all that it asks', async () => {
  await using peer = await FederationPeer.start()
  await using other = await FederationPeer.start({ name: 'other-peer.example' })
  await using federation = await startFederation({
    names: ['first.example'],
    others: [peer, other].map(({ name, address }) => ({ serverName: name, address })),
    settings: { rateLimits: { enabled: true, federation: '3/60s' } },
  })
  for (const one of [peer, other]) one.knows('first.example', federation.places[0]?.address ?? '')
  const ask = async (one: FederationPeer, uri = PROFILE) => (await one.request('first.example', { uri })).status
  const directory = '/_matrix/federation/v1/query/directory?room_alias=%23a%3Afirst.example'
  expect([await ask(peer), await ask(peer, directory), await ask(peer)]).toEqual([404, 404, 404])
  const refused = await peer.request('first.example', { uri: directory })
  expect([refused.status, refused.body.errcode]).toEqual([429, 'M_LIMIT_EXCEEDED'])
  expect(await ask(other)).toBe(404)
})

it('metrics tell of each destination', async () => {
  const { host, port } = await ownAddress()
  await using federation = await startFederation({
    others: [{ serverName: 'gone.servers.example', address: '127.0.0.1:1' }],
    settingsOf: { 'first.example': { listen: { metricsPort: port, metricsHost: host } } },
  })
  const alice = await federation.at(0).register('alice')
  for (const server of ['second.example', 'gone.servers.example'])
    await alice.request('GET', `/v3/directory/room/${encodeURIComponent(`#x:${server}`)}`)
  const text = await (await fetch(`http://${host}:${port}/metrics`)).text()
  const valueIn = (name: string, destination: string) =>
    Number(new RegExp(`^homeroom_federation_${name}{destination="${destination}"} (\\S+)$`, 'm').exec(text)?.[1])
  expect(valueIn('requests_total', 'second.example')).toBeGreaterThan(0)
  expect(valueIn('failures_total', 'second.example')).toBe(0)
  expect(valueIn('last_success_seconds', 'second.example')).toBeGreaterThan(1e9)
  expect(valueIn('failures_total', 'gone.servers.example')).toBeGreaterThan(0)
  expect(valueIn('last_success_seconds', 'gone.servers.example')).toBe(0)
})
