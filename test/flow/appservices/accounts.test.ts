import { describe, expect, it } from 'vitest'
import { PASSWORD } from '../../support/client.ts'
import { command } from '../../support/operator.ts'
import { AS_TOKEN, registerGhost, registration, startWithServices } from './fixture.ts'

const enc = encodeURIComponent
const REGISTER = { type: 'm.login.application_service' }
const FORBIDDEN = { status: 403, body: { errcode: 'M_FORBIDDEN' } }
const EXCLUSIVE = { status: 400, body: { errcode: 'M_EXCLUSIVE' } }

const OTHER = registration({
  id: 'other',
  as_token: 'the-token-of-the-other',
  hs_token: 'the-server-for-the-other',
  sender_localpart: 'other_bot',
  namespaces: { users: [{ exclusive: false, regex: '@.*:.*' }] },
})

describe('an application service', () => {
  it('is its sender from the beginning, and whoever it names in its namespaces', async () => {
    await using world = await startWithServices()
    const { server } = world
    const self = await world.as().get('/v3/account/whoami')
    expect(self).toEqual({ user_id: `@_irc_bot:${server.serverName}`, is_guest: false })
    expect(await world.as('_irc_ann').request('GET', '/v3/account/whoami')).toMatchObject(FORBIDDEN)
    const ghost = await registerGhost(world, '_irc_ann')
    expect((await ghost.get('/v3/account/whoami')).user_id).toBe(ghost.userId)
    const inQuery = await ghost.request('GET', '/v3/account/whoami', { token: null, query: { access_token: AS_TOKEN } })
    expect(inQuery.body.user_id).toBe(ghost.userId)
    await server.register('bob')
    expect(await world.as('bob').request('GET', '/v3/account/whoami')).toMatchObject(FORBIDDEN)
    for (const user of ['@_irc_ann:elsewhere.example', 'no user', `@_irc_ann`])
      expect(await world.as().request('GET', '/v3/account/whoami', { query: { user_id: user } }), user).toMatchObject(
        FORBIDDEN,
      )
  })

  it('may not be a locked or deactivated user', async () => {
    await using world = await startWithServices()
    const ghost = await registerGhost(world, '_irc_ann')
    await command(world.server, 'set-locked', { user: ghost.userId, locked: true })
    expect(await ghost.request('GET', '/v3/account/whoami')).toMatchObject({
      status: 401,
      body: { errcode: 'M_USER_LOCKED' },
    })
    await command(world.server, 'set-locked', { user: ghost.userId, locked: false })
    expect((await ghost.request('GET', '/v3/account/whoami')).status).toBe(200)
    await command(world.server, 'deactivate-user', { user: ghost.userId, erase: false })
    expect(await ghost.request('GET', '/v3/account/whoami')).toMatchObject({
      status: 403,
      body: { errcode: 'M_USER_DEACTIVATED' },
    })
  })

  it('names a device of the user; the stable parameter wins', async () => {
    await using world = await startWithServices()
    const ghost = await registerGhost(world, '_irc_ann')
    const made = await ghost.request('PUT', '/v3/devices/BRIDGE', { body: { display_name: 'The bridge' } })
    expect(made).toMatchObject({ status: 201, body: {} })
    expect((await ghost.request('PUT', '/v3/devices/BRIDGE', { body: { display_name: 'Same' } })).status).toBe(200)
    const whoami = (query: Record<string, string>) => ghost.request('GET', '/v3/account/whoami', { query })
    expect((await whoami({ device_id: 'BRIDGE' })).body.device_id).toBe('BRIDGE')
    expect((await whoami({ 'org.matrix.msc3202.device_id': 'BRIDGE' })).body.device_id).toBe('BRIDGE')
    const both = await whoami({ device_id: 'BRIDGE', 'org.matrix.msc3202.device_id': 'NONE' })
    expect(both.body.device_id).toBe('BRIDGE')
    for (const query of [{ device_id: 'NONE' }, { device_id: 'NONE', 'org.matrix.msc3202.device_id': 'BRIDGE' }])
      expect(await whoami(query)).toMatchObject({ status: 400, body: { errcode: 'M_UNKNOWN_DEVICE' } })
  })

  it('makes and removes devices of its users without authentication, and nobody else does', async () => {
    await using world = await startWithServices()
    const ghost = await registerGhost(world, '_irc_ann')
    for (const name of ['A', 'B', 'C']) await ghost.put(`/v3/devices/${name}`)
    await ghost.delete('/v3/devices/A')
    await ghost.post('/v3/delete_devices', { devices: ['B', 'C'] })
    expect((await ghost.get('/v3/devices')).devices).toEqual([])
    const bob = await world.server.register('bob')
    expect((await bob.request('PUT', '/v3/devices/NEW', { body: {} })).status).toBe(404)
    expect((await bob.request('DELETE', `/v3/devices/${enc(bob.deviceId)}`, { body: {} })).status).toBe(401)
  })

  it('changes nothing by which people get into their accounts, also not by a session that it began', async () => {
    await using world = await startWithServices({ registrations: [registration(), OTHER] })
    const { server } = world
    const bob = await server.register('bob')
    const asBob = world.as('bob', 'the-token-of-the-other')
    const identifier = { type: 'm.id.user', user: 'bob' }
    const session = server.client()
    const begun = await world.as(undefined, 'the-token-of-the-other').post('/v3/login', { ...REGISTER, identifier })
    session.accessToken = begun.access_token
    const creds = { sid: 'a', client_secret: 'b' }
    const named = { medium: 'email', address: 'bob@example.org' }
    const servers = { id_server: 'id.example.org', id_access_token: 'c' }
    for (const one of [asBob, session])
      for (const [path, body] of [
        ['', { three_pid_creds: creds }],
        ['/add', creds],
        ['/bind', { ...creds, ...servers }],
        ['/delete', named],
        ['/unbind', named],
      ] as const)
        expect([path, await one.request('POST', `/v3/account/3pid${path}`, { body })]).toMatchObject([path, FORBIDDEN])
    // Whoever owns the account is told that there is no such session at the mail server, and so is a service for a user of its own.
    const ghost = await registerGhost(world, '_irc_ann')
    for (const owner of [bob, ghost])
      expect((await owner.request('POST', '/v3/account/3pid', { body: { three_pid_creds: creds } })).body.errcode).toBe(
        'M_THREEPID_AUTH_FAILED',
      )
  })

  it('ends accounts of its own without authentication, and of nobody else', async () => {
    await using world = await startWithServices({ registrations: [registration(), OTHER] })
    const ghost = await registerGhost(world, '_irc_ann')
    await world.server.register('bob')
    const asBob = world.as('bob', 'the-token-of-the-other')
    expect((await asBob.request('POST', '/v3/account/deactivate', { body: {} })).status).toBe(401)
    await ghost.post('/v3/account/deactivate', {})
    expect((await ghost.request('GET', '/v3/account/whoami')).body.errcode).toBe('M_USER_DEACTIVATED')
  })

  it('does not administer the server by being an administrator whom it does not have for itself', async () => {
    await using world = await startWithServices({ registrations: [OTHER] })
    const boss = await world.server.register('boss')
    await command(world.server, 'set-admin', { user: boss.userId, admin: true })
    const path = `/v3/admin/whois/${enc(boss.userId)}`
    const asBoss = world.as('boss', 'the-token-of-the-other')
    expect((await asBoss.get('/v3/account/whoami')).user_id).toBe(boss.userId)
    const registerNobody = `/v3/admin/whois/${enc(`@nobody:${world.server.serverName}`)}`
    expect((await boss.request('GET', path)).status).toBe(200)
    expect(await asBoss.request('GET', registerNobody)).toMatchObject(FORBIDDEN)
  })
})

