import { gzipSync } from 'node:zlib'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver, startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'
import { type MediaUser, mediaUser, picture, storedFiles } from './fixture.ts'
import { previewsOfLoopback, Site } from './site.ts'

const settings = { urlPreviews: previewsOfLoopback }
const previewOf = (user: MediaUser, url: string, ts?: number): Promise<Json> =>
  user.client.get('/v1/media/preview_url', { url, ts })
const ROCK = `<html prefix="og: http://ogp.me/ns#"><head><title>The Rock (1996)</title>
<meta property="og:title" content="The Rock" /><meta property="og:type" content="video.movie" />
<meta property="og:url" content="http://www.imdb.com/title/tt0117500/" />
<meta property="og:image" content="rock.png" /><meta property="og:image:width" content="9" /></head><body></body></html>`

onEveryHomeserver('a preview of a URL', (start) => {
  it('tells what the page says of itself, with its picture as a media, and is kept', async () => {
    await using site = await Site.start()
    await using homeserver = await start({ settings })
    const alice = await mediaUser(homeserver, 'alice')
    const image = await picture(279, 129)
    site.html('/films/rock.html', ROCK)
    site.pages.set('/films/rock.png', { type: 'image/x-wrong', body: image })
    const preview = await previewOf(alice, site.url('/films/rock.html#cast'))
    expect(preview).toEqual({
      'og:title': 'The Rock',
      'og:type': 'video.movie',
      'og:url': 'http://www.imdb.com/title/tt0117500/',
      'og:image': expect.stringMatching(/^mxc:\/\/localhost\/[A-Za-z0-9]{24}$/),
      'og:image:type': 'image/png',
      'og:image:width': 279,
      'og:image:height': 129,
      'matrix:image:size': image.length,
    })
    const id = String(preview['og:image']).slice('mxc://'.length)
    const found = await alice.get(`download/${id}`)
    expect([found.bytes.equals(image), found.headers.get('content-type')]).toEqual([true, 'image/png'])
    expect((await alice.get(`thumbnail/${id}?width=32&height=32&method=crop`)).status).toBe(200)
    await homeserver.restart()
    expect(await previewOf(alice, site.url('/films/rock.html'))).toEqual(preview)
    for (const version of ['v3', 'r0', 'v1']) {
      const query = { url: site.url('/films/rock.html') }
      expect(await alice.client.get(`/_matrix/media/${version}/preview_url`, query)).toEqual(preview)
    }
    expect([site.times('/films/rock.html'), site.times('/films/rock.png')]).toEqual([1, 1])
    expect(site.agents[0]).toMatch(/^Homeroom\/[\d.]+ \(bot; .*localhost\)$/)
  })

  it('is fetched again after its time, given as of another time where that is known, and goes with its picture', async () => {
    const clock = new SteppedClock()
    await using site = await Site.start()
    await using homeserver = await start({ clock, settings })
    const alice = await mediaUser(homeserver, 'alice')
    const image = await picture(40, 40)
    site.pages.set('/a.png', { type: 'image/png', body: image })
    const page = (title: string) => site.html('/', `<title>${title}</title><meta property=og:image content=/a.png>`)
    const url = page('first')
    const begin = clock.nowMs()
    const first = await previewOf(alice, url)
    const id = String(first['og:image']).slice('mxc://'.length)
    page('second')
    clock.advance(59 * 60_000)
    expect(await previewOf(alice, url)).toEqual(first)
    clock.advance(2 * 60_000)
    expect(await previewOf(alice, url)).toMatchObject({ 'og:title': 'second' })
    expect(await previewOf(alice, url, begin + 30_000)).toEqual(first)
    expect(await previewOf(alice, url, begin - 1)).toMatchObject({ 'og:title': 'second' })
    expect(await previewOf(alice, url, clock.nowMs() + 1_000_000_000)).toMatchObject({ 'og:title': 'second' })
    expect(site.times('/')).toBe(2)
    expect(storedFiles(homeserver)).toHaveLength(1)
    const own = await alice.upload(await picture(41, 41))
    clock.advance(8 * 86_400_000)
    await homeserver.restart()
    while (storedFiles(homeserver).length > 1) await alice.client.get('/v3/account/whoami')
    expect(await alice.get(`download/${id}`)).toMatchObject({ status: 404 })
    expect((await alice.get(`download/${own}`)).status).toBe(200)
    expect(await previewOf(alice, url, begin + 30_000)).toMatchObject({ 'og:title': 'second' })
  })
})

