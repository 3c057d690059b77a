import { createHmac } from 'node:crypto'
import { afterEach, describe, expect, it } from 'vitest'
import { silentLogger, systemClock } from '#base'
import { openStore, writers } from '#store'
import {
  type HomeserverSetup,
  shareHomeserver,
  startHomeserver,
  type TestHomeserver,
} from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const running: TestHomeserver[] = []
const start = async (setup: HomeserverSetup): Promise<TestHomeserver> => {
  const homeserver = await startHomeserver(setup)
  running.push(homeserver)
  return homeserver
}
afterEach(async () => {
  for (const homeserver of running.splice(0)) await homeserver.stop()
})

/** With the settings of a new server; each test has names of its own. */
const shared = shareHomeserver(startHomeserver)

const register = (homeserver: TestHomeserver, body: unknown, query = {}) =>
  homeserver.client().request('POST', '/v3/register', { body, query })
const dummy = { type: 'm.login.dummy' }

describe('registration', () => {
  it('answers an empty body with a flow of the dummy stage only', async () => {
    const homeserver = await shared()
    for (const options of [{}, { body: {} }, { body: { auth: {} } }]) {
      const { status, body } = await homeserver.client().request('POST', '/v3/register', options)
      expect([status, body.flows, body.completed]).toEqual([401, [{ stages: ['m.login.dummy'] }], []])
      expect(body.session).toMatch(/^\w{24}$/)
      expect(body).not.toHaveProperty('errcode')
    }
  })

  it('takes the parameters of the first call, whatever the later ones say', async () => {
    const homeserver = await shared()
    const first = { username: 'First', password: 'pw', device_id: 'xyzzy', initial_device_display_name: 'Laptop' }
    const { session } = (await register(homeserver, first)).body
    const auth = { ...dummy, session }
    const { status, body } = await register(homeserver, { username: 'second', password: 'other', auth })
    expect([status, body.user_id, body.device_id]).toEqual([200, '@first:localhost', 'xyzzy'])
    const client = homeserver.client()
    await client.login('first', { password: 'pw' })
    expect((await client.get('/v3/devices/xyzzy')).display_name).toBe('Laptop')
    expect((await register(homeserver, { username: 'second', password: 'pw', auth: dummy })).status).toBe(200)
  })

  it('is completed by a session that began with no parameters, by the first that come', async () => {
    const homeserver = await shared()
    const { session } = (await register(homeserver, {})).body
    const { body } = await register(homeserver, { username: 'late', password: 'pw', auth: { ...dummy, session } })
    expect(body.user_id).toBe('@late:localhost')
  })

  it('gives the same account and device to a client that did not get the answer', async () => {
    const homeserver = await shared()
    const { session } = (await register(homeserver, { password: 'pw' })).body
    const again = () => register(homeserver, { auth: { ...dummy, session } })
    const [one, two] = [(await again()).body, (await again()).body]
    expect([two.user_id, two.device_id]).toEqual([one.user_id, one.device_id])
    const client = homeserver.client()
    expect((await client.request('GET', '/v3/account/whoami', { token: one.access_token })).status).toBe(401)
    expect((await client.request('GET', '/v3/account/whoami', { token: two.access_token })).body).toEqual({
      user_id: one.user_id,
      device_id: one.device_id,
      is_guest: false,
    })
  })

  it('makes one account where two requests complete one session at the same time', async () => {
    const homeserver = await shared()
    const { session } = (await register(homeserver, { username: 'twice', password: 'pw' })).body
    const answers = await Promise.all([1, 2, 3].map(() => register(homeserver, { auth: { ...dummy, session } })))
    expect(answers.map(({ status, body }) => [status, body.user_id])).toEqual(Array(3).fill([200, '@twice:localhost']))
  })

  it('refuses names that are taken or malformed, before authentication', async () => {
    const homeserver = await shared()
    await homeserver.register('taken')
    for (const username of ['taken', 'TAKEN']) {
      const { status, body } = await register(homeserver, { username, password: 'pw' })
      expect([status, body.errcode]).toEqual([400, 'M_USER_IN_USE'])
    }
    const malformed = ['', ' ', 'a b', 'a"', 'a:b', '@a', 'a\n', 'é', 'a\u212a', 'a\0', 'x'.repeat(255)]
    for (const username of malformed) {
      const { status, body } = await register(homeserver, { username, password: 'pw', auth: dummy })
      expect([username, status, body.errcode]).toEqual([username, 400, 'M_INVALID_USERNAME'])
    }
    const half = await register(homeserver, { username: '\ud800', password: 'pw', auth: dummy })
    expect([half.status, half.body.errcode]).toEqual([400, 'M_BAD_JSON'])
    for (const username of ['q3._=-/+', 'x'.repeat(244)]) {
      expect((await register(homeserver, { username, password: 'pw', auth: dummy })).status).toBe(200)
    }
  })

  it('refuses a name that was taken while the client authenticated', async () => {
    const homeserver = await shared()
    const { session } = (await register(homeserver, { username: 'race', password: 'pw' })).body
    await homeserver.register('race')
    const { status, body } = await register(homeserver, { auth: { ...dummy, session } })
    expect([status, body.errcode]).toEqual([400, 'M_USER_IN_USE'])
    const names = await Promise.all(
      [1, 2, 3].map(() => register(homeserver, { username: 'rush', password: 'pw', auth: dummy })),
    )
    expect(names.map((answer) => answer.status).toSorted((a, b) => a - b)).toEqual([200, 400, 400])
  })

  it('logs nobody in with inhibit_login', async () => {
    const homeserver = await shared()
    const { body } = await register(homeserver, { username: 'quiet', password: 'pw', inhibit_login: true, auth: dummy })
    expect(body).toEqual({ user_id: '@quiet:localhost', home_server: 'localhost' })
    const client = homeserver.client()
    await client.login('quiet', { password: 'pw' })
    expect((await client.get('/v3/devices')).devices).toHaveLength(1)
  })

  it('wants a password, and one that fits', async () => {
    const homeserver = await start({ settings: { passwords: { minLength: 3 } } })
    const errcodeOf = async (password?: string) =>
      (await register(homeserver, { username: 'pw', ...(password === undefined ? {} : { password }), auth: dummy }))
        .body.errcode
    expect(await errcodeOf()).toBe('M_MISSING_PARAM')
    expect(await errcodeOf('ab')).toBe('M_WEAK_PASSWORD')
    expect(await errcodeOf('x'.repeat(513))).toBe('M_INVALID_PARAM')
    expect(await errcodeOf('übers3kr1t')).toBeUndefined()
    await homeserver.client().login('pw', { password: 'u\u0308bers3kr1t' })
  })

  it('says which names are free', async () => {
    const homeserver = await shared()
    await homeserver.register('occupied')
    const ask = async (username: string) => {
      const { body } = await homeserver.client().request('GET', '/v3/register/available', { query: { username } })
      return body.errcode ?? body.available
    }
    expect(await ask('free')).toBe(true)
    expect(await ask('occupied')).toBe('M_USER_IN_USE')
    expect(await ask('n:o')).toBe('M_INVALID_USERNAME')
    const without = await homeserver.client().request('GET', '/v3/register/available')
    expect(without.body.errcode).toBe('M_MISSING_PARAM')
  })

  it('ends a session after its time, and carries none over to another operation', async () => {
    const clock = new SteppedClock()
    const homeserver = await start({ clock, settings: { sessions: { authenticationSessionLifetime: '10m' } } })
    const { session } = (await register(homeserver, { username: 'slow', password: 'pw' })).body
    const foreign = await homeserver.client().request('POST', '/v3/account/password', {
      body: { new_password: 'x', auth: { ...dummy, session } },
    })
    expect([foreign.status, foreign.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    clock.advance(600_001)
    const late = await register(homeserver, { username: 'slow', password: 'pw', auth: { ...dummy, session } })
    expect([late.status, late.body.errcode, late.body.completed]).toEqual([401, 'M_FORBIDDEN', []])
    expect(late.body.session).not.toBe(session)
  })

  it('calls a new account by its local part', async () => {
    const homeserver = await shared()
    const client = await homeserver.register('named')
    expect(await client.get(`/v3/profile/${client.userId}`)).toEqual({ displayname: 'named' })
  })
})

describe('registration that is not open', () => {
  it('is refused where it is closed, but for the shared secret', async () => {
    const homeserver = await start({ settings: { registration: { mode: 'closed' } } })
    const refusals = [
      register(homeserver, {}),
      homeserver.client().request('GET', '/v3/register/available', { query: { username: 'x' } }),
      homeserver.client().request('GET', '/v1/register/m.login.registration_token/validity', { query: { token: 'x' } }),
    ]
    for (const { status, body } of await Promise.all(refusals))
      expect([status, body.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })

  it('wants a registration token, and the terms accepted, in this order', async () => {
    const terms = { termsUrl: 'https://example.org/terms', termsVersion: '2', termsName: 'Rules' }
    const homeserver = await start({ settings: { registration: { mode: 'token', ...terms } } })
    const store = await openStore({
      url: `sqlite:${homeserver.dataFolder}/homeroom.sqlite`,
      clock: systemClock,
      logger: silentLogger,
    })
    await store.commit([writers.registrationTokens.create('once', 1, undefined)])
    await store.close()
    const validity = async (token: string) =>
      (await homeserver.client().get('/v1/register/m.login.registration_token/validity', { token })).valid
    expect([await validity('once'), await validity('never'), await validity('a b\0')]).toEqual([true, false, false])

    const first = await register(homeserver, { username: 'member', password: 'pw' })
    expect(first.body.flows).toEqual([{ stages: ['m.login.registration_token', 'm.login.terms'] }])
    expect(first.body.params['m.login.terms'].policies).toEqual({
      terms_of_service: { version: '2', en: { name: 'Rules', url: 'https://example.org/terms' } },
    })
    const { session } = first.body
    const step = async (auth: object) => {
      const { status, body } = await register(homeserver, { auth: { session, ...auth } })
      return [status, body.errcode, body.completed]
    }
    expect(await step({ type: 'm.login.terms' })).toEqual([401, 'M_FORBIDDEN', []])
    expect(await step({ type: 'm.login.dummy' })).toEqual([401, 'M_FORBIDDEN', []])
    const stage = 'm.login.registration_token'
    expect(await step({ type: stage, token: 'wrong' })).toEqual([401, 'M_UNAUTHORIZED', []])
    expect(await step({ type: stage })).toEqual([400, 'M_MISSING_PARAM', undefined])
    expect(await step({ type: stage, token: 'once' })).toEqual([401, undefined, [stage]])
    expect(await step({ type: stage, token: 'wrong' })).toEqual([401, undefined, [stage]])
    expect(await step({})).toEqual([401, undefined, [stage]])
    expect(await step({ type: 'm.login.terms' })).toEqual([200, undefined, undefined])
    expect(await validity('once')).toBe(false)
  })

  it('asks application services for their token', async () => {
    const homeserver = await shared()
    const { status, body } = await register(homeserver, { type: 'm.login.application_service', username: 'bot' })
    expect([status, body.errcode]).toEqual([401, 'M_MISSING_TOKEN'])
  })
})

describe('guests', () => {
  it('get an account without a say in it, where the server gives out such', async () => {
    const homeserver = await start({ settings: { registration: { guests: true } } })
    const wish = { username: 'wish', password: 'pw', device_id: 'WISH', initial_device_display_name: 'Browser' }
    const { status, body } = await register(homeserver, wish, { kind: 'guest' })
    expect(status).toBe(200)
    expect([body.user_id, body.device_id]).not.toEqual(['@wish:localhost', 'WISH'])
    const client = homeserver.client()
    client.accessToken = body.access_token
    expect((await client.get('/v3/account/whoami')).is_guest).toBe(true)
    expect((await client.get(`/v3/devices/${body.device_id}`)).display_name).toBe('Browser')
    const deletion = await client.request('DELETE', `/v3/devices/${body.device_id}`, { body: {} })
    expect(deletion.body.errcode).toBe('M_GUEST_ACCESS_FORBIDDEN')
    const login = { type: 'm.login.password', user: body.user_id, password: '' }
    expect((await client.request('POST', '/v3/login', { body: login })).status).toBe(403)
  })

  it('are refused elsewhere, and so is any other kind', async () => {
    const homeserver = await shared()
    expect((await register(homeserver, {}, { kind: 'guest' })).body.errcode).toBe('M_FORBIDDEN')
    expect((await register(homeserver, {}, { kind: 'king' })).body.errcode).toBe('M_INVALID_PARAM')
  })
})

describe('registration by shared secret', () => {
  const PATH = '/_synapse/admin/v1/register'
  const settings = { registration: { mode: 'closed', sharedSecret: 'reg_secret' } }
  const claim = async (homeserver: TestHomeserver, wish: { username: string; admin?: boolean }) => {
    const { nonce } = await homeserver.client().get(PATH)
    const text = [nonce, wish.username, 'pw', wish.admin === true ? 'admin' : 'notadmin'].join('\0')
    const mac = createHmac('sha1', 'reg_secret').update(text).digest('hex')
    return { nonce, password: 'pw', mac, ...wish }
  }
  const send = async (homeserver: TestHomeserver, body: unknown) => homeserver.client().request('POST', PATH, { body })

  it('makes accounts, small letters and administrators too', async () => {
    const homeserver = await start({ settings })
    const { body } = await send(homeserver, await claim(homeserver, { username: 'Root', admin: true }))
    expect(body.user_id).toBe('@root:localhost')
    const who = await homeserver.client().request('GET', '/v3/account/whoami', { token: body.access_token })
    expect(who.body.device_id).toBe(body.device_id)
    expect((await send(homeserver, await claim(homeserver, { username: 'us,er' }))).body.errcode).toBe(
      'M_INVALID_USERNAME',
    )
    expect((await send(homeserver, await claim(homeserver, { username: 'root' }))).body.errcode).toBe('M_USER_IN_USE')
  })

  it('takes a nonce once, within a minute, and with the right code only', async () => {
    const clock = new SteppedClock()
    const homeserver = await start({ settings, clock })
    const used = await claim(homeserver, { username: 'one' })
    expect((await send(homeserver, used)).status).toBe(200)
    expect((await send(homeserver, used)).status).toBe(400)
    const forged = { ...(await claim(homeserver, { username: 'two' })), admin: true }
    expect((await send(homeserver, forged)).body.errcode).toBe('M_FORBIDDEN')
    expect((await send(homeserver, { ...forged, admin: false })).status).toBe(400)
    const nul = await claim(homeserver, { username: 'three\0x' })
    expect((await send(homeserver, nul)).body.errcode).toBe('M_INVALID_PARAM')
    const old = await claim(homeserver, { username: 'four' })
    clock.advance(60_001)
    expect((await send(homeserver, old)).status).toBe(400)
  })

  it('is off without a secret', async () => {
    const homeserver = await shared()
    expect((await homeserver.client().request('GET', PATH)).status).toBe(400)
  })
})
