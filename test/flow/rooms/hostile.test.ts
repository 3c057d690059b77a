import fc from 'fast-check'
import { afterAll, beforeAll, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

let homeserver: TestHomeserver
let alice: TestClient
let bob: TestClient
let roomId: string
let eventId: string

const ROOM = '/v3/rooms/{room}'
/** Each with the query parameters and the members of the body that it knows. */
const ENDPOINTS: readonly (readonly [method: string, path: string, names: readonly string[]])[] = [
  [
    'POST',
    '/v3/createRoom',
    [
      'visibility',
      'preset',
      'room_alias_name',
      'name',
      'topic',
      'invite',
      'invite_3pid',
      'room_version',
      'creation_content',
      'initial_state',
      'power_level_content_override',
      'is_direct',
    ],
  ],
  ['PUT', `${ROOM}/send/{text}/{text}`, ['redacts', 'body']],
  ['PUT', `${ROOM}/send/m.room.redaction/{text}`, ['redacts', 'reason']],
  ['PUT', `${ROOM}/redact/{event}/{text}`, ['reason']],
  ['PUT', `${ROOM}/state/{text}/{text}`, ['membership', 'alias', 'alt_aliases']],
  [
    'PUT',
    `${ROOM}/state/m.room.member/{user}`,
    ['membership', 'displayname', 'third_party_invite', 'join_authorised_via_users_server'],
  ],
  ['PUT', `${ROOM}/state/m.room.power_levels`, ['users', 'events', 'users_default', 'ban', 'notifications']],
  ['PUT', `${ROOM}/state/m.room.canonical_alias/`, ['alias', 'alt_aliases']],
  ['PUT', `${ROOM}/state/m.room.join_rules`, ['join_rule', 'allow']],
  ['PUT', `${ROOM}/state/m.room.guest_access`, ['guest_access']],
  ['PUT', `${ROOM}/state/m.room.history_visibility`, ['history_visibility']],
  ['GET', `${ROOM}/state`, []],
  ['GET', `${ROOM}/state/{text}/{text}`, ['format']],
  ['GET', `${ROOM}/event/{event}`, []],
  ['GET', `${ROOM}/context/{event}`, ['limit', 'filter']],
  ['GET', `${ROOM}/messages`, ['dir', 'from', 'to', 'limit', 'filter']],
  ['GET', `${ROOM}/members`, ['at', 'membership', 'not_membership']],
  ['GET', `${ROOM}/joined_members`, []],
  ['GET', `${ROOM}/aliases`, []],
  ['POST', `${ROOM}/join`, ['third_party_signed', 'reason', 'membership']],
  ['POST', '/v3/join/{target}', ['via', 'server_name', 'third_party_signed', 'reason']],
  ['POST', '/v3/knock/{target}', ['via', 'server_name', 'reason']],
  ['POST', `${ROOM}/invite`, ['user_id', 'reason', 'medium', 'address', 'id_server']],
  ['POST', `${ROOM}/kick`, ['user_id', 'reason']],
  ['POST', `${ROOM}/ban`, ['user_id', 'reason']],
  ['POST', `${ROOM}/unban`, ['user_id', 'reason']],
  ['POST', `${ROOM}/leave`, ['reason']],
  ['POST', `${ROOM}/forget`, ['reason']],
  ['GET', '/v3/joined_rooms', []],
  ['GET', '/v3/directory/room/{target}', []],
  ['PUT', '/v3/directory/room/{target}', ['room_id']],
  ['DELETE', '/v3/directory/room/{target}', []],
  ['GET', '/v3/directory/list/room/{room}', []],
  ['PUT', '/v3/directory/list/room/{room}', ['visibility']],
  ['GET', '/v3/publicRooms', ['limit', 'since', 'server']],
  ['POST', '/v3/publicRooms', ['limit', 'since', 'filter', 'server', 'third_party_instance_id']],
]

const strangeText = fc.oneof(
  fc.string({ unit: 'binary', maxLength: 300 }),
  fc.constantFrom(
    '',
    '\0',
    '..',
    '%',
    '%00',
    '@',
    '!',
    '$',
    '#',
    '@a:b',
    '!a:b',
    '$a:b',
    '#a:b',
    '#room:localhost',
    '@bob:localhost',
    '__proto__',
    'm.room.member',
    'join',
    'null',
    '-1',
    '9'.repeat(30),
    'é'.repeat(200),
    "'; drop table events; --",
  ),
)
const strangeValue = fc.oneof(
  strangeText,
  fc.jsonValue({ maxDepth: 4 }),
  fc.constantFrom(
    2 ** 53,
    -(2 ** 53),
    1.5,
    -0,
    [[]],
    [null],
    [{}],
    { users: { '@a:b': 1 } },
    { '': '' },
    [{ type: '', content: {} }],
    '\uD800',
  ),
)

/** Servers that are drawn at random cannot be asked, which is no fault of this one. */
const ELSEWHERE: ReadonlySet<number> = new Set([502, 504])

onEveryHomeserver('whatever is sent to the endpoints of rooms', (start) => {
  beforeAll(async () => {
    homeserver = await start()
    alice = await homeserver.register('alice')
    bob = await homeserver.register('bob')
    roomId = await alice.createRoom({ preset: 'public_chat', room_alias_name: 'room' })
    eventId = await alice.sendText(roomId, 'text')
  })
  afterAll(() => homeserver.stop())

  it('is answered or refused, never a fault of the server', { timeout: 120_000 }, async () => {
    const known: Record<string, () => string[]> = {
      room: () => [roomId, '!nowhere:localhost'],
      target: () => [roomId, '#room:localhost', '#new:localhost'],
      event: () => [eventId, '$nothing'],
      user: () => [alice.userId, bob.userId],
      text: () => ['m.room.message', 'm.test'],
    }
    const counts = { accepted: 0, refused: 0 }
    const request = fc.record({
      endpoint: fc.constantFrom(...ENDPOINTS),
      texts: fc.array(strangeText, { minLength: 3, maxLength: 3 }),
      isKnown: fc.array(fc.nat({ max: 2 }), { minLength: 3, maxLength: 3 }),
      values: fc.array(fc.option(strangeValue, { nil: undefined, freq: 1 }), { minLength: 12, maxLength: 12 }),
      byAlice: fc.boolean(),
    })
    await fc.assert(
      fc.asyncProperty(request, async ({ endpoint: [method, path, names], texts, isKnown, values, byAlice }) => {
        let index = 0
        const filled = path.replaceAll(/\{(\w+)\}/g, (_, kind: string) => {
          const at = index++
          const usual = known[kind]?.() ?? []
          return encodeURIComponent((usual[isKnown[at] ?? 3] ?? texts[at] ?? '').toWellFormed())
        })
        const given = Object.fromEntries(names.map((name, at) => [name, values[at]]))
        const query = Object.fromEntries(
          Object.entries(given).flatMap(([name, value]) =>
            value === undefined
              ? []
              : [[name, (typeof value === 'string' ? value : JSON.stringify(value)).toWellFormed()]],
          ),
        )
        const options = method === 'GET' || method === 'DELETE' ? { query } : { body: given, query: { via: 'x' } }
        const { status, body } = await (byAlice ? alice : bob).request(method, filled, options)
        if (!ELSEWHERE.has(status)) expect(status).toBeLessThan(500)
        counts[status < 400 ? 'accepted' : 'refused']++
        if (status >= 400) expect(body.errcode).toMatch(/^M_[A-Z_]+$/)
      }),
      { numRuns: 1_000 },
    )
    // Requests that nothing gets past the first check of would test that check only.
    expect(Math.min(counts.accepted, counts.refused)).toBeGreaterThan(50)
    expect((await (await homeserver.register('late')).createRoom()).startsWith('!')).toBe(true)
  })
})
