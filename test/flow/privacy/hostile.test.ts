import { afterAll, beforeAll, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
let roomId: string
let eventId: string

const enc = encodeURIComponent
const ME = '/v3/user/{me}'

/** Endpoints of people's own things and of reading, each with the text members that it knows. */
const ENDPOINTS: readonly (readonly [method: string, path: string, members: readonly string[]])[] = [
  ['POST', '/v3/login', ['type', 'user', 'password', 'device_id', 'initial_device_display_name', 'token', 'session']],
  ['POST', '/v3/register', ['username', 'password', 'device_id', 'initial_device_display_name', 'kind']],
  ['GET', '/v3/register/available', ['username']],
  ['GET', '/v1/register/m.login.registration_token/validity', ['token']],
  ['POST', '/v3/refresh', ['refresh_token']],
  ['POST', '/v3/account/password', ['new_password', 'session']],
  ['POST', '/v3/account/deactivate', ['id_server', 'session']],
  ['GET', '/v3/devices/{text}', []],
  ['PUT', '/v3/devices/{text}', ['display_name']],
  ['PUT', '/v3/devices/{device}', ['display_name']],
  ['DELETE', '/v3/devices/{text}', ['auth']],
  ['POST', '/v3/delete_devices', ['devices', 'auth', 'session']],
  ['GET', '/v3/profile/{text}', []],
  ['GET', '/v3/profile/{me}/{text}', []],
  ['PUT', '/v3/profile/{me}/{text}', ['displayname', 'avatar_url']],
  ['PUT', '/v3/profile/{me}/displayname', ['displayname']],
  ['PUT', '/v3/profile/{me}/avatar_url', ['avatar_url']],
  ['PUT', '/v3/profile/{me}/org.example', ['org.example']],
  ['DELETE', '/v3/profile/{me}/{text}', []],
  ['GET', '/v3/presence/{text}/status', []],
  ['PUT', '/v3/presence/{me}/status', ['presence', 'status_msg']],
  ['PUT', `${ME}/account_data/{text}`, ['ignored_users', '__proto__', 'x']],
  ['GET', `${ME}/account_data/{text}`, []],
  ['PUT', `${ME}/account_data/m.ignored_user_list`, ['ignored_users']],
  ['PUT', `${ME}/rooms/{room}/account_data/{text}`, ['x']],
  ['GET', `${ME}/rooms/{text}/account_data/{text}`, []],
  ['GET', `${ME}/rooms/{room}/tags`, []],
  ['PUT', `${ME}/rooms/{room}/tags/{text}`, ['order']],
  ['DELETE', `${ME}/rooms/{room}/tags/{text}`, []],
  ['POST', `${ME}/filter`, ['event_fields', 'event_format', 'room', 'presence', 'account_data']],
  ['GET', `${ME}/filter/{text}`, []],
  ['GET', '/v3/pushrules/global/override/{text}', []],
  ['PUT', '/v3/pushrules/global/override/{text}', ['actions', 'conditions', 'pattern', 'before', 'after']],
  ['PUT', '/v3/pushrules/global/content/{text}', ['actions', 'pattern']],
  ['PUT', '/v3/pushrules/global/{text}/org.example', ['actions', 'enabled']],
  ['PUT', '/v3/pushrules/global/override/{text}/actions', ['actions']],
  ['PUT', '/v3/pushrules/global/override/{text}/enabled', ['enabled']],
  ['DELETE', '/v3/pushrules/global/room/{text}', []],
  ['PUT', '/v3/rooms/{room}/typing/{me}', ['typing', 'timeout']],
  ['PUT', '/v3/rooms/{room}/typing/{text}', ['typing']],
  ['POST', '/v3/rooms/{room}/receipt/m.read/{text}', ['thread_id']],
  ['POST', '/v3/rooms/{room}/receipt/m.read/{event}', ['thread_id']],
  ['POST', '/v3/rooms/{room}/receipt/{text}/{event}', []],
  ['POST', '/v3/rooms/{room}/read_markers', ['m.fully_read', 'm.read', 'm.read.private']],
  ['GET', '/v1/delayed_events/{text}', []],
  ['POST', '/v1/delayed_events/{text}/{text}', []],
  ['POST', '/unstable/org.matrix.msc4140/delayed_events/{text}', ['action']],
  ['GET', '/v3/sync', ['filter', 'since', 'timeout', 'set_presence', 'full_state']],
  ['GET', '/v3/events', ['from', 'to', 'room_id', 'limit']],
  ['GET', '/_matrix/client/api/v1/events', ['from', 'to', 'limit']],
  ['GET', '/_matrix/client/api/v1/initialSync', ['limit', 'archived']],
  ['GET', '/_matrix/client/api/v1/rooms/{text}/initialSync', ['limit']],
  ['DELETE', '/unstable/org.matrix.msc3391/user/{me}/account_data/{text}', []],
  ['DELETE', '/unstable/org.matrix.msc3391/user/{me}/rooms/{room}/account_data/{text}', []],
  ['PUT', `${ME}/account_data/m.invite_permission_config`, ['default_action']],
  ['POST', '/unstable/org.matrix.msc4194/rooms/{room}/redact/user/{text}', ['reason', 'limit']],
  ['POST', '/v3/rooms/{room}/ban', ['user_id', 'reason', 'org.matrix.msc4293.redact_events']],
  ['GET', '/v1/admin/lock/{text}', []],
  ['PUT', '/v1/admin/suspend/{text}', ['suspended']],
  ['GET', '/v3/admin/whois/{text}', []],
  ['POST', '/v3/user_directory/search', ['search_term', 'limit']],
  ['POST', '/v3/search', ['search_categories', 'next_batch']],
  ['GET', '/v1/rooms/{room}/relations/{event}/{text}', ['from', 'to', 'dir', 'limit', 'recurse']],
  ['GET', '/v1/rooms/{room}/threads', ['include', 'from', 'limit']],
  ['POST', '/_synapse/admin/v1/register', ['nonce', 'username', 'password', 'displayname', 'mac', 'user_type']],
]

const TEXTS = ['\0', 'a\0b', '__proto__', 'constructor', 'hasOwnProperty', '@__proto__:localhost', '🜨'.repeat(300)]
const VALUES: readonly unknown[] = [
  '',
  ...TEXTS,
  '\uD800',
  null,
  -1,
  2 ** 60,
  1.5,
  [],
  ['\uD800', '\0'],
  { '\0': '\uD800', constructor: { prototype: {} } },
  { type: 'm.login.password', identifier: { type: 'm.id.user', user: '\0' }, password: '\uD800', session: '__proto__' },
  { types: ['\0'], rooms: ['__proto__'], timeline: { senders: ['\uD800'], limit: 1e308 } },
  [{ kind: 'event_match', key: '__proto__.x', pattern: '\uD800*\0' }],
  '{"room":{"timeline":{"types":["\\ud800"]},"state":{"types":["\\u0000"]}},"event_fields":["__proto__.x","constructor"]}',
  '{"__proto__":{"room":1}}',
]

onEveryHomeserver('strange input', (start) => {
  beforeAll(async () => {
    homeserver = await start({ settings: { registration: { sharedSecret: 'a shared secret' } } })
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
    roomId = await alice.createRoom({ preset: 'public_chat' })
    eventId = await alice.sendText(roomId, 'text')
  })
  afterAll(() => homeserver.stop())

  it('in paths, queries and bodies is taken or refused, never a fault', { timeout: 120_000 }, async () => {
    const faults: string[] = []
    const ask = async (method: string, path: string, options: Json): Promise<void> => {
      const { status, body } = await alice.request(method, path, options)
      if (status >= 500 || (status >= 400 && !/^M_[A-Z_]+$/.test(body.errcode ?? (status === 401 ? 'M_UIA' : '')))) {
        faults.push(`${status} ${method} ${path} ${JSON.stringify(options).slice(0, 300)} ${JSON.stringify(body)}`)
      }
    }
    for (const [method, path, members] of ENDPOINTS) {
      const filled = (text: string): string =>
        path.replaceAll(/\{(\w+)\}/g, (_, kind: string) =>
          enc({ me: alice.userId, room: roomId, event: eventId, device: alice.deviceId }[kind] ?? text),
        )
      const isQuery = method === 'GET' || method === 'DELETE'
      const options = (given: Json): Json => {
        if (!isQuery) return { body: JSON.stringify(given) }
        const asText = (value: unknown): string => (typeof value === 'string' ? value : JSON.stringify(value))
        return {
          query: Object.fromEntries(Object.entries(given).map(([name, value]) => [name, asText(value).toWellFormed()])),
        }
      }
      if (path.includes('{text}')) for (const text of TEXTS) await ask(method, filled(text), options({}))
      for (const member of members) {
        for (const value of VALUES) await ask(method, filled('org.example'), options({ [member]: value }))
      }
      if (!isQuery) {
        const texts = Object.fromEntries(members.map((member) => [member, 'x']))
        await ask(method, filled('org.example'), options({ ...texts, device_id: '\uD800' }))
      }
    }
    expect(faults).toEqual([])
    expect((await alice.sync()).next_batch).toBeTruthy()
  })

  it('as JSON that is none, too deep, or beyond all numbers is refused', async () => {
    const deep = (depth: number): string => `${'{"a":'.repeat(depth)}1${'}'.repeat(depth)}`
    const paths = [
      ['PUT', `/v3/rooms/${enc(roomId)}/send/m.test/hostile`],
      ['PUT', `/v3/rooms/${enc(roomId)}/state/m.test/`],
      ['PUT', `/v3/user/${enc(alice.userId)}/account_data/org.example`],
      ['POST', `/v3/user/${enc(alice.userId)}/filter`],
      ['PUT', `/v3/profile/${enc(alice.userId)}/org.example`],
      ['POST', '/v3/createRoom'],
    ] as const
    const bodies = [
      '{"a":1e400}',
      '{"a":-1e400}',
      '{"a":NaN}',
      '{"a":"\\ud800"',
      '{"a":"\u0001"}',
      `{"creation_content":${deep(5_000)},"org.example":${deep(5_000)},"a":${deep(5_000)}}`,
      '[]',
      'null',
      '"text"',
      '{"a":01}',
      Buffer.from('{"a":"\xff"}', 'latin1'),
    ]
    for (const [method, path] of paths) {
      for (const body of bodies) {
        const response = await fetch(`${homeserver.url}/_matrix/client${path}`, {
          method,
          headers: { authorization: `Bearer ${alice.accessToken}` },
          body,
        })
        const answer: Json = await response.json()
        const said = `${method} ${path} ${body.toString().slice(0, 60)} ${JSON.stringify(answer)}`
        expect([400, 413], said).toContain(response.status)
        expect(answer.errcode, said).toMatch(/^M_(NOT_JSON|BAD_JSON|TOO_LARGE|MISSING_PARAM|INVALID_PARAM)$/)
      }
    }
  })

  it('as names that every object has changes nobody’s objects', async () => {
    const carol = await homeserver.register('carol')
    const names = ['__proto__', 'constructor', 'toString', 'hasOwnProperty']
    for (const name of names) {
      const path = `/v3/user/${enc(alice.userId)}/account_data/${name}`
      expect((await carol.request('GET', path.replace('alice', 'carol'))).status).toBe(404)
      await alice.ok('PUT', path, { body: `{"__proto__":{"polluted":"${name}"},"own":1}` })
      expect(JSON.stringify(await alice.get(path))).toBe(`{"__proto__":{"polluted":"${name}"},"own":1}`)
      expect((await bob.request('GET', `/v3/user/${enc(bob.userId)}/account_data/${name}`)).status).toBe(404)

      expect((await alice.request('GET', `/v3/rooms/${enc(roomId)}/state/${name}/${name}`)).status).toBe(404)
      await alice.ok('PUT', `/v3/rooms/${enc(roomId)}/state/${name}/${name}`, { body: '{"__proto__":{"admin":true}}' })
      expect(JSON.stringify(await alice.getState(roomId, name, name))).toBe('{"__proto__":{"admin":true}}')
    }
    // A power level under such a name is nobody's.
    const levels = await alice.getState(roomId, 'm.room.power_levels')
    const users = JSON.stringify(levels.users ?? {}).replace('{', '{"__proto__":{},')
    const text = JSON.stringify({ ...levels, users: 0 }).replace('"users":0', `"users":${users}`)
    const path = `/v3/rooms/${enc(roomId)}/state/m.room.power_levels`
    expect((await alice.request('PUT', path, { body: text })).status).toBe(400)
    await bob.join(roomId)
    expect((await bob.request('PUT', path, { body: text })).status).toBeGreaterThanOrEqual(400)
    expect(Object.keys({})).toEqual([])
    expect(({} as Json).polluted).toBeUndefined()
    expect(({} as Json).admin).toBeUndefined()
    const synced = JSON.stringify(await alice.sync())
    expect(synced).toContain('{"__proto__":{"admin":true}}')
  })
})
