import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { shareHomeserver, startHomeserver } from '../../support/homeserver.ts'
import { startEdge } from './fixture.ts'

const server = shareHomeserver(startHomeserver)
const enc = encodeURIComponent

/** JSON as Python writes it: every character beyond ASCII escaped; `all`: every character of every text. */
const escaped = (value: unknown, all = false): string => {
  const units = (text: string) =>
    [...Array(text.length).keys()].map((at) => `\\u${text.charCodeAt(at).toString(16).padStart(4, '0')}`).join('')
  if (!all) return JSON.stringify(value).replaceAll(/[^\0-\x7f]+/g, units)
  if (typeof value === 'string') return `"${units(value)}"`
  if (Array.isArray(value)) return `[${value.map((one) => escaped(one, true)).join()}]`
  if (typeof value !== 'object' || value === null) return JSON.stringify(value)
  return `{${Object.entries(value)
    .map(([name, one]) => `${escaped(name, true)}:${escaped(one, true)}`)
    .join()}}`
}

describe('bounds on the wire allow six bytes a character, the canonical size is what counts', () => {
  it('a message of 52 KB of Cyrillic is sent though it is 156 KB as Python writes it', async () => {
    const alice = await (await server()).register('wire')
    const room = await alice.createRoom()
    const content = { msgtype: 'm.text', body: 'ж'.repeat(26_000) }
    const body = escaped(content)
    expect(body.length).toBeGreaterThan(150_000)
    const { event_id } = await alice.ok('PUT', `/v3/rooms/${enc(room)}/send/m.room.message/1`, { body })
    expect((await alice.getEvent(room, event_id)).content).toEqual(content)
  })

  it('an event of nearly 64 KiB is sent though each character is escaped, and a larger one is 413', async () => {
    const alice = await (await server()).register('wire')
    const room = await alice.createRoom()
    const send = async (length: number) => {
      const body = escaped({ msgtype: 'm.text', body: 'x'.repeat(length) }, true)
      return (await alice.request('PUT', `/v3/rooms/${enc(room)}/send/m.room.message/${length}`, { body })).status
    }
    expect(await send(64_000)).toBe(200)
    expect(await send(66_000)).toBe(413)
  })

  it('account data, filters, profiles, pushers and push rules are measured likewise', async () => {
    const alice = await (await server()).register('wire')
    const user = enc(alice.userId)
    const cases: readonly (readonly [string, string, unknown])[] = [
      ['PUT', `/v3/user/${user}/account_data/org.example`, { text: 'ж'.repeat(250_000) }],
      ['POST', `/v3/user/${user}/filter`, { room: { timeline: { types: Array(140).fill('ж'.repeat(200)) } } }],
      ['PUT', `/v3/profile/${user}/org.example`, { 'org.example': 'ж'.repeat(31_000) }],
      [
        'PUT',
        '/v3/pushrules/global/content/x',
        { pattern: 'x', actions: [{ set_tweak: 'x', value: 'ж'.repeat(6_000) }] },
      ],
    ]
    for (const [method, path, value] of cases) {
      const { status, body } = await alice.request(method, path, { body: escaped(value) })
      expect([path, status, body?.errcode]).toEqual([path, 200, undefined])
    }
    const tooLarge = { body: escaped({ text: 'ж'.repeat(270_000) }) }
    expect((await alice.request('PUT', `/v3/user/${user}/account_data/org.example`, tooLarge)).status).toBe(413)
  })

  it('for every JSON and every way to write it', async () => {
    await using edge = await startEdge()
    const post = async (body: string) => (await edge.ask('POST', '/_matrix/client/v3/strict', { body })).status
    const json = fc.jsonValue({ maxDepth: 3 })
    await fc.assert(
      fc.asyncProperty(json, fc.boolean(), fc.integer({ min: 0, max: 40 }), async (extra, all, over) => {
        // The fixture's limit is 4,096 bytes.
        const bare = { name: '', extra }
        const missing = 4_096 - Buffer.byteLength(JSON.stringify(bare))
        fc.pre(missing > 0)
        const value = { ...bare, name: 'x'.repeat(missing) }
        expect(await post(escaped(value, all))).toBe(200)
        expect(await post(` ${escaped({ ...value, name: `${value.name}${'x'.repeat(over + 1)}` }, all)}\n`)).toBe(413)
      }),
      { numRuns: 60 },
    )
  })
})

