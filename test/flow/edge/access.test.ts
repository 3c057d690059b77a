import { describe, expect, it } from 'vitest'
import { createRateLimiter, type RateBudgets } from '#http'
import { startEdge } from './fixture.ts'

const PATH = '/_matrix/client/v3/access'

describe('an access token', () => {
  it('comes in the header, else in the old query parameter', async () => {
    await using edge = await startEdge()
    const header = await edge.ask('GET', `${PATH}/user?access_token=token-bob`, { token: 'token-alice' })
    expect(header.json).toEqual({ user: '@alice:edge.test', kind: 'user' })
    const parameter = await edge.ask('GET', `${PATH}/user?access_token=token-bob`)
    expect(parameter.json).toEqual({ user: '@bob:edge.test', kind: 'user' })
    const small = await edge.ask('GET', `${PATH}/user`, { headers: { authorization: 'bearer token-carol' } })
    expect(small.json.user).toBe('@carol:edge.test')
  })

  it.each([
    ['none', undefined, 200, null],
    ['none', 'wrong', 200, null],
    ['optional', undefined, 200, null],
    ['optional', 'token-alice', 200, '@alice:edge.test'],
    ['optional', 'wrong', 401, 'M_UNKNOWN_TOKEN'],
    ['user', undefined, 401, 'M_MISSING_TOKEN'],
    ['user', 'wrong', 401, 'M_UNKNOWN_TOKEN'],
    ['user', 'token-guest', 403, 'M_GUEST_ACCESS_FORBIDDEN'],
    ['guest', 'token-guest', 200, '@guest:edge.test'],
    ['guest', 'token-alice', 200, '@alice:edge.test'],
    ['guest', undefined, 401, 'M_MISSING_TOKEN'],
    ['admin', 'token-admin', 200, '@admin:edge.test'],
    ['admin', 'token-alice', 403, 'M_FORBIDDEN'],
    ['admin', 'token-guest', 403, 'M_GUEST_ACCESS_FORBIDDEN'],
    ['admin', undefined, 401, 'M_MISSING_TOKEN'],
  ])('of an endpoint for %s: %s gives %i %s', async (auth, token, status, outcome) => {
    await using edge = await startEdge()
    const answer = await edge.ask('GET', `${PATH}/${auth}`, token === undefined ? {} : { token })
    expect(answer.status).toBe(status)
    expect(status === 200 ? answer.json.user : answer.json.errcode).toBe(outcome)
  })

  it('is asked for before the body is looked at', async () => {
    await using edge = await startEdge()
    const answer = await edge.ask('PUT', '/_matrix/client/v3/rooms/!a:b/state/t/k', { body: 'no JSON' })
    expect(answer.json.errcode).toBe('M_MISSING_TOKEN')
  })

  it('is judged by the one who issued it, and refused where nobody did', async () => {
    await using edge = await startEdge()
    const ask = async (token: string) => (await edge.ask('GET', `${PATH}/user`, { token })).json
    expect(await ask('token-alice')).toEqual({ user: '@alice:edge.test', kind: 'user' })
    expect(await ask('other-bob')).toEqual({ user: '@bob:edge.test', kind: 'user' })
    expect(await ask('token-nobody')).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN', error: 'Unknown token' })
    expect(await ask('other-nobody')).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN', error: 'Unknown other' })
    expect(await ask('third-alice')).toEqual({
      errcode: 'M_UNKNOWN_TOKEN',
      error: 'Unknown access token',
      soft_logout: false,
    })
  })

  it.each([['Basic YWxpY2U6c2VjcmV0'], ['Bearer'], ['token-alice']])('is not read from %s', async (authorization) => {
    await using edge = await startEdge()
    const answer = await edge.ask('GET', `${PATH}/user`, { headers: { authorization } })
    expect(answer.json.errcode).toBe('M_MISSING_TOKEN')
  })
})

