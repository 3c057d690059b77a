import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { Program, temporaryFolder } from './cli-fixture.ts'

interface Span {
  readonly traceId: string
  readonly spanId: string
  readonly parentSpanId?: string
  readonly name: string
  readonly attributes: readonly {
    readonly key: string
    readonly value: { readonly stringValue?: string; readonly intValue?: number }
  }[]
}

/** A collector that takes OTLP over HTTP. */
class Collector implements AsyncDisposable {
  readonly spans: Span[] = []
  readonly tokens = new Set<string | undefined>()
  services: unknown
  readonly #server = createServer((request, response) => {
    const chunks: Buffer[] = []
    request.on('data', (chunk: Buffer) => chunks.push(chunk))
    request.on('end', () => {
      const { resourceSpans } = JSON.parse(Buffer.concat(chunks).toString()) as {
        resourceSpans: { resource: { attributes: unknown }; scopeSpans: { spans: Span[] }[] }[]
      }
      this.tokens.add(request.headers['x-token']?.toString())
      for (const { resource, scopeSpans } of resourceSpans) {
        this.services = resource.attributes
        this.spans.push(...scopeSpans.flatMap(({ spans }) => spans))
      }
      response.writeHead(200, { 'Content-Type': 'application/json' }).end('{}')
    })
  })

  async url(): Promise<string> {
    await new Promise<void>((resolve) => this.#server.listen(0, '127.0.0.1', resolve))
    return `http://127.0.0.1:${(this.#server.address() as AddressInfo).port}/v1/traces`
  }

  async [Symbol.asyncDispose](): Promise<void> {
    this.#server.closeAllConnections()
    await new Promise((resolve) => this.#server.close(resolve))
  }
}

const registerAt = async (address: string): Promise<void> => {
  const body = JSON.stringify({ username: 'anna', password: 'a long enough one', auth: { type: 'm.login.dummy' } })
  const answer = await fetch(`${address}/_matrix/client/v3/register`, { method: 'POST', body })
  expect(answer.status).toBe(200)
}

const runTraced = async (settings: Readonly<Record<string, string>>): Promise<void> => {
  using folder = temporaryFolder()
  const environment = { HOMEROOM_DATA: join(folder.path, 'data'), HOMEROOM_PORT: '0', ...settings }
  await using server = new Program(['start'], environment)
  await registerAt(await server.address())
  server.process.kill('SIGTERM')
  expect((await server.finished).code).toBe(0)
}

describe('traces', () => {
  it('tell of a request, its route and status, and the commits within it, and nothing of people', async () => {
    await using collector = new Collector()
    await runTraced({
      HOMEROOM_TRACING_ENDPOINT: await collector.url(),
      HOMEROOM_TRACING_HEADERS: 'x-token=secret',
      HOMEROOM_TRACING_SERVICE_NAME: 'chat',
    })
    expect([...collector.tokens]).toEqual(['secret'])
    expect(collector.services).toContainEqual({ key: 'service.name', value: { stringValue: 'chat' } })
    const request = collector.spans.find(({ name }) => name === 'POST /_matrix/client/v3/register')
    expect(request?.attributes).toContainEqual({
      key: 'http.route',
      value: { stringValue: '/_matrix/client/v3/register' },
    })
    expect(request?.attributes).toContainEqual({ key: 'http.response.status_code', value: { intValue: 200 } })
    const commits = collector.spans.filter(
      ({ name, parentSpanId }) => name === 'commit' && parentSpanId === request?.spanId,
    )
    expect(commits.length).toBeGreaterThan(0)
    expect(commits.every(({ traceId }) => traceId === request?.traceId)).toBe(true)
    expect(JSON.stringify(collector.spans)).not.toContain('anna')
  })

  it('are not made of requests that the share leaves out, and a collector that is gone stops nothing', async () => {
    await using collector = new Collector()
    await runTraced({ HOMEROOM_TRACING_ENDPOINT: await collector.url(), HOMEROOM_TRACING_SAMPLE_PERCENT: '0' })
    expect(collector.spans).toEqual([])
    await runTraced({ HOMEROOM_TRACING_ENDPOINT: 'http://127.0.0.1:1/v1/traces' })
  })
})
