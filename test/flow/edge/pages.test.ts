import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { request } from 'node:https'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type Addresses, createHomeserver } from '#app'
import { loadConfig } from '#config'
import { ROOM_VERSIONS } from '#spec'
import { TEST_CERTIFICATE, TEST_KEY } from '../../support/certificate.ts'
import { startHomeserver } from '../../support/homeserver.ts'

interface Running extends AsyncDisposable {
  readonly addresses: Addresses
}

/** A homeserver with settings that concern its listeners. */
const startWith = async (listen: (folder: string) => Record<string, unknown>): Promise<Running> => {
  const folder = mkdtempSync(join(tmpdir(), 'homeroom-pages-'))
  const settings = { listen: { port: 0, ...listen(folder) }, storage: { data: join(folder, 'data') } }
  const config = loadConfig({ file: { name: 'test settings', text: JSON.stringify(settings) } })
  const homeserver = createHomeserver({ config })
  const addresses = await homeserver.start()
  return {
    addresses,
    [Symbol.asyncDispose]: async () => {
      await homeserver.stop()
      rmSync(folder, { recursive: true, force: true })
    },
  }
}

describe('the page at the root', () => {
  it('names the server and how to connect, without a script and without anything from elsewhere', async () => {
    const settings = { server: { name: 'chat.example', publicBaseUrl: 'https://matrix.chat.example/' } }
    await using homeserver = await startHomeserver({ settings })
    const response = await fetch(`${homeserver.url}/`)
    const html = await response.text()
    expect(response.status).toBe(200)
    expect(response.headers.get('content-type')).toBe('text/html; charset=utf-8')
    expect(response.headers.get('content-security-policy')).toMatch(/^default-src 'none'; style-src 'sha256-[^']+';/)
    expect(html).toContain('<h1>chat.example</h1>')
    expect(html).toContain('<code>https://matrix.chat.example</code>')
    expect(html).toContain('<meta name="viewport"')
    expect(html).not.toMatch(/<script|url\(|style="/)
    // Its icon is its own.
    expect([...html.matchAll(/(?:src|<link rel="icon" href)="([^"]*)"/g)].map(([, address]) => address)).toEqual([
      '/_homeroom/icon.svg',
      '/_homeroom/icon.svg',
    ])
    expect(html).toContain('https://mobile.element.io/?hs_url=https%3A%2F%2Fmatrix.chat.example')
  })

  it('leads to the page for registration where people may register', async () => {
    for (const mode of ['open', 'token', 'closed']) {
      await using homeserver = await startHomeserver({ settings: { registration: { mode } } })
      const link = /href="([^"]*register[^"]*)"/.exec(await (await fetch(`${homeserver.url}/`)).text())?.[1]
      if (mode === 'closed') expect(link).toBeUndefined()
      else expect((await fetch(`${homeserver.url}${link}`)).status).toBe(200)
    }
  })
})

describe('the health endpoint', () => {
  it('is OK while the server runs', async () => {
    await using homeserver = await startHomeserver()
    const response = await fetch(`${homeserver.url}/health`)
    expect([response.status, await response.text()]).toEqual([200, 'OK'])
  })
})

describe('discovery', () => {
  it('is not there where nothing is configured', async () => {
    await using homeserver = await startHomeserver()
    for (const page of ['client', 'server', 'support']) {
      const { status, body } = await homeserver.client().request('GET', `/.well-known/matrix/${page}`)
      expect([status, body.errcode]).toEqual([404, 'M_NOT_FOUND'])
    }
  })

  it('says what is configured', async () => {
    const settings = {
      server: { name: 'chat.example', publicBaseUrl: 'https://matrix.chat.example' },
      federation: { delegatedTo: 'matrix.chat.example:443' },
      identityServers: { announced: 'https://id.chat.example' },
      support: { adminMatrixId: '@admin:chat.example', securityEmail: 'security@chat.example' },
    }
    await using homeserver = await startHomeserver({ settings })
    const client = homeserver.client()
    expect(await client.get('/.well-known/matrix/client')).toEqual({
      'm.homeserver': { base_url: 'https://matrix.chat.example' },
      'm.identity_server': { base_url: 'https://id.chat.example' },
    })
    expect(await client.get('/.well-known/matrix/server')).toEqual({ 'm.server': 'matrix.chat.example:443' })
    expect(await client.get('/.well-known/matrix/support')).toEqual({
      contacts: [
        { role: 'm.role.admin', matrix_id: '@admin:chat.example' },
        { role: 'm.role.security', email_address: 'security@chat.example' },
      ],
    })
  })
})

describe('versions and capabilities', () => {
  it('tell what the server can do', async () => {
    await using homeserver = await startHomeserver({ settings: { server: { defaultRoomVersion: '11' } } })
    const { versions } = await homeserver.client().get('/versions')
    expect(versions).toEqual(expect.arrayContaining(['r0.0.1', 'r0.6.1', 'v1.1', 'v1.2']))
    const alice = await homeserver.register('alice')
    const { capabilities } = await alice.get('/v3/capabilities')
    expect(capabilities['m.room_versions'].default).toBe('11')
    expect(Object.keys(capabilities['m.room_versions'].available).sort()).toEqual([...ROOM_VERSIONS.keys()].sort())
    expect(await alice.get('/r0/capabilities')).toEqual({ capabilities })
  })
})

describe('a second listener', () => {
  it('serves the same over TLS', async () => {
    await using running = await startWith((folder) => {
      writeFileSync(join(folder, 'cert.pem'), TEST_CERTIFICATE)
      writeFileSync(join(folder, 'key.pem'), TEST_KEY)
      return { tlsPort: 0, tlsCert: join(folder, 'cert.pem'), tlsKey: join(folder, 'key.pem') }
    })
    const { url, tlsUrl = '' } = running.addresses
    const plain = await (await fetch(`${url}/_matrix/client/versions`)).text()
    const secure = await new Promise<string>((resolve, reject) => {
      request(`${tlsUrl}/_matrix/client/versions`, { ca: TEST_CERTIFICATE }, (response) => {
        let text = ''
        response.on('data', (chunk: Buffer) => {
          text += chunk.toString()
        })
        response.on('end', () => resolve(text))
      })
        .on('error', reject)
        .end()
    })
    expect(secure).toBe(plain)
  })
})

describe('metrics', () => {
  it('are not there unless a port is set', async () => {
    await using running = await startWith(() => ({}))
    expect(running.addresses.metricsUrl).toBeUndefined()
    expect((await fetch(`${running.addresses.url}/metrics`)).status).toBe(404)
  })

  it('count requests by endpoint, and tell of the loop, the store and the caches', async () => {
    await using running = await startWith(() => ({ metricsPort: 0 }))
    const { url, metricsUrl = '' } = running.addresses
    await fetch(`${url}/_matrix/client/versions`)
    await fetch(`${url}/_matrix/client/r0/capabilities`)
    await fetch(`${url}/nothing/secret`)
    const text = await (await fetch(`${metricsUrl}/metrics`)).text()
    const head = await fetch(`${metricsUrl}/metrics`, { method: 'HEAD' })
    expect([head.status, await head.text()]).toEqual([200, ''])
    const post = await fetch(`${metricsUrl}/metrics`, { method: 'POST' })
    expect([post.status, post.headers.get('allow')]).toEqual([405, 'GET, HEAD'])
    const lineOf = (start: string): string | undefined => text.split('\n').find((line) => line.startsWith(start))
    const requests = (method: string, path: string, status: number) =>
      lineOf(`homeroom_http_requests_total{method="${method}",path="${path}",status="${status}"}`)
    expect(requests('GET', '/_matrix/client/versions', 200)).toMatch(/ 1$/)
    expect(requests('GET', '/_matrix/client/v3/capabilities', 401)).toMatch(/ 1$/)
    expect(requests('*', 'unrecognized', 404)).toMatch(/ 1$/)
    expect(
      lineOf('homeroom_http_request_duration_seconds_count{method="GET",path="/_matrix/client/versions"}'),
    ).toMatch(/ 1$/)
    expect(lineOf('homeroom_nodejs_eventloop_lag_p99_seconds')).toBeDefined()
    expect(lineOf('homeroom_store_queue_length')).toBeDefined()
    expect(lineOf('homeroom_cache_limit_bytes{')).toBeDefined()
    expect(text).not.toContain('secret')
    expect((await fetch(`${metricsUrl}/`)).status).toBe(404)
  })
})
