import { expect, it } from 'vitest'
import { onEveryHomeserver, shareHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { command } from '../../support/operator.ts'
import { Administrator } from './fixture.ts'

onEveryHomeserver('an administrator who acts as somebody', (start) => {
  const shared = shareHomeserver(start)
  let made = 0
  const scene = async () => {
    const server = await shared()
    made += 1
    const admin = await Administrator.of(server, `acting${made}`)
    return { server, admin, alice: await server.register(`acted${made}`) }
  }
  const clientWith = (server: TestHomeserver, token: string) => {
    const client = server.client()
    client.accessToken = token
    return client
  }

  it('does what the user could do, and the user has no device more', async () => {
    const { server, admin, alice } = await scene()
    const roomId = await alice.createRoom()
    const { access_token } = await admin.post(`/v1/users/${alice.userId}/login`)
    const puppet = clientWith(server, access_token)
    const whoami = await puppet.get('/v3/account/whoami')
    expect(whoami).toEqual({ user_id: alice.userId, is_guest: false })
    const eventId = await puppet.sendText(roomId, 'in her name')
    expect((await alice.getEvent(roomId, eventId)).sender).toBe(alice.userId)
    const body = { msgtype: 'm.text', body: 'once' }
    const twice = () => puppet.send(roomId, 'm.room.message', body, 'txn')
    expect(await twice()).toBe(await twice())
    expect((await puppet.sync()).rooms.join[roomId]).toBeDefined()
    expect((await alice.get('/v3/devices')).devices).toHaveLength(1)
    expect((await admin.get(`/v2/users/${alice.userId}/devices`)).total).toBe(1)
    const [note] = await admin.deedsOn(alice.userId)
    expect(note).toMatchObject({ action: 'user.act_as', by: admin.client.userId, via: 'api' })
    expect(JSON.stringify(note)).not.toContain(access_token)
    // A request that belongs to devices has nowhere to go, and is no fault of the server.
    for (const [method, path, sent] of [
      ['POST', '/v3/keys/upload', { one_time_keys: {} }],
      ['GET', '/v3/devices/none', undefined],
      ['PUT', `/v3/sendToDevice/m.x/1`, { messages: { [alice.userId]: { '*': { a: 1 } } } }],
      ['POST', '/v3/keys/query', { device_keys: { [alice.userId]: [] } }],
      ['POST', '/v3/account/password', { new_password: 'x y z w' }],
      ['PUT', '/unstable/org.matrix.msc3814.v1/dehydrated_device', {}],
    ] as const) {
      const { status } = await puppet.request(method, path, sent === undefined ? {} : { body: sent })
      expect(status, path).toBeLessThan(500)
    }
    expect((await alice.request('GET', '/v3/account/whoami')).status).toBe(200)
  })

  it('acts as nobody any more once their own password is another one, whatever signed them out', async () => {
    const { server, admin, alice } = await scene()
    const { access_token } = await admin.post(`/v1/users/${alice.userId}/login`)
    const puppet = clientWith(server, access_token)
    await puppet.get('/v3/account/whoami')
    await command(server, 'set-password', {
      user: admin.client.userId,
      password: 'another password 1',
      keep_sessions: false,
    })
    expect(await puppet.request('GET', '/v3/account/whoami')).toMatchObject({
      status: 401,
      body: { errcode: 'M_UNKNOWN_TOKEN' },
    })
  })

  it('acts as nobody while their own time is over, nor as somebody whose time is', async () => {
    const { server, admin, alice } = await scene()
    const other = await Administrator.of(server, `renewing${made}`)
    const { access_token } = await admin.post(`/v1/users/${alice.userId}/login`)
    const puppet = clientWith(server, access_token)
    const expire = (user_id: string, expiration_ts: number) =>
      other.post('/v1/account_validity/validity', { user_id, expiration_ts })
    const outcome = async () => {
      const { status, body } = await puppet.request('GET', '/v3/account/whoami')
      return [status, body.errcode]
    }
    const later = Date.now() + 1_000_000
    expect(await outcome()).toEqual([200, undefined])
    await expire(admin.client.userId, 1)
    expect(await outcome()).toEqual([401, 'M_UNKNOWN_TOKEN'])
    await expire(admin.client.userId, later)
    expect(await outcome()).toEqual([200, undefined])
    await expire(alice.userId, 1)
    expect(await outcome()).toEqual([403, 'ORG_MATRIX_EXPIRED_ACCOUNT'])
  })

  it('has no right to administer by it, even as another administrator', async () => {
    const { server, admin } = await scene()
    const other = await Administrator.of(server, `other${made}`)
    const { access_token } = await admin.post(`/v1/users/${other.client.userId}/login`)
    const puppet = clientWith(server, access_token)
    expect(await puppet.request('GET', '/_synapse/admin/v2/users')).toMatchObject({ status: 403 })
  })

  it('ends with its own logout, with those of the administrator everywhere, and with their right; never with those of the user', async () => {
    const { server, admin, alice } = await scene()
    const act = async () => clientWith(server, (await admin.post(`/v1/users/${alice.userId}/login`, {})).access_token)
    const stands = async (client: Awaited<ReturnType<typeof act>>) =>
      (await client.request('GET', '/v3/account/whoami')).status
    const [one, two] = [await act(), await act()]
    await alice.post('/v3/logout/all')
    expect([await stands(one), await stands(two)]).toEqual([200, 200])
    await one.post('/v3/logout')
    expect([await stands(one), await stands(two)]).toEqual([401, 200])
    await alice.login(alice.userId)
    await two.post('/v3/logout/all')
    expect(await stands(two)).toBe(401)
    expect((await alice.request('GET', '/v3/account/whoami')).status).toBe(200)
    const three = await act()
    await command(server, 'set-admin', { user: admin.client.userId, admin: false })
    expect(await stands(three)).toBe(401)
    await command(server, 'set-admin', { user: admin.client.userId, admin: true })
    expect(await stands(three)).toBe(200)
    await admin.client.post('/v3/logout/all')
    expect(await stands(three)).toBe(401)
    await admin.client.login(admin.client.userId)
    const four = await act()
    await admin.post(`/v1/deactivate/${alice.userId}`)
    expect(await stands(four)).toBe(401)
  })

  it('is refused for oneself, for people who are not there, and for times that are over', async () => {
    const { server, admin, alice } = await scene()
    const soon = Date.now() + 3_600_000
    const { access_token } = await admin.post(`/v1/users/${alice.userId}/login`, { valid_until_ms: soon })
    expect((await clientWith(server, access_token).request('GET', '/v3/account/whoami')).status).toBe(200)
    for (const [user, body, status] of [
      [admin.client.userId, {}, 400],
      [alice.userId, { valid_until_ms: 5 }, 400],
      [alice.userId, { valid_until_ms: 'soon' }, 400],
      ['@nobody:localhost', {}, 404],
      ['@a:elsewhere.example', {}, 400],
    ] as const)
      expect(await admin.ask('POST', `/v1/users/${user}/login`, body), user).toMatchObject({ status })
  })

  it('lets people replace their cross-signing keys once, without authentication', async () => {
    const { admin, alice } = await scene()
    const path = `/v1/users/${alice.userId}/_allow_cross_signing_replacement_without_uia`
    expect(await admin.ask('POST', path, {})).toMatchObject({ status: 404 })
    const keysOf = (letter: string) => {
      const key = letter.repeat(43)
      return { user_id: alice.userId, usage: ['master'], keys: { [`ed25519:${key}`]: key } }
    }
    const upload = (letter: string) =>
      alice.request('POST', '/v3/keys/device_signing/upload', { body: { master_key: keysOf(letter) } })
    expect((await upload('A')).status).toBe(200)
    expect((await upload('E')).status).toBe(401)
    const { updatable_without_uia_before_ms: until } = await admin.post(path)
    expect(until).toBeGreaterThan(Date.now())
    expect((await upload('E')).status).toBe(200)
    expect((await upload('I')).status).toBe(401)
  })
})
