import { expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent
const RULES = '/v3/pushrules/global'

const idsOf = async (client: TestClient, kind: string): Promise<readonly string[]> =>
  (await client.get(`${RULES}/`))[kind].map(({ rule_id }: { rule_id: string }) => rule_id)

onEveryHomeserver('push rules', (start) => {
  const shared = shareHomeserver(start)
  it('can be added, placed, changed, read in every way and removed', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const actions = ['notify', { set_tweak: 'sound', value: 'bing' }]
    for (const [kind, id, body] of [
      ['room', '#spam:example.com', {}],
      ['sender', '@bob:example.com', {}],
      ['content', 'тест', { pattern: 'тест' }],
      ['override', 'o', { conditions: [{ kind: 'event_match', key: 'type', pattern: 'm.*' }] }],
      ['underride', 'u', { conditions: [{ kind: 'org.example.unknown' }] }],
    ] as const) {
      const path = `${RULES}/${kind}/${enc(id)}`
      await alice.put(path, { actions, ...body })
      const rule = { rule_id: id, default: false, enabled: true, actions, ...body }
      expect(await alice.get(path)).toEqual(rule)
      // The list of one kind is not in the official data, whose checker takes this path for another.
      const list = await fetch(`${homeserver.url}/_matrix/client${RULES}/${kind}/`, {
        headers: { authorization: `Bearer ${alice.accessToken}` },
      })
      expect(await list.json()).toContainEqual(rule)
      expect((await alice.get('/v3/pushrules/')).global[kind]).toContainEqual(rule)
      expect((await alice.get('/v3/pushrules')).global[kind]).toContainEqual(rule)
      expect(await alice.get(`${path}/enabled`)).toEqual({ enabled: true })
      expect(await alice.get(`${path}/actions`)).toEqual({ actions })
      await alice.put(`${path}/enabled`, { enabled: false })
      await alice.put(`${path}/actions`, { actions: [] })
      expect(await alice.get(path)).toMatchObject({ enabled: false, actions: [] })
    }
    await homeserver.restart()
    expect(await alice.get(`${RULES}/room/${enc('#spam:example.com')}`)).toMatchObject({ enabled: false })

    await alice.put(`${RULES}/room/a`, { actions })
    await alice.put(`${RULES}/room/b`, { actions })
    await alice.ok('PUT', `${RULES}/room/c`, { body: { actions }, query: { before: 'a' } })
    await alice.ok('PUT', `${RULES}/room/d`, { body: { actions }, query: { after: 'b' } })
    expect(await idsOf(alice, 'room')).toEqual(['b', 'd', 'c', 'a', '#spam:example.com'])
    await alice.delete(`${RULES}/room/d`)
    expect(await idsOf(alice, 'room')).toEqual(['b', 'c', 'a', '#spam:example.com'])
    expect((await alice.request('GET', `${RULES}/room/d`)).status).toBe(404)
  })

  it('come down with sync, whenever they changed', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const rulesIn = (sync: { account_data?: { events: { type: string; content: unknown }[] } }) =>
      sync.account_data?.events.filter(({ type }) => type === 'm.push_rules').map(({ content }) => content)
    const first = await alice.sync()
    expect(rulesIn(first)).toEqual([await alice.get('/v3/pushrules/')])
    await alice.put(`${RULES}/override/.m.rule.master/enabled`, { enabled: true })
    const second = await alice.sync({ since: first.next_batch })
    expect(rulesIn(second)).toEqual([await alice.get('/v3/pushrules/')])
    expect(await alice.get(`${RULES}/override/.m.rule.master/enabled`)).toEqual({ enabled: true })
    expect(rulesIn(await alice.sync({ since: second.next_batch })) ?? []).toEqual([])
  })

  it('of two devices at once are all kept', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const ids = Array.from({ length: 6 }, (_, index) => `rule${index}`)
    await Promise.all(ids.map((id) => alice.put(`${RULES}/sender/${id}`, { actions: [] })))
    expect([...(await idsOf(alice, 'sender'))].sort()).toEqual(ids)
  })

  it('of an unknown kind are 404, not 400', async () => {
    const alice = await (await shared()).register('alice')
    const bodies = { actions: ['notify'], enabled: true }
    for (const [method, path] of [
      ['GET', 'nokind/a'],
      ['PUT', 'nokind/a'],
      ['DELETE', 'nokind/a'],
      ['GET', 'nokind/'],
      ['GET', 'nokind/a/enabled'],
      ['PUT', 'nokind/a/enabled'],
      ['GET', 'nokind/a/actions'],
      ['PUT', 'nokind/a/actions'],
      ['GET', 'constructor/a'],
    ] as const) {
      const options = method === 'PUT' ? { body: bodies } : {}
      const { status, body } = await alice.request(method, `${RULES}/${path}`, options)
      expect([method, path, status, body.errcode]).toEqual([method, path, 404, 'M_NOT_FOUND'])
    }
  })

  it('refuse what does not fit', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const outcome = async (method: string, path: string, body?: unknown, query = {}) => {
      const answer = await alice.request(method, `${RULES}/${path}`, { query, ...(body === undefined ? {} : { body }) })
      return `${answer.status} ${answer.body.errcode ?? ''}`
    }
    const rule = { actions: ['notify'] }
    expect(await outcome('PUT', 'room/.mine', rule)).toBe('400 M_INVALID_PARAM')
    expect(await outcome('PUT', `room/${enc('a/b')}`, rule)).toBe('400 M_INVALID_PARAM')
    expect(await outcome('PUT', `room/${enc('a\\b')}`, rule)).toBe('400 M_INVALID_PARAM')
    expect(await outcome('PUT', `room/${enc('a\0')}`, rule)).toBe('400 M_INVALID_PARAM')
    expect(await outcome('PUT', 'room/a', {})).toBe('400 M_MISSING_PARAM')
    expect(await outcome('PUT', 'room/a', { actions: 'notify' })).toBe('400 M_BAD_JSON')
    expect(await outcome('PUT', 'room/a', { actions: [1] })).toBe('400 M_BAD_JSON')
    expect(await outcome('PUT', 'room/a', { actions: Array(33).fill('notify') })).toBe('400 M_BAD_JSON')
    expect(await outcome('PUT', 'override/a', { ...rule, conditions: [{}] })).toMatch(/^400 /)
    expect(await outcome('PUT', 'override/a', { ...rule, conditions: ['x'] })).toBe('400 M_BAD_JSON')
    expect(await outcome('PUT', 'override/a', { ...rule, conditions: Array(40).fill({ kind: 'a' }) })).toBe(
      '400 M_INVALID_PARAM',
    )
    expect(await outcome('PUT', 'content/a', rule)).toBe('400 M_INVALID_PARAM')
    expect(await outcome('PUT', 'content/a', { ...rule, pattern: '*a'.repeat(5_000) })).toBe('400 M_INVALID_PARAM')
    expect(await outcome('PUT', 'room/a', rule, { before: 'nobody' })).toBe('400 M_UNKNOWN')
    expect(await outcome('PUT', 'room/a', rule, { after: '.m.rule.master' })).toBe('400 M_UNKNOWN')
    expect(await outcome('DELETE', 'override/.m.rule.master')).toBe('404 M_NOT_FOUND')
    expect(await outcome('DELETE', 'room/a')).toBe('404 M_NOT_FOUND')
    for (const part of ['enabled', 'actions']) {
      expect(await outcome('GET', `override/.no.such/${part}`)).toBe('404 M_NOT_FOUND')
      expect(await outcome('PUT', `override/.no.such/${part}`, { enabled: true, actions: [] })).toBe('404 M_NOT_FOUND')
      expect(await outcome('PUT', `override/.m.rule.master/${part}`, { enabled: 1, actions: 1 })).toBe('400 M_BAD_JSON')
    }
    expect(await idsOf(alice, 'room')).toEqual([])
  })
})
