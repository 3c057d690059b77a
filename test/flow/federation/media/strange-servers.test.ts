import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type PeerHandler, refusal } from '../../../support/federation-peer/listener.ts'
import { FederationPeer } from '../../../support/federation-peer/peer.ts'
import { type FederationServers, startFederation } from '../../../support/federation-servers.ts'
import { type MediaUser, mediaUser, picture, storedFiles } from '../../media/fixture.ts'

const PATH = '/_matrix/federation/v1/media/download/:id'
const THUMBNAIL = '/_matrix/federation/v1/media/thumbnail/:id'

/** An answer in two parts, as it stands. */
const parts = (body: string | Buffer, boundary = 'b', type = `multipart/mixed; boundary=${boundary}`): PeerHandler => {
  return (_request, response) => {
    response.writeHead(200, { 'content-type': type })
    response.end(body)
    return undefined
  }
}
const wrapped = (headers: string, file: string | Buffer): Buffer =>
  Buffer.concat([
    Buffer.from(`--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b\r\n${headers}\r\n\r\n`),
    Buffer.from(file),
    Buffer.from('\r\n--b--\r\n'),
  ])

describe('a file of a server that answers', () => {
  let peer: FederationPeer
  let servers: FederationServers
  let bob: MediaUser
  let count = 0
  beforeAll(async () => {
    peer = await FederationPeer.start()
    servers = await startFederation({
      names: ['first.example'],
      others: [{ serverName: peer.name, address: peer.address }],
      settings: {
        media: { remoteSize: '1MiB', remoteTimeout: '5s' },
        federation: { allowedNetworks: ['127.0.0.0/8'] },
      },
    })
    peer.knows('first.example', servers.places[0]?.address ?? '')
    bob = await mediaUser(servers.at(0), 'bob')
  })
  afterAll(async () => {
    await servers[Symbol.asyncDispose]()
    await peer[Symbol.asyncDispose]()
  })

  const download = async (handler: PeerHandler) => {
    peer.on('GET', PATH, handler)
    return bob.get(`download/${peer.name}/file${count++}`)
  }

  it('as servers do is served, and asked for with a signature', async () => {
    const { status, bytes, headers } = await download(
      parts(wrapped('Content-Type: text/plain\r\nContent-Disposition: attachment; filename="a\\"b.txt"', 'text')),
    )
    expect([status, bytes.toString(), headers.get('content-type')]).toEqual([200, 'text', 'text/plain'])
    expect(headers.get('content-disposition')).toBe('inline; filename="a\\"b.txt"')
    const asked = await peer.requestWhich(({ path }) => path.includes('/media/download/'))
    expect(asked.signed).toBe(true)
  })

  it.each([
    ['a preamble, and a boundary in quotes', `preamble\r\n${wrapped('Content-Type: text/plain', 'text').toString()}`],
    [
      'spaces behind the boundary',
      wrapped('Content-Type: text/plain', 'text').toString().replace('--b\r\n', '--b \t\r\n'),
    ],
    ['a part without headers', '--b\r\n\r\n{}\r\n--b\r\n\r\ntext\r\n--b--'],
  ])('with %s is served', async (_title, body) => {
    const { status, bytes } = await download(parts(body, 'b', 'Multipart/Mixed; charset=x; boundary="b"'))
    expect([status, bytes.toString()]).toEqual([200, 'text'])
  })

  it.each([
    ['half of a file', wrapped('Content-Type: text/plain', 'text').subarray(0, -9)],
    ['one part', '--b\r\nContent-Type: application/json\r\n\r\n{}\r\n--b--\r\n'],
    ['another boundary', wrapped('Content-Type: text/plain', 'text').toString().replaceAll('--b', '--c')],
    ['nothing', ''],
    ['headers that never end', `--b\r\n${'X-Long: 1\r\n'.repeat(20_000)}`],
    ['metadata that never ends', `--b\r\n\r\n${'{"a":1},'.repeat(20_000)}`],
    ['a header that is none', '--b\r\n\r\n{}\r\n--b\r\nnonsense\r\n\r\ntext\r\n--b--'],
    ['a place that is none', wrapped('Location: nowhere', '')],
    ['a place that is no http', wrapped('Location: file:///etc/passwd', '')],
    ['a place where nothing listens', wrapped('Location: http://127.0.0.1:1/x', '')],
    ['a file that is too large', wrapped('Content-Type: text/plain', Buffer.alloc(2 * 1024 * 1024))],
    ['a file that is a little too large', wrapped('Content-Type: text/plain', Buffer.alloc(1024 * 1024 + 1))],
  ])('with %s is not served, and nothing of it stays', async (_title, body) => {
    const before = storedFiles(servers.at(0)).length
    const { status, json } = await download(parts(body))
    expect(status).toBe(502)
    expect(['M_UNKNOWN', 'M_TOO_LARGE']).toContain(json.errcode)
    expect(storedFiles(servers.at(0))).toHaveLength(before)
  })

  it('with a type that no header can carry has the type of any bytes, and HTML is never shown inline', async () => {
    const strange = await download(parts(wrapped(`Content-Type: text/html${'x'.repeat(3_000)}; \u0001`, '<b>')))
    expect([strange.status, strange.headers.get('content-type')]).toEqual([200, 'application/octet-stream'])
    const html = await download(parts(wrapped('Content-Type: text/html\r\nContent-Disposition: inline', '<b>')))
    expect(html.headers.get('content-disposition')).toBe('attachment')
    expect(html.headers.get('content-security-policy')).toContain('sandbox')
  })

  it('slowly or not at all is given up, and others are served meanwhile', async () => {
    peer.on('GET', PATH, ({ path }, response) => {
      if (!path.endsWith('slow')) return parts(wrapped('Content-Type: text/plain', 'quick'))({} as never, response)
      response.writeHead(200, { 'content-type': 'multipart/mixed; boundary=b' })
      response.write(wrapped('Content-Type: text/plain', 'text').subarray(0, -9))
      return undefined
    })
    const slow = bob.get(`download/${peer.name}/slow`)
    expect((await bob.get(`download/${peer.name}/quick`)).bytes.toString()).toBe('quick')
    const { status } = await slow
    expect(status).toBe(502)
  })

  it('from before Matrix 1.11 comes by the old path, which asks no further server', async () => {
    peer.on('GET', '/_matrix/media/v3/download/:server/:id', ({ query }, response) => {
      response.writeHead(200, {
        'content-type': 'image/png',
        'content-disposition': "inline; filename*=utf-8''%C3%A4.png",
      })
      response.end(`remote: ${query.get('allow_remote')}`)
      return undefined
    })
    const { status, bytes, headers } = await download(() => refusal(404, 'M_UNRECOGNIZED'))
    expect([status, bytes.toString()]).toEqual([200, 'remote: false'])
    expect(headers.get('content-disposition')).toContain("filename*=utf-8''%C3%A4.png")
    expect((await download(() => refusal(404, 'M_NOT_FOUND'))).status).toBe(404)
    expect((await download(() => refusal(504, 'M_NOT_YET_UPLOADED'))).json.errcode).toBe('M_NOT_YET_UPLOADED')
    expect((await download(() => refusal(502, 'M_TOO_LARGE'))).json.errcode).toBe('M_TOO_LARGE')
  })

  it('that points elsewhere comes from there', async () => {
    const store = createServer((_request, response) => {
      response.writeHead(200, { 'content-type': 'audio/ogg' })
      response.end('elsewhere')
    })
    await new Promise<void>((ready) => store.listen(0, '127.0.0.1', ready))
    const place = `http://127.0.0.1:${(store.address() as AddressInfo).port}/file?token=1`
    const { status, bytes, headers } = await download(parts(wrapped(`Location: ${place}`, '')))
    store.close()
    expect([status, bytes.toString(), headers.get('content-type')]).toEqual([200, 'elsewhere', 'audio/ogg'])
  })

  it('with an error is not asked again at once', async () => {
    let asked = 0
    peer.on('GET', PATH, () => {
      asked++
      return refusal(404, 'M_NOT_FOUND')
    })
    const path = `download/${peer.name}/missing`
    const statuses = [(await bob.get(path)).status, (await bob.get(path)).status, (await bob.get(path)).status]
    expect([statuses, asked]).toEqual([[404, 404, 404], 1])
  })

  it('with a thumbnail that is no image is refused, whatever type it names', async () => {
    peer.on('GET', THUMBNAIL, parts(wrapped('Content-Type: image/png', '<svg onload="x"/>')))
    const lie = await bob.get(`thumbnail/${peer.name}/lie?width=32&height=32`)
    expect([lie.status, lie.json.errcode]).toEqual([502, 'M_UNKNOWN'])
    peer.on('GET', THUMBNAIL, parts(wrapped('Content-Type: text/html', await picture(40, 40, 'png'))))
    const image = await bob.get(`thumbnail/${peer.name}/image?width=32&height=32`)
    expect([image.status, image.headers.get('content-type')]).toEqual([200, 'image/png'])
  })

  it('is given to other servers by its own server alone', async () => {
    peer.on('GET', PATH, parts(wrapped('Content-Type: text/plain', 'theirs')))
    expect((await bob.get(`download/${peer.name}/theirs`)).bytes.toString()).toBe('theirs')
    const uri = '/_matrix/federation/v1/media/download/theirs'
    expect((await peer.request('first.example', { uri })).status).toBe(404)
  })
})

