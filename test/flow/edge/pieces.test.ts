import { expect, it } from 'vitest'
import { type Auth, endpoint, none, type Requester, StreamedJson, user } from '#http'
import { MatrixError } from '#spec'
import { openSocket, readToEnd, startEdge } from './fixture.ts'

const MEBIBYTE = 1024 * 1024

interface Made {
  pieces: number
  readonly over: Promise<void>
}

/** `GET /pieces`: a JSON text of many pieces, each of 64 KiB, made while it is sent. */
const piecesEndpoint = (
  count: number,
  { auth = none() as Auth<Requester | undefined>, failsAt = -1, failure = new Error('no more') as Error } = {},
) => {
  const over = Promise.withResolvers<void>()
  const made: Made = { pieces: 0, over: over.promise }
  async function* rest(): AsyncGenerator<string, void, undefined> {
    try {
      yield '{"a":"'
      for (let number = 0; number < count; number++) {
        if (number === failsAt) throw failure
        made.pieces++
        yield 'x'.repeat(64 * 1024)
      }
      yield '"}'
    } finally {
      over.resolve()
    }
  }
  const pieces = endpoint({
    method: 'GET',
    paths: ['/pieces'],
    auth,
    rateLimit: 'unlimited',
    handler: async () => new StreamedJson({ begun: [], rest: rest() }),
  })
  return { pieces, made }
}

const ask = 'GET /pieces HTTP/1.1\r\nHost: x\r\n\r\n'

it('a long answer is streamed whole', async () => {
  const { pieces } = piecesEndpoint(100)
  await using edge = await startEdge({ endpoints: [pieces] })
  const response = await fetch(`${edge.url}/pieces`)
  expect(response.headers.get('content-length')).toBe(null)
  expect(response.headers.get('access-control-allow-origin')).toBe('*')
  expect(((await response.json()) as { a: string }).a).toHaveLength(100 * 64 * 1024)
})

it('a short answer is sent with its length', async () => {
  const { pieces } = piecesEndpoint(0)
  await using edge = await startEdge({ endpoints: [pieces] })
  const response = await fetch(`${edge.url}/pieces`)
  expect(response.headers.get('content-length')).toBe('8')
  expect(await response.json()).toEqual({ a: '' })
})

it('a long answer is made as fast as its client reads, and a slow reader holds nothing but a slice', async () => {
  const { pieces, made } = piecesEndpoint(10_000)
  await using edge = await startEdge({ endpoints: [pieces], limits: { writeTimeoutMs: 300 } })
  const socket = await openSocket(edge.port)
  socket.pause()
  socket.write(ask)
  // A client that takes nothing is cut off, and no more is made.
  await made.over
  // The kernel takes some megabytes for a client that does not read.
  expect(made.pieces * 64 * 1024).toBeLessThan(64 * MEBIBYTE)
  socket.destroy()
})

it('a reader who takes a little now and then is cut off as well', async () => {
  const { pieces, made } = piecesEndpoint(10_000)
  await using edge = await startEdge({ endpoints: [pieces], limits: { writeTimeoutMs: 500 } })
  const socket = await openSocket(edge.port)
  socket.write(ask)
  socket.on('readable', () => {
    const drip = setInterval(() => socket.read(100), 50)
    socket.once('close', () => clearInterval(drip))
  })
  await made.over
  socket.destroy()
})

it('an error before the first byte of a long answer is answered with its status', async () => {
  const failure = new MatrixError('M_NOT_FOUND', 'gone')
  const { pieces } = piecesEndpoint(3, { failsAt: 0, failure })
  await using edge = await startEdge({ endpoints: [pieces] })
  const response = await fetch(`${edge.url}/pieces`)
  expect([response.status, await response.json()]).toEqual([404, { errcode: 'M_NOT_FOUND', error: 'gone' }])
})

it('an error after the first byte of a long answer cuts the connection, so that no client takes it for whole', async () => {
  const { pieces } = piecesEndpoint(100, { failsAt: 50 })
  await using edge = await startEdge({ endpoints: [pieces] })
  const socket = await openSocket(edge.port)
  socket.write(ask)
  const text = await readToEnd(socket)
  expect(text).toMatch(/^HTTP\/1\.1 200 /)
  // The last chunk is missing.
  expect(text.endsWith('0\r\n\r\n')).toBe(false)
})

it('large answers of one user that are under way are bounded in bytes: more wait, or are told when to come again', async () => {
  const { pieces } = piecesEndpoint(2_000, { auth: user() })
  await using edge = await startEdge({ endpoints: [pieces] })
  const asked = (name: string, signal: AbortSignal): Promise<Response> =>
    fetch(`${edge.url}/pieces`, { headers: { authorization: `Bearer token-${name}` }, signal })
  const gone = new AbortController()
  const others = Array.from({ length: 60 }, () => asked('ada', gone.signal))
  const first = await Promise.race(others.map(async (answer) => ((await answer).status === 429 ? answer : never)))
  expect(first.headers.get('retry-after')).toBe('5')
  expect(await first.json()).toMatchObject({ errcode: 'M_LIMIT_EXCEEDED', retry_after_ms: 5_000 })
  const bob = await asked('bob', gone.signal)
  expect(bob.status).toBe(200)
  gone.abort()
  await Promise.allSettled(others)
  await bob.text().catch(() => {})
  // The room that they had is free again.
  let again = await asked('ada', AbortSignal.timeout(10_000))
  while (again.status === 429) again = await asked('ada', AbortSignal.timeout(10_000))
  expect(((await again.json()) as { a: string }).a).toHaveLength(2_000 * 64 * 1024)
})

const never = new Promise<Response>(() => {})