const budgets = (reads: number): RateBudgets => {
  const plenty = { requests: 1_000, perSeconds: 60 }
  return {
    message: plenty,
    login: { requests: 2, perSeconds: 60 },
    accountLogin: plenty,
    wrongToken: plenty,
    registration: plenty,
    newAccount: plenty,
    mail: plenty,
    join: plenty,
    invite: plenty,
    createRoom: plenty,
    profile: plenty,
    urlPreview: plenty,
    remoteMedia: plenty,
    keyUpload: plenty,
    read: { requests: reads, perSeconds: 60 },
    federation: { requests: 1000, perSeconds: 10 },
    other: plenty,
  }
}

describe('a rate limit', () => {
  it('tells when to come back, in the body and in the header', async () => {
    await using edge = await startEdge({ rateLimiter: createRateLimiter(budgets(2)) })
    const ask = () => edge.ask('GET', `${PATH}/user`, { token: 'token-alice' })
    expect([(await ask()).status, (await ask()).status]).toEqual([200, 200])
    const refused = await ask()
    expect(refused.status).toBe(429)
    expect(refused.json.errcode).toBe('M_LIMIT_EXCEEDED')
    expect(refused.json.retry_after_ms).toBeGreaterThan(50_000)
    expect(refused.json.retry_after_ms).toBeLessThanOrEqual(60_000)
    expect(Number(refused.headers.get('retry-after'))).toBe(Math.ceil(refused.json.retry_after_ms / 1_000))
  })

  it('counts each user alone, and those without a token by address', async () => {
    await using edge = await startEdge({ rateLimiter: createRateLimiter(budgets(1)) })
    const status = async (token?: string) =>
      (await edge.ask('GET', `${PATH}/optional`, token === undefined ? {} : { token })).status
    expect(await status('token-alice')).toBe(200)
    expect(await status('token-bob')).toBe(200)
    expect(await status()).toBe(200)
    expect(await status('token-alice')).toBe(429)
    expect(await status()).toBe(429)
  })

  it('believes X-Forwarded-For only of a trusted proxy', async () => {
    const from = (ip: string) => ({ headers: { 'x-forwarded-for': ip } })
    await using open = await startEdge({ rateLimiter: createRateLimiter(budgets(1)) })
    expect((await open.ask('GET', `${PATH}/optional`, from('192.0.2.1'))).status).toBe(200)
    expect((await open.ask('GET', `${PATH}/optional`, from('192.0.2.2'))).status).toBe(429)
    await using behind = await startEdge({ rateLimiter: createRateLimiter(budgets(1)), trustProxy: ['127.0.0.0/8'] })
    expect((await behind.ask('GET', `${PATH}/optional`, from('192.0.2.1'))).status).toBe(200)
    expect((await behind.ask('GET', `${PATH}/optional`, from('192.0.2.2'))).status).toBe(200)
    expect((await behind.ask('GET', `${PATH}/optional`, from('192.0.2.2'))).status).toBe(429)
  })

  it('takes all addresses of an IPv6 network of 64 bits as one', async () => {
    const from = (ip: string) => ({ headers: { 'x-forwarded-for': ip } })
    await using edge = await startEdge({ rateLimiter: createRateLimiter(budgets(1)), trustProxy: true })
    const status = async (ip: string) => (await edge.ask('GET', `${PATH}/optional`, from(ip))).status
    expect(await status('2001:db8:0:7::1')).toBe(200)
    expect(await status('2001:0db8::7:0:0:0:2')).toBe(429)
    expect(await status('2001:db8:0:8::1')).toBe(200)
    expect(await status('::ffff:192.0.2.9')).toBe(200)
    expect(await status('192.0.2.9')).toBe(429)
  })

  it('can be counted for an account, by whoever logs in', async () => {
    const limiter = createRateLimiter(budgets(1))
    await limiter.consume('login', '@alice:edge.test')
    await limiter.consume('login', '@alice:edge.test')
    await expect(limiter.consume('login', '@alice:edge.test')).rejects.toMatchObject({ errcode: 'M_LIMIT_EXCEEDED' })
    await limiter.consume('login', '@bob:edge.test')
    await limiter.consume('unlimited', '@alice:edge.test')
  })
})
