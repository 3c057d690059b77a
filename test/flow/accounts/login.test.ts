import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PASSWORD, type TestClient } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const clock = new SteppedClock()
let homeserver: TestHomeserver
beforeAll(async () => {
  homeserver = await startHomeserver({
    clock,
    settings: {
      server: { publicBaseUrl: 'https://matrix.example.org' },
      sessions: { accessTokenLifetime: '30d', refreshableAccessTokenLifetime: '1h', refreshTokenLifetime: '40d' },
    },
  })
})
afterAll(() => homeserver.stop())

const login = (body: object) => homeserver.client().request('POST', '/v3/login', { body })
const whoami = (token: string) => homeserver.client().request('GET', '/v3/account/whoami', { token })
const isAlive = async (token: string): Promise<boolean> => (await whoami(token)).status === 200
const refresh = (token: string) =>
  homeserver.client().request('POST', '/v3/refresh', { body: { refresh_token: token } })
const byUser = (user: string) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user },
  password: PASSWORD,
})

describe('login', () => {
  it('offers a password, the pages of accounts, and the token that another device can get', async () => {
    expect(await homeserver.client().get('/v3/login')).toEqual({
      flows: [
        { type: 'm.login.password' },
        expect.objectContaining({ type: 'm.login.sso', identity_providers: [], oauth_aware_preferred: true }),
        { type: 'm.login.token', get_login_token: true },
      ],
    })
  })

  it('takes the user id, the local part, capitals, and the old member', async () => {
    await homeserver.register('caller')
    const ways = [byUser('@caller:localhost'), byUser('caller'), byUser('CALLER'), byUser('@Caller:localhost')]
    const old = { type: 'm.login.password', user: 'caller', password: PASSWORD }
    for (const way of [...ways, old]) {
      const { status, body } = await login(way)
      expect([status, body.user_id, body.home_server]).toEqual([200, '@caller:localhost', 'localhost'])
      expect(body.well_known).toEqual({ 'm.homeserver': { base_url: 'https://matrix.example.org' } })
    }
  })

  it('refuses the wrong password and the unknown user alike', async () => {
    await homeserver.register('locked')
    const wrong = await login({ ...byUser('locked'), password: 'wrong' })
    const errors = [wrong]
    const users = ['nobody', '@locked:elsewhere.test', '@locked:localhost:8448', '@', '', ':', 'a\0b', 'x'.repeat(300)]
    for (const user of users) errors.push(await login(byUser(user)))
    errors.push(await login({ ...byUser('locked'), password: 'x'.repeat(100_000) }))
    const email = { type: 'm.id.thirdparty', medium: 'email', address: 'a@example.org' }
    errors.push(await login({ ...byUser(''), identifier: email }))
    errors.push(await login({ type: 'm.login.password', medium: 'email', address: 'a@example.org', password: 'x' }))
    errors.push(await login({ ...byUser(''), identifier: { type: 'm.id.phone', country: 'GB', phone: '1' } }))
    for (const { status, body } of errors) expect([status, body]).toEqual([403, wrong.body])
    expect(wrong.body.errcode).toBe('M_FORBIDDEN')
  })

  it('refuses what is no login', async () => {
    const errcodeOf = async (body: object): Promise<unknown> => {
      const answer = await login(body)
      return [answer.status, answer.body.errcode]
    }
    expect(await errcodeOf({})).toEqual([400, 'M_MISSING_PARAM'])
    expect(await errcodeOf({ type: 'm.login.token', token: 'x' })).toEqual([403, 'M_FORBIDDEN'])
    expect(await errcodeOf({ type: 'm.login.token' })).toEqual([400, 'M_MISSING_PARAM'])
    expect(await errcodeOf({ type: 'm.login.cas' })).toEqual([400, 'M_UNKNOWN'])
    expect(await errcodeOf({ type: 7 })).toEqual([400, 'M_BAD_JSON'])
    expect(await errcodeOf({ type: 'm.login.password', password: 'x' })).toEqual([400, 'M_MISSING_PARAM'])
    expect(await errcodeOf({ ...byUser('x'), identifier: 'x' })).toEqual([400, 'M_BAD_JSON'])
    expect(await errcodeOf({ ...byUser('x'), identifier: {} })).toEqual([400, 'M_MISSING_PARAM'])
    expect(await errcodeOf({ ...byUser('x'), identifier: { type: 'm.id.user' } })).toEqual([400, 'M_MISSING_PARAM'])
    expect(await errcodeOf({ ...byUser('x'), identifier: { type: 'x' } })).toEqual([400, 'M_INVALID_PARAM'])
    expect(await errcodeOf({ ...byUser('x'), password: undefined })).toEqual([400, 'M_MISSING_PARAM'])
    for (const device_id of ['', 'a\nb', '\0', 'x'.repeat(256)]) {
      expect(await errcodeOf({ ...byUser('x'), device_id })).toEqual([400, 'M_INVALID_PARAM'])
    }
    expect(await errcodeOf({ ...byUser('x'), device_id: '\ud800' })).toEqual([400, 'M_BAD_JSON'])
  })

  it('keeps a device that logs in again, and ends its old tokens', async () => {
    const client = await homeserver.register('returning')
    const first = await login({ ...byUser('returning'), device_id: 'HOME', initial_device_display_name: 'One' })
    expect(first.body.device_id).toBe('HOME')
    expect(await isAlive(first.body.access_token)).toBe(true)
    const second = await login({ ...byUser('returning'), device_id: 'HOME', initial_device_display_name: 'Two' })
    expect(await isAlive(first.body.access_token)).toBe(false)
    expect(await isAlive(second.body.access_token)).toBe(true)
    expect(await isAlive(client.accessToken ?? '')).toBe(true)
    expect((await client.get('/v3/devices/HOME')).display_name).toBe('One')
  })

  it('counts tries for each account, whatever address they come from', async () => {
    const limited = await startHomeserver({
      settings: { rateLimits: { enabled: true, accountLogin: '4/60s' }, listen: { trustProxy: ['127.0.0.1'] } },
    })
    try {
      await limited.register('victim')
      const statusFrom = async (address: string, user: string) => {
        const headers = { 'x-forwarded-for': address }
        const body = { ...byUser(user), password: 'wrong' }
        return (await limited.client().request('POST', '/v3/login', { body, headers })).status
      }
      const users = ['victim', '@victim:localhost', 'VICTIM', 'victim', 'victim', 'victim']
      const statuses: number[] = []
      for (const [index, user] of users.entries()) statuses.push(await statusFrom(`192.0.2.${index}`, user))
      expect(statuses).toEqual([403, 403, 403, 403, 429, 429])
      expect(await statusFrom('192.0.2.5', 'somebody-else')).toBe(403)
    } finally {
      await limited.stop()
    }
  })
})

