import { once } from 'node:events'
import { connect } from 'node:net'
import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { onEveryHomeserver, startHomeserver } from '../../support/homeserver.ts'
import { draftBytes, fetchBytes, mediaUser, storedFiles } from './fixture.ts'

onEveryHomeserver('a file that is uploaded', (start) => {
  it('comes back as it went, with its type and name, for who is signed in and by the old path', async () => {
    await using homeserver = await start()
    const alice = await mediaUser(homeserver, 'alice')
    const bytes = Buffer.from('Grüße\0\xff', 'latin1')
    const id = await alice.upload(bytes, { type: 'text/plain', name: 'hello.txt' })
    expect(id).toMatch(/^localhost\/[A-Za-z0-9_-]{24}$/)
    for (const found of [await alice.get(`download/${id}`), await alice.getOld(`download/${id}`)]) {
      expect([found.status, found.bytes.equals(bytes)]).toEqual([200, true])
      expect(found.headers.get('content-type')).toBe('text/plain')
      expect(found.headers.get('content-disposition')).toBe('inline; filename="hello.txt"')
    }
  })

  it('outlives a restart', async () => {
    await using homeserver = await start()
    const alice = await mediaUser(homeserver, 'alice')
    const id = await alice.upload(Buffer.from('kept'))
    await homeserver.restart()
    expect((await alice.get(`download/${id}`)).bytes.toString()).toBe('kept')
  })

  it('is stored once however often it is uploaded, each time under an id and a name of its own', async () => {
    await using homeserver = await start()
    const alice = await mediaUser(homeserver, 'alice')
    const bob = await mediaUser(homeserver, 'bob')
    const bytes = Buffer.alloc(100_000, 7)
    const ids = await Promise.all([
      alice.upload(bytes, { name: 'a' }),
      alice.upload(bytes, { name: 'b' }),
      bob.upload(bytes, { name: 'c', type: 'image/png' }),
    ])
    expect(new Set(ids).size).toBe(3)
    expect(storedFiles(homeserver)).toHaveLength(1)
    const names = await Promise.all(ids.map(async (id) => (await bob.get(`download/${id}`)).headers))
    expect(names.map((headers) => headers.get('content-disposition'))).toEqual([
      'attachment; filename="a"',
      'attachment; filename="b"',
      'inline; filename="c"',
    ])
  })

  it('counts against the quota of its user, and one beyond it leaves nothing', async () => {
    await using homeserver = await start({ settings: { media: { userQuota: '4KiB' } } })
    const alice = await mediaUser(homeserver, 'alice')
    const bob = await mediaUser(homeserver, 'bob')
    await alice.upload(Buffer.alloc(3_000, 1))
    expect(await alice.tryUpload(Buffer.alloc(1_097, 2))).toMatchObject({
      status: 403,
      json: { errcode: 'M_USER_LIMIT_EXCEEDED', info_uri: 'https://localhost' },
    })
    const stream = new Blob([Buffer.alloc(1_097, 2)]).stream()
    expect(await alice.tryUpload(stream)).toMatchObject({ status: 403, json: { errcode: 'M_USER_LIMIT_EXCEEDED' } })
    expect(storedFiles(homeserver)).toHaveLength(1)
    await alice.upload(Buffer.alloc(1_096, 2))
    await bob.upload(Buffer.alloc(4_000, 3))
    expect(storedFiles(homeserver)).toHaveLength(3)
  })
})