describe('a file of this server', () => {
  it('goes to other servers in two parts, whole or in ranges, and to nobody who does not sign', async () => {
    await using peer = await FederationPeer.start()
    const others = [{ serverName: peer.name, address: peer.address }]
    await using servers = await startFederation({ names: ['first.example'], others })
    const bob = await mediaUser(servers.at(0), 'bob')
    const [, id] = (await bob.upload(Buffer.from('content'), { type: 'text/plain', name: 'a.txt' })).split('/')
    peer.knows('first.example', servers.places[0]?.address ?? '')
    const uri = `/_matrix/federation/v1/media/download/${id}`
    const { status, text, headers } = await peer.request('first.example', { uri })
    const [, boundary] = /^multipart\/mixed; boundary=([\w-]{32,})$/.exec(headers['content-type'] ?? '') ?? []
    expect([status, text]).toEqual([
      200,
      [
        `--${boundary}\r\nContent-Type: application/json\r\n\r\n{}\r\n`,
        `--${boundary}\r\nContent-Type: text/plain\r\nContent-Disposition: inline; filename="a.txt"\r\n\r\ncontent\r\n`,
        `--${boundary}--\r\n`,
      ].join(''),
    ])
    for (const [start, end] of [
      [0, 30],
      [100, text.length - 20],
      [text.length - 60, text.length - 1],
    ]) {
      const part = await peer.request('first.example', { uri, headers: { range: `bytes=${start}-${end}` } })
      expect([part.status, part.text]).toEqual([206, text.slice(start, Number(end) + 1)])
    }
    const unsigned = await peer.request('first.example', { uri, authorization: null })
    expect([unsigned.status, unsigned.body.errcode]).toEqual([401, 'M_UNAUTHORIZED'])
    const missing = await peer.request('first.example', { uri: `${uri}x` })
    expect([missing.status, missing.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
  })
})
