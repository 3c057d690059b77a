import { expect, it } from 'vitest'
import { PASSWORD } from '../../support/account-browser.ts'
import { onEveryHomeserver, shareHomeserver, startHomeserver } from '../../support/homeserver.ts'
import { browserOf, clientWith, OAuthApp, refusal, startOAuth, uriOn } from '../../support/oauth-app.ts'
import { registerAdmin } from '../../support/operator.ts'
import { PlainBrowser } from '../../support/plain-browser.ts'
import { headingOf, startSignInHouse } from '../../support/sign-in-house.ts'

const enc = encodeURIComponent

onEveryHomeserver('OAuth beside the legacy API', (start) => {
  const shared = shareHomeserver((setup) => startOAuth(setup, start))

  it('leaves to the pages of the account what user-interactive authentication is for', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    const { client } = await app.signIn(alice)
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: alice.userId }, password: PASSWORD }
    const device = `/v3/devices/${enc(alice.deviceId)}`
    const refused: readonly (readonly [string, string, object])[] = [
      ['POST', '/v3/account/password', { new_password: 'another one', auth }],
      ['POST', '/v3/account/deactivate', { auth }],
      ['POST', '/v3/account/3pid', { three_pid_creds: { sid: 'a', client_secret: 'b' } }],
      ['POST', '/v3/account/3pid/add', { sid: 'a', client_secret: 'b', auth }],
      ['POST', '/v3/account/3pid/bind', { sid: 'a', client_secret: 'b', id_server: 'c', id_access_token: 'd' }],
      ['POST', '/v3/account/3pid/delete', { medium: 'email', address: 'a@b.example' }],
      ['POST', '/v3/account/3pid/unbind', { medium: 'email', address: 'a@b.example' }],
      ['DELETE', device, { auth }],
      ['POST', '/v3/delete_devices', { devices: [alice.deviceId], auth }],
      ['POST', '/v1/login/get_token', { auth }],
    ]
    for (const [method, path, body] of refused) {
      const answer = await client.request(method, path, { body })
      expect([path, answer.status, answer.body.errcode]).toEqual([path, 403, 'M_FORBIDDEN'])
    }
    expect(await alice.get('/v3/account/whoami')).toMatchObject({ device_id: alice.deviceId })
    await alice.loginAgain()
  })

  it('tells such clients so by capabilities, and other clients of the same account what is theirs', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const { client } = await (await OAuthApp.register(homeserver)).signIn(alice)
    const off = { enabled: false }
    expect((await client.get('/v3/capabilities')).capabilities).toMatchObject({
      'm.3pid_changes': off,
      'm.change_password': off,
      'm.get_login_token': off,
      'm.profile_fields': { enabled: true },
    })
    expect((await alice.get('/v3/capabilities')).capabilities).toMatchObject({
      'm.change_password': { enabled: true },
      'm.get_login_token': { enabled: true },
    })
  })

  it('administers the server only where an administrator was asked for that', async () => {
    const homeserver = await shared()
    const [alice, admin] = [await homeserver.register('alice'), await registerAdmin(homeserver, 'admin')]
    const app = await OAuthApp.register(homeserver)
    const power = 'urn:synapse:admin:*'
    const words = 'administer this server'
    const outcome = async (user: typeof alice, scope?: string) => {
      const next = app.another()
      const browser = await browserOf(homeserver, user)
      const changes = scope === undefined ? {} : { scope: `${next.scope} ${scope}` }
      const isTold = (await browser.at(next.path(changes))).text.includes(words)
      const { body } = await next.redeem(await next.code(browser, changes))
      const refreshed = (await next.refresh(body.refresh_token)).body
      const { status } = await clientWith(homeserver, refreshed).request('GET', '/_synapse/admin/v2/users')
      return [isTold, body.scope.includes(power), refreshed.scope.includes(power), status]
    }
    expect(await outcome(admin)).toEqual([false, false, false, 403])
    expect(await outcome(admin, power)).toEqual([true, true, true, 200])
    expect(await outcome(alice, power)).toEqual([false, false, false, 403])
    expect((await admin.request('GET', '/_synapse/admin/v2/users')).status).toBe(200)
  })

  it('is named with its app where people look at their devices, and where administrators do', async () => {
    const homeserver = await shared()
    const [alice, admin] = [await homeserver.register('alice'), await registerAdmin(homeserver, 'admin')]
    const app = await OAuthApp.register(homeserver)
    await app.signIn(alice)
    const named = 'Example app (app.example)'
    const own = await (await browserOf(homeserver, alice)).at(`/account/devices/view?device_id=${app.deviceId}`)
    expect(own.text).toContain(named)
    const seen = await (await browserOf(homeserver, admin)).at(`/admin/people/${enc(alice.userId)}`)
    expect([seen.status, seen.text.split(named).length]).toEqual([200, 2])
  })

  it('refreshes each session by its own API alone', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    const { tokens } = await app.signIn(alice)
    const legacy = await alice.loginAgain({ refresh_token: true })
    const body = { refresh_token: tokens.refresh_token }
    expect((await alice.request('POST', '/v3/refresh', { body, token: null })).body.errcode).toBe('M_UNKNOWN_TOKEN')
    expect(refusal(await app.refresh(legacy.refreshToken ?? ''))).toBe('400 invalid_grant')
    expect((await app.refresh(tokens.refresh_token)).status).toBe(200)
    await legacy.post('/v3/refresh', { refresh_token: legacy.refreshToken })
  })

  it('goes on with legacy logins, of a password and of the pages, which clients that know OAuth prefer', async () => {
    const homeserver = await shared()
    const alice = await homeserver.register('alice')
    const { flows } = await alice.get('/v3/login')
    expect(flows).toContainEqual({ type: 'm.login.password' })
    expect(flows).toContainEqual({
      type: 'm.login.sso',
      identity_providers: [],
      oauth_aware_preferred: true,
      'org.matrix.msc3824.delegated_oidc_compatibility': true,
    })
    const browser = await browserOf(homeserver, alice)
    const client = 'https://client.example/?a=b'
    const page = await browser.at(`/_matrix/client/v3/login/sso/redirect?redirectUrl=${enc(client)}&action=login`)
    expect(headingOf(page)).toBe('Continue to client.example?')
    const to = uriOn(browser, await browser.submit(page))
    expect([to.origin, to.searchParams.get('a')]).toEqual(['https://client.example', 'b'])
    const token = to.searchParams.get('loginToken')
    const login = await homeserver.client().post('/v3/login', { type: 'm.login.token', token })
    expect(login.user_id).toBe(alice.userId)
    const { devices } = await alice.get('/v3/devices')
    expect(devices.map(({ device_id }: { device_id: string }) => device_id)).toContain(login.device_id)
  })

  it('leads a legacy sign-up to the page that makes accounts, and nobody to an address that is none', async () => {
    const homeserver = await shared()
    const sso = '/_matrix/client/v3/login/sso/redirect'
    const sentTo = async (path: string) => {
      const response = await fetch(`${homeserver.url}${path}`, { redirect: 'manual' })
      return { status: response.status, to: response.headers.get('location') ?? '' }
    }
    const first = await sentTo(`${sso}?redirectUrl=${enc('https://client.example/')}&action=register`)
    const { to } = await sentTo(first.to)
    expect([first.status, new URL(to, homeserver.url).pathname]).toEqual([303, '/account/register'])
    for (const bad of ['javascript:alert(1)', 'https://bank.example@evil.example/', ''])
      expect((await sentTo(`${sso}?redirectUrl=${enc(bad)}`)).status).toBe(400)
  })
})

