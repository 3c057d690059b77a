import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Json, TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const V1 = '/_matrix/client/api/v1'
const V2 = '/_matrix/client/v2_alpha'

let homeserver: TestHomeserver
let alice: TestClient
beforeAll(async () => {
  homeserver = await startHomeserver()
  alice = await homeserver.register('alice')
})
afterAll(() => homeserver.stop())

describe('push rules under api/v1', () => {
  const RULES = `${V1}/pushrules/global`
  const idsOf = async (path: string): Promise<string[]> =>
    (await alice.get(path)).map(({ rule_id: id }: Json) => id).filter((id: string) => !id.startsWith('.'))

  it('are those of today, below their scope, beside the rules of devices that nobody has', async () => {
    const today = await alice.get('/v3/pushrules/')
    for (const prefix of [V1, V2]) {
      const old = await alice.get(`${prefix}/pushrules/`)
      expect(old).toEqual({ global: { ...today.global, override: expect.any(Array) }, device: {} })
      expect(await alice.get(`${prefix}/pushrules/global/`)).toEqual(old.global)
      expect(await alice.get(`${prefix}/pushrules/global/override/`)).toEqual(old.global.override)
    }
    expect(today).not.toHaveProperty('device')
  })

  it('leave out what has conditions of later years: clients of 2015 hold those to be fulfilled, whatever is said', async () => {
    const known = new Set(['event_match', 'profile_tag', 'contains_display_name', 'room_member_count'])
    const overrides = async (path: string): Promise<Json[]> => (await alice.get(path)).global.override
    const [today, old] = [await overrides('/v3/pushrules/'), await overrides(`${V1}/pushrules/`)]
    const understood = ({ conditions }: Json): boolean => conditions.every(({ kind }: Json) => known.has(kind))
    expect(old).toEqual(today.filter(understood))
    expect(old.map(({ rule_id: id }) => id)).toContain('.m.rule.suppress_notices')
    expect(today.map(({ rule_id: id }) => id)).toContain('.m.rule.is_user_mention')
    expect(old.map(({ rule_id: id }) => id)).not.toContain('.m.rule.is_user_mention')
  })

  it('are added, placed before and after others, and removed', async () => {
    const room = `${RULES}/room/${enc('!dj234r78wl45Gh4D:matrix.org')}`
    await alice.put(room, { actions: ['dont_notify'] })
    expect(await alice.get(room)).toEqual({
      rule_id: '!dj234r78wl45Gh4D:matrix.org',
      actions: ['dont_notify'],
      enabled: true,
      default: false,
    })
    await alice.put(`${RULES}/sender/${enc('@spambot:matrix.org')}`, { actions: ['dont_notify'] })
    const cake = `${RULES}/content/SSByZWFsbHkgbGlrZSBjYWtl`
    await alice.put(cake, { pattern: 'cake', actions: ['notify', { set_sound: 'cakealarm.wav' }] })
    await alice.ok('PUT', `${RULES}/content/lie`, {
      body: { pattern: 'cake*lie', actions: ['notify'] },
      query: { before: 'SSByZWFsbHkgbGlrZSBjYWtl' },
    })
    await alice.ok('PUT', `${RULES}/content/pie`, {
      body: { pattern: 'pie', actions: ['notify'] },
      query: { after: 'lie' },
    })
    expect(await idsOf(`${RULES}/content/`)).toEqual(['lie', 'pie', 'SSByZWFsbHkgbGlrZSBjYWtl'])
    const conditions = [
      { kind: 'event_match', key: 'content.body', pattern: 'beer' },
      { kind: 'room_member_count', is: '<=10' },
    ]
    await alice.put(`${RULES}/override/beer`, { conditions, actions: ['notify', { set_tweak: 'sound' }] })
    expect((await alice.get('/v3/pushrules/global/override/beer')).conditions).toEqual(conditions)
    await alice.delete(cake)
    expect(await idsOf(`${RULES}/content/`)).toEqual(['lie', 'pie'])
    expect((await alice.request('GET', cake)).status).toBe(404)
  })

  it('are switched off by false alone, as well as by an object', async () => {
    const rule = `${RULES}/sender/${enc('@bot:matrix.org')}`
    await alice.put(rule, { actions: ['notify'] })
    const isEnabled = async (): Promise<unknown> => (await alice.get(rule)).enabled
    for (const [body, enabled] of [
      ['false', false],
      ['true', true],
      ['{"enabled":false}', false],
      [' true\n', true],
    ] as const) {
      expect(await alice.ok('PUT', `${rule}/enabled`, { body })).toEqual({})
      expect(await isEnabled()).toBe(enabled)
    }
    for (const body of ['1', '"false"', 'null', '[]', '{}', 'fals', '{"enabled":0}']) {
      expect([body, (await alice.request('PUT', `${rule}/enabled`, { body })).status]).toEqual([body, 400])
    }
    expect(await isEnabled()).toBe(true)
    // Nowhere else is a body without braces a request.
    expect((await alice.request('PUT', rule, { body: 'true' })).status).toBe(400)
  })

  it('of the devices with one profile tag are rules of their own', async () => {
    const tag = enc('desk top/1')
    const desk = `${V1}/pushrules/device/${tag}`
    const actions = ['dont_notify']
    expect(await alice.get(`${V1}/pushrules/device/`)).toEqual({})
    await alice.put(`${desk}/room/${enc('!a:b')}`, { actions })
    await alice.put(`${desk}/content/cake`, { pattern: 'cake', actions: ['notify'] })
    await alice.ok('PUT', `${desk}/content/pie`, {
      body: { pattern: 'pie', actions: ['notify'] },
      query: { after: 'cake' },
    })
    await alice.put(`${V1}/pushrules/device/__proto__/sender/x`, { actions })
    expect(await alice.get(`${desk}/room/${enc('!a:b')}`)).toEqual({
      rule_id: '!a:b',
      actions,
      enabled: true,
      default: false,
    })
    expect(await idsOf(`${desk}/content/`)).toEqual(['cake', 'pie'])
    await alice.ok('PUT', `${desk}/content/pie/enabled`, { body: 'false' })
    const all = await alice.get(`${V1}/pushrules/`)
    expect(Object.keys(all.device).toSorted()).toEqual(['__proto__', 'desk top/1'])
    const own = Object.entries<Json>(all.device).find(([name]) => name === 'desk top/1')?.[1]
    expect(own).toEqual(await alice.get(`${desk}/`))
    expect(own.content.map(({ rule_id: id, enabled }: Json) => [id, enabled])).toEqual([
      ['cake', true],
      ['pie', false],
    ])
    // The rules of all devices are what they were, and clients of today are not shown others.
    expect(await idsOf(`${RULES}/content/`)).toEqual(['lie', 'pie'])
    expect(await alice.get('/v3/pushrules/')).not.toHaveProperty('device')
    const refusals: [string, string, unknown, number][] = [
      ['GET', `${desk}/room/${enc('!none:b')}`, undefined, 404],
      ['PUT', `${desk}/override/.m.rule.master/enabled`, { enabled: true }, 404],
      ['PUT', `${desk}/override/.mine`, { actions, conditions: [] }, 400],
      ['PUT', `${desk}/nokind/x`, { actions }, 404],
      ['PUT', `${V1}/pushrules/device/${'x'.repeat(256)}/room/x`, { actions }, 400],
      ['DELETE', `${desk}/sender/x`, undefined, 404],
      ['PUT', `${V1}/pushrules/device//room/x`, { actions }, 404],
      ['PUT', `${V1}/pushrules/other/room/x`, { actions }, 404],
      ['GET', `${V1}/pushrules/other/`, undefined, 404],
      ['GET', `/v3/pushrules/device/${tag}/room/${enc('!a:b')}`, undefined, 404],
    ]
    for (const [method, path, body, status] of refusals) {
      const answer = await alice.request(method, path, body === undefined ? {} : { body })
      expect([method, path, answer.status]).toEqual([method, path, status])
    }
    for (const rule of [`room/${enc('!a:b')}`, 'content/cake', 'content/pie']) await alice.delete(`${desk}/${rule}`)
    await alice.delete(`${V1}/pushrules/device/__proto__/sender/x`)
    expect((await alice.get(`${V1}/pushrules/`)).device).toEqual({})
  })
})

