import { once } from 'node:events'
import { Readable } from 'node:stream'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { endpoint, FileReply, none } from '#http'
import { openSocket, readToEnd, startEdge } from './fixture.ts'

const BYTES = Buffer.from('0123456789abcdefghijklmnopqrstuvwxyz')

const swallow = endpoint({
  method: 'POST',
  paths: ['/swallow'],
  auth: none(),
  rateLimit: 'unlimited',
  body: 'stream',
  handler: async ({ body }) => {
    let sizeBytes = 0
    for await (const piece of body.stream) sizeBytes += (piece as Buffer).length
    return { sizeBytes, contentType: body.contentType ?? null, lengthBytes: body.lengthBytes ?? null }
  },
})
const refuse = endpoint({
  method: 'POST',
  paths: ['/refuse'],
  auth: none(),
  rateLimit: 'unlimited',
  body: 'stream',
  handler: async () => ({ read: false }),
})
const serve = (bytes: Buffer) =>
  endpoint({
    method: 'GET',
    paths: ['/file'],
    auth: none(),
    rateLimit: 'unlimited',
    handler: async () =>
      new FileReply({
        contentType: 'text/plain',
        sizeBytes: bytes.length,
        etag: 'abc',
        headers: { 'X-Own': 'yes' },
        open: async (range) => Readable.from([range ? bytes.subarray(range.start, range.end + 1) : bytes]),
      }),
  })
const endpoints = [swallow, refuse, serve(BYTES)]

