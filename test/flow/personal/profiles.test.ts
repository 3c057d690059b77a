import { expect, it } from 'vitest'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'

const enc = encodeURIComponent

onEveryHomeserver('profiles', (start) => {
  const shared = shareHomeserver(start)
  it('hold a display name, an avatar and fields of any kind, and outlive a restart', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const path = `/v3/profile/${enc(alice.userId)}`
    await alice.put(`${path}/displayname`, { displayname: 'Alice' })
    await alice.put(`${path}/avatar_url`, { avatar_url: 'mxc://localhost/a' })
    await alice.put(`${path}/m.tz`, { 'm.tz': 'Europe/London' })
    await alice.put(`${path}/org.example.any`, { 'org.example.any': [1, { a: null }] })
    await alice.put(`${path}/org.example.nothing`, { 'org.example.nothing': null })
    await homeserver.restart()
    const stranger = homeserver.client()
    expect(await stranger.get(path)).toEqual({
      displayname: 'Alice',
      avatar_url: 'mxc://localhost/a',
      'm.tz': 'Europe/London',
      'org.example.any': [1, { a: null }],
      'org.example.nothing': null,
    })
    expect(await stranger.get(`${path}/m.tz`)).toEqual({ 'm.tz': 'Europe/London' })
    expect(await stranger.get(`${path}/org.example.nothing`)).toEqual({ 'org.example.nothing': null })

    await alice.delete(`${path}/m.tz`)
    await alice.delete(`${path}/m.tz`)
    await alice.delete(`${path}/avatar_url`)
    await alice.put(`${path}/displayname`, { displayname: '' })
    expect((await stranger.request('GET', `${path}/m.tz`)).body.errcode).toBe('M_NOT_FOUND')
    // Clients older than the other fields ask everybody for these two.
    expect(await stranger.get(`${path}/avatar_url`)).toEqual({})
    expect(Object.keys(await stranger.get(path))).toEqual(['org.example.any', 'org.example.nothing'])
  })

  it('are changed by their owner only, and there is none of nobody', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const bob = await homeserver.register('bob')
    const path = `/v3/profile/${enc(alice.userId)}`
    for (const method of ['PUT', 'DELETE']) {
      const refused = await bob.request(method, `${path}/displayname`, { body: { displayname: 'Not Alice' } })
      expect([refused.status, refused.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
      expect((await bob.request(method, `${path}/displayname`, { body: {}, token: null })).status).toBe(401)
    }
    const unknown = await bob.request('GET', `/v3/profile/${enc('@nobody:localhost')}`)
    expect([unknown.status, unknown.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
    expect((await bob.request('GET', `/v3/profile/${enc('@nobody:localhost')}/displayname`)).status).toBe(404)
    // A server that cannot be asked is no proof that there is nobody.
    expect((await bob.request('GET', `/v3/profile/${enc('@alice:elsewhere.test')}`)).status).toBe(504)
    expect((await bob.request('GET', '/v3/profile/alice')).body.errcode).toBe('M_INVALID_PARAM')
  })

  it('are served under the name of the proposal too, and a change may stay out of rooms', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const roomId = await alice.createRoom()
    const path = `/v3/profile/${enc(alice.userId)}`
    const proposed = `/unstable/uk.tcpip.msc4133/profile/${enc(alice.userId)}`
    await alice.put(`${proposed}/m.tz`, { 'm.tz': 'Europe/Paris' })
    expect(await alice.get(`${proposed}/m.tz`)).toEqual({ 'm.tz': 'Europe/Paris' })
    expect(await alice.get(proposed)).toEqual(await alice.get(path))
    await alice.delete(`${proposed}/m.tz`)
    expect((await alice.request('GET', `${path}/m.tz`)).status).toBe(404)

    const quietly = '?org.matrix.msc4069.propagate=false'
    await alice.put(`${path}/displayname${quietly}`, { displayname: 'Quiet' })
    await alice.delete(`${path}/displayname${quietly}`)
    await alice.put(`${path}/avatar_url${quietly}`, { avatar_url: 'mxc://localhost/quiet' })
    expect(
      (
        await alice.request('PUT', `${path}/displayname?org.matrix.msc4069.propagate=maybe`, {
          body: { displayname: 'x' },
        })
      ).status,
    ).toBe(400)
    await alice.put(`${path}/displayname?org.matrix.msc4069.propagate=true`, { displayname: 'Loud' })
    await alice.ownMember(roomId, ({ displayname }) => displayname === 'Loud')
    const { chunk } = await alice.messages(roomId, { dir: 'f', limit: 100 })
    const names = chunk.flatMap((event: Json) => (event.type === 'm.room.member' ? [event.content.displayname] : []))
    expect(names).toEqual([expect.stringContaining('alice'), 'Loud'])
    expect((await alice.get('/versions')).unstable_features).toMatchObject({
      'uk.tcpip.msc4133': true,
      'org.matrix.msc4069': true,
    })
  })

  it('change one field of a room at a time: a name for this room, or one set quietly, stays as it was when the picture follows', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const path = `/v3/profile/${enc(alice.userId)}`
    const [named, plain] = [await alice.createRoom(), await alice.createRoom()]
    const { displayname: before } = await alice.getState(plain, 'm.room.member', alice.userId)
    await alice.setState(named, 'm.room.member', alice.userId, { membership: 'join', displayname: 'Here only' })
    await alice.put(`${path}/displayname?org.matrix.msc4069.propagate=false`, { displayname: 'Quiet' })
    await alice.put(`${path}/avatar_url`, { avatar_url: 'mxc://localhost/new' })
    for (const [roomId, displayname] of [
      [named, 'Here only'],
      [plain, before],
    ] as const) {
      await alice.ownMember(roomId, ({ avatar_url: url }) => url === 'mxc://localhost/new')
      expect(await alice.getState(roomId, 'm.room.member', alice.userId)).toEqual({
        ...{ membership: 'join', displayname, avatar_url: 'mxc://localhost/new' },
      })
    }
    // Two fields that change one right after the other both reach the rooms.
    await alice.put(`${path}/displayname`, { displayname: 'Loud' })
    await alice.delete(`${path}/avatar_url`)
    for (const roomId of [named, plain])
      await alice.ownMember(roomId, (content) => content.displayname === 'Loud' && !('avatar_url' in content))
  })

  it('refuse what does not fit', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const path = `/v3/profile/${enc(alice.userId)}`
    const put = async (key: string, body: unknown) => {
      const { status, body: answer } = await alice.request('PUT', `${path}/${enc(key)}`, { body })
      return status === 200 ? 'done' : answer.errcode
    }
    expect(await put('displayname', {})).toBe('M_MISSING_PARAM')
    expect(await put('displayname', { avatar_url: 'mxc://a/b' })).toBe('M_MISSING_PARAM')
    expect(await put('displayname', { displayname: 5 })).toBe('M_BAD_JSON')
    expect(await put('displayname', { displayname: null })).toBe('M_BAD_JSON')
    expect(await put('displayname', '["displayname"]')).toBe('M_BAD_JSON')
    expect(await put('displayname', '{"displayname":')).toBe('M_NOT_JSON')
    expect(await put('displayname', '{"displayname":"\\ud800"}')).toBe('M_BAD_JSON')
    expect(await put('displayname', { displayname: 'x'.repeat(257) })).toBe('M_INVALID_PARAM')
    expect(await put('avatar_url', { avatar_url: 'x'.repeat(1_001) })).toBe('M_INVALID_PARAM')
    expect(await put('m.tz', { 'm.tz': {} })).toBe('M_BAD_JSON')
    for (const key of ['Name', 'nodots', '1.a', '.a', 'a.', 'a..b', 'a.B', '__proto__', 'a.b c', 'a.\0']) {
      expect(await put(key, { [key]: 1 }), key).toBe('M_INVALID_PARAM')
    }
    const long = `a.${'b'.repeat(254)}`
    expect(await put(long, { [long]: 1 })).toBe('M_KEY_TOO_LARGE')
    expect(await put(long.slice(1), {})).toBe('M_MISSING_PARAM')
    expect(await put('a.b', '{"a.b":{"c":"\\ud800"}}')).toBe('M_BAD_JSON')
    expect(await put('a.b', { 'a.b': { c: '\0', __proto__: {} } })).toBe('done')
    expect(await put('a.c', { 'a.c': 'x'.repeat(60_000) })).toBe('done')
    expect(await put('a.d', { 'a.d': 'x'.repeat(6_000) })).toBe('M_PROFILE_TOO_LARGE')
    expect(await put('a.c', { 'a.c': 'x'.repeat(60_001) })).toBe('done')
    expect(await put('a.d', { 'a.d': 'x'.repeat(70_000) })).toBe('M_TOO_LARGE')
  })
})
