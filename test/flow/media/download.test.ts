import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { fetchBytes, type MediaUser, mediaUser } from './fixture.ts'

let homeserver: TestHomeserver
let alice: MediaUser
beforeAll(async () => {
  homeserver = await startHomeserver({ settings: { registration: { guests: true }, federation: { enabled: false } } })
  alice = await mediaUser(homeserver, 'alice')
})
afterAll(() => homeserver.stop())

const POLICY =
  "sandbox; default-src 'none'; script-src 'none'; plugin-types application/pdf; style-src 'unsafe-inline'; object-src 'self';"

describe('a download', () => {
  it('carries the headers that keep it from doing harm, and may be kept for ever', async () => {
    const id = await alice.upload(Buffer.from('<script>alert(1)</script>'), { type: 'text/html', name: 'x.html' })
    const { status, headers } = await alice.get(`download/${id}`)
    expect(status).toBe(200)
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/html',
      'content-length': '25',
      'content-disposition': 'attachment; filename="x.html"',
      'content-security-policy': POLICY,
      'cross-origin-resource-policy': 'cross-origin',
      'x-content-type-options': 'nosniff',
      'access-control-allow-origin': '*',
      'cache-control': 'private, max-age=31536000, immutable',
    })
    const old = await alice.getOld(`download/${id}`)
    expect(old.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
    expect(old.headers.get('content-security-policy')).toBe(POLICY)
    const again = await alice.get(`download/${id}`, { 'if-none-match': headers.get('etag') ?? '' })
    expect([again.status, again.bytes.length]).toEqual([304, 0])
    expect(again.headers.get('cross-origin-resource-policy')).toBe('cross-origin')
  })

  it.each([
    ['image/png', 'inline'],
    ['IMAGE/PNG', 'inline'],
    ['text/plain; charset=utf-8', 'inline'],
    ['video/mp4', 'inline'],
    ['audio/x-flac', 'inline'],
    ['application/json', 'inline'],
    ['image/svg+xml', 'attachment'],
    ['IMAGE/SVG+XML; a=image/png', 'attachment'],
    ['text/html', 'attachment'],
    ['text/xml', 'attachment'],
    ['application/javascript', 'attachment'],
    ['application/pdf', 'attachment'],
    ['image/png, text/html', 'attachment'],
    ['application/octet-stream', 'attachment'],
  ])('of type %s is shown %s', async (type, kind) => {
    const { headers } = await alice.get(`download/${await alice.upload(Buffer.from(type), { type })}`)
    expect(headers.get('content-disposition')).toBe(kind)
  })

  it('takes the name that the path asks for', async () => {
    const id = await alice.upload(Buffer.from('x'), { name: 'own.txt', type: 'text/plain' })
    const plain = await alice.get(`download/${id}/other%20name.txt`)
    expect(plain.headers.get('content-disposition')).toBe('inline; filename="other name.txt"')
    const far = await alice.getOld(`download/${id}/${encodeURIComponent('☕ "q".txt')}`)
    expect(far.headers.get('content-disposition')).toBe(
      `inline; filename="_ \\"q\\".txt"; filename*=utf-8''%E2%98%95%20%22q%22.txt`,
    )
  })

  it('comes in parts', async () => {
    const id = await alice.upload(Buffer.from('0123456789'))
    const part = await alice.get(`download/${id}`, { range: 'bytes=2-4' })
    expect([part.status, part.bytes.toString()]).toEqual([206, '234'])
    expect(part.headers.get('content-range')).toBe('bytes 2-4/10')
    expect(await alice.getOld(`download/${id}?allow_remote=false`)).toMatchObject({ status: 200 })
    expect(await alice.get(`download/${id}`, { range: 'bytes=10-' })).toMatchObject({ status: 416 })
  })

  it('is there by every old path, without a token, and by the new one with a token only; guests too', async () => {
    const id = await alice.upload(Buffer.from('x'))
    for (const version of ['v3', 'r0', 'v1']) {
      expect((await alice.getOld(`download/${id}`, version)).status).toBe(200)
      expect((await alice.getOld(`download/${id}/name`, version)).status).toBe(200)
    }
    const path = `/_matrix/client/v1/media/download/${id}`
    expect(await fetchBytes(homeserver, path)).toMatchObject({ status: 401, json: { errcode: 'M_MISSING_TOKEN' } })
    const { access_token: token } = await homeserver.client().post('/v3/register?kind=guest', {})
    expect(await fetchBytes(homeserver, path, { token })).toMatchObject({ status: 200 })
  })

  it('finds nothing on another server that it does not talk with', async () => {
    for (const get of [alice.get(`download/matrix.org/abc`), alice.getOld(`download/matrix.org/abc?timeout_ms=1`)]) {
      expect(await get).toMatchObject({ status: 404, json: { errcode: 'M_NOT_FOUND' } })
    }
  })

  it('is no way to other files, whatever the path says', async () => {
    const evil = [
      '..%2F..%2Fhomeroom.sqlite',
      '%2e%2e',
      'a%00b',
      '..%5C..%5Cx',
      '%252e%252e%252f',
      'drafts',
      'a%2Fb',
      '%ff',
    ]
    for (const id of evil) {
      for (const path of [`localhost/${id}`, `${id}/abc`, `localhost/${id}/name`]) {
        const { status, json } = await alice.getOld(`download/${path}`)
        expect([path, status === 404 || status === 400, typeof json.errcode]).toEqual([path, true, 'string'])
      }
    }
    await fc.assert(
      fc.asyncProperty(fc.string({ unit: 'binary', minLength: 1, maxLength: 40 }), async (text) => {
        const { status } = await alice.get(`download/localhost/${encodeURIComponent(text)}`)
        expect([400, 404]).toContain(status)
      }),
      { numRuns: 40 },
    )
  })

  it.each(['timeout_ms=-1', 'timeout_ms=x', 'timeout_ms=1.5', 'allow_remote=perhaps'])('refuses %s', async (query) => {
    const refused = await alice.get(`download/localhost/abc?${query}`)
    expect(refused).toMatchObject({ status: 400, json: { errcode: 'M_INVALID_PARAM' } })
  })

  it('that the client leaves half-way does no harm', async () => {
    const id = await alice.upload(Buffer.alloc(8_000_000))
    for (let round = 0; round < 5; round++) {
      const cut = new AbortController()
      const response = await fetch(`${homeserver.url}/_matrix/media/v3/download/${id}`, { signal: cut.signal })
      await response.body?.getReader().read()
      cut.abort()
    }
    expect((await alice.get(`download/${id}`)).bytes.length).toBe(8_000_000)
  })
})

describe('without legacy downloads', () => {
  it('files are given out with a token only', async () => {
    await using strict = await startHomeserver({ settings: { media: { legacyDownloads: false } } })
    const bob = await mediaUser(strict, 'bob')
    const id = await bob.upload(Buffer.from('x'))
    for (const path of [`download/${id}`, `download/${id}/name`, `thumbnail/${id}?width=9&height=9`]) {
      expect(await bob.getOld(path)).toMatchObject({ status: 404, json: { errcode: 'M_NOT_FOUND' } })
    }
    expect(await bob.get(`download/${id}`)).toMatchObject({ status: 200 })
  })
})