describe('an upload', () => {
  it('is as large as allowed and not a byte more, whether or not it says so before, and leaves nothing then', async () => {
    await using homeserver = await startHomeserver({ settings: { media: { uploadSize: '64KiB' } } })
    const alice = await mediaUser(homeserver, 'alice')
    expect((await alice.tryUpload(Buffer.alloc(65_536))).status).toBe(200)
    const stored = storedFiles(homeserver)
    const refused = { status: 413, json: { errcode: 'M_TOO_LARGE' } }
    expect(await alice.tryUpload(Buffer.alloc(65_537, 1))).toMatchObject(refused)
    expect(await alice.tryUpload(new Blob([Buffer.alloc(65_537, 1)]).stream())).toMatchObject(refused)
    expect(storedFiles(homeserver)).toEqual(stored)
    expect(await alice.client.get('/v1/media/config')).toEqual({ 'm.upload.size': 65_536 })
    for (const version of ['v3', 'r0', 'v1']) {
      expect(await alice.client.get(`/_matrix/media/${version}/config`)).toEqual({ 'm.upload.size': 65_536 })
    }
  })

  it('never stands in memory as a whole', async () => {
    await using homeserver = await startHomeserver({ settings: { media: { uploadSize: '1GiB' } } })
    const alice = await mediaUser(homeserver, 'alice')
    const piece = Buffer.alloc(1024 * 1024, 9)
    let left = 128
    let heldBytes = Number.POSITIVE_INFINITY
    const stream = new ReadableStream({
      pull: (controller) => {
        // What was sent and is not on the disk yet is in somebody's memory.
        if (left === 0) heldBytes = 128 * piece.length - draftBytes(homeserver)
        if (left-- > 0) controller.enqueue(piece)
        else controller.close()
      },
    })
    const { status, json } = await alice.tryUpload(stream)
    expect(status).toBe(200)
    expect(heldBytes).toBeLessThan(32 * 1024 * 1024)
    const part = await alice.get(`download/${String(json.content_uri).slice(6)}`, { range: 'bytes=134217727-' })
    expect([part.status, part.bytes.length]).toEqual([206, 1])
  })

  it('works by all its paths, empty, without a type, and with one that is none', async () => {
    await using homeserver = await startHomeserver()
    const alice = await mediaUser(homeserver, 'alice')
    for (const path of ['/_matrix/media/r0/upload', '/_matrix/media/v1/upload'])
      await alice.upload(Buffer.from('x'), { path })
    const empty = await alice.get(`download/${await alice.upload(Buffer.alloc(0))}`)
    expect([empty.status, empty.bytes.length]).toEqual([200, 0])
    for (const type of ['nonsense', 'text/plain\tx', 'a/b; é', `x/${'y'.repeat(300)}`]) {
      const found = await alice.get(`download/${await alice.upload(Buffer.from(type), { type })}`)
      expect([type, found.headers.get('content-type')]).toEqual([type, 'application/octet-stream'])
    }
  })

  it('needs an access token of no guest', async () => {
    await using homeserver = await startHomeserver({ settings: { registration: { guests: true } } })
    const path = '/_matrix/media/v3/upload'
    const nobody = await fetchBytes(homeserver, path, { method: 'POST', body: Buffer.from('x') })
    expect(nobody).toMatchObject({ status: 401, json: { errcode: 'M_MISSING_TOKEN' } })
    const { access_token: token } = await homeserver.client().post('/v3/register?kind=guest', {})
    const guest = await fetchBytes(homeserver, path, { method: 'POST', body: Buffer.from('x'), token })
    expect(guest).toMatchObject({ status: 403, json: { errcode: 'M_GUEST_ACCESS_FORBIDDEN' } })
    expect(storedFiles(homeserver)).toEqual([])
  })

  it('that breaks off leaves nothing', async () => {
    await using homeserver = await startHomeserver()
    const alice = await mediaUser(homeserver, 'alice')
    const head = (length: string) =>
      `POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${alice.client.accessToken}\r\n${length}\r\n\r\n`
    const starts = ['Content-Length: 1000000', 'Transfer-Encoding: chunked'].map(head)
    for (const start of starts) {
      const socket = connect(Number(new URL(homeserver.url).port), '127.0.0.1')
      socket.on('error', () => {})
      await once(socket, 'connect')
      socket.write(`${start}${start.includes('chunked') ? '5\r\n' : ''}hello`)
      while (!storedFiles(homeserver).some((name) => name.length === 24)) await alice.client.get('/v3/account/whoami')
      socket.destroy()
      while (storedFiles(homeserver).length > 0) await alice.client.get('/v3/account/whoami')
    }
    expect(storedFiles(homeserver)).toEqual([])
  })

  it('that says it is longer than allowed is refused before it comes', async () => {
    await using homeserver = await startHomeserver()
    const alice = await mediaUser(homeserver, 'alice')
    const socket = connect(Number(new URL(homeserver.url).port), '127.0.0.1')
    await once(socket, 'connect')
    socket.write(
      `POST /_matrix/media/v3/upload HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer ${alice.client.accessToken}\r\nContent-Length: 99999999999\r\n\r\n`,
    )
    const [answer] = await once(socket, 'data')
    expect(String(answer)).toMatch(/^HTTP\/1\.1 413 [\s\S]*M_TOO_LARGE/)
    socket.destroy()
  })

  it('keeps any name that a header can carry, and no other', async () => {
    await using homeserver = await startHomeserver()
    const alice = await mediaUser(homeserver, 'alice')
    const name = fc.string({ unit: 'binary', minLength: 1, maxLength: 60 })
    await fc.assert(
      fc.asyncProperty(name, async (given) => {
        const id = await alice.upload(Buffer.from('x'), { name: given })
        const disposition = (await alice.get(`download/${id}`)).headers.get('content-disposition') ?? ''
        const clean = given.replaceAll(/\p{Cc}/gu, '')
        expect(disposition).toMatch(/^[\x20-\x7e]+$/)
        if (clean !== '') expect(nameIn(disposition)).toBe(clean)
      }),
      {
        numRuns: 40,
        examples: [['"; x="'], ['\\'], ['%41'], ["'"], ['📎 наш файл.pdf'], ['../../etc/passwd'], ['\r\nX: y']],
      },
    )
    const tooLong = await alice.tryUpload(Buffer.from('x'), { name: 'n'.repeat(1_025) })
    expect(tooLong).toMatchObject({ status: 400, json: { errcode: 'M_INVALID_PARAM' } })
  })
})

/** As RFC 6266 reads it. */
const nameIn = (disposition: string): string => {
  const extended = /filename\*=utf-8''([^;]+)$/.exec(disposition)?.[1]
  if (extended !== undefined) return decodeURIComponent(extended)
  return (/filename="((?:[^"\\]|\\.)*)"/.exec(disposition)?.[1] ?? '').replaceAll(/\\(.)/g, '$1')
}
