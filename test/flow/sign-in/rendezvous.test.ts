import { expect, it } from 'vitest'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const BY_TOKEN = '/unstable/io.element.msc4388/rendezvous'
const BY_ETAG = '/_matrix/client/unstable/org.matrix.msc4108/rendezvous'
const SETTINGS = { rendezvous: { enabled: true }, server: { publicBaseUrl: 'https://chat.example.org' } }

onEveryHomeserver('a rendezvous of two devices', (start) => {
  const clock = new SteppedClock()
  const homeserver = shareHomeserver(start, { clock, settings: SETTINGS })
  const client = async () => (await homeserver()).client()
  const open = async (data = 'one') => {
    const one = await client()
    const { body } = await one.request('POST', BY_TOKEN, { body: { data } })
    return { one, ...(body as { id: string; sequence_token: string; expires_in_ms: number }) }
  }

  it('is advertised and served only where it is switched on, as only then there is a way to finish a login by it', async () => {
    await using plain = await start()
    const features = (await plain.client().get('/versions')).unstable_features
    for (const name of ['org.matrix.msc4108', 'io.element.msc4388']) expect(features).not.toHaveProperty([name])
    expect((await plain.client().request('GET', BY_TOKEN)).body.errcode).toBe('M_UNRECOGNIZED')
    expect((await fetch(`${plain.url}${BY_ETAG}`, { method: 'POST', body: 'x' })).status).toBe(404)
    const one = await client()
    expect((await one.get('/versions')).unstable_features).toMatchObject({
      'org.matrix.msc4108': true,
      'io.element.msc4388': true,
    })
    expect(await one.get(BY_TOKEN)).toEqual({ create_available: true })
  })

  it('of 2025 is opened, read, written in turns and closed, without an account', async () => {
    const { one, id, sequence_token, expires_in_ms } = await open()
    expect(expires_in_ms).toBeGreaterThan(100_000)
    const read = await one.request('GET', `${BY_TOKEN}/${id}`)
    expect(read.body).toEqual({ data: 'one', sequence_token, expires_in_ms: expect.any(Number) })
    expect([read.headers.get('cache-control'), read.headers.get('pragma')]).toEqual(['no-store', 'no-cache'])
    const written = await one.put(`${BY_TOKEN}/${id}`, { sequence_token, data: 'two' })
    expect(written.sequence_token).not.toBe(sequence_token)
    expect((await one.get(`${BY_TOKEN}/${id}`)).data).toBe('two')
    expect(await one.delete(`${BY_TOKEN}/${id}`)).toEqual({})
    for (const [method, body] of [['GET'], ['DELETE'], ['PUT', { sequence_token, data: 'x' }]] as const)
      expect((await one.request(method, `${BY_TOKEN}/${id}`, { body })).body.errcode).toBe('M_NOT_FOUND')
  })

  it('refuses a write that does not know the newest, and takes a repeated one as done', async () => {
    const { one, id, sequence_token } = await open()
    const write = (token: string, data: string, txn = '') =>
      one.request('PUT', `${BY_TOKEN}/${id}${txn}`, { body: { sequence_token: token, data } })
    const first = await write(sequence_token, 'two')
    expect(await write(sequence_token, 'two')).toMatchObject({ status: 200, body: first.body })
    const refused = await write(sequence_token, 'other')
    expect([refused.status, refused.body.errcode]).toEqual([409, 'IO_ELEMENT_MSC4388_CONCURRENT_WRITE'])
    expect((await one.get(`${BY_TOKEN}/${id}`)).data).toBe('two')
    // With a transaction id, also after others wrote.
    const byId = await write(first.body.sequence_token, 'three', '/t1')
    await write(byId.body.sequence_token, 'four', '/t2')
    expect((await write(first.body.sequence_token, 'three', '/t1')).body).toEqual(byId.body)
    expect((await one.get(`${BY_TOKEN}/${id}`)).data).toBe('four')
    expect((await write(byId.body.sequence_token, 'x', '/not%20one')).body.errcode).toBe('M_INVALID_PARAM')
  })

  it('gives way to one of two writes at once', async () => {
    const { one, id, sequence_token } = await open()
    const write = (data: string) => one.request('PUT', `${BY_TOKEN}/${id}`, { body: { sequence_token, data } })
    const answers = await Promise.all(['a', 'b', 'c', 'd'].map(write))
    expect(answers.map(({ status }) => status).toSorted((one, other) => one - other)).toEqual([200, 409, 409, 409])
  })

  it('takes 4 KiB and no more', async () => {
    const { one, id, sequence_token } = await open('x'.repeat(4_096))
    const large = 'x'.repeat(4_097)
    for (const [method, path, body] of [
      ['POST', BY_TOKEN, { data: large }],
      ['PUT', `${BY_TOKEN}/${id}`, { sequence_token, data: large }],
    ] as const) {
      const refused = await one.request(method, path, { body })
      expect([refused.status, refused.body.errcode]).toEqual([413, 'M_TOO_LARGE'])
    }
    const { url } = await homeserver()
    expect((await fetch(`${url}${BY_ETAG}`, { method: 'POST', body: large })).status).toBe(413)
    expect((await fetch(`${url}${BY_ETAG}/${id}`, { method: 'PUT', body: large })).status).toBe(413)
  })

  it('ends after its time, and outlives a restart before', async () => {
    const { one, id } = await open()
    await (await homeserver()).restart()
    expect((await one.get(`${BY_TOKEN}/${id}`)).data).toBe('one')
    clock.advance(121_000)
    expect((await one.request('GET', `${BY_TOKEN}/${id}`)).status).toBe(404)
  })

  it('is not shown by a browser as a page', async () => {
    const { id } = await open()
    const { url } = await homeserver()
    const ask = async (headers: Record<string, string>): Promise<number> => {
      const { request } = await import('node:http')
      return new Promise((resolve, reject) => {
        const path = `${url}/_matrix/client${BY_TOKEN}/${id}`
        request(path, { headers }, (response) => resolve(response.resume().statusCode ?? 0))
          .on('error', reject)
          .end()
      })
    }
    const shown = [
      { 'sec-fetch-dest': 'document' },
      { 'sec-fetch-mode': 'navigate' },
      { 'sec-fetch-user': '?1' },
      { 'sec-fetch-site': 'none' },
    ]
    for (const headers of shown) expect(await ask(headers)).toBe(403)
    expect(await ask({ 'sec-fetch-dest': 'empty', 'sec-fetch-mode': 'cors', 'sec-fetch-site': 'cross-site' })).toBe(200)
  })

  it('of 2024 is the same by entity tags, which scripts may read and send', async () => {
    const { url } = await homeserver()
    const begun = await fetch(`${url}${BY_ETAG}`, {
      method: 'POST',
      headers: { 'content-type': 'text/plain' },
      body: 'one',
    })
    const etag = begun.headers.get('etag') ?? ''
    expect([begun.status, begun.headers.get('access-control-expose-headers')]).toEqual([201, 'ETag'])
    expect(Date.parse(begun.headers.get('expires') ?? '')).toBeGreaterThan(clock.nowMs())
    const { url: session } = (await begun.json()) as { url: string }
    expect(session.startsWith('https://chat.example.org/')).toBe(true)
    const here = session.replace('https://chat.example.org', url)
    const put = (body: string, tag?: string) =>
      fetch(here, { method: 'PUT', body, ...(tag === undefined ? {} : { headers: { 'if-match': tag } }) })
    const read = await fetch(here)
    expect([read.status, read.headers.get('content-type'), read.headers.get('etag')]).toEqual([200, 'text/plain', etag])
    expect([await read.text(), read.headers.get('cache-control')]).toEqual(['one', 'no-store'])
    expect((await fetch(here, { headers: { 'if-none-match': etag } })).status).toBe(304)
    const written = await put('two', etag)
    const next = written.headers.get('etag')
    expect([written.status, next === etag]).toEqual([202, false])
    const refused = await put('other', etag)
    expect([refused.status, refused.headers.get('etag')]).toEqual([412, next])
    expect(await refused.json()).toMatchObject({ 'org.matrix.msc4108.errcode': 'M_CONCURRENT_WRITE' })
    expect((await put('x')).status).toBe(400)
    expect((await fetch(here, { headers: { 'if-none-match': etag } })).status).toBe(200)
    const preflight = await fetch(here, { method: 'OPTIONS' })
    expect(preflight.headers.get('access-control-allow-headers')).toContain('If-Match, If-None-Match')
    expect((await fetch(here, { method: 'DELETE' })).status).toBe(204)
    expect((await fetch(here)).status).toBe(404)
  })
})
