import { createServer } from 'node:http'
import { text } from 'node:stream/consumers'
import { afterEach, describe, expect, it } from 'vitest'
import { nextBatch } from '../../bench/client/account.ts'
import { HttpClient, TargetError } from '../../bench/client/http-client.ts'
import { register, sharedSecretMac } from '../../bench/client/registration.ts'
import { parseStat, parseStatus, sampleProcesses } from '../../bench/measure/process-usage.ts'
import { runWorkers } from '../../bench/measure/workers.ts'

type Seen = { method: string; url: string; authorization: string | undefined; body: string }

const closers: (() => Promise<unknown>)[] = []
afterEach(async () => {
  for (const close of closers.splice(0)) await close()
})

/** A server that records what it is asked and answers what the test says. */
async function listen(
  answer: (seen: Seen) => { status: number; body: string },
): Promise<{ http: HttpClient; seen: Seen[] }> {
  const seen: Seen[] = []
  const server = createServer((request, response) => {
    const { method = '', url = '' } = request
    void text(request).then((body) => {
      const one = { method, url, authorization: request.headers.authorization, body }
      seen.push(one)
      const answered = answer(one)
      response.writeHead(answered.status, { 'content-type': 'application/json' }).end(answered.body)
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  if (address === null || typeof address === 'string') throw new Error('no port')
  const http = new HttpClient(`http://127.0.0.1:${address.port}/base/`, 4)
  closers.push(
    () => http.close(),
    () => new Promise((resolve) => server.close(resolve)),
  )
  return { http, seen }
}

describe('registration', () => {
  it('goes through user-interactive authentication with the session it was given', async () => {
    const { http, seen } = await listen(({ body }) =>
      body.includes('"auth"')
        ? { status: 200, body: '{"user_id":"@u:h","access_token":"t"}' }
        : { status: 401, body: '{"session":"s1","flows":[{"stages":["m.login.email"]},{"stages":["m.login.dummy"]}]}' },
    )
    expect((await register(http, { kind: 'open' }, 'u')).userId).toBe('@u:h')
    expect(seen.map((one) => one.url)).toEqual(Array(2).fill('/base/_matrix/client/v3/register'))
    expect(JSON.parse(seen[1]?.body ?? '')).toEqual({
      username: 'u',
      password: 'bench-u',
      auth: { type: 'm.login.dummy', session: 's1' },
    })
  })

  it('says so when the target wants more than the dummy stage', async () => {
    const { http } = await listen(() => ({
      status: 401,
      body: '{"session":"s","flows":[{"stages":["m.login.dummy","m.login.terms"]}]}',
    }))
    await expect(register(http, { kind: 'open' }, 'u')).rejects.toThrow('m.login.dummy alone')
  })

  it('signs nonce, name, password and role for the shared-secret API', async () => {
    const { http, seen } = await listen(({ method }) =>
      method === 'GET'
        ? { status: 200, body: '{"nonce":"n"}' }
        : { status: 200, body: '{"user_id":"@u:h","access_token":"t"}' },
    )
    await register(http, { kind: 'shared-secret', secret: 'k' }, 'u')
    const mac = sharedSecretMac('k', { nonce: 'n', username: 'u', password: 'bench-u', admin: false })
    expect(JSON.parse(seen[1]?.body ?? '')).toEqual({
      nonce: 'n',
      username: 'u',
      password: 'bench-u',
      admin: false,
      mac,
    })
    // Made with `printf 'n\0u\0p\0notadmin' | openssl dgst -sha1 -hmac k`.
    expect(sharedSecretMac('k', { nonce: 'n', username: 'u', password: 'p', admin: false })).toBe(
      'a6e6dbe6851875d5b191adb7e259de0361bacea3',
    )
  })
})

describe('answers', () => {
  it('other than 200 carry status and wait, and never the query with its secrets', async () => {
    const { http } = await listen(() => ({
      status: 429,
      body: '{"errcode":"M_LIMIT_EXCEEDED","retry_after_ms": 1500}',
    }))
    const failure = await http
      .call({ method: 'GET', path: '/sync?access_token=secret' })
      .catch((error: unknown) => error)
    expect(failure).toBeInstanceOf(TargetError)
    expect(failure).toMatchObject({ status: 429, retryAfterMs: 1500 })
    expect(String(failure)).not.toContain('secret')
  })

  it('yield their next_batch with escapes undone', () => {
    expect(nextBatch('{"rooms":{"x":"\\"next_batch\\":\\"wrong\\""}, "next_batch" : "a\\u0062\\"c"}')).toBe('ab"c')
    expect(() => nextBatch('{}')).toThrow('next_batch')
  })
})

describe('workers', () => {
  it('count refusals with 429 apart, and give up on a target that only fails', async () => {
    const { http } = await listen(() => ({ status: 429, body: '{}' }))
    const stretch = await runWorkers(
      { workers: 2, seconds: 30 },
      async () => void (await http.call({ method: 'GET', path: '/x' })),
    )
    expect(stretch.operations).toBe(0)
    expect(stretch.errors).toBe(stretch.limited)
    expect(stretch.errors).toBeGreaterThanOrEqual(20)
    expect(stretch.firstError).toContain('429')
    expect(stretch.elapsedMs).toBeLessThan(30_000)
  })
})

describe('the use of a process', () => {
  it('is read from /proc even when the command has spaces and brackets in its name', () => {
    const stat = '42 (a ) (b) S 7 42 42 0 -1 4194304 100 0 0 0 250 50 0 0 20 0 11 0 12345 1000 200'
    expect(parseStat(stat)).toEqual({ pid: 42, parent: 7, cpuMs: 3000, threads: 11 })
    expect(parseStatus('VmHWM:\t  2048 kB\nVmRSS:\t  1024 kB\n')).toEqual({
      rssBytes: 1_048_576,
      peakRssBytes: 2_097_152,
    })
  })

  it('is absent where there is no such process', () => {
    expect(sampleProcesses([])).toBeUndefined()
    expect(sampleProcesses([2 ** 30])).toBeUndefined()
  })

  it.runIf(process.platform === 'linux')('sums a living process', () => {
    expect(sampleProcesses([process.pid])).toMatchObject({ processes: expect.any(Number), threads: expect.any(Number) })
    expect(sampleProcesses([process.pid])?.rssBytes).toBeGreaterThan(1e6)
  })
})
