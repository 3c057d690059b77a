import { expect, it } from 'vitest'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent

onEveryHomeserver('filters', (start) => {
  const shared = shareHomeserver(start)
  it('are stored once, read by their owner, and used by sync', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const path = `/v3/user/${enc(alice.userId)}/filter`
    const filter = { account_data: { types: ['org.example.*'] }, presence: { types: [] }, 'org.example.x': [1] }
    const { filter_id } = await alice.post(path, filter)
    expect(filter_id).toMatch(/^\d+$/)
    const turned = { 'org.example.x': [1], presence: { types: [] }, account_data: { types: ['org.example.*'] } }
    expect((await alice.post(path, turned)).filter_id).toBe(filter_id)
    expect((await alice.post(path, {})).filter_id).not.toBe(filter_id)
    await homeserver.restart()
    expect(await alice.get(`${path}/${filter_id}`)).toEqual(filter)

    await alice.put(`/v3/user/${enc(alice.userId)}/account_data/org.example.a`, { a: 1 })
    await alice.put(`/v3/user/${enc(alice.userId)}/account_data/com.example.a`, { a: 1 })
    for (const used of [filter_id, JSON.stringify(filter)]) {
      const types = (await alice.sync({ filter: used })).account_data.events.map(({ type }: { type: string }) => type)
      expect(types).toEqual(['org.example.a'])
    }
    for (const [client, id, status] of [
      [bob, filter_id, 403],
      [alice, '999', 404],
      [alice, '0', 404],
      [alice, '1e1', 404],
      [alice, '-1', 404],
      [alice, '9'.repeat(400), 404],
    ] as const) {
      expect((await client.request('GET', `${path}/${id}`)).status, id).toBe(status)
    }
    expect((await bob.request('POST', path, { body: {} })).body.errcode).toBe('M_FORBIDDEN')
  })

  it('refuse what is none, stored or in the request', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const path = `/v3/user/${enc(alice.userId)}/filter`
    for (const bad of [
      { presence: 'not_an_object' },
      { room: { timeline: 'not_an_object' } },
      { room: { timeline: { rooms: 'not_a_list' } } },
      { room: { timeline: { types: [0] } } },
      { room: { timeline: { rooms: ['not_a_room_id'] } } },
      { room: { timeline: { senders: ['not_a_sender_id'] } } },
      { event_fields: Array(501).fill('type') },
    ]) {
      const stored = await alice.request('POST', path, { body: bad })
      expect([stored.status, stored.body.errcode], JSON.stringify(bad)).toEqual([400, 'M_BAD_JSON'])
      if (JSON.stringify(bad).length > 2_000) continue
      expect((await alice.request('GET', '/v3/sync', { query: { filter: JSON.stringify(bad) } })).status).toBe(400)
    }
    for (const filter of ['{', '{]', '12345', 'text', '-1']) {
      expect((await alice.request('GET', '/v3/sync', { query: { filter } })).status, filter).toBe(400)
    }
    expect((await alice.request('POST', path, { body: { x: 'x'.repeat(70_000) } })).body.errcode).toBe('M_TOO_LARGE')
  })
})
