import type { ServerResponse } from 'node:http'
import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { addressRule, isPrivateAddress, matchesAny } from '#net'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { type Fetched, fetchBytes, type MediaUser, mediaUser } from './fixture.ts'
import { previewsOfLoopback, Site } from './site.ts'

const ask = (user: MediaUser, url: string): Promise<Fetched> => user.get(`preview_url?url=${encodeURIComponent(url)}`)
const REFUSED = { status: 403, json: { errcode: 'M_FORBIDDEN' } }
const NO_ANSWER = { status: 502, json: { errcode: 'M_UNKNOWN' } }

describe('a server whose previews reach no private network', () => {
  let homeserver: TestHomeserver
  let site: Site
  let alice: MediaUser
  beforeAll(async () => {
    site = await Site.start()
    site.html('/', '<title>inside</title>')
    homeserver = await startHomeserver({ settings: { urlPreviews: { enabled: true, ports: [] } } })
    alice = await mediaUser(homeserver, 'alice')
  })
  afterAll(async () => {
    expect(site.asked).toEqual([])
    await homeserver.stop()
    await site[Symbol.asyncDispose]()
  })

  it.each([
    '127.0.0.1',
    '127.1',
    '0x7f.0.0.1',
    '2130706433',
    '0177.0.0.01',
    '0',
    '10.1.2.3',
    '100.64.0.1',
    '169.254.169.254',
    '172.31.255.255',
    '192.168.1.1',
    '198.18.0.1',
    '224.0.0.1',
    '255.255.255.255',
    '１２７.0.0.1',
    '[::]',
    '[::1]',
    '[::127.0.0.1]',
    '[::ffff:127.0.0.1]',
    '[::ffff:7f00:1]',
    '[::ffff:0:127.0.0.1]',
    '[64:ff9b::127.0.0.1]',
    '[64:ff9b:1::a00:1]',
    '[2002:7f00:1::]',
    '[2001:0:7f00:1::]',
    '[2001:db8::1]',
    '[3fff::1]',
    '[fc00::1]',
    '[fd12:3456::1]',
    '[fe80::1]',
    '[fec0::1]',
    '[ff02::1]',
    '[5f00::1]',
  ])('refuses the address %s', async (host) => {
    expect(await ask(alice, `http://${host}:${site.port}/`)).toMatchObject(REFUSED)
  })

  it('gets nothing by a name that leads inside, and does not tell that there is something', async () => {
    const inside = await ask(alice, site.url('/', 'localhost'))
    const nowhere = await ask(alice, 'http://no-such-name.invalid/')
    expect([inside, nowhere]).toMatchObject([NO_ANSWER, NO_ANSWER])
    expect(inside.json).toEqual(nowhere.json)
  })

  it.each(['ftp://example.org/', 'file:///etc/passwd', 'data:text/html,x', 'javascript:0', 'http://a:b@example.org/'])(
    'refuses %s',
    async (url) => expect(await ask(alice, url)).toMatchObject(REFUSED),
  )

  it.each(['', 'example.org', '//example.org', 'http://', 'http://[', `http://example.org/${'x'.repeat(2_000)}`])(
    'takes %s for no URL',
    async (url) => expect(await ask(alice, url)).toMatchObject({ status: 400, json: { errcode: 'M_INVALID_PARAM' } }),
  )

  it('wants a URL, a time that is one, and somebody who is no guest', async () => {
    expect(await alice.get('preview_url')).toMatchObject({ status: 400, json: { errcode: 'M_MISSING_PARAM' } })
    for (const ts of ['-1', 'x', '1.5'])
      expect((await alice.get(`preview_url?url=http://a.b/&ts=${ts}`)).status).toBe(400)
    for (const path of ['client/v1/media', 'media/v3', 'media/r0', 'media/v1']) {
      const nobody = await fetchBytes(homeserver, `/_matrix/${path}/preview_url?url=http://a.b/`)
      expect(nobody).toMatchObject({ status: 401, json: { errcode: 'M_MISSING_TOKEN' } })
    }
  })
})