describe('a preview', () => {
  let homeserver: TestHomeserver
  let site: Site
  let alice: MediaUser
  beforeAll(async () => {
    site = await Site.start()
    homeserver = await startHomeserver({ settings })
    alice = await mediaUser(homeserver, 'alice')
  })
  afterAll(async () => {
    await homeserver.stop()
    await site[Symbol.asyncDispose]()
  })
  let pages = 0
  const ofPage = (body: string | Uint8Array, type?: string): Promise<Json> =>
    previewOf(alice, site.html(`/page/${pages++}`, body, type))

  it.each([
    ['the name of the page', '<title>A &amp; B</title>', { 'og:title': 'A & B' }],
    ['a page without head', '<meta name=description content="  d\n e ">x', { 'og:description': 'd e' }],
    ['its heading', '<body><h1>Big <b>news</b></h1></body>', { 'og:title': 'Big news' }],
    [
      'a card',
      '<meta name="twitter:title" content="T"><meta name="twitter:description" content="D">',
      { 'og:title': 'T', 'og:description': 'D' },
    ],
    [
      'what was said first',
      '<meta property=og:title content=1><meta property=og:title content=2>',
      { 'og:title': '1' },
    ],
    [
      'its own words',
      '<script>no()</script><nav>Home</nav><p>One.</p><p>Two <i>th</i>ree.<style>p{}</style></p>',
      { 'og:description': 'One. Two three.' },
    ],
    [
      'the name of the page and not of a drawing',
      '<svg><title>icon</title></svg><title>page</title>',
      { 'og:title': 'page' },
    ],
    ['nothing', '', {}],
    [
      'nothing of ours',
      '<meta property="matrix:image:size" content="1"><meta property=og:image:width content=2><meta property=x content=y>',
      {},
    ],
  ])('says %s', async (_what, html, wanted) => {
    const preview = await ofPage(html)
    const { 'og:description': description, ...rest } = wanted as Record<string, string>
    expect(preview).toMatchObject(rest)
    if (description !== undefined) expect(preview['og:description']).toBe(description)
    expect(Object.keys(preview).filter((key) => key.includes('image'))).toEqual([])
    if (Object.keys(wanted).length === 0) expect(preview).toEqual({})
  })

  it.each([
    ['the header', Buffer.from('<title>caf\xe9</title>', 'latin1'), 'text/html; charset="ISO-8859-1"', 'café'],
    [
      'the page',
      Buffer.from('<meta charset=windows-1251><title>\xcf\xf0\xe8\xe2\xe5\xf2</title>', 'latin1'),
      'text/html',
      'Привет',
    ],
    [
      'the old way of the page',
      Buffer.concat([
        Buffer.from('<meta http-equiv=content-type content="text/html; charset=shift_jis"><title>'),
        Buffer.from([0x93, 0xfa, 0x96, 0x7b]),
        Buffer.from('</title>'),
      ]),
      'text/html',
      '日本',
    ],
    [
      'a mark, whatever the header',
      Buffer.from('\ufeff<title>ßß</title>', 'utf16le'),
      'text/html; charset=utf-8',
      'ßß',
    ],
    ['the bytes, where nobody says', Buffer.from('<title>na\xefve</title>', 'latin1'), 'text/html', 'naïve'],
    ['the bytes, where a name means nothing', Buffer.from('<title>☕</title>'), 'text/html; charset=klingon', '☕'],
    [
      'the header, though the bytes are wrong',
      Buffer.from('<title>a\xffb</title>', 'latin1'),
      'text/html; charset=utf-8',
      'a\ufffdb',
    ],
  ])('is read in the encoding of %s', async (_where, bytes, type, title) => {
    expect(await ofPage(bytes, type)).toMatchObject({ 'og:title': title })
  })

  it('is unpacked, and no page is packed so well that it hurts', async () => {
    const packed = (path: string, body: Buffer) => {
      site.pages.set(path, { type: 'text/html', body, headers: { 'content-encoding': 'gzip' } })
      return site.url(path)
    }
    expect(await previewOf(alice, packed('/packed', gzipSync('<title>p</title>')))).toEqual({ 'og:title': 'p' })
    // A gibibyte of blanks, a mebibyte at a time.
    const blanks = gzipSync(Buffer.alloc(1024 * 1024, ' '))
    const bomb = Buffer.concat([gzipSync('<title>bomb</title><p>'), ...Array.from({ length: 1_024 }, () => blanks)])
    const before = process.memoryUsage().rss
    expect(await previewOf(alice, packed('/bomb', bomb))).toMatchObject({ 'og:title': 'bomb' })
    expect(process.memoryUsage().rss - before).toBeLessThan(150 * 1024 * 1024)
    const broken = await alice.get(`preview_url?url=${encodeURIComponent(packed('/broken', Buffer.from('not gzip')))}`)
    expect(broken).toMatchObject({ status: 502, json: { errcode: 'M_UNKNOWN' } })
  })

  it('of a picture is the picture', async () => {
    const image = await picture(30, 20, 'webp')
    site.pages.set('/dir/a%20b.webp', { type: 'image/webp', body: image })
    expect(await previewOf(alice, site.url('/dir/a%20b.webp'))).toMatchObject({
      'og:title': 'a b.webp',
      'og:image:type': 'image/webp',
      'og:image:width': 30,
      'og:image:height': 20,
      'matrix:image:size': image.length,
    })
  })

  it('of other files is empty', async () => {
    for (const type of ['application/pdf', 'text/plain', 'video/mp4', ''])
      expect(await ofPage('<title>no page</title>', type)).toEqual({})
  })

  it('does without a picture that is none, too large, missing, or nowhere, and takes the next', async () => {
    const good = await picture(8, 8)
    site.pages.set('/good.png', { type: 'image/png', body: good })
    site.pages.set('/bad.png', { type: 'image/png', body: 'not a picture' })
    site.pages.set('/evil.svg', { type: 'image/svg+xml', body: '<svg xmlns="http://www.w3.org/2000/svg"/>' })
    site.pages.set('/huge.png', { type: 'image/png', body: Buffer.alloc(11 * 1024 * 1024) })
    const stored = storedFiles(homeserver).length
    for (const image of [
      '/bad.png',
      '/evil.svg',
      '/huge.png',
      '/none.png',
      'data:image/png;base64,AA',
      'file:///etc/passwd',
      'http://[',
      'http://10.0.0.1/x.png',
    ]) {
      expect(await ofPage(`<title>t</title><meta property=og:image content="${image}">`)).toEqual({ 'og:title': 't' })
    }
    expect(storedFiles(homeserver)).toHaveLength(stored)
    const two = await ofPage('<meta property=og:image content=/bad.png><link rel=image_src href=/good.png>')
    expect(two['og:image:width']).toBe(8)
    const based = await ofPage(`<base href="${site.url('/')}deep/"><meta name="twitter:image" content="../good.png">`)
    expect(based['matrix:image:size']).toBe(good.length)
  })

  it('holds no text longer than 2,000 characters, none that breaks, and not too many', async () => {
    const many = Array.from({ length: 500 }, (_, index) => `<meta property="og:x${index}" content="v">`).join('')
    const long = `${'x'.repeat(1_999)}😀${'y'.repeat(9_000)}`
    const preview = await ofPage(
      `<meta property=og:title content="${long}"><meta property="og:a" content="&#0;\u0007a\u0000&#xD800;b">${many}`,
    )
    expect(preview['og:title']).toBe('x'.repeat(1_999))
    expect(preview['og:a']).toMatch(/^[a\ufffdb]+$/)
    expect(Object.keys(preview).length).toBeLessThan(30)
    expect(await ofPage(`<meta property="og:url" content="https://x.example/${'y'.repeat(1_000)}">`)).toEqual({})
    const words = await ofPage(`<p>${'word '.repeat(10_000)}</p>`)
    expect(words['og:description']).toMatch(/^(word ){50,}word…$/)
    expect(words['og:description'].length).toBeLessThanOrEqual(501)
  })
})