describe('under v2_alpha', () => {
  it('a sync and its filters are those of today, and their tokens too', async () => {
    const roomId = await alice.createRoom({ name: 'Pub' })
    const { filter_id: id } = await alice.post(`${V2}/user/${enc(alice.userId)}/filter`, {
      room: { timeline: { limit: 1 } },
    })
    expect(await alice.get(`${V2}/user/${enc(alice.userId)}/filter/${id}`)).toEqual({
      room: { timeline: { limit: 1 } },
    })
    const first = await alice.ok('GET', `${V2}/sync`, { query: { filter: id } })
    expect(first.rooms.join[roomId].timeline.events).toHaveLength(1)
    const eventId = await alice.sendText(roomId, 'hello')
    const next = await alice.ok('GET', `${V2}/sync`, { query: { since: first.next_batch, timeout: 1_000 } })
    const [event] = next.rooms.join[roomId].timeline.events
    expect([event.event_id, event.sender]).toEqual([eventId, alice.userId])
    expect(event).not.toHaveProperty('user_id')
    const today = await alice.sync({ since: first.next_batch })
    const { age: _, ...unsigned } = event.unsigned
    expect(today.rooms.join[roomId].timeline.events).toMatchObject([{ ...event, unsigned }])
    const unasked = await alice.request('GET', `${V2}/sync`, { token: 'x' })
    expect([unasked.status, unasked.body.errcode]).toEqual([401, 'M_UNKNOWN_TOKEN'])
  })

  it('account data and tags are one with those of today', async () => {
    const roomId = await alice.createRoom({})
    const user = `/user/${enc(alice.userId)}`
    const room = `${user}/rooms/${enc(roomId)}`
    await alice.put(`${V2}${user}/account_data/org.example.x`, { a: 1 })
    await alice.put(`${V2}${room}/account_data/org.example.y`, { b: 2 })
    await alice.put(`${V2}${room}/tags/m.favourite`, { order: 0.5 })
    expect(await alice.get(`/v3${user}/account_data/org.example.x`)).toEqual({ a: 1 })
    expect(await alice.get(`/v3${room}/account_data/org.example.y`)).toEqual({ b: 2 })
    expect(await alice.get(`${V2}${room}/tags`)).toEqual({ tags: { 'm.favourite': { order: 0.5 } } })
    await alice.delete(`${V2}${room}/tags/m.favourite`)
    expect(await alice.get(`/v3${room}/tags`)).toEqual({ tags: {} })
  })

  it('the refresh tokens of that time are good for nothing any more', async () => {
    const { status, body } = await alice.request('POST', `${V2}/tokenrefresh`, { body: { refresh_token: 'x' } })
    expect([status, body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })
})
