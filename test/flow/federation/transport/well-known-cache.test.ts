import { expect, it } from 'vitest'
import { Network, PATH } from './network.ts'
import { TlsSite } from './tls-site.ts'

const HOUR_MS = 3_600_000
const WELL_KNOWN = '/.well-known/matrix/server'

const start = async () => {
  const network = await Network.start()
  const site = await TlsSite.start({ port: 0 })
  const fallback = await TlsSite.start()
  // The name leads to two hosts in one: the web server, and a server at 8448 for when nothing is delegated.
  network.name('peer.example')
  network.name('target.example', fallback.host)
  network.name('first.example', site.host)
  network.dns.services.set('_matrix._tcp.peer.example', [{ port: fallback.port, target: 'target.example' }])
  const to = `first.example:${site.port}`
  return {
    network,
    site,
    fallback,
    to,
    /** The place that the request reached. */
    ask: async () => {
      const before = site.asked.length
      await network.ask('peer.example')
      return site.asked.length > before ? 'delegated' : 'not delegated'
    },
    times: () => network.web.times(WELL_KNOWN),
    [Symbol.asyncDispose]: async () => {
      await site[Symbol.asyncDispose]()
      await fallback[Symbol.asyncDispose]()
      await network[Symbol.asyncDispose]()
    },
  }
}

it('a delegation is kept for a day where nothing is said', async () => {
  await using world = await start()
  world.network.web.delegate({ 'm.server': world.to })
  expect(await world.ask()).toBe('delegated')
  world.network.clock.advance(17 * HOUR_MS)
  expect(await world.ask()).toBe('delegated')
  expect(world.times()).toBe(1)
  world.network.clock.advance(10 * HOUR_MS)
  expect(await world.ask()).toBe('delegated')
  expect(world.times()).toBe(2)
})

it('many who ask at once cause one request', async () => {
  await using world = await start()
  world.network.web.delegate({ 'm.server': world.to })
  await Promise.all(Array.from({ length: 10 }, () => world.network.ask('peer.example')))
  expect([world.times(), world.site.asked.length]).toEqual([1, 10])
})

it.each([
  ['as long as it says', { 'Cache-Control': 'public, max-age=7200' }, 1.7 * HOUR_MS, 0.9 * HOUR_MS],
  ['at least five minutes', { 'Cache-Control': 'max-age=1' }, 180_000, 240_000],
  ['five minutes where it shall not be kept', { 'Cache-Control': 'no-store' }, 180_000, 240_000],
  ['two days at most', { 'Cache-Control': 'max-age=99999999' }, 33 * HOUR_MS, 22 * HOUR_MS],
  [
    'until it expires',
    { Expires: 'Wed, 21 Oct 2026 09:00:00 GMT', Date: 'Wed, 21 Oct 2026 07:00:00 GMT' },
    1.3 * HOUR_MS,
    1.3 * HOUR_MS,
  ],
])('a delegation is kept %s', async (_name, headers, keptMs, overMs) => {
  await using world = await start()
  world.network.web.delegate({ 'm.server': world.to }, headers)
  await world.ask()
  world.network.clock.advance(keptMs * 0.8)
  await world.ask()
  expect(world.times()).toBe(1)
  world.network.clock.advance(overMs + keptMs * 0.2)
  await world.ask()
  expect(world.times()).toBe(2)
})

it('near its end it is fetched anew while the old one is used', async () => {
  await using world = await start()
  world.network.web.delegate({ 'm.server': world.to }, { 'Cache-Control': 'max-age=36000' })
  await world.ask()
  let answered: (() => void) | undefined
  const held = new Promise<void>((arrived) => {
    world.network.web.on(WELL_KNOWN, (_request, response) => {
      answered = () => response.end(JSON.stringify({ 'm.server': world.to }))
      arrived()
    })
  })
  world.network.clock.advance(8.85 * HOUR_MS)
  expect(await world.ask()).toBe('delegated')
  await held
  answered?.()
  expect(world.times()).toBe(2)
})

