import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { DnsServer } from '../../support/other-servers/dns-server.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { type Fetched, type MediaUser, mediaUser, picture, storedFiles } from './fixture.ts'
import { Site } from './site.ts'

const NO_ANSWER = { status: 502, json: { errcode: 'M_UNKNOWN', error: 'There is no preview of this URL' } }

describe('a name in a URL', () => {
  const clock = new SteppedClock()
  let dns: DnsServer
  let site: Site
  let homeserver: TestHomeserver
  let alice: MediaUser
  beforeAll(async () => {
    dns = await DnsServer.start()
    site = await Site.start()
    site.html('/', '<title>found</title>')
    const urlPreviews = { enabled: true, ports: [], allowedNetworks: ['127.0.0.1'], dnsServers: [dns.address] }
    homeserver = await startHomeserver({ clock, settings: { urlPreviews } })
    alice = await mediaUser(homeserver, 'alice')
  })
  afterAll(async () => {
    await homeserver.stop()
    await site[Symbol.asyncDispose]()
    await dns[Symbol.asyncDispose]()
  })
  const ask = (host: string, path = '/'): Promise<Fetched> =>
    alice.get(`preview_url?url=${encodeURIComponent(site.url(path, host))}`)

  it('is asked of the DNS server, once', async () => {
    dns.names.set('site.example', [['127.0.0.1']])
    expect((await ask('site.example')).json).toEqual({ 'og:title': 'found' })
    expect(dns.times('site.example')).toBe(1)
  })

  it.each([
    ['loopback beyond what is allowed', ['127.0.0.2']],
    ['a private network', ['10.0.0.1']],
    ['the data of a cloud', ['169.254.169.254']],
    ['a good and a private address', ['127.0.0.1', '192.168.0.1']],
    ['no address', []],
  ])('that leads to %s gets no answer', async (what, addresses) => {
    const name = `${what.replaceAll(' ', '-')}.example`
    const before = site.asked.length
    dns.names.set(name, [addresses])
    expect(await ask(name)).toMatchObject(NO_ANSWER)
    expect(site.asked.length).toBe(before)
  })

  it('gains nothing by leading elsewhere the second time', async () => {
    dns.names.set('rebind.example', [['127.0.0.1'], ['10.0.0.1']])
    expect((await ask('rebind.example')).json).toEqual({ 'og:title': 'found' })
    expect(dns.times('rebind.example')).toBe(1)
    // Checked anew for each connection: that of a redirect, too.
    dns.names.set('later.example', [['127.0.0.1'], ['127.0.0.2']])
    site.redirect('/again', site.url('/', 'later.example'))
    expect(await ask('later.example', '/again')).toMatchObject(NO_ANSWER)
    expect([dns.times('later.example'), site.times('/again')]).toEqual([2, 1])
  })

  it('is not asked where it is known to be none', async () => {
    expect(await ask('no.such.invalid')).toMatchObject(NO_ANSWER)
    // Leads to ::1 as well, which is not allowed here.
    expect(await ask('localhost')).toMatchObject(NO_ANSWER)
    expect(await ask('unknown.example')).toMatchObject(NO_ANSWER)
    expect(dns.asked).not.toEqual(expect.arrayContaining(['no.such.invalid']))
  })

  it('whose servers are silent holds up nobody else', async () => {
    const names = Array.from({ length: 7 }, (_, index) => `silent-${index}.example`)
    for (const name of names) dns.silent.add(name)
    const waiting = Promise.all(names.map((name) => ask(name)))
    while (names.some((name) => dns.times(name) === 0)) await alice.client.get('/v3/account/whoami')
    const id = await alice.upload(Buffer.from('meanwhile'))
    expect((await alice.get(`download/${id}`)).bytes.toString()).toBe('meanwhile')
    dns.names.set('quick.example', [['127.0.0.1']])
    expect((await ask('quick.example')).json).toEqual({ 'og:title': 'found' })
    clock.advance(15_001)
    for (const answer of await waiting) expect(answer).toMatchObject(NO_ANSWER)
  })
})

it('pictures of previews take only so much room', async () => {
  await using site = await Site.start()
  const urlPreviews = { enabled: true, ports: [], allowedNetworks: ['127.0.0.1'], storage: '1KiB' }
  await using homeserver = await startHomeserver({ settings: { urlPreviews } })
  const alice = await mediaUser(homeserver, 'alice')
  const images = await Promise.all([10, 20, 30, 40, 50, 60].map((side) => picture(side, side, 'jpeg')))
  let keptBytes = 0
  for (const [index, body] of images.entries()) {
    site.pages.set(`/${index}.png`, { type: 'image/png', body })
    const url = site.html(`/${index}`, `<title>${index}</title><meta property=og:image content=/${index}.png>`)
    const preview = await alice.client.get('/v1/media/preview_url', { url })
    expect(preview['og:title']).toBe(String(index))
    expect(preview['og:image'] !== undefined).toBe(keptBytes + body.length <= 1_024)
    keptBytes += Number(preview['matrix:image:size'] ?? 0)
  }
  const kept = storedFiles(homeserver).length
  expect([kept > 0, kept < images.length]).toEqual([true, true])
})