describe('access tokens', () => {
  it('end with logout, and the device with them', async () => {
    const client = await homeserver.register('leaver')
    const other = await client.loginAgain()
    await client.post('/v3/logout')
    expect((await whoami(client.accessToken ?? '')).body).toMatchObject({
      errcode: 'M_UNKNOWN_TOKEN',
      soft_logout: false,
    })
    const { devices } = await other.get('/v3/devices')
    expect(devices.map((device: { device_id: string }) => device.device_id)).toEqual([other.deviceId])
  })

  it('all end with logout/all', async () => {
    const client = await homeserver.register('everywhere')
    const other = await client.loginAgain({ refresh_token: true })
    await client.post('/v3/logout/all')
    expect(await isAlive(client.accessToken ?? '')).toBe(false)
    expect(await isAlive(other.accessToken ?? '')).toBe(false)
    expect((await refresh(other.refreshToken ?? '')).status).toBe(401)
  })

  it('are refused when they were never given out', async () => {
    for (const token of ['x', 'an/invalid/token', `hra_${'x'.repeat(43)}`, 'x'.repeat(4_000), 'hra_\u00e9']) {
      const { status, body } = await whoami(encodeURI(token))
      expect([status, body.errcode]).toEqual([401, 'M_UNKNOWN_TOKEN'])
    }
    const none = await homeserver.client().request('GET', '/v3/account/whoami')
    expect([none.status, none.body.errcode]).toEqual([401, 'M_MISSING_TOKEN'])
  })

  it('expire into a soft logout, which a login on the same device ends', async () => {
    const { body } = await homeserver.client().request('POST', '/v3/register', {
      body: { username: 'soft', password: PASSWORD, auth: { type: 'm.login.dummy' } },
    })
    expect(body.expires_in_ms).toBe(30 * 86_400_000)
    expect(await isAlive(body.access_token)).toBe(true)
    clock.advance(30 * 86_400_000)
    const over = await whoami(body.access_token)
    expect([over.status, over.body.errcode, over.body.soft_logout]).toEqual([401, 'M_UNKNOWN_TOKEN', true])
    const back = await login({ ...byUser('soft'), device_id: body.device_id })
    expect(await isAlive(back.body.access_token)).toBe(true)
    expect((await whoami(body.access_token)).body.soft_logout).toBe(false)
  })
})

