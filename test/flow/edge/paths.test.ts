import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { openSocket, readToEnd, startEdge, type TestEdge } from './fixture.ts'

let edge: TestEdge
beforeAll(async () => {
  edge = await startEdge()
})
afterAll(() => edge[Symbol.asyncDispose]())

const CORS = {
  'access-control-allow-origin': '*',
  'access-control-allow-methods': 'GET, POST, PUT, DELETE, OPTIONS',
  'access-control-allow-headers': 'X-Requested-With, Content-Type, Authorization',
}
const put = (path: string) => edge.ask('PUT', `/_matrix/client/v3${path}`, { token: 'token-alice', body: '{}' })

describe('a path', () => {
  it.each([
    ['!a:example.org', 'm.room.name', 'x'],
    ['!a/b?c#d:example.org', 'org.example/slash', '@alice:example.org'],
    ['!%41:example.org', 'a+b c', '100%'],
    ['!31hneApxJ_1o-63DmFrpeqnkFfWppnzWso1JvH3ogLM', 'ü', '…/../…'],
  ])('gives its members decoded once: %s %s %s', async (roomId, eventType, stateKey) => {
    const enc = encodeURIComponent
    const { status, json } = await put(`/rooms/${enc(roomId)}/state/${enc(eventType)}/${enc(stateKey)}`)
    expect(status).toBe(200)
    expect(json.params).toEqual({ roomId, eventType, stateKey })
  })

  it('may be written with signs that need no encoding, as many clients do', async () => {
    const { json } = await put('/rooms/!a:example.org/state/m.room.member/@alice+x:example.org')
    expect(json.params).toEqual({
      roomId: '!a:example.org',
      eventType: 'm.room.member',
      stateKey: '@alice+x:example.org',
    })
  })

  it('may end in an empty member', async () => {
    const { status, json } = await put('/rooms/!a:example.org/state/m.room.name/')
    expect(status).toBe(200)
    expect(json.params.stateKey).toBe('')
  })

  it('is the same endpoint under r0', async () => {
    const options = { token: 'token-alice', body: '{}' }
    const { json } = await edge.ask('PUT', '/_matrix/client/r0/rooms/!a:b/state/t/k', options)
    expect(json.path).toBe('/_matrix/client/r0/rooms/!a:b/state/t/k')
  })

  it('that is not well encoded, or with an endless member, is refused in words', async () => {
    for (const member of ['%ff', '%', 'x'.repeat(3_000)]) {
      const { status, json } = await put(`/rooms/${member}/state/t/k`)
      expect(status).toBe(400)
      expect(json.errcode).toBe('M_INVALID_PARAM')
    }
  })

  it('nobody serves is 404, with a method nobody serves there 405, both M_UNRECOGNIZED', async () => {
    for (const path of ['/_matrix/client/v3/nothing', '/_matrix/client/v9/strict', '/nothing', '/_matrix']) {
      const unknown = await edge.ask('GET', path)
      expect(unknown.status).toBe(404)
      expect(unknown.json.errcode).toBe('M_UNRECOGNIZED')
    }
    for (const [method, path] of [
      ['GET', '/strict'],
      ['DELETE', '/rooms/!a:b/state/t/k'],
      ['PATCH', '/strict'],
      ['QUERY', '/strict'],
      ['HEAD', '/strict'],
    ] as const) {
      const other = await edge.ask(method, `/_matrix/client/v3${path}`)
      expect(other.status).toBe(405)
      expect(other.headers.get('allow')).toBe(path === '/strict' ? 'POST, OPTIONS' : 'PUT, OPTIONS')
      if (method !== 'HEAD') expect(other.json.errcode).toBe('M_UNRECOGNIZED')
    }
  })
})

describe('a query', () => {
  const query = async (text: string) =>
    edge.ask('PUT', `/_matrix/client/v3/rooms/!a:b/state/t/k?${text}`, { token: 'token-alice', body: '{}' })

  it('gives numbers, booleans and lists as what they are', async () => {
    expect((await query('limit=20&full=true&via=a.example')).json.query).toEqual({
      limit: 20,
      full: true,
      via: ['a.example'],
    })
    expect((await query('via=a&via=b+c&via=d%2Be')).json.query).toEqual({ via: ['a', 'b c', 'd+e'] })
  })

  it.each([['limit=many'], ['limit=1.5'], ['limit=1&limit=2'], ['full=perhaps']])(
    'that does not fit is M_INVALID_PARAM: %s',
    async (text) => {
      const { status, json } = await query(text)
      expect(status).toBe(400)
      expect(json.errcode).toBe('M_INVALID_PARAM')
    },
  )
})

describe('every answer bears the CORS headers', () => {
  const expectCors = (headers: Headers) => {
    for (const [name, value] of Object.entries(CORS)) expect(headers.get(name)).toBe(value)
  }

  it.each([
    ['GET', '/_matrix/client/v3/access/none', 200],
    ['GET', '/_matrix/client/v3/access/user', 401],
    ['POST', '/_matrix/client/v3/strict', 400],
    ['GET', '/_matrix/client/v3/strict', 405],
    ['GET', '/nothing', 404],
  ])('%s %s (%i)', async (method, path, status) => {
    const answer = await edge.ask(method, path)
    expect(answer.status).toBe(status)
    expectCors(answer.headers)
  })

  it.each([['/_matrix/client/v3/access/user'], ['/_matrix/client/v3/rooms/!a:b/state/t/k'], ['/nothing'], ['/']])(
    'OPTIONS %s, without a token and without doing anything',
    async (path) => {
      const answer = await edge.ask('OPTIONS', path, {
        headers: { origin: 'https://app.example', 'access-control-request-method': 'PUT' },
      })
      expect(answer.status).toBe(204)
      expect(answer.text).toBe('')
      expectCors(answer.headers)
    },
  )

  it('says how long a JSON answer is', async () => {
    const { headers, text } = await edge.ask('GET', '/_matrix/client/v3/access/none')
    expect(headers.get('content-length')).toBe(String(Buffer.byteLength(text)))
    expect(headers.get('content-type')).toBe('application/json')
  })
})

describe('what is no proper HTTP', () => {
  it('is answered and closed', async () => {
    const socket = await openSocket(edge.port)
    socket.write('what is this?\r\n\r\n')
    expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 400 .*"errcode":"M_UNKNOWN"/s)
  })

  it('because of too large headers is 431', async () => {
    const socket = await openSocket(edge.port)
    socket.write(`GET / HTTP/1.1\r\nHost: x\r\nX-Large: ${'x'.repeat(10_000)}\r\n\r\n`)
    expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 431 .*"errcode":"M_TOO_LARGE"/s)
  })
})