describe('a server that may ask on loopback', () => {
  let homeserver: TestHomeserver
  let site: Site
  let alice: MediaUser
  const clock = new SteppedClock()
  beforeAll(async () => {
    site = await Site.start()
    const urlPreviews = {
      ...previewsOfLoopback,
      refusedUrls: ['http://127.0.0.1:*/private/*'],
      refusedNetworks: ['127.6.6.0/24'],
    }
    homeserver = await startHomeserver({ clock, settings: { urlPreviews } })
    alice = await mediaUser(homeserver, 'alice')
  })
  afterAll(async () => {
    await homeserver.stop()
    await site[Symbol.asyncDispose]()
  })

  it('follows five redirects, each checked like the first, and tells nothing of where they led', async () => {
    site.html('/end', '<title>end</title>')
    for (let left = 6; left > 0; left--)
      site.redirect(`/hop/${left}`, left === 1 ? '../end' : `/hop/${left - 1}`, [301, 302, 303, 307, 308][left % 5])
    expect((await ask(alice, site.url('/hop/5'))).json).toEqual({ 'og:title': 'end' })
    expect(await ask(alice, site.url('/hop/6'))).toMatchObject(NO_ANSWER)
    expect(await ask(alice, site.redirect('/loop', '/loop'))).toMatchObject(NO_ANSWER)
    expect(site.times('/loop')).toBe(6)
    site.html('/private/x', '<title>secret</title>')
    const inside = [
      'http://[::1]/',
      `http://127.6.6.6:${site.port}/end`,
      'ftp://example.org/',
      'http://x:y@127.0.0.1/',
      '/private/x',
      'http://[',
      'file:///etc/passwd',
      site.url('/end', '10.0.0.1'),
    ]
    for (const [index, to] of inside.entries())
      expect(await ask(alice, site.redirect(`/to/${index}`, to))).toMatchObject(NO_ANSWER)
    expect(site.times('/private/x')).toBe(0)
  })

  it('leaves out what the operator refuses', async () => {
    site.html('/private/y', '<title>secret</title>')
    expect(await ask(alice, site.url('/private/y'))).toMatchObject(REFUSED)
    expect(await ask(alice, site.url('/private/y', '127.6.6.7'))).toMatchObject(REFUSED)
    expect(site.times('/private/y')).toBe(0)
  })

  it('takes no other answer than 200, and does not ask again at once', async () => {
    site.pages.set('/teapot', (_, response) => response.writeHead(418).end('<title>teapot</title>'))
    for (let round = 0; round < 3; round++) expect(await ask(alice, site.url('/teapot'))).toMatchObject(NO_ANSWER)
    expect(site.times('/teapot')).toBe(1)
    site.html('/teapot', '<title>tea</title>')
    clock.advance(61_000)
    expect((await ask(alice, site.url('/teapot'))).json).toEqual({ 'og:title': 'tea' })
    for (const path of ['/cut', '/nothing']) {
      site.pages.set(path, (_, response) => response.socket?.destroy())
      expect(await ask(alice, site.url(path))).toMatchObject(NO_ANSWER)
    }
    site.pages.set('/strange', { type: 'text/html', body: 'x', headers: { 'content-encoding': 'zstd' } })
    expect(await ask(alice, site.url('/strange'))).toMatchObject(NO_ANSWER)
  })

  it('waits for no page longer than it may, be it silent or slow', async () => {
    const began: string[] = []
    const cut: string[] = []
    site.pages.set('/silent', (request) => {
      began.push('silent')
      request.socket.on('close', () => cut.push('silent'))
    })
    site.pages.set('/slow', (request, response) => {
      response.writeHead(200, { 'content-type': 'text/html' }).write('<title>slow')
      began.push('slow')
      request.socket.on('close', () => cut.push('slow'))
    })
    const answers = Promise.all([ask(alice, site.url('/silent')), ask(alice, site.url('/slow'))])
    while (began.length < 2) await alice.client.get('/v3/account/whoami')
    clock.advance(15_001)
    expect(await answers).toMatchObject([NO_ANSWER, NO_ANSWER])
    while (cut.length < 2) await alice.client.get('/v3/account/whoami')
    expect(cut.toSorted()).toEqual(['silent', 'slow'])
  })

  it('reads no more of an endless page than it needs, nor of an endless picture than it may', async () => {
    let sentBytes = 0
    const pour = (type: string, first: string) => (_: unknown, response: ServerResponse) => {
      response.writeHead(200, { 'content-type': type }).write(first)
      const more = (): void => {
        while (!response.destroyed && response.write(Buffer.alloc(65_536, '<b>'))) sentBytes += 65_536
        if (!response.destroyed) response.once('drain', more)
      }
      more()
    }
    site.pages.set('/endless', pour('text/html', '<title>endless</title>'))
    expect((await ask(alice, site.url('/endless'))).json).toEqual({ 'og:title': 'endless' })
    expect(sentBytes).toBeLessThan(16 * 1024 * 1024)
    site.pages.set('/endless.png', pour('image/png', '\x89PNG'))
    expect(await ask(alice, site.url('/endless.png'))).toMatchObject(NO_ANSWER)
    site.pages.set('/said', { type: 'image/png', body: '', headers: { 'content-length': '99999999999' } })
    expect(await ask(alice, site.url('/said'))).toMatchObject(NO_ANSWER)
  })

  it.each([
    ['deeply nested', `<title>t</title>${'<div>'.repeat(300_000)}`],
    ['of ends only', `<title>t</title>${'</div>'.repeat(300_000)}`],
    ['of one attribute', `<title>t</title><a href="${'x'.repeat(3_000_000)}`],
    ['of attributes', `<title>t</title><a ${'b=1 '.repeat(500_000)}`],
    ['of angles', `<title>t</title>${'<'.repeat(2_000_000)}`],
    ['of ampersands', `<title>t</title>${'&'.repeat(2_000_000)}`],
    ['of one comment', `<title>t</title><!--${'-'.repeat(2_000_000)}`],
    ['of one script', `<title>t</title><script>${'</scrip'.repeat(300_000)}`],
    ['of forms and lists', `<title>t</title>${'<form><p><li><option>'.repeat(100_000)}`],
    ['of metas', `<title>t</title>${'<meta name=a content=b>'.repeat(100_000)}`],
  ])('reads a page %s in a moment', async (_what, html) => {
    const before = performance.now()
    const { json } = await ask(alice, site.html(`/hostile/${html.length}`, html))
    expect(json['og:title']).toBe('t')
    expect(performance.now() - before).toBeLessThan(3_000)
  })

  it('does not stumble over whatever bytes a page is made of', async () => {
    let pages = 0
    const bits = fc.constantFrom(
      '<',
      '>',
      '/',
      '"',
      '=',
      'meta',
      'title',
      'property',
      'og:title',
      'content',
      '&#',
      ';',
      '\0',
      '\ud800',
      '<!',
      '--',
      'svg',
      'body',
      ' ',
    )
    await fc.assert(
      fc.asyncProperty(fc.array(fc.oneof(bits, fc.string({ unit: 'binary' })), { maxLength: 60 }), async (parts) => {
        const { status } = await ask(alice, site.html(`/fuzz/${pages++}`, parts.join(''), 'text/html'))
        expect(status).toBe(200)
      }),
      { numRuns: 60 },
    )
  })

  it('asks once however many want to know', async () => {
    site.html('/popular', '<title>popular</title>')
    const answers = await Promise.all(Array.from({ length: 12 }, () => ask(alice, site.url('/popular'))))
    expect(answers.every(({ json }) => json['og:title'] === 'popular')).toBe(true)
    expect(site.times('/popular')).toBe(1)
  })
})

