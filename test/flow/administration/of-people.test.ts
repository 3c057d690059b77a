import { expect, it } from 'vitest'
import type { Json } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver } from '../../support/homeserver.ts'
import { Administrator } from './fixture.ts'

const ON = { rateLimits: { enabled: true, message: '2/1000s', registration: '1000/1s', login: '1000/1s' } }

onEveryHomeserver('what belongs to people, in the hands of an administrator', (start) => {
  const shared = shareHomeserver(start)
  let made = 0
  const scene = async () => {
    const server = await shared()
    made += 1
    const admin = await Administrator.of(server, `admin${made}`)
    return { server, admin, alice: await server.register(`alice${made}`) }
  }

  it('rooms and memberships, of people of other servers too', async () => {
    const { admin, alice } = await scene()
    const [left, joined] = [await alice.createRoom(), await alice.createRoom()]
    await alice.leave(left)
    expect(await admin.get(`/v1/users/${alice.userId}/joined_rooms`)).toEqual({ joined_rooms: [joined], total: 1 })
    expect(await admin.get(`/v1/users/${alice.userId}/memberships`)).toEqual({
      memberships: { [left]: 'leave', [joined]: 'join' },
    })
    expect(await admin.get('/v1/users/@a:elsewhere.example/joined_rooms')).toEqual({ joined_rooms: [], total: 0 })
    expect(await admin.ask('GET', '/v1/users/nonsense/memberships')).toMatchObject({ status: 400 })
  })

  it('account data, global and of rooms, with push rules', async () => {
    const { admin, alice } = await scene()
    const roomId = await alice.createRoom()
    const data = `/v3/user/${alice.userId}/account_data`
    await alice.put(`${data}/m.one`, { a: 1 })
    await alice.put(`${data}/m.two`, { b: ['"', '\u2028'] })
    await alice.put(`/v3/user/${alice.userId}/rooms/${roomId}/account_data/m.fully`, { c: {} })
    const { account_data } = await admin.get(`/v1/users/${alice.userId}/accountdata`)
    expect(account_data).toMatchObject({
      global: {
        'm.one': { a: 1 },
        'm.two': { b: ['"', '\u2028'] },
        'm.push_rules': { global: { override: expect.any(Array) } },
      },
      rooms: { [roomId]: { 'm.fully': { c: {} } } },
    })
  })

  it('devices: shown, made, renamed, removed with their tokens', async () => {
    const { admin, alice } = await scene()
    const phone = await alice.loginAgain({ initial_device_display_name: 'Phone' })
    const devices = `/v2/users/${alice.userId}/devices`
    const all = await admin.get(devices)
    expect(all.total).toBe(2)
    expect(all.devices.find(({ device_id }: Json) => device_id === phone.deviceId)).toMatchObject({
      display_name: 'Phone',
      user_id: alice.userId,
      last_seen_ip: expect.any(String),
      last_seen_ts: expect.any(Number),
      dehydrated: false,
    })
    expect(await admin.put(`${devices}/${phone.deviceId}`, { display_name: 'Watch' })).toEqual({})
    expect((await admin.get(`${devices}/${phone.deviceId}`)).display_name).toBe('Watch')
    expect(await admin.ask('POST', devices, { device_id: 'MADE' })).toMatchObject({ status: 201, body: {} })
    expect(await admin.ask('POST', devices, { device_id: 'MADE' })).toMatchObject({ status: 201 })
    expect((await alice.get('/v3/devices/MADE')).device_id).toBe('MADE')
    expect(await admin.delete(`${devices}/${phone.deviceId}`)).toEqual({})
    expect((await phone.request('GET', '/v3/account/whoami')).status).toBe(401)
    expect(await admin.post(`/v2/users/${alice.userId}/delete_devices`, { devices: ['MADE', 'none'] })).toEqual({})
    expect((await admin.get(devices)).devices.map(({ device_id }: Json) => device_id)).toEqual([alice.deviceId])
    expect(await admin.ask('GET', `${devices}/MADE`)).toMatchObject({ status: 404 })
    expect(await admin.ask('PUT', `${devices}/MADE`, {})).toMatchObject({ status: 404 })
    expect(await admin.get(`/v1/whois/${alice.userId}`)).toMatchObject({
      user_id: alice.userId,
      devices: { [alice.deviceId]: { sessions: [{ connections: [{ ip: expect.any(String) }] }] } },
    })
  })

  it('pushers', async () => {
    const { admin, alice } = await scene()
    await alice.post('/v3/pushers/set', {
      ...{ kind: 'http', app_id: 'app', pushkey: 'key', app_display_name: 'App', device_display_name: 'Phone' },
      ...{ lang: 'en', data: { url: 'https://push.example/_matrix/push/v1/notify' } },
    })
    expect(await admin.get(`/v1/users/${alice.userId}/pushers`)).toMatchObject({
      pushers: [{ app_id: 'app', pushkey: 'key', kind: 'http', data: { url: expect.stringMatching(/^https/) } }],
      total: 1,
    })
  })

  it('names, addresses and identities are looked up', async () => {
    const { server, admin, alice } = await scene()
    await admin.modify(alice.userId, {
      threepids: [{ medium: 'email', address: `a${made}@example.org` }],
      external_ids: [{ auth_provider: 'oidc', external_id: `a/${made}` }],
    })
    expect(await admin.get('/v1/username_available', { username: 'free-name' })).toEqual({ available: true })
    expect(await admin.ask('GET', `/v1/username_available?username=alice${made}`)).toMatchObject({
      body: { errcode: 'M_USER_IN_USE' },
    })
    const found = { user_id: alice.userId }
    expect(await admin.get(`/v1/threepid/email/users/A${made}@Example.org`)).toEqual(found)
    expect(await admin.get(`/v1/auth_providers/oidc/users/${encodeURIComponent(`a/${made}`)}`)).toEqual(found)
    expect(await admin.ask('GET', '/v1/threepid/email/users/nobody@example.org')).toMatchObject({ status: 404 })
    expect(await admin.ask('GET', '/v1/auth_providers/oidc/users/none')).toMatchObject({ status: 404 })
    const version = await alice.request('GET', '/_synapse/admin/v1/server_version', { token: null })
    expect(version).toMatchObject({ status: 200, body: { server_version: expect.stringMatching(/^Homeroom \d/) } })
    const features = `/v1/experimental_features/${encodeURIComponent(alice.userId)}`
    expect(await admin.get(features)).toEqual({ features: {} })
    expect(await admin.ask('PUT', features, { features: { msc3881: true } })).toMatchObject({ status: 400 })
    expect(server.serverName).toBe('localhost')
  })

  it('registration tokens: made, shown, limited, removed', async () => {
    const { admin } = await scene()
    const tokens = '/v1/registration_tokens'
    const made1 = await admin.post(`${tokens}/new`, {})
    expect(made1).toEqual({
      ...{ token: expect.stringMatching(/^[A-Za-z0-9]{16}$/), uses_allowed: null, pending: 0, completed: 0 },
      expiry_time: null,
    })
    expect((await admin.post(`${tokens}/new`, { length: 40 })).token).toHaveLength(40)
    const expiry = Date.now() + 1_000_000
    const own = `own-${made}`
    await admin.post(`${tokens}/new`, { token: own, uses_allowed: 3, expiry_time: expiry })
    expect(await admin.get(`${tokens}/${own}`)).toMatchObject({ uses_allowed: 3, expiry_time: expiry })
    expect(await admin.put(`${tokens}/${own}`, { uses_allowed: 0 })).toMatchObject({
      ...{ uses_allowed: 0, expiry_time: expiry },
    })
    const listed = async (valid?: boolean) =>
      (await admin.get(tokens, { valid })).registration_tokens.map(({ token }: Json) => token)
    expect(await listed()).toEqual(expect.arrayContaining([own, made1.token]))
    expect(await listed(true)).not.toContain(own)
    expect(await listed(false)).toContain(own)
    expect(await admin.put(`${tokens}/${own}`, { uses_allowed: null, expiry_time: null })).toMatchObject({
      ...{ uses_allowed: null, expiry_time: null },
    })
    for (const body of [
      { token: own },
      { token: 'not a token' },
      { length: 65 },
      { expiry_time: 5 },
      { uses_allowed: -1 },
      { uses_allowed: 1.5 },
    ]) {
      expect(await admin.ask('POST', `${tokens}/new`, body), JSON.stringify(body)).toMatchObject({
        ...{ status: 400, body: { errcode: 'M_INVALID_PARAM' } },
      })
    }
    expect(await admin.delete(`${tokens}/${own}`)).toEqual({})
    for (const method of ['GET', 'PUT', 'DELETE'])
      expect(await admin.ask(method, `${tokens}/${own}`, method === 'PUT' ? {} : undefined)).toMatchObject({
        ...{ status: 404, body: { errcode: 'M_NOT_FOUND' } },
      })
  })

  it('what each has uploaded', async () => {
    const { server, admin, alice } = await scene()
    const since = Date.now()
    const upload = async (text: string) => {
      const response = await fetch(`${server.url}/_matrix/media/v3/upload`, {
        method: 'POST',
        headers: { authorization: `Bearer ${alice.accessToken}`, 'content-type': 'text/plain' },
        body: text,
      })
      expect(response.status).toBe(200)
    }
    await upload('12345')
    await upload('1234567890')
    const used = (query: Json) => admin.get('/v1/statistics/users/media', { from_ts: since, ...query })
    const own = { user_id: alice.userId, displayname: `alice${made}`, media_count: 2, media_length: 15 }
    expect(await used({})).toEqual({ users: [own], total: 1 })
    for (const order_by of ['user_id', 'displayname', 'media_length', 'media_count'])
      expect(await used({ order_by, dir: 'b', search_term: `ALICE${made}` })).toEqual({ users: [own], total: 1 })
    expect(await used({ search_term: 'nobody-has-this' })).toEqual({ users: [], total: 0 })
    expect(await used({ from: 1 })).toEqual({ users: [], total: 1 })
    expect(await admin.ask('GET', '/v1/statistics/users/media?from_ts=5&until_ts=4')).toMatchObject({ status: 400 })
  })

  it('the list: filtered, sorted, in pages, by both versions', async () => {
    const { server, admin, alice } = await scene()
    const bob = await server.register(`zz-listed${made}`)
    await admin.post(`/v1/deactivate/${bob.userId}`)
    await admin.modify(alice.userId, { displayname: `Ävä ${made}`, locked: true })
    const names = async (version: string, query: Json) =>
      (await admin.get(`/${version}/users`, { limit: 1000, ...query })).users.map(({ name }: Json) => name)
    expect(await names('v2', {})).not.toContain(bob.userId)
    expect(await names('v2', { deactivated: true })).toContain(bob.userId)
    expect(await names('v3', { deactivated: true, name: `zz-listed${made}` })).toEqual([bob.userId])
    expect(await names('v3', { deactivated: false })).not.toContain(bob.userId)
    expect(await names('v3', {})).toContain(bob.userId)
    expect(await names('v2', { name: `ÄVÄ ${made}` })).toEqual([])
    expect(await names('v2', { name: `ÄVÄ ${made}`, locked: true })).toEqual([alice.userId])
    expect(await names('v2', { admins: true, user_id: `admin${made}:` })).toEqual([admin.client.userId])
    const pages: string[] = []
    let from: string | undefined = '0'
    while (from !== undefined) {
      const page: Json = await admin.get('/v2/users', { from, limit: 2, order_by: 'creation_ts', dir: 'b' })
      expect(page.users.length).toBeLessThanOrEqual(2)
      pages.push(...page.users.map(({ name }: Json) => name))
      expect(page.total).toBeGreaterThanOrEqual(pages.length)
      from = page.next_token
    }
    expect(pages).toEqual(await names('v2', { order_by: 'creation_ts', dir: 'b' }))
    expect(pages.length).toBeGreaterThan(2)
    const inFront = (await names('v3', { locked: true, order_by: 'locked', dir: 'b' }))[0]
    expect(inFront).toBe(alice.userId)
    for (const query of [{ order_by: 'shoe_size' }, { from: -1 }, { limit: 'many' }, { dir: 'x' }, { admins: 'maybe' }])
      expect(
        await admin.client.request('GET', '/_synapse/admin/v2/users', { query: query as Json }),
        JSON.stringify(query),
      ).toMatchObject({ status: 400, body: { errcode: 'M_INVALID_PARAM' } })
  })
})

