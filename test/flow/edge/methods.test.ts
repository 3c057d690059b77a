import { describe, expect, it } from 'vitest'
import { type Logger, silentLogger } from '#base'
import { shareHomeserver, startHomeserver } from '../../support/homeserver.ts'
import { openSocket, readToEnd } from './fixture.ts'

const server = shareHomeserver(startHomeserver)

describe('HEAD', () => {
  it('works where GET works, with its headers and without a body', async () => {
    const { url } = await server()
    const alice = await (await server()).register('head')
    const paths = [
      '/',
      '/health',
      '/_matrix/client/versions',
      '/_matrix/client/v3/login',
      '/_matrix/client/v3/account/whoami',
    ]
    for (const path of paths) {
      const headers = { authorization: `Bearer ${alice.accessToken}` }
      const get = await fetch(`${url}${path}`, { headers })
      const head = await fetch(`${url}${path}`, { method: 'HEAD', headers })
      expect([path, head.status, await head.text()]).toEqual([path, 200, ''])
      for (const name of ['content-type', 'content-length', 'access-control-allow-origin'])
        expect([path, head.headers.get(name)]).toEqual([path, get.headers.get(name)])
      await get.text()
    }
  })

  it('is refused as GET is', async () => {
    const { url } = await server()
    expect((await fetch(`${url}/_matrix/client/v3/account/whoami`, { method: 'HEAD' })).status).toBe(401)
    expect((await fetch(`${url}/_matrix/client/v3/nothing`, { method: 'HEAD' })).status).toBe(404)
  })

  it('of a file says how long it is, sends no byte of it and minds no range', async () => {
    const alice = await (await server()).register('head')
    const { content_uri } = await alice.ok('POST', '/_matrix/media/v3/upload', {
      body: 'x'.repeat(100_000),
      headers: { 'content-type': 'text/plain' },
    })
    const path = `/_matrix/client/v1/media/download/${content_uri.slice('mxc://'.length)}`
    const head = await alice.request('HEAD', path, { headers: { range: 'bytes=0-9' } })
    expect([head.status, head.headers.get('content-length'), head.body]).toEqual([200, '100000', ''])
    expect((await alice.request('HEAD', `${path}gone`)).status).toBe(404)
  })
})

describe('a method that a path does not take', () => {
  const METHODS = ['QUERY', 'PATCH', 'TRACE', 'PROPFIND', 'GET', 'PUT', 'POST', 'DELETE']

  it('is 405 with Allow on every path, and logs no error, also QUERY without a content type', async () => {
    const errors: unknown[] = []
    const logger = { ...silentLogger, error: (...logged: unknown[]) => errors.push(logged) } as unknown as Logger
    await using own = await startHomeserver({ logger })
    const served = new Map<string, Set<string>>()
    const acting = new Set(own.endpoints.flatMap(({ paths, acts }) => (acts === true ? paths.map(concreteOf) : [])))
    expect(acting.size).toBeGreaterThan(5)
    for (const { method, paths } of own.endpoints)
      for (const path of paths) {
        const concrete = concreteOf(path)
        served.set(concrete, (served.get(concrete) ?? new Set()).add(method))
      }
    for (const [path, methods] of served) {
      const allowed = new Set<string>()
      for (const method of METHODS) {
        if (allowed.has(method)) continue
        const answer = await bare(own.url, `${method} ${path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`)
        expect([method, path, answer.slice(0, 12)]).toEqual([method, path, 'HTTP/1.1 405'])
        expect(answer).toContain('"errcode":"M_UNRECOGNIZED"')
        const allow = /^Allow: (.*)\r$/m.exec(answer)?.[1]?.split(', ') ?? []
        // Another endpoint may have a member of its path where this one has a word.
        expect([path, allow]).toEqual([path, expect.arrayContaining([...methods, 'OPTIONS'])])
        expect([path, allow.includes('HEAD')]).toEqual([path, allow.includes('GET') && !acting.has(path)])
        for (const one of allow) allowed.add(one)
      }
    }
    expect(served.size).toBeGreaterThan(200)
    expect(errors).toEqual([])
  })

  it('and no server knows is 405 too', async () => {
    const { url } = await server()
    const answer = await bare(url, 'FOO /_matrix/client/versions HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(answer).toMatch(/^HTTP\/1\.1 405 .*\r\nAllow: GET, HEAD, PUT, POST, DELETE, OPTIONS\r\n.*"M_UNRECOGNIZED"/s)
  })

  it('on a path that is none is 404', async () => {
    const { url } = await server()
    for (const method of ['QUERY', 'PATCH', 'HEAD', 'GET']) {
      const answer = await fetch(`${url}/_matrix/client/v3/nothing`, { method })
      expect([method, answer.status, answer.headers.get('allow')]).toEqual([method, 404, null])
    }
  })
})

const concreteOf = (path: string): string => path.replaceAll(/:\w+/g, 'x')

/** The answer to bytes as they are: no library adds a content type. */
const bare = async (url: string, request: string): Promise<string> => {
  const socket = await openSocket(Number(new URL(url).port))
  socket.write(request)
  return readToEnd(socket)
}

describe('an unknown address', () => {
  const ask = async (path: string, accept: string) => {
    const answer = await fetch(`${(await server()).url}${path}`, { headers: { accept } })
    return { status: answer.status, type: answer.headers.get('content-type') ?? '', text: await answer.text() }
  }
  const BROWSER = 'text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8'

  it('is a page in a browser, with a way home and no script', async () => {
    for (const path of ['/nothing', '/_homeroom/nothing', '/favicon', '/_synapse/none?x=<script>']) {
      const { status, type, text } = await ask(path, BROWSER)
      expect([path, status, type]).toEqual([path, 404, 'text/html; charset=utf-8'])
      expect(text).toContain('<a href="/">')
      expect(text).not.toContain('<script>')
    }
    expect((await ask('/%ff', BROWSER)).status).toBe(400)
  })

  it('is JSON for programs, and for everybody below the paths of the API', async () => {
    for (const [path, accept] of [
      ['/nothing', '*/*'],
      ['/nothing', 'application/json'],
      ['/_matrix/nothing', BROWSER],
      ['/_matrix/client/v3/nothing', BROWSER],
    ] as const) {
      const { status, type, text } = await ask(path, accept)
      expect([path, status, type]).toEqual([path, 404, 'application/json'])
      expect(JSON.parse(text).errcode).toBe('M_UNRECOGNIZED')
    }
  })
})