describe('previews', () => {
  it('are off where nobody switches them on', async () => {
    await using homeserver = await startHomeserver()
    const alice = await mediaUser(homeserver, 'alice')
    expect(await ask(alice, 'http://example.org/')).toMatchObject({ status: 404, json: { errcode: 'M_UNRECOGNIZED' } })
  })

  it('are fetched only so often for one user, and only so many at a time', async () => {
    await using site = await Site.start()
    let [now, most] = [0, 0]
    for (let page = 0; page < 8; page++) {
      site.pages.set(`/${page}`, (_, response) => {
        most = Math.max(most, ++now)
        setImmediate(() =>
          response.writeHead(200, { 'content-type': 'text/html' }).end(`<title>${page}</title>`, () => now--),
        )
      })
    }
    const urlPreviews = { ...previewsOfLoopback, atOnce: 2 }
    const rateLimits = { enabled: true, urlPreview: '7/600s' }
    await using homeserver = await startHomeserver({ settings: { urlPreviews, rateLimits } })
    const alice = await mediaUser(homeserver, 'alice')
    const answers = await Promise.all([0, 1, 2, 3, 4, 5, 6].map((page) => ask(alice, site.url(`/${page}`))))
    expect(answers.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200, 200, 200])
    expect(most).toBeLessThanOrEqual(2)
    expect(await ask(alice, site.url('/7'))).toMatchObject({ status: 429, json: { errcode: 'M_LIMIT_EXCEEDED' } })
    expect((await ask(alice, site.url('/3'))).status).toBe(200)
    const bob = await mediaUser(homeserver, 'bob')
    expect((await ask(bob, site.url('/7'))).status).toBe(200)
  })

  it('end when the server stops', async () => {
    await using site = await Site.start()
    let began = false
    site.pages.set('/silent', () => {
      began = true
    })
    const homeserver = await startHomeserver({ settings: { urlPreviews: previewsOfLoopback } })
    const alice = await mediaUser(homeserver, 'alice')
    const waiting = ask(alice, site.url('/silent')).then(
      ({ status }) => status,
      () => 'cut off',
    )
    while (!began) await alice.client.get('/v3/account/whoami')
    const before = performance.now()
    await homeserver.stop()
    expect(performance.now() - before).toBeLessThan(5_000)
    expect([502, 503, 'cut off']).toContain(await waiting)
  })
})