it.each([
  ['no JSON', 'nonsense', 200],
  ['no object', '[1]', 200],
  ['no name', { 'm.server': 17 }, 200],
  ['a name that is none', { 'm.server': 'https://x.example/' }, 200],
  ['nothing there', 'not found', 404],
  ['more than 50 KiB', { 'm.server': 'first.example:1', pad: 'x'.repeat(60_000) }, 200],
])('an answer that does not count (%s) delegates to nobody, for an hour', async (_name, answer, status) => {
  await using world = await start()
  world.network.web.delegate(answer, {}, status)
  expect(await world.ask()).toBe('not delegated')
  world.network.web.delegate({ 'm.server': world.to })
  world.network.clock.advance(0.85 * HOUR_MS)
  expect(await world.ask()).toBe('not delegated')
  world.network.clock.advance(0.3 * HOUR_MS)
  expect(await world.ask()).toBe('delegated')
  expect(world.times()).toBe(2)
})

it('a host in trouble is asked again soon, and later each time', async () => {
  await using world = await start()
  world.network.web.delegate('trouble', {}, 502)
  expect(await world.ask()).toBe('not delegated')
  world.network.clock.advance(100_000)
  await world.ask()
  expect(world.times()).toBe(1)
  world.network.clock.advance(40_000)
  await world.ask()
  expect(world.times()).toBe(2)
  // Twice as long now.
  world.network.clock.advance(140_000)
  await world.ask()
  expect(world.times()).toBe(2)
  world.network.web.delegate({ 'm.server': world.to })
  world.network.clock.advance(140_000)
  expect(await world.ask()).toBe('delegated')
})

it('a host in trouble that was well until not long ago keeps its delegation', async () => {
  await using world = await start()
  world.network.web.delegate({ 'm.server': world.to }, { 'Cache-Control': 'max-age=3600' })
  await world.ask()
  world.network.web.delegate('trouble', {}, 503)
  world.network.clock.advance(1.2 * HOUR_MS)
  expect(await world.ask()).toBe('delegated')
  expect(world.times()).toBe(2)
  world.network.clock.advance(3 * HOUR_MS)
  expect(await world.ask()).toBe('not delegated')
})

it('redirects of the page are followed, each checked', async () => {
  await using world = await start()
  const { web } = world.network
  const elsewhere = `https://second.example:${web.port}/page`
  world.network.name('second.example')
  web.on(WELL_KNOWN, (_request, response) => response.writeHead(302, { Location: elsewhere }).end())
  web.on('/page', (_request, response) => response.end(JSON.stringify({ 'm.server': world.to })))
  expect(await world.ask()).toBe('delegated')
  expect(web.asked.map(({ url, sni }) => [url, sni])).toEqual([
    [WELL_KNOWN, 'peer.example'],
    ['/page', 'second.example'],
  ])
})

it.each([
  ['plain http', () => 'http://second.example/'],
  ['itself', () => WELL_KNOWN],
  ['a private address', () => 'https://10.0.0.1/'],
  ['nothing', () => undefined],
])('a redirect to %s delegates to nobody', async (_name, location) => {
  await using world = await start()
  const to = location()
  world.network.web.on(WELL_KNOWN, (_request, response) =>
    response.writeHead(301, to === undefined ? {} : { Location: to }).end(),
  )
  expect(await world.ask()).toBe('not delegated')
  expect(world.times()).toBeLessThanOrEqual(6)
})

it('a page that never ends holds nobody up for longer than ten seconds', async () => {
  await using world = await start()
  const arrived = new Promise<void>((come) => {
    world.network.web.on(WELL_KNOWN, (_request, response) => {
      response.writeHead(200).write('{')
      come()
    })
  })
  const asked = world.ask()
  await arrived
  world.network.clock.advance(10_000)
  expect(await asked).toBe('not delegated')
})

it('a place that does not answer any more is looked up anew', async () => {
  await using world = await start()
  const { network } = world
  network.web.delegate({ 'm.server': world.to })
  await world.ask()
  await using moved = await TlsSite.start({ port: world.site.port })
  await world.site.close()
  network.name('first.example', moved.host)
  // The name is kept for longer than this test takes, but for its failure.
  await expect(network.ask('peer.example')).rejects.toMatchObject({ parts: { kind: 'unreachable' } })
  expect(await network.ask('peer.example')).toMatchObject({ url: PATH })
  expect(moved.asked.length).toBe(1)
})