describe('a body that is streamed', () => {
  it('may be larger than any other body, of any type, with or without a length', async () => {
    await using edge = await startEdge({ endpoints, limits: { bodyBytes: 100 } })
    const body = new Uint8Array(300_000)
    const typed = await edge.ask('POST', '/swallow', { body, headers: { 'content-type': 'image/png' } })
    expect(typed.json).toEqual({ sizeBytes: 300_000, contentType: 'image/png', lengthBytes: 300_000 })
    const chunked = await fetch(`${edge.url}/swallow`, {
      method: 'POST',
      body: new Blob([body]).stream(),
      duplex: 'half',
    } as RequestInit)
    expect(await chunked.json()).toEqual({ sizeBytes: 300_000, contentType: null, lengthBytes: null })
    const none = await edge.ask('POST', '/swallow')
    expect(none.json).toMatchObject({ sizeBytes: 0 })
    expect((await edge.ask('POST', '/_matrix/client/v3/strict', { body: '{"name":"x"}' })).status).toBe(200)
  })

  it('need not be read for an answer, and the connection goes on', async () => {
    await using edge = await startEdge({ endpoints })
    for (let round = 0; round < 3; round++) {
      const { json } = await edge.ask('POST', '/refuse', { body: new Uint8Array(2_000_000) })
      expect(json).toEqual({ read: false })
    }
  })

  it('has more time to arrive than another', async () => {
    const limits = { headersTimeoutMs: 200, requestTimeoutMs: 300, uploadTimeoutMs: 60_000 }
    await using edge = await startEdge({ endpoints, limits })
    const upload = await openSocket(edge.port)
    upload.write('POST /swallow HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 4\r\n\r\nab')
    const slow = await openSocket(edge.port)
    slow.write('POST /_matrix/client/v3/strict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"name":')
    expect(await readToEnd(slow)).toMatch(/^HTTP\/1\.1 408 /)
    upload.write('cd')
    expect(await readToEnd(upload)).toMatch(/^HTTP\/1\.1 200 [\s\S]*"sizeBytes":4/)
  })

  it('that goes on after its answer is cut off', async () => {
    const limits = { headersTimeoutMs: 200, requestTimeoutMs: 300, uploadTimeoutMs: 60_000 }
    await using edge = await startEdge({ endpoints, limits })
    const socket = await openSocket(edge.port)
    socket.write('POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n\r\nab')
    expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('that ends early ends the request', async () => {
    const failed = Promise.withResolvers<unknown>()
    const watch = endpoint({
      method: 'POST',
      paths: ['/watch'],
      auth: none(),
      rateLimit: 'unlimited',
      body: 'stream',
      handler: async ({ body }) => {
        body.stream.once('error', failed.resolve)
        await once(body.stream.resume(), 'end').catch(() => {})
        return {}
      },
    })
    await using edge = await startEdge({ endpoints: [watch] })
    const socket = await openSocket(edge.port)
    socket.write('POST /watch HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\nab')
    socket.end()
    expect(await failed.promise).toBeInstanceOf(Error)
  })
})

describe('a file', () => {
  it('is served whole, with its headers', async () => {
    await using edge = await startEdge({ endpoints })
    const { status, headers, text } = await edge.ask('GET', '/file')
    expect([status, text]).toEqual([200, BYTES.toString()])
    expect(Object.fromEntries(headers)).toMatchObject({
      'content-type': 'text/plain',
      'content-length': '36',
      'accept-ranges': 'bytes',
      etag: '"abc"',
      'x-own': 'yes',
      'access-control-allow-origin': '*',
    })
  })

  it.each([
    ['bytes=0-0', 0, 0],
    ['bytes=10-19', 10, 19],
    ['bytes=30-', 30, 35],
    ['bytes=-6', 30, 35],
    ['bytes=-100', 0, 35],
    ['bytes=30-999999999999', 30, 35],
  ])('is served in part: %s', async (range, start, end) => {
    await using edge = await startEdge({ endpoints })
    const { status, headers, text } = await edge.ask('GET', '/file', { headers: { range } })
    expect([status, text]).toEqual([206, BYTES.subarray(start, end + 1).toString()])
    expect(headers.get('content-range')).toBe(`bytes ${start}-${end}/36`)
  })

  it.each(['bytes=36-', 'bytes=99-100', 'bytes=-0'])('has no part %s', async (range) => {
    await using edge = await startEdge({ endpoints })
    const { status, headers } = await edge.ask('GET', '/file', { headers: { range } })
    expect([status, headers.get('content-range')]).toEqual([416, 'bytes */36'])
  })

  it.each(['lines=1-2', 'bytes=5-2', 'bytes=0-1,3-4', 'bytes=-', 'bytes=x-y', 'bytes=1'])(
    'is served whole where the range is none we know: %s',
    async (range) => {
      await using edge = await startEdge({ endpoints })
      expect(await edge.ask('GET', '/file', { headers: { range } })).toMatchObject({ status: 200 })
    },
  )

  it('is not sent again to who has it', async () => {
    await using edge = await startEdge({ endpoints })
    for (const tag of ['"abc"', 'W/"abc"', '*', '"x", "abc"']) {
      const { status, text } = await edge.ask('GET', '/file', { headers: { 'if-none-match': tag } })
      expect([tag, status, text]).toEqual([tag, 304, ''])
    }
    expect((await edge.ask('GET', '/file', { headers: { 'if-none-match': '"other"' } })).status).toBe(200)
    const part = { range: 'bytes=0-1' }
    expect((await edge.ask('GET', '/file', { headers: { ...part, 'if-range': '"abc"' } })).status).toBe(206)
    expect((await edge.ask('GET', '/file', { headers: { ...part, 'if-range': '"old"' } })).status).toBe(200)
  })

  it('is whole again when its parts are put together, wherever it is cut', async () => {
    await using edge = await startEdge({ endpoints })
    const cuts = fc.uniqueArray(fc.integer({ min: 1, max: BYTES.length - 1 }), { maxLength: 4 })
    await fc.assert(
      fc.asyncProperty(cuts, async (at) => {
        const edges = [0, ...at.toSorted((a, b) => a - b), BYTES.length]
        let whole = ''
        for (const [index, start] of edges.slice(0, -1).entries()) {
          const range = `bytes=${start}-${(edges[index + 1] ?? 0) - 1}`
          whole += (await edge.ask('GET', '/file', { headers: { range } })).text
        }
        expect(whole).toBe(BYTES.toString())
      }),
      { numRuns: 10 },
    )
  })

  it('that cannot be opened is an error like any other', async () => {
    const broken = endpoint({
      method: 'GET',
      paths: ['/broken'],
      auth: none(),
      rateLimit: 'unlimited',
      handler: async () =>
        new FileReply({
          contentType: 'text/plain',
          sizeBytes: 3,
          etag: 'x',
          headers: {},
          open: () => Promise.reject(new Error('gone')),
        }),
    })
    await using edge = await startEdge({ endpoints: [broken] })
    expect(await edge.ask('GET', '/broken')).toMatchObject({ status: 500, json: { errcode: 'M_UNKNOWN' } })
  })

  it('that nobody reads is closed', async () => {
    const closed = Promise.withResolvers<void>()
    const endless = new Readable({
      read() {
        this.push(Buffer.alloc(65_536))
      },
      destroy: (_error, done) => {
        closed.resolve()
        done(null)
      },
    })
    const large = endpoint({
      method: 'GET',
      paths: ['/large'],
      auth: none(),
      rateLimit: 'unlimited',
      handler: async () =>
        new FileReply({ contentType: 'x/y', sizeBytes: 2 ** 40, etag: 'x', headers: {}, open: async () => endless }),
    })
    await using edge = await startEdge({ endpoints: [large], limits: { writeTimeoutMs: 300 } })
    const socket = await openSocket(edge.port)
    socket.pause()
    socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
    await closed.promise
    expect(endless.destroyed).toBe(true)
    socket.destroy()
  })
})
