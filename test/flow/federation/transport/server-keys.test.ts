import { afterEach, describe, expect, it } from 'vitest'
import { parseVerifyKey, type SigningKey, signJson, verifyJson } from '#rules'
import type { JsonObject } from '#spec'
import { POSTGRES } from '../../../contract/databases.ts'
import type { Json } from '../../../support/client.ts'
import { refusal, reply } from '../../../support/federation-peer/listener.ts'
import { FederationPeer } from '../../../support/federation-peer/peer.ts'
import { type FederationServers, type FederationSetup, startFederation } from '../../../support/federation-servers.ts'
import type { DatabaseKind } from '../../../support/homeserver.ts'
import { SteppedClock } from '../../../support/stepped-clock.ts'
import { keyOf } from './network.ts'

const US = 'first.example'
const DAY_MS = 24 * 3_600_000
const KEYS = '/_matrix/key/v2/server'
const QUERY = '/_matrix/key/v2/query'
const PROFILE = '/_matrix/federation/v1/query/profile?user_id=%40nobody%3Afirst.example'

const databases: readonly DatabaseKind[] = POSTGRES === undefined ? ['sqlite'] : ['sqlite', 'postgres']

describe.each(databases)('keys of other servers, on %s', (database) => {
  const open: AsyncDisposable[] = []
  afterEach(async () => {
    for (const one of open.splice(0).reverse()) await one[Symbol.asyncDispose]()
  })
  const peerNamed = async (name = 'peer.example'): Promise<FederationPeer> => {
    const peer = await FederationPeer.start({ name })
    open.push(peer)
    return peer
  }
  const start = async (peers: readonly FederationPeer[], setup: FederationSetup = {}) => {
    const clock = new SteppedClock()
    const federation = await startFederation({
      names: [US],
      database,
      setup: { clock },
      others: peers.map(({ name, address }) => ({ serverName: name, address })),
      ...setup,
    })
    open.push(federation)
    for (const peer of peers) peer.knows(US, federation.places[0]?.address ?? '')
    return { federation, clock }
  }
  /** Whether a request of the peer is heard. */
  const isHeard = async (peer: FederationPeer, key?: SigningKey): Promise<boolean> => {
    const { status } = await peer.request(US, { uri: PROFILE, ...(key === undefined ? {} : { key }) })
    expect([401, 404]).toContain(status)
    return status === 404
  }
  const fetches = (peer: FederationPeer) => peer.received.filter(({ path }) => path === KEYS).length
  const nowhere = (peer: FederationPeer) => peer.on('GET', KEYS, () => refusal(503, 'M_UNKNOWN'))

  it('are asked for once, and known after a restart when the server does not answer any more', async () => {
    const peer = await peerNamed()
    const { federation } = await start([peer])
    expect(await Promise.all(Array.from({ length: 5 }, () => isHeard(peer)))).toEqual(Array(5).fill(true))
    expect(fetches(peer)).toBe(1)
    nowhere(peer)
    await federation.at(0).restart()
    expect(await isHeard(peer)).toBe(true)
    expect(fetches(peer)).toBe(1)
  })

  it('count for no longer than the server vouches for them, and are then asked for anew', async () => {
    const peer = await peerNamed()
    const { clock } = await start([peer])
    expect(await isHeard(peer)).toBe(true)
    clock.advance(1.1 * DAY_MS)
    nowhere(peer)
    expect(await isHeard(peer)).toBe(false)
    peer.on('GET', KEYS, () => reply(peer.keys({ valid_until_ts: clock.nowMs() + DAY_MS })))
    // A server that did not answer is not asked again at once.
    expect(await isHeard(peer)).toBe(false)
    expect(fetches(peer)).toBe(2)
    clock.advance(60_000)
    expect(await isHeard(peer)).toBe(true)
  })

  it('count for seven days at most, whatever the server says', async () => {
    const peer = await peerNamed()
    const { clock } = await start([peer])
    peer.on('GET', KEYS, () => reply(peer.keys({ valid_until_ts: clock.nowMs() + 365 * DAY_MS })))
    expect(await isHeard(peer)).toBe(true)
    nowhere(peer)
    clock.advance(6.9 * DAY_MS)
    expect(await isHeard(peer)).toBe(true)
    clock.advance(0.2 * DAY_MS)
    expect(await isHeard(peer)).toBe(false)
  })

  it('do not count for requests once they are out of use', async () => {
    const peer = await peerNamed()
    const newer = keyOf(peer.name, Buffer.alloc(32, 7).toString('base64').slice(0, 43), 'ed25519:newer')
    const { clock } = await start([peer])
    expect(await isHeard(peer)).toBe(true)
    const expired_ts = clock.nowMs() - 1
    peer.on('GET', KEYS, () => {
      const told = {
        ...{ server_name: peer.name, valid_until_ts: clock.nowMs() + DAY_MS },
        verify_keys: { [newer.keyId]: { key: newer.publicKey } },
        old_verify_keys: { [peer.key.keyId]: { key: peer.key.publicKey, expired_ts } },
      }
      return reply(signed(told, newer))
    })
    clock.advance(60_000)
    expect(await isHeard(peer, newer)).toBe(true)
    expect(await isHeard(peer)).toBe(false)
  })

  it('are asked for at once where a server that answers signs with a new one, a few times in a minute', async () => {
    const peer = await peerNamed()
    const { clock } = await start([peer])
    expect(await isHeard(peer)).toBe(true)
    const [newer, ...unknown] = Array.from({ length: 8 }, (_, n) =>
      keyOf(
        peer.name,
        Buffer.alloc(32, n + 1)
          .toString('base64')
          .slice(0, 43),
        `ed25519:newer${n}`,
      ),
    )
    if (newer === undefined) throw new Error('no key')
    peer.on('GET', KEYS, () => {
      const verify_keys = { [newer.keyId]: { key: newer.publicKey } }
      const told = { server_name: peer.name, valid_until_ts: clock.nowMs() + DAY_MS, verify_keys, old_verify_keys: {} }
      return reply(signed(told, newer))
    })
    expect(await isHeard(peer, newer)).toBe(true)
    expect(fetches(peer)).toBe(2)
    for (const key of unknown) expect(await isHeard(peer, key)).toBe(false)
    expect(fetches(peer)).toBe(5)
    clock.advance(60_000)
    for (const key of unknown) expect(await isHeard(peer, key)).toBe(false)
    expect(fetches(peer)).toBe(10)
  })

  it('keep their bytes: a key id that comes with others is refused', async () => {
    const peer = await peerNamed()
    const forged = keyOf(peer.name, Buffer.alloc(32, 9).toString('base64').slice(0, 43), peer.key.keyId)
    const { clock } = await start([peer])
    expect(await isHeard(peer)).toBe(true)
    peer.on('GET', KEYS, () => {
      const verify_keys = { [forged.keyId]: { key: forged.publicKey } }
      const told = { server_name: peer.name, valid_until_ts: clock.nowMs() + DAY_MS, verify_keys, old_verify_keys: {} }
      return reply(signed(told, forged))
    })
    clock.advance(2 * DAY_MS)
    expect(await isHeard(peer, forged)).toBe(false)
    expect(fetches(peer)).toBe(2)
  })

  it.each([
    ['for another server', (peer: FederationPeer) => peer.keys({ server_name: 'other-peer.example' })],
    ['not signed', (peer: FederationPeer) => ({ ...peer.keys(), signatures: {} })],
    ['changed after it was signed', (peer: FederationPeer) => ({ ...peer.keys(), more: 1 })],
    ['without keys', (peer: FederationPeer) => peer.keys({ verify_keys: {} })],
    ['without an end', (peer: FederationPeer) => peer.keys({ valid_until_ts: 'tomorrow' })],
    ['over', (peer: FederationPeer) => peer.keys({ valid_until_ts: 1 })],
    ['far too long', (peer: FederationPeer) => peer.keys({ pad: Array.from({ length: 20 }, () => 'x'.repeat(1_000)) })],
    [
      'with hundreds of keys',
      (peer: FederationPeer) => {
        const many = Array.from({ length: 300 }, (_, at) => [`ed25519:k${at}`, { key: peer.key.publicKey }])
        return peer.keys({ verify_keys: Object.fromEntries([...many, ['ed25519:peer', { key: peer.key.publicKey }]]) })
      },
    ],
    ['no object', () => 17],
  ])('are not taken from an answer that is %s', async (_name, answer) => {
    const peer = await peerNamed()
    peer.on('GET', KEYS, () => reply(answer(peer)))
    await start([peer])
    expect(await isHeard(peer)).toBe(false)
    expect(fetches(peer)).toBe(1)
  })

  it('may come from a notary where the server itself does not answer', async () => {
    const [peer, notary] = [await peerNamed(), await peerNamed('notary.servers.example')]
    nowhere(peer)
    notary.on('POST', QUERY, ({ body }) => {
      expect(body.server_keys[peer.name]).toHaveProperty([peer.key.keyId, 'minimum_valid_until_ts'])
      return reply({ server_keys: [signed(peer.keys(), notary.key)] })
    })
    await start([peer, notary], { settings: { federation: { keyServers: [notary.name] } } })
    expect(await isHeard(peer)).toBe(true)
  })

  it.each([
    ['does not sign', (peer: FederationPeer) => ({ server_keys: [peer.keys()] })],
    [
      'answers for another server',
      (_peer: FederationPeer, notary: FederationPeer) => ({ server_keys: [notary.keys()] }),
    ],
    [
      'makes up a key',
      (peer: FederationPeer, notary: FederationPeer) => {
        const told = { server_name: peer.name, valid_until_ts: Date.now() + DAY_MS, old_verify_keys: {} }
        const verify_keys = { [peer.key.keyId]: { key: peer.key.publicKey } }
        return { server_keys: [signed({ ...told, verify_keys }, notary.key)] }
      },
    ],
    ['answers nonsense', () => ({ server_keys: [17, null, [], {}] })],
    ['answers nothing', () => ({})],
  ])('do not come from a notary that %s', async (_name, answer) => {
    const [peer, notary] = [await peerNamed(), await peerNamed('notary.servers.example')]
    nowhere(peer)
    notary.on('POST', QUERY, () => reply(answer(peer, notary)))
    await start([peer, notary], { settings: { federation: { keyServers: [notary.name] } } })
    expect(await isHeard(peer)).toBe(false)
    expect(notary.received.some(({ path }) => path === QUERY)).toBe(true)
  })

  it('are told to others with a signature of this server, also when their server is gone', async () => {
    const peer = await peerNamed()
    const { federation, clock } = await start([peer])
    const ours = await ownKey(federation)
    const client = federation.at(0).client()
    const ask = async (path: string): Promise<readonly Json[]> => (await client.get(path)).server_keys
    const [told] = await ask(`${QUERY}/${peer.name}`)
    expect(told).toMatchObject({
      server_name: peer.name,
      verify_keys: { [peer.key.keyId]: { key: peer.key.publicKey } },
    })
    for (const key of [peer.key, ours])
      expect(verifyJson(told, key.serverName, key.keyId, verifier(key.publicKey)), key.serverName).toBe(true)
    nowhere(peer)
    expect(await ask(`${QUERY}/${peer.name}/${encodeURIComponent(peer.key.keyId)}`)).toHaveLength(1)
    expect(fetches(peer)).toBe(1)
    // A newer answer is asked for, and the old one told where there is none.
    clock.advance(60_000)
    expect(await ask(`${QUERY}/${peer.name}?minimum_valid_until_ts=${clock.nowMs() + 3 * DAY_MS}`)).toHaveLength(1)
    expect(fetches(peer)).toBe(2)
    expect(await ask(`${QUERY}/${peer.name}/ed25519%3Aunknown`)).toEqual([])
  })

  it('are told for many servers at once, those that are not known left out, ours among them', async () => {
    const peer = await peerNamed()
    const { federation } = await start([peer])
    const server_keys = { [peer.name]: {}, [US]: {}, 'unknown.servers.example:1': {} }
    const answer = await federation.at(0).client().post(QUERY, { server_keys })
    expect(answer.server_keys.map((one: Json) => one.server_name).sort()).toEqual([US, peer.name].sort())
  })

  it('are not told where the question is none', async () => {
    const { federation } = await start([])
    const client = federation.at(0).client()
    const statusOf = async (body: unknown) => (await client.request('POST', QUERY, { body })).status
    const many = Object.fromEntries(Array.from({ length: 201 }, (_, at) => [`s${at}.example`, {}]))
    for (const body of [
      {},
      { server_keys: [] },
      { server_keys: { x: 1 } },
      { server_keys: { 'no name': {} } },
      { server_keys: many },
    ])
      expect(await statusOf(body), JSON.stringify(body).slice(0, 80)).toBe(400)
    expect((await client.request('GET', `${QUERY}/no%20name`)).status).toBe(400)
    expect((await client.request('GET', `${QUERY}/a.example?minimum_valid_until_ts=x`)).status).toBe(400)
  })

  it('of this server itself are published with those that it had before', async () => {
    const before = keyOf(US)
    const oldSigningKeys = [`ed25519:before ${before.publicKey} 1700000000000`]
    const { federation } = await start([], { settings: { server: { oldSigningKeys } } })
    expect(await federation.at(0).client().get(KEYS)).toMatchObject({
      old_verify_keys: { 'ed25519:before': { key: before.publicKey, expired_ts: 1_700_000_000_000 } },
    })
  })
})

const signed = (object: JsonObject, key: SigningKey): JsonObject => {
  const made = signJson(object, key)
  if (!made.ok) throw new Error(made.failure.reason)
  return made.value
}

const verifier = (publicKey: string) => {
  const key = parseVerifyKey(publicKey)
  if (key === undefined) throw new Error('no key')
  return key
}

const ownKey = async (federation: FederationServers) => {
  const { verify_keys } = await federation.at(0).client().get(KEYS)
  const [[keyId, { key }] = ['', { key: '' }]] = Object.entries<{ key: string }>(verify_keys)
  return { serverName: US, keyId, publicKey: key }
}