it('addresses are public, private, allowed or refused, whatever their form', () => {
  const rule = addressRule(['10.1.0.0/16', 'fd00::1'], ['8.8.8.0/24'])
  expect(
    ['10.1.2.3', '1.1.1.1', 'fd00::1', '2606:4700::1111', '::ffff:10.1.2.3'].filter((address) => !rule.allows(address)),
  ).toEqual([])
  const refused = ['10.2.0.1', '8.8.8.8', '::ffff:8.8.8.8', 'fd00::2', 'example.org', '', '127.0.0.1']
  expect(refused.filter((address) => rule.allows(address))).toEqual([])
  const byte = fc.integer({ min: 0, max: 255 })
  fc.assert(
    fc.property(byte, byte, byte, (a, b, c) => {
      for (const [head, ipv4] of [
        [10, [10, a, b, c]],
        [127, [127, a, b, c]],
      ] as const) {
        expect(head).toBe(ipv4[0])
        const hex = ipv4.map((one) => one.toString(16).padStart(2, '0'))
        const [high, low] = [`${hex[0]}${hex[1]}`, `${hex[2]}${hex[3]}`]
        const forms = [
          ipv4.join('.'),
          `::ffff:${high}:${low}`,
          `::${high}:${low}`,
          `64:ff9b::${high}:${low}`,
          `2002:${high}:${low}::`,
          `::ffff:0:${high}:${low}`,
        ]
        expect(forms.filter((form) => !isPrivateAddress(form))).toEqual([])
      }
    }),
  )
})

it('patterns of URLs have stars, and take no time', () => {
  const is = (pattern: string, url: string) => matchesAny([pattern], new URL(url))
  expect(is('*.example.org', 'https://a.Example.org/x')).toBe(true)
  expect(is('*.example.org', 'https://example.org/')).toBe(false)
  expect(is('*.example.org', 'https://other.net/.example.org')).toBe(false)
  expect(is('https://*/private/*', 'https://a.b/private/x?y')).toBe(true)
  expect(is('https://*/private/*', 'http://a.b/private/x')).toBe(false)
  expect(is('https://a.b/', 'https://a.b/')).toBe(true)
  expect(is('*aa*a', 'http://aa/')).toBe(false)
  const before = performance.now()
  expect(is(`*://${'*a'.repeat(200)}b`, `http://x/${'a'.repeat(2_000)}`)).toBe(false)
  expect(performance.now() - before).toBeLessThan(200)
})
