import { expect, it } from 'vitest'
import type { Answer } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent

const saidOf = ({ status, body }: Answer) => [status, body.errcode]

onEveryHomeserver('account data', (start) => {
  const shared = shareHomeserver(start)
  it('is kept as it is, for its owner alone, and reaches the other devices', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const path = `/v3/user/${enc(alice.userId)}/account_data/org.example.a`
    const { next_batch } = await alice.sync()
    const content = { deep: { list: [1, 2.5, null, 'ü'] }, '': true }
    await alice.put(path, content)
    await homeserver.restart()
    expect(await alice.get(path)).toEqual(content)
    const sync = await alice.sync({ since: next_batch })
    expect(sync.account_data.events).toEqual([{ type: 'org.example.a', content }])
    await alice.put(path, {})
    expect(saidOf(await alice.request('GET', path))).toEqual([404, 'M_NOT_FOUND'])

    expect((await alice.request('GET', `${path}.other`)).body.errcode).toBe('M_NOT_FOUND')
    for (const method of ['GET', 'PUT']) {
      const refused = await bob.request(method, path, method === 'PUT' ? { body: {} } : {})
      expect([refused.status, refused.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    }
  })

  it('keeps the types of the server to the server, and refuses what does not fit', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const user = `/v3/user/${enc(alice.userId)}`
    for (const type of ['m.fully_read', 'm.push_rules']) {
      for (const scope of ['', `/rooms/${enc('!unknown:localhost')}`]) {
        const refused = await alice.request('PUT', `${user}${scope}/account_data/${type}`, { body: {} })
        expect([refused.status, refused.body.errcode]).toEqual([405, 'M_BAD_JSON'])
      }
    }
    expect((await alice.get(`${user}/account_data/m.push_rules`)).global.override.length).toBeGreaterThan(5)
    const put = async (type: string, body: unknown) =>
      (await alice.request('PUT', `${user}/account_data/${enc(type)}`, { body })).body.errcode
    expect(await put('a', '[]')).toBe('M_BAD_JSON')
    expect(await put('a', 'text')).toBe('M_NOT_JSON')
    expect(await put('a', '')).toBe('M_NOT_JSON')
    expect(await put('x'.repeat(256), {})).toBe('M_INVALID_PARAM')
    expect(await put('a\0b', {})).toBe('M_INVALID_PARAM')
    expect(await put('a', { big: 'x'.repeat(600 * 1024) })).toBe('M_TOO_LARGE')
    expect(await put('a', `${'{"a":'.repeat(5_000)}1${'}'.repeat(5_000)}`)).toBe('M_BAD_JSON')
    expect(await put('__proto__', { __proto__: 1, a: '\0' })).toBeUndefined()
    expect(await alice.get(`${user}/account_data/__proto__`)).toEqual({ a: '\0' })
    const room = await alice.request('PUT', `${user}/rooms/notaroom/account_data/a`, { body: {} })
    expect([room.status, room.body.errcode]).toEqual([400, 'M_INVALID_PARAM'])
    const unknown = `${user}/rooms/${enc('!unknown:localhost')}/account_data/a`
    expect((await alice.request('GET', unknown)).status).toBe(404)
  })

  it('of rooms, and tags, show up with their room', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const roomId = await alice.createRoom()
    const { next_batch } = await alice.sync()
    const room = `/v3/user/${enc(alice.userId)}/rooms/${enc(roomId)}`
    await alice.put(`${room}/account_data/org.example.b`, { b: 1 })
    expect(await alice.get(`${room}/account_data/org.example.b`)).toEqual({ b: 1 })
    expect(await alice.get(`${room}/tags`)).toEqual({ tags: {} })
    await Promise.all([
      alice.put(`${room}/tags/m.favourite`, { order: 0.5 }),
      alice.put(`${room}/tags/${enc('u.Ärger/mehr')}`, {}),
      alice.put(`${room}/tags/__proto__`, {}),
    ])
    const tags = JSON.parse('{"m.favourite":{"order":0.5},"u.Ärger/mehr":{},"__proto__":{}}')
    expect((await alice.get(`${room}/tags`)).tags).toEqual(tags)
    const sync = await alice.sync({ since: next_batch })
    expect(sync.rooms.join[roomId].account_data.events).toEqual([
      { type: 'org.example.b', content: { b: 1 } },
      { type: 'm.tag', content: { tags } },
    ])
    await alice.delete(`${room}/tags/m.favourite`)
    await alice.delete(`${room}/tags/never-there`)
    expect(Object.keys((await alice.get(`${room}/tags`)).tags).length).toBe(2)

    const errcode = async (path: string, body: unknown) => (await alice.request('PUT', path, { body })).body.errcode
    expect(await errcode(`${room}/tags/${'x'.repeat(256)}`, {})).toBe('M_INVALID_PARAM')
    expect(await errcode(`${room}/tags/a`, { order: 1.5 })).toBe('M_BAD_JSON')
    expect(await errcode(`${room}/tags/a`, { order: 'first' })).toBe('M_BAD_JSON')
    expect(await errcode(`${room}/tags/a`, '1')).toBe('M_BAD_JSON')
    // A client may also write the whole of it, and nonsense does no harm.
    await alice.put(`${room}/account_data/m.tag`, { tags: { 'u.bad': 5, 'u.good': {} } })
    expect(await alice.get(`${room}/tags`)).toEqual({ tags: { 'u.good': {} } })
    const bob = await homeserver.register('bob')
    expect((await bob.request('GET', `${room}/tags`)).body.errcode).toBe('M_FORBIDDEN')
  })
})