describe('half of a surrogate pair', () => {
  it('is refused in the body of every endpoint that takes JSON', async () => {
    const homeserver = await server()
    const alice = await homeserver.register('half')
    let asked = 0
    for (const { method, paths, body } of homeserver.endpoints) {
      if (method === 'GET' || body === undefined || typeof body === 'string') continue
      const path = paths[0].replaceAll(/:\w+/g, 'x')
      for (const half of ['{"a":"\\ud800"}', '{"\\udc00":1}', '{"a":["\\ude00\\ud83d"]}', '{"a":"\\ud83dx\\ude00"}']) {
        const answer = await alice.request(method, path, { body: half })
        if (answer.status === 403 || answer.status === 404) continue
        asked++
        expect([method, path, half, answer.status, answer.body.errcode]).toEqual([
          method,
          path,
          half,
          400,
          'M_BAD_JSON',
        ])
      }
    }
    expect(asked).toBeGreaterThan(200)
  })

  it('comes back in no sync: not from account data, tags, push rules, filters or events', async () => {
    const alice = await (await server()).register('half')
    const [user, room] = [enc(alice.userId), enc(await alice.createRoom())]
    const cases: readonly (readonly [string, string, string])[] = [
      ['PUT', `/v3/user/${user}/account_data/org.example`, '{"a":"\\ud800"}'],
      ['PUT', `/v3/user/${user}/rooms/${room}/account_data/org.example`, '{"a":{"\\udfff":1}}'],
      ['PUT', `/v3/user/${user}/rooms/${room}/tags/u.x`, '{"order":0.5,"org.example":"\\ud800"}'],
      ['PUT', '/v3/pushrules/global/content/x', '{"pattern":"\\ud800","actions":["notify"]}'],
      ['POST', `/v3/user/${user}/filter`, '{"room":{"timeline":{"types":["\\ud800"]}}}'],
      ['PUT', `/v3/rooms/${room}/send/m.room.message/1`, '{"msgtype":"m.text","body":"\\ud83d"}'],
      ['PUT', `/v3/rooms/${room}/state/org.example/`, '{"body":"\\ude00"}'],
      ['POST', '/v3/createRoom', '{"name":"\\ud83d"}'],
      ['PUT', `/v3/rooms/${room}/redact/$x/1`, '{"reason":"\\ud83d"}'],
    ]
    for (const [method, path, body] of cases) {
      const answer = await alice.request(method, path, { body })
      expect([path, answer.status, answer.body.errcode]).toEqual([path, 400, 'M_BAD_JSON'])
    }
    expect(JSON.stringify(await alice.sync())).not.toMatch(/\\u[dD][89a-fA-F]/)
  })

  it('is none where both halves are there, or where a backslash is written out', async () => {
    await using edge = await startEdge()
    for (const name of ['\\ud83d\\ude00', '\\\\ud800', '😀', '\\ud83d\\ude00\\ud83d\\ude00', '\\u0000\\n\\/']) {
      const { status, json } = await edge.ask('POST', '/_matrix/client/v3/strict', { body: `{"name":"${name}"}` })
      expect([name, status, json.body]).toEqual([name, 200, JSON.parse(`{"name":"${name}"}`)])
    }
  })
})

describe('large bodies that come slowly', () => {
  it('are held for one user up to a bound, and short requests get through', async () => {
    await using edge = await startEdge({ limits: { bodyBytes: 8 * 1024 * 1024 } })
    const path = '/_matrix/client/v3/rooms/!a:b/state/t/k'
    const sendHalf = (token: string) => {
      const pieces = new ReadableStream({
        start: (controller) => controller.enqueue(Buffer.alloc(6 * 1024 * 1024, 0x20)),
      })
      return fetch(`${edge.url}${path}`, {
        method: 'PUT',
        headers: { authorization: `Bearer ${token}` },
        body: pieces,
        duplex: 'half',
      } as RequestInit).then(({ status }) => status, String)
    }
    const three = Promise.race([1, 2, 3].map(() => sendHalf('token-mallory')))
    expect(await three).toBe(429)
    const short = { token: 'token-mallory', body: '{}' }
    expect((await edge.ask('PUT', path, short)).status).toBe(200)
    const other = { token: 'token-alice', body: `{"a":"${'x'.repeat(1_000_000)}"}` }
    expect((await edge.ask('PUT', path, other)).status).toBe(200)
  })
})
