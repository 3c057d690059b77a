import { gzipSync } from 'node:zlib'
import { expect, it } from 'vitest'
import type { ServerName } from '#spec'
import { OTHER_CERTIFICATE, OTHER_KEY, TEST_CERTIFICATE, TEST_KEY } from '../../../support/certificate.ts'
import { Network, type NetworkChanges, PATH } from './network.ts'
import { type Handler, TlsSite } from './tls-site.ts'

const start = async (changes: NetworkChanges & { readonly answer?: Handler } = {}) => {
  const { answer, ...settings } = changes
  const addresses = new Map<string, string>()
  const network = await Network.start({ addresses, ...settings })
  const site = await TlsSite.start({ port: 0 })
  addresses.set('peer.example', site.address)
  if (answer !== undefined) site.on(PATH, answer)
  return {
    ...{ network, site, addresses },
    ask: (request = {}) => network.ask('peer.example', request),
    [Symbol.asyncDispose]: async () => {
      await site[Symbol.asyncDispose]()
      await network[Symbol.asyncDispose]()
    },
  }
}

it('an answer that is packed is unpacked', async () => {
  await using world = await start({
    answer: ({ headers }, response) => {
      expect(headers['accept-encoding']).toBe('gzip')
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(gzipSync('{"a":1}'))
    },
  })
  expect(await world.ask()).toEqual({ a: 1 })
})

it('an answer that unpacks to far more than it is long is cut off', async () => {
  let sent = 0
  await using world = await start({
    answer: (_request, response) => {
      const packed = gzipSync(Buffer.alloc(64 * 1024 * 1024, 0x20))
      sent = packed.length
      response.writeHead(200, { 'Content-Encoding': 'gzip' }).end(packed)
    },
  })
  await expect(world.ask({ maxBytes: 1024 * 1024 })).rejects.toMatchObject({
    parts: { kind: 'bad-answer', reason: /longer than 1048576 bytes/ },
  })
  expect(sent).toBeLessThan(1024 * 1024)
})

it.each([
  ['no JSON', (response: Parameters<Handler>[1]) => response.end('<html>')],
  ['no UTF-8', (response: Parameters<Handler>[1]) => response.end(Buffer.from([0x22, 0xff, 0x22]))],
  ['JSON that is too deep', (response: Parameters<Handler>[1]) => response.end('['.repeat(10_000))],
  ['nothing', (response: Parameters<Handler>[1]) => response.end()],
  [
    'what claims to be packed and is not',
    (response: Parameters<Handler>[1]) => response.writeHead(200, { 'Content-Encoding': 'gzip' }).end('{"a":1}'),
  ],
  [
    'a redirect',
    (response: Parameters<Handler>[1]) => response.writeHead(302, { Location: 'https://127.0.0.1/' }).end(),
  ],
  ['a status of no meaning', (response: Parameters<Handler>[1]) => response.writeHead(299 + 400).end()],
])('an answer that is %s is a bad answer', async (_name, answer) => {
  await using world = await start({ answer: (_request, response) => answer(response) })
  await expect(world.ask()).rejects.toMatchObject({ parts: { kind: 'bad-answer', destination: 'peer.example' } })
  expect(world.site.asked.length).toBe(1)
})

it('a refusal has its status, its error code, and the time to wait', async () => {
  await using world = await start({
    answer: (_request, response) =>
      response.writeHead(429, { 'Retry-After': '7' }).end('{"errcode":"M_LIMIT_EXCEEDED","error":"slow"}'),
  })
  await expect(world.ask()).rejects.toMatchObject({
    parts: {
      ...{ kind: 'refused', status: 429, errcode: 'M_LIMIT_EXCEEDED', retryAfterMs: 7_000 },
      body: { errcode: 'M_LIMIT_EXCEEDED', error: 'slow' },
    },
  })
})

it('a refusal by a proxy has its status alone', async () => {
  await using world = await start({
    answer: (_request, response) => response.writeHead(502).end('x'.repeat(1024 * 1024)),
  })
  await expect(world.ask()).rejects.toMatchObject({ parts: { kind: 'refused', status: 502, errcode: undefined } })
})

it.each([
  ['does not begin', (_response: Parameters<Handler>[1]) => {}],
  ['does not end', (response: Parameters<Handler>[1]) => response.writeHead(200).write('{"a":')],
])('an answer that %s is given up after the time of the request', async (_name, answer) => {
  let arrived: (() => void) | undefined
  const arrival = new Promise<void>((come) => {
    arrived = come
  })
  await using world = await start({
    answer: (_request, response) => {
      answer(response)
      arrived?.()
    },
  })
  const asked = expect(world.ask({ timeoutMs: 5_000 })).rejects.toMatchObject({
    parts: { kind: 'unreachable', reason: 'no answer in time' },
  })
  await arrival
  world.network.clock.advance(5_000)
  await asked
})

it('a connection that is cut amid the answer is no answer', async () => {
  await using world = await start({
    answer: (_request, response) => {
      response.writeHead(200, { 'Content-Length': '100' }).write('{"a":1')
      response.socket?.destroy()
    },
  })
  await expect(world.ask()).rejects.toMatchObject({ parts: { kind: 'unreachable' } })
})