describe('registering and logging in as an application service', () => {
  it('needs no stages, a password no more than a device, and gives tokens unless that is not wanted', async () => {
    await using world = await startWithServices({ settings: { registration: { mode: 'closed' } } })
    const { server } = world
    const quiet = await world.as().post('/v3/register', { ...REGISTER, username: '_irc_ann', inhibit_login: true })
    expect(quiet).toEqual({ user_id: `@_irc_ann:${server.serverName}`, home_server: server.serverName })
    const loud = await world.as().post('/v3/register', { ...REGISTER, username: '_irc_ben', device_id: 'PHONE' })
    expect(loud).toMatchObject({ device_id: 'PHONE', access_token: expect.any(String) })
    const taken = await world.as().request('POST', '/v3/register', { body: { ...REGISTER, username: '_irc_ben' } })
    expect(taken).toMatchObject({ status: 400, body: { errcode: 'M_USER_IN_USE' } })
    // Libraries name the user whom they are about to make.
    const named = world.as('_irc_cid')
    await named.post('/v3/register', { ...REGISTER, username: '_irc_cid', inhibit_login: true })
    expect((await named.get('/v3/account/whoami')).user_id).toBe(named.userId)
    const nameless = await world.as().request('POST', '/v3/register', { body: REGISTER })
    expect(nameless).toMatchObject({ status: 400, body: { errcode: 'M_MISSING_PARAM' } })
  })

  it('is refused outside its namespaces, and without its token', async () => {
    await using world = await startWithServices({ registrations: [registration(), OTHER] })
    const body = { ...REGISTER, username: 'carol' }
    expect(await world.as().request('POST', '/v3/register', { body })).toMatchObject(EXCLUSIVE)
    const bodyOfOther = { ...REGISTER, username: '_irc_carol' }
    const other = world.as(undefined, 'the-token-of-the-other')
    expect(await other.request('POST', '/v3/register', { body: bodyOfOther })).toMatchObject(EXCLUSIVE)
    const identifier = { type: 'm.id.user', user: 'carol' }
    for (const [path, wish] of [
      ['/v3/register', body],
      ['/v3/login', { ...REGISTER, identifier }],
    ] as const) {
      expect(await world.server.client().request('POST', path, { body: wish })).toMatchObject({
        status: 401,
        body: { errcode: 'M_MISSING_TOKEN' },
      })
      expect(await world.as(undefined, 'wrong').request('POST', path, { body: wish })).toMatchObject({
        status: 401,
        body: { errcode: 'M_UNKNOWN_TOKEN' },
      })
    }
    await world.server.register('carol')
    expect(await world.as().request('POST', '/v3/login', { body: { ...REGISTER, identifier } })).toMatchObject(
      EXCLUSIVE,
    )
  })

  it('logs in as its users, by name or user id, and tells clients of the flow', async () => {
    await using world = await startWithServices()
    const ghost = await registerGhost(world, '_irc_ann')
    for (const user of ['_irc_ann', ghost.userId]) {
      const session = await world.as().post('/v3/login', { ...REGISTER, identifier: { type: 'm.id.user', user } })
      expect(session).toMatchObject({ user_id: ghost.userId, access_token: expect.any(String) })
    }
    const unknown = { ...REGISTER, identifier: { type: 'm.id.user', user: '_irc_nobody' } }
    expect(await world.as().request('POST', '/v3/login', { body: unknown })).toMatchObject(FORBIDDEN)
    expect((await world.server.client().get('/v3/login')).flows).toContainEqual(REGISTER)
  })

  it('keeps its exclusive names from everybody else', async () => {
    await using world = await startWithServices({ settings: { registration: { sharedSecret: 'secret' } } })
    const client = world.server.client()
    const body = { username: '_irc_ann', password: PASSWORD }
    expect(await client.request('POST', '/v3/register', { body })).toMatchObject(EXCLUSIVE)
    expect(await client.request('GET', '/v3/register/available', { query: { username: '_irc_ann' } })).toMatchObject(
      EXCLUSIVE,
    )
    expect(await client.request('GET', '/v3/register/available', { query: { username: '_irc_bot' } })).toMatchObject({
      status: 400,
    })
    expect((await client.request('GET', '/v3/register/available', { query: { username: 'ann' } })).status).toBe(200)
  })
})

describe('the limits of a server', () => {
  const settings = { rateLimits: { enabled: true, read: '2/60s', registration: '1/60s', login: '1/60s' } }
  it('count no request of a service whose file says so', async () => {
    await using world = await startWithServices({ settings })
    for (const username of ['_irc_a', '_irc_b', '_irc_c']) await registerGhost(world, username)
    for (let round = 0; round < 5; round++) await world.as('_irc_a').get('/v3/account/whoami')
  })

  it('count those of others', async () => {
    await using world = await startWithServices({ settings, registrations: [registration({ rate_limited: true })] })
    const asked = []
    for (let round = 0; round < 4; round++) asked.push((await world.as().request('GET', '/v3/account/whoami')).status)
    expect(asked).toEqual([200, 200, 429, 429])
  })
})
