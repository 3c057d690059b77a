import { describe, expect, it } from 'vitest'
import { Contended, type Logger } from '#base'
import { CustomReply, endpoint, none, RawJson } from '#http'
import { MatrixError } from '#spec'
import { WriteConflict } from '#store'
import { startEdge } from './fixture.ts'

interface Line {
  readonly level: string
  readonly fields: Record<string, unknown>
  readonly message: string
}

const recordingLogger = (lines: Line[]): Logger => {
  const at = (level: string) => (fields: object, message: string) => {
    lines.push({ level, fields: { ...fields }, message })
  }
  const logger: Logger = {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    child: () => logger,
  }
  return logger
}

class Busy extends Error {
  readonly retryAfterMs = 1_500
}

const answering = (path: string, outcome: () => unknown) =>
  endpoint({
    method: 'GET',
    paths: [path],
    auth: none(),
    rateLimit: 'unlimited',
    handler: async () => outcome() as never,
  })
const failing = (error: Error) =>
  answering('/fail', () => {
    throw error
  })

describe('what a handler throws', () => {
  it('from the catalogue becomes its status, its members and its headers', async () => {
    const error = new MatrixError('M_UNKNOWN_TOKEN', 'Expired', {
      fields: { soft_logout: true },
      headers: { 'X-A': 'b' },
    })
    await using edge = await startEdge({ endpoints: [failing(error)] })
    const { status, headers, text } = await edge.ask('GET', '/fail')
    expect(status).toBe(401)
    expect(text).toBe('{"errcode":"M_UNKNOWN_TOKEN","error":"Expired","soft_logout":true}')
    expect(headers.get('x-a')).toBe('b')
  })

  it('when something is not to be had now becomes 503 with a time to come back', async () => {
    const lines: Line[] = []
    await using edge = await startEdge({
      endpoints: [failing(new Busy('the disk is full'))],
      logger: recordingLogger(lines),
    })
    const { status, headers, json, text } = await edge.ask('GET', '/fail')
    expect(status).toBe(503)
    expect(json).toMatchObject({ errcode: 'M_UNKNOWN', retry_after_ms: 1_500 })
    expect(headers.get('retry-after')).toBe('2')
    expect(text).not.toContain('disk')
    expect(lines.map(({ level }) => level)).toEqual(['warn'])
  })

  it('that is a conflict of ours is never 500: 503 at the very end, with a time to come back', async () => {
    for (const conflict of [new WriteConflict('room-changed'), new Contended('20 tries met a conflict')]) {
      const lines: Line[] = []
      await using edge = await startEdge({ endpoints: [failing(conflict)], logger: recordingLogger(lines) })
      const { status, headers, json } = await edge.ask('GET', '/fail')
      expect([status, headers.get('retry-after')]).toEqual([503, '1'])
      expect(json).toMatchObject({ errcode: 'M_UNKNOWN', retry_after_ms: 1_000 })
      expect(lines.map(({ level }) => level)).toEqual(['warn'])
    }
  })

  it('unforeseen is logged with its stack and the request, and tells the client nothing', async () => {
    const lines: Line[] = []
    const logger = recordingLogger(lines)
    await using edge = await startEdge({
      endpoints: [failing(new TypeError('secret detail'))],
      logger,
      logRequests: true,
    })
    const { status, text } = await edge.ask('GET', '/fail?access_token=hush')
    expect(status).toBe(500)
    expect(JSON.parse(text)).toEqual({ errcode: 'M_UNKNOWN', error: 'Internal server error' })
    const failure = lines.find(({ level }) => level === 'error')
    expect(failure?.fields).toMatchObject({ method: 'GET', path: '/fail', request: expect.any(String) })
    expect(failure?.fields.err).toMatchObject({
      message: 'secret detail',
      stack: expect.stringContaining('edge/errors'),
    })
    expect(lines.find(({ level }) => level === 'debug')?.fields).toMatchObject({ status: 500, path: '/fail' })
    expect(JSON.stringify(lines)).not.toContain('hush')
  })
})

describe('what a handler answers', () => {
  it('ready-made is sent as it is', async () => {
    await using edge = await startEdge({ endpoints: [answering('/raw', () => new RawJson('{ "ü": 1.0 }'))] })
    const { text, headers } = await edge.ask('GET', '/raw')
    expect(text).toBe('{ "ü": 1.0 }')
    expect(headers.get('content-length')).toBe('13')
  })

  it('may have a status, headers and a body of its own', async () => {
    const outcomes = [
      answering('/json', () => new CustomReply({ status: 401, body: { flows: [] } })),
      answering('/raw', () => new CustomReply({ status: 202, body: new RawJson('{}') })),
      answering('/text', () => new CustomReply({ status: 200, body: 'OK' })),
      answering('/html', () => new CustomReply({ status: 200, headers: { 'Content-Type': 'text/html' }, body: '<p>' })),
    ]
    await using edge = await startEdge({ endpoints: outcomes })
    expect(await edge.ask('GET', '/json')).toMatchObject({ status: 401, json: { flows: [] } })
    expect(await edge.ask('GET', '/raw')).toMatchObject({ status: 202, json: {} })
    expect((await edge.ask('GET', '/text')).headers.get('content-type')).toBe('text/plain; charset=utf-8')
    expect((await edge.ask('GET', '/html')).headers.get('content-type')).toBe('text/html')
  })
})
