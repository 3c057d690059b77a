import { once } from 'node:events'
import { describe, expect, it } from 'vitest'
import { type Logger, silentLogger } from '#base'
import { endpoint, none, RawJson } from '#http'
import { openSocket, readToEnd, startEdge } from './fixture.ts'

/** A long poll: answers when its signal is aborted, and tells when it began. */
const longPoll = () => {
  const begun = Promise.withResolvers<void>()
  const ended = Promise.withResolvers<void>()
  const poll = endpoint({
    method: 'GET',
    paths: ['/poll'],
    auth: none(),
    rateLimit: 'unlimited',
    handler: async ({ signal }) => {
      begun.resolve()
      if (!signal.aborted) await once(signal, 'abort')
      ended.resolve()
      return { answered: true }
    },
  })
  return { poll, begun: begun.promise, ended: ended.promise }
}

describe('a long poll', () => {
  it('hears when its client goes away', async () => {
    const { poll, begun, ended } = longPoll()
    await using edge = await startEdge({ endpoints: [poll] })
    const client = new AbortController()
    const request = fetch(`${edge.url}/poll`, { signal: client.signal })
    await begun
    client.abort()
    await expect(request).rejects.toThrow()
    await ended
  })

  it('is answered when the server stops, which then ends its connections', async () => {
    const { poll, begun } = longPoll()
    await using edge = await startEdge({ endpoints: [poll] })
    const request = edge.ask('GET', '/poll')
    await begun
    await edge.edge.stop(5_000)
    expect(await request).toMatchObject({ status: 200, json: { answered: true } })
    await expect(edge.ask('GET', '/poll')).rejects.toThrow()
  })

  it('outlives the time that a request may take to arrive', async () => {
    const { poll, begun } = longPoll()
    await using edge = await startEdge({ endpoints: [poll], limits: { headersTimeoutMs: 100, requestTimeoutMs: 100 } })
    const request = edge.ask('GET', '/poll')
    await begun
    // Another client's unfinished request is cut off: so the time is over, and was looked at.
    const socket = await openSocket(edge.port)
    socket.write('GET / HTTP/1.1\r\n')
    expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 408 /)
    await edge.edge.stop(5_000)
    expect((await request).status).toBe(200)
  })
})

describe('a client that is slow', () => {
  const limits = { headersTimeoutMs: 200, requestTimeoutMs: 400 }

  it('with its headers is cut off', async () => {
    await using edge = await startEdge({ limits })
    const socket = await openSocket(edge.port)
    socket.write('GET / HTTP/1.1\r\nHost: x\r\n')
    expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('with its body is cut off', async () => {
    await using edge = await startEdge({ limits })
    const socket = await openSocket(edge.port)
    socket.write('POST /_matrix/client/v3/strict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"name":')
    expect(await readToEnd(socket)).toMatch(/^HTTP\/1\.1 408 /)
  })

  it('and reads nothing of a large answer is cut off', async () => {
    const cut = Promise.withResolvers<void>()
    const large = endpoint({
      method: 'GET',
      paths: ['/large'],
      auth: none(),
      rateLimit: 'unlimited',
      handler: async ({ signal }) => {
        signal.addEventListener('abort', () => cut.resolve())
        return new RawJson(`{"a":"${'x'.repeat(32 * 1024 * 1024)}"}`)
      },
    })
    await using edge = await startEdge({ endpoints: [large], limits: { writeTimeoutMs: 300 } })
    const socket = await openSocket(edge.port)
    socket.pause()
    socket.write('GET /large HTTP/1.1\r\nHost: x\r\n\r\n')
    await cut.promise
    const closed = new Promise((resolve) => socket.once('close', resolve))
    let received = 0
    socket.on('data', (chunk: Buffer) => {
      received += chunk.length
    })
    socket.resume()
    await closed
    expect(received).toBeLessThan(32 * 1024 * 1024)
  })
})

/** An endpoint whose requests are held until `admit`, and a client that leaves meanwhile. */
const leftBeforeAdmitted = async (handler: (request: { signal: AbortSignal }) => void, head: string) => {
  const begun = Promise.withResolvers<void>()
  const known = Promise.withResolvers<undefined>()
  const slow = endpoint({
    method: 'POST',
    paths: ['/slow'],
    auth: {
      stage: 'headers',
      identify: () => {
        begun.resolve()
        return known.promise
      },
    },
    rateLimit: 'unlimited',
    handler: async (request) => {
      handler(request)
      return {}
    },
  })
  const answered = Promise.withResolvers<object>()
  const logger: Logger = { ...silentLogger, debug: (fields) => answered.resolve({ ...fields }), child: () => logger }
  await using edge = await startEdge({ endpoints: [slow], logger, logRequests: true })
  const socket = await openSocket(edge.port)
  socket.write(head)
  await begun.promise
  socket.destroy()
  await once(socket, 'close')
  // The server has heard of that end once it answers later connections.
  for (let round = 0; round < 3; round++) await edge.ask('GET', '/nothing')
  known.resolve(undefined)
  return await answered.promise
}

describe('a client that leaves before its request is admitted', () => {
  it('ends the request where its body is still to come', async () => {
    const head = 'POST /slow HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{'
    expect(await leftBeforeAdmitted(() => {}, head)).toMatchObject({ path: '/slow', status: 400 })
  })

  it('is known to be gone by a handler that would wait for it', async () => {
    const aborted: boolean[] = []
    const handler = ({ signal }: { signal: AbortSignal }) => void aborted.push(signal.aborted)
    await leftBeforeAdmitted(handler, 'POST /slow HTTP/1.1\r\nHost: x\r\n\r\n')
    expect(aborted).toEqual([true])
  })
})

describe('a body that ends early', () => {
  it('does no harm', async () => {
    await using edge = await startEdge()
    const socket = await openSocket(edge.port)
    socket.write('POST /_matrix/client/v3/strict HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{"name":"x"}')
    socket.destroy()
    await once(socket, 'close')
    const answer = await edge.ask('POST', '/_matrix/client/v3/strict', { body: '{"name":"x"}' })
    expect(answer.status).toBe(200)
  })
})