it('headers without end are cut off', async () => {
  await using world = await start({
    answer: (_request, response) => response.writeHead(200, { 'X-Long': 'x'.repeat(60_000) }).end('{}'),
  })
  await expect(world.ask()).rejects.toMatchObject({ parts: { kind: 'unreachable' } })
})

it('connections are kept and used again, also one that the other side has closed meanwhile', async () => {
  await using world = await start()
  await world.ask()
  await world.ask()
  expect(world.site.connections).toBe(1)
  world.site.on(PATH, (_request, response) => response.end('{}', () => response.socket?.destroySoon()))
  await world.ask()
  world.site.handlers.clear()
  expect(await world.ask()).toMatchObject({ url: PATH })
  expect(world.site.connections).toBe(2)
})

it('a name that leads to a private address is not connected to', async () => {
  await using world = await start({ allowedNetworks: [] })
  const { network, site } = world
  network.name('peer.example', site.host)
  const reason = /private address/
  for (const server of [`peer.example:${site.port}`, 'other.example', site.address, '[::1]:8448', '10.0.0.1']) {
    world.addresses.clear()
    network.name('other.example')
    network.dns.services.set('_matrix._tcp.other.example', [{ port: site.port, target: 'peer.example' }])
    await expect(network.ask(server), server).rejects.toMatchObject({ parts: { kind: 'unreachable', reason } })
  }
  expect([site.connections, network.web.connections]).toEqual([0, 0])
})

it('of the addresses of a name those that are allowed are used', async () => {
  await using world = await start({ allowedNetworks: ['127.0.0.0/8'] })
  world.addresses.clear()
  world.network.name('peer.example', '10.0.0.1', world.site.host, '192.168.1.1')
  expect(await world.network.ask(`peer.example:${world.site.port}`)).toMatchObject({ url: PATH })
})

it('a name that leads to another address by the time of the connection is judged by that one', async () => {
  await using world = await start({ allowedNetworks: ['127.0.0.0/8'] })
  world.addresses.clear()
  const { network, site } = world
  network.dns.names.set('peer.example', [[site.host], ['10.0.0.1']])
  const server = `peer.example:${site.port}`
  await network.ask(server)
  // The name is asked anew after its time, and a new connection is made.
  network.clock.advance(3_600_000)
  site.on(PATH, (_request, response) => response.end('{}', () => response.socket?.destroySoon()))
  await network.ask(server).catch(() => {})
  await expect(network.ask(server)).rejects.toMatchObject({ parts: { reason: /private address/ } })
})

it.each([
  ['of an authority that is not known', TEST_CERTIFICATE, TEST_KEY, /authority that is not trusted/],
  ['for another name', OTHER_CERTIFICATE, OTHER_KEY, /for another host/],
])('a certificate %s is refused', async (_name, cert, key, reason) => {
  await using world = await start()
  await using other = await TlsSite.start({ cert, key, port: 0 })
  world.addresses.set('peer.example', other.address)
  await expect(world.ask()).rejects.toMatchObject({ parts: { kind: 'unreachable', reason } })
  expect(other.asked).toEqual([])
})

it('where no name server answers, questions fail soon, and at once for a while', async () => {
  await using world = await start({ dnsServers: ['127.0.0.1:1'] })
  const begun = performance.now()
  for (let times = 0; times < 5; times++)
    await expect(world.network.ask('unknown.example')).rejects.toMatchObject({ parts: { kind: 'unreachable' } })
  expect(performance.now() - begun).toBeLessThan(5_000)
})

it('names of the hosts file are not asked of name servers', async () => {
  const hosts = new Map([['peer.example', [{ address: '127.0.0.1', family: 4 }]]])
  await using world = await start({ hosts })
  await using site = await TlsSite.start({ host: '127.0.0.1', port: 0 })
  world.addresses.clear()
  expect(await world.network.ask(`peer.example:${site.port}`)).toMatchObject({ sni: 'peer.example' })
  expect(world.network.dns.asked).toEqual([])
})

it('servers that this one does not talk with are not even looked up', async () => {
  await using world = await start({ allows: () => false })
  await expect(world.ask()).rejects.toMatchObject({ parts: { kind: 'not-allowed' } })
  expect([world.site.connections, world.network.dns.asked]).toEqual([0, []])
})

it('a streamed answer is read as it comes, up to its limit, and its connection ends with the reader', async () => {
  let closed: (() => void) | undefined
  const end = new Promise<void>((over) => {
    closed = over
  })
  await using world = await start({
    answer: (_request, response) => {
      response.on('close', () => closed?.())
      response.writeHead(200, { 'Content-Type': 'application/x' }).write('one')
    },
  })
  const stream = await world.network.client.stream('peer.example' as ServerName, { method: 'GET', path: PATH })
  expect(stream.contentType).toBe('application/x')
  for await (const bytes of stream.bytes) {
    expect(Buffer.from(bytes).toString()).toBe('one')
    break
  }
  await end
})
