import { request as requestHttps } from 'node:https'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { TEST_AUTHORITY } from '../../../support/certificate.ts'
import { FederationPeer } from '../../../support/federation-peer/peer.ts'
import { authorizationOf } from '../../../support/federation-peer/x-matrix.ts'
import { type FederationServers, startFederation } from '../../../support/federation-servers.ts'
import { keyOf } from './network.ts'

const US = 'first.example'
const GET = '/_matrix/federation/v1/query/profile?user_id=%40nobody%3Afirst.example'
const POST = '/_matrix/federation/v1/user/keys/query'

describe('a request of another server', () => {
  let peer: FederationPeer
  let denied: FederationPeer
  let federation: FederationServers
  beforeAll(async () => {
    peer = await FederationPeer.start()
    denied = await FederationPeer.start({ name: 'hostile.example' })
    federation = await startFederation({
      names: [US],
      others: [peer, denied].map(({ name, address }) => ({ serverName: name, address })),
      settings: { federation: { deny: ['*hostile*'] } },
    })
    for (const one of [peer, denied]) one.knows(US, federation.places[0]?.address ?? '')
  })
  afterAll(async () => {
    await federation[Symbol.asyncDispose]()
    await peer[Symbol.asyncDispose]()
    await denied[Symbol.asyncDispose]()
  })

  const right = (changes = {}) =>
    authorizationOf({ method: 'GET', uri: GET, origin: peer.name, destination: US, ...changes }, peer.key)
  const sigOf = (header: string) => /sig="([^"]*)"/.exec(header)?.[1] ?? ''
  /** Whether it got as far as the handler, which knows no such user. */
  const statusOf = async (authorization: string | null) => {
    const { status, body } = await peer.request(US, { uri: GET, authorization })
    return `${status} ${body.errcode}`
  }
  const HEARD = '404 M_NOT_FOUND'
  const REFUSED = '401 M_UNAUTHORIZED'

  it('is heard with a right signature', async () => {
    expect(await statusOf(right())).toBe(HEARD)
  })

  it('is heard with a signature over its body, however that is written', async () => {
    const spaced = '{ "device_keys" : { "@nobody:first.example" : [ ] } }'
    const { status } = await peer.request(US, { method: 'POST', uri: POST, body: spaced })
    expect(status).toBe(200)
  })

  it('is heard with a long body, without holding up others', async () => {
    const device_keys = Object.fromEntries(Array.from({ length: 40_000 }, (_, n) => [`@u${n}:first.example`, []]))
    const { status, body } = await peer.request(US, { method: 'POST', uri: POST, body: { device_keys } })
    // Longer than what is taken there, or answered: either way the caller was known first, or the size before all.
    expect([200, 400, 413], JSON.stringify(body)).toContain(status)
  })

  it('is heard without a destination, as old servers send it', async () => {
    expect(await statusOf(right({ destination: undefined }))).toBe(HEARD)
  })

  it.each([
    ['without quotes', (o: string, k: string, s: string) => `X-Matrix origin=${o},destination=${US},key=${k},sig=${s}`],
    [
      'in another order',
      (o: string, k: string, s: string) => `X-Matrix sig="${s}",key="${k}",destination="${US}",origin="${o}"`,
    ],
    [
      'with white space',
      (o: string, k: string, s: string) =>
        `X-Matrix   origin = "${o}" , destination="${US}",\tkey="${k}" ,, sig="${s}" , `,
    ],
    [
      'with names in capitals',
      (o: string, k: string, s: string) => `x-matrix ORIGIN="${o}",Destination="${US}",KEY="${k}",Sig="${s}"`,
    ],
    [
      'with escapes',
      (o: string, k: string, s: string) => `X-Matrix origin="\\${o}",destination="${US}",key="${k}",sig="${s}"`,
    ],
    [
      'with more parameters',
      (o: string, k: string, s: string) => `X-Matrix origin="${o}",destination="${US}",new="x,y",key="${k}",sig="${s}"`,
    ],
  ])('is heard with its header %s', async (_name, write) => {
    expect(await statusOf(write(peer.name, peer.key.keyId, sigOf(right())))).toBe(HEARD)
  })

  it.each([
    ['none', () => null],
    ['an access token', () => 'Bearer abc'],
    ['no signature', () => `X-Matrix origin="peer.example",destination="${US}",key="ed25519:peer"`],
    ['a parameter twice', () => `${right()},origin="peer.example"`],
    ['another key id', () => right().replace('ed25519:peer', 'ed25519:other')],
    ['a key id of another algorithm', () => right().replace('ed25519:peer', 'rsa:peer')],
    ['a signature over another path', () => right({ uri: `${GET}&a=b` })],
    ['a signature over another method', () => right({ method: 'PUT' })],
    ['a signature over a body', () => right({ content: {} })],
    ['another destination', () => right({ destination: 'second.example' })],
    [
      'another destination that is not signed',
      () => right().replace(`destination="${US}"`, 'destination="second.example"'),
    ],
    ['no origin that could be one', () => right().replace('peer.example', 'peer example')],
    ['our own name', () => right({ origin: US })],
    ['a server that cannot be reached', () => right().replace('peer.example', 'peer.example:1')],
    ['a header that is far too long', () => `${right()},x="${'x'.repeat(5_000)}"`],
    ['quotes that do not close', () => right().slice(0, -1)],
  ])('is refused with %s', async (_name, header) => {
    expect(await statusOf(header())).toBe(REFUSED)
  })

  it('is refused if its body is not the one that was signed', async () => {
    const authorization = authorizationOf(
      { method: 'POST', uri: POST, origin: peer.name, destination: US, content: { device_keys: {} } },
      peer.key,
    )
    const body = { device_keys: { '@a:first.example': [] } }
    const { status } = await peer.request(US, { method: 'POST', uri: POST, body, authorization })
    expect(status).toBe(401)
  })

  it('is heard if one of several headers has a right signature, and refused if they name two servers', async () => {
    const other = right().replace('ed25519:peer', 'ed25519:newer')
    expect(await raw([other, right()])).toBe(404)
    expect(await raw([right({ origin: 'other-peer.example' }), right()])).toBe(401)
    expect(await raw([...Array.from({ length: 5 }, () => other), right()])).toBe(401)
  })

  it('is refused for a while from an address that names many servers whose keys nobody knows', async () => {
    const held: (() => void)[] = []
    await using slow = await FederationPeer.start({ name: 'other-peer.example' })
    slow.on('GET', '/_matrix/key/v2/server', async () => {
      await new Promise<void>((go) => held.push(go))
      return undefined
    })
    await using servers = await startFederation({
      names: ['second.example'],
      settings: { federation: { allowedNetworks: ['127.0.0.1'] } },
      others: Array.from({ length: 130 }, (_, at) => ({ serverName: `s${at}.servers.example`, address: slow.address })),
    })
    slow.knows('second.example', servers.places[0]?.address ?? '')
    const statuses = Array.from({ length: 130 }, async (_, at) => {
      const answer = await slow.request('second.example', { uri: GET, origin: `s${at}.servers.example` })
      return answer.status
    })
    const first = await Promise.race(statuses)
    expect(first).toBe(429)
    await expect.poll(() => held.length).toBe(16)
    await slow.close()
    const all = await Promise.all(statuses)
    expect(new Set(all)).toEqual(new Set([401, 429]))
  })

  it('is refused from a server that this one does not talk with, before anything is asked of that', async () => {
    const { status, body } = await denied.request(US, { uri: GET })
    expect([status, body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    expect(denied.received).toEqual([])
  })

  it('is refused with a key that everybody knows', async () => {
    const seed = 'YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1'
    await using known = await FederationPeer.start({ name: 'other-peer.example', seed })
    await using servers = await startFederation({
      names: ['second.example'],
      others: [{ serverName: known.name, address: known.address }],
    })
    known.knows('second.example', servers.places[0]?.address ?? '')
    const { status } = await known.request('second.example', { uri: GET })
    expect([status, known.received.length]).toEqual([401, 1])
  })

  /** The status of a request with these headers. */
  const raw = (authorization: string[]): Promise<number> => {
    const [host = '', port = ''] = (federation.places[0]?.address ?? '').split(':')
    const headers = ['host', US, ...authorization.flatMap((header) => ['authorization', header])]
    return new Promise((resolve, reject) => {
      const options = { host, port, path: GET, headers, ca: TEST_AUTHORITY, servername: US }
      const request = requestHttps(options, (response) => {
        response.resume()
        resolve(response.statusCode ?? 0)
      })
      request.on('error', reject)
      request.end()
    })
  }
})

it('a key of an example is refused as the key of this server', async () => {
  const signingKey = 'ed25519 a_1 YJDBA9Xnr2sVqXD9Vj7XVUnmFZcZrlw8Md7kMW+3XA1'
  await expect(startFederation({ names: [US], settings: { server: { signingKey } } })).rejects.toThrow(
    /everybody knows/,
  )
  expect(keyOf('x').publicKey).not.toBe('')
})