it('sends clients that know nothing of OAuth to the one provider there is, and others to the pages that offer all ways', async () => {
  await using house = await startSignInHouse({ settings: { oauth: { enabled: true } } })
  const sso = `${house.url}/_matrix/client/v3/login/sso/redirect?redirectUrl=${enc('https://client.example/')}`
  const sentTo = async (url: string) =>
    new URL((await fetch(url, { redirect: 'manual' })).headers.get('location') ?? '', house.url)
  expect((await sentTo(sso)).origin).toBe(new URL(house.provider.url).origin)
  for (const action of ['login', 'register'])
    expect((await sentTo(`${sso}&action=${action}`)).pathname).toBe('/oauth/login')
  const page = await new PlainBrowser().open(`${sso}&action=login`)
  expect(page.text).toContain('name="password"')
  expect(page.text).toMatch(/Continue with /)
})

it('is as it was without OAuth, which says that there is none', async () => {
  await using homeserver = await startHomeserver({ settings: { server: { publicBaseUrl: 'http://matrix.example' } } })
  const client = await homeserver.register('alice')
  expect((await client.get('/v3/login')).flows.map(({ type }: { type: string }) => type)).not.toContain('m.login.sso')
  const paths = [
    '/_matrix/client/v1/auth_metadata',
    '/_matrix/client/unstable/org.matrix.msc2965/auth_metadata',
    '/_matrix/client/unstable/org.matrix.msc2965/auth_issuer',
    '/.well-known/openid-configuration',
    '/.well-known/oauth-authorization-server',
    '/oauth/authorize',
    '/oauth/link',
  ]
  for (const path of paths) {
    const { status, body } = await client.request('GET', path)
    expect([path, status, body.errcode]).toEqual([path, 404, 'M_UNRECOGNIZED'])
  }
})