onEveryHomeserver('a limit of a user’s own', (start) => {
  it('takes the place of the configured one at once, and goes again', async () => {
    await using server = await start({ settings: ON })
    const admin = await Administrator.of(server, 'admin')
    const alice = await server.register('alice')
    const roomId = await alice.createRoom()
    const path = `/v1/users/${alice.userId}/override_ratelimit`
    /** How many of five messages are taken. */
    const taken = async () => {
      let count = 0
      for (const _ of [1, 2, 3, 4, 5]) {
        const body = { msgtype: 'm.text', body: 'x' }
        const { status } = await alice.request('POST', `/v3/rooms/${roomId}/send/m.room.message`, { body })
        if (status === 200) count += 1
      }
      return count
    }
    expect(await admin.get(path)).toEqual({})
    expect(await taken()).toBe(2)
    expect(await admin.post(path, {})).toEqual({ messages_per_second: 0, burst_count: 0 })
    expect(await taken()).toBe(5)
    const narrow = { messages_per_second: 1, burst_count: 1_000_000 }
    expect(await admin.post(path, narrow)).toEqual(narrow)
    expect(await admin.get(path)).toEqual(narrow)
    expect(await taken()).toBe(5)
    await admin.post(path, { messages_per_second: 1, burst_count: 3 })
    expect(await taken()).toBeLessThan(5)
    expect(await admin.ask('POST', path, { messages_per_second: -1 })).toMatchObject({ status: 400 })
    expect(await admin.delete(path)).toEqual({})
    expect(await admin.get(path)).toEqual({})
    expect(await taken()).toBe(0)
    expect((await admin.deedsOn(alice.userId)).map(({ action }) => action)).toContain('user.limit')
  })
})
