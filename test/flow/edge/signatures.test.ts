import { createHmac } from 'node:crypto'
import { Type } from 'typebox'
import { describe, expect, it } from 'vitest'
import { type Auth, type AuthRequest, endpoint, type User } from '#http'
import { type DeviceId, MatrixError, type UserId } from '#spec'
import { openSocket, readToEnd, startEdge } from './fixture.ts'

const SECRET = 'between friends'
const signatureOf = (method: string, url: string, body: unknown): string =>
  createHmac('sha256', SECRET)
    .update(JSON.stringify([method, url, body ?? null]))
    .digest('hex')

const FRIEND: User = {
  kind: 'user',
  userId: '@friend:edge.test' as UserId,
  user: 7,
  deviceId: 'D' as DeviceId,
  device: 7,
  suspended: false,
  shadowBanned: false,
  admin: false,
}

/** A caller who signs method, path and body, as servers of a federation do. */
const signed: Auth<User> = {
  stage: 'body',
  identify: ({ method, url, headers, body }: AuthRequest) => {
    if (headers['x-signature'] !== signatureOf(method, url, body))
      throw new MatrixError('M_FORBIDDEN', 'The signature does not fit')
    return FRIEND
  },
}

const handled: string[] = []
const answer = (method: 'PUT' | 'GET', body?: ReturnType<typeof Type.Object>) =>
  endpoint({
    method,
    paths: [`/signed/${method.toLowerCase()}`],
    auth: signed,
    rateLimit: 'message',
    ...(body === undefined ? {} : { body }),
    handler: async ({ requester }) => {
      handled.push(requester.userId)
      return { user: requester.userId }
    },
  })
const endpoints = [answer('PUT', Type.Object({ name: Type.String() })), answer('GET')]

const sign = (method: string, url: string, body?: unknown) => ({ 'x-signature': signatureOf(method, url, body) })

describe('an endpoint whose callers sign the body', () => {
  it('knows them once the body was read, and its limit counts for them', async () => {
    const counted: string[] = []
    const consume = async (limit: string, key: string) => void counted.push(`${limit} ${key}`)
    const rateLimiter = { consume, check: async () => {} }
    await using edge = await startEdge({ endpoints, rateLimiter })
    const body = { name: 'x' }
    const headers = sign('PUT', '/signed/put?a=b', body)
    const { status, json } = await edge.ask('PUT', '/signed/put?a=b', { headers, body: JSON.stringify(body) })
    expect([status, json]).toEqual([200, { user: '@friend:edge.test' }])
    expect(counted).toEqual(['message @friend:edge.test'])
  })

  it('refuses what was changed on the way, before the handler and before the schema', async () => {
    await using edge = await startEdge({ endpoints })
    const before = handled.length
    const headers = sign('PUT', '/signed/put', { name: 'x' })
    for (const [path, body] of [
      ['/signed/put', '{"name":"y"}'],
      ['/signed/put?more', '{"name":"x"}'],
      ['/signed/put', '{"other":1}'],
    ] as const) {
      const { status, json } = await edge.ask('PUT', path, { headers, body })
      expect([status, json.errcode]).toEqual([403, 'M_FORBIDDEN'])
    }
    expect(handled.length).toBe(before)
    const misfit = { other: 1 }
    const known = sign('PUT', '/signed/put', misfit)
    const refused = await edge.ask('PUT', '/signed/put', { headers: known, body: JSON.stringify(misfit) })
    expect([refused.status, refused.json.errcode]).toEqual([400, 'M_MISSING_PARAM'])
  })

  it('bounds a body before it is judged', async () => {
    await using edge = await startEdge({ endpoints })
    const { status, json } = await edge.ask('PUT', '/signed/put', { body: `{"name":"${'x'.repeat(5_000)}"}` })
    expect([status, json.errcode]).toEqual([413, 'M_TOO_LARGE'])
  })

  it('may have no body', async () => {
    await using edge = await startEdge({ endpoints })
    expect((await edge.ask('GET', '/signed/get', { headers: sign('GET', '/signed/get') })).status).toBe(200)
    expect((await edge.ask('GET', '/signed/get')).status).toBe(403)
  })
})

describe('a stranger at an endpoint that reads tokens', () => {
  it('is refused while the body is still to come', async () => {
    await using edge = await startEdge()
    const socket = await openSocket(edge.port)
    socket.write(
      'PUT /_matrix/client/v3/rooms/!a:b/state/t/k HTTP/1.1\r\nHost: x\r\nConnection: close\r\nContent-Length: 100\r\n\r\n{',
    )
    expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 401 [\s\S]*"errcode":"M_MISSING_TOKEN"/)
  })
})