describe('refresh tokens', () => {
  const begin = async (name: string): Promise<TestClient> => {
    const client = homeserver.client()
    await client.register(name, { refresh_token: true })
    return client
  }

  it('are given only to whom asks for them', async () => {
    const client = await homeserver.register('unasked')
    expect(client.refreshToken).toBeUndefined()
    const asked = await login({ ...byUser('unasked'), refresh_token: true })
    expect(asked.body.refresh_token).toMatch(/^hrr_/)
    expect(asked.body.expires_in_ms).toBe(3_600_000)
    expect((await whoami(asked.body.refresh_token)).status).toBe(401)
    expect((await refresh(asked.body.access_token)).status).toBe(401)
  })

  it('bring a new pair for the same device after the access token expired', async () => {
    const client = await begin('fresh')
    clock.advance(3_600_000)
    expect((await whoami(client.accessToken ?? '')).body.soft_logout).toBe(true)
    const { body } = await refresh(client.refreshToken ?? '')
    expect(body.expires_in_ms).toBe(3_600_000)
    expect((await whoami(body.access_token)).body.device_id).toBe(client.deviceId)
  })

  it('stay good until the new access token is used', async () => {
    const client = await begin('unlucky')
    const lost = (await refresh(client.refreshToken ?? '')).body
    const got = (await refresh(client.refreshToken ?? '')).body
    expect(await isAlive(client.accessToken ?? '')).toBe(true)
    expect(await isAlive(got.access_token)).toBe(true)
    const old = await whoami(client.accessToken ?? '')
    expect([old.status, old.body.errcode, old.body.soft_logout]).toEqual([401, 'M_UNKNOWN_TOKEN', true])
    const replay = await refresh(client.refreshToken ?? '')
    expect([replay.status, replay.body.errcode, replay.body.soft_logout]).toEqual([401, 'M_UNKNOWN_TOKEN', true])
    // The answer may have been lost, or another window of the client may have it.
    expect(await isAlive(lost.access_token)).toBe(true)
    expect((await refresh(lost.refresh_token)).status).toBe(200)
    expect(await isAlive(got.access_token)).toBe(true)
  })

  it('stay good until the new refresh token is used', async () => {
    const client = await begin('hasty')
    const one = (await refresh(client.refreshToken ?? '')).body
    const two = (await refresh(one.refresh_token)).body
    expect((await refresh(client.refreshToken ?? '')).status).toBe(401)
    expect(await isAlive(two.access_token)).toBe(true)
    expect(await isAlive(one.access_token)).toBe(false)
  })

  it('expire when nobody uses them, into a soft logout', async () => {
    const client = await begin('absent')
    clock.advance(40 * 86_400_000)
    const { status, body } = await refresh(client.refreshToken ?? '')
    expect([status, body.errcode, body.soft_logout]).toEqual([401, 'M_UNKNOWN_TOKEN', true])
  })

  it('are refused in any other shape', async () => {
    for (const body of [{}, { refresh_token: 1 }, { refresh_token: null }]) {
      expect((await homeserver.client().request('POST', '/v3/refresh', { body })).status).toBe(400)
    }
    for (const token of ['', 'x', 'x'.repeat(10_000), `hrr_${'\0'.repeat(43)}`])
      expect((await refresh(token)).status).toBe(401)
  })
})
