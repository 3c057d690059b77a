import { describe, expect, it } from 'vitest'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { PlainBrowser } from '../../support/plain-browser.ts'
import { CLIENT, headingOf, isClient, startSignInHouse, withToken } from '../../support/sign-in-house.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

onEveryHomeserver('signing in at a provider', (start) => {
  it('makes an account whose name is chosen, and is that account ever after, across restarts', async () => {
    await using house = await startSignInHouse({ start })
    const browser = new PlainBrowser()
    const choosing = await house.goAndReturn(browser)
    expect(headingOf(choosing)).toBe('Choose a user name')
    expect(choosing.text).toContain('value="ann"')
    const made = await browser.submit(choosing, { username: 'Ann.B' })
    expect(headingOf(made)).toBe('Continue to app.example?')
    expect(made.text).toContain('@ann.b:localhost')
    const { location } = await browser.open(browser.links(made).get('Continue') ?? '', isClient)
    expect(location).toMatch(/^https:\/\/app\.example\/after\?x=1&y=%20z&loginToken=\w+$/)
    const token = new URL(location ?? '').searchParams.get('loginToken') ?? ''

    const client = house.homeserver.client()
    await client.login('', { type: 'm.login.token', token, device_id: 'PHONE', refresh_token: true })
    expect([client.userId, client.deviceId]).toEqual(['@ann.b:localhost', 'PHONE'])
    expect(client.refreshToken).toBeDefined()
    expect((await client.get(`/v3/profile/${client.userId}/displayname`)).displayname).toBe('Ann Example')
    expect(await withToken(house.homeserver, token)).toEqual([403, 'M_FORBIDDEN'])

    await house.homeserver.restart()
    expect(await withToken(house.homeserver, await house.loginToken())).toEqual([200, '@ann.b:localhost'])
  })
})

describe('a login token', () => {
  it('is over after its seconds, and wrong ones open nothing', async () => {
    const clock = new SteppedClock()
    await using house = await startSignInHouse({ clock })
    await house.register('ann')
    const [late, early] = [await house.loginToken(), await house.loginToken()]
    clock.advance(29_000)
    expect(await withToken(house.homeserver, early)).toEqual([200, '@ann:localhost'])
    clock.advance(2_000)
    for (const token of [late, '', 'x'.repeat(100_000), `${early}x`]) {
      expect(await withToken(house.homeserver, token)).toEqual([403, 'M_FORBIDDEN'])
    }
  })

  it('is given to another device of who asks for it and proves to be there', async () => {
    const clock = new SteppedClock()
    await using house = await startSignInHouse({ clock })
    const mira = await house.homeserver.register('mira')
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'mira' } }
    const ask = async () => {
      const { session } = (await mira.request('POST', '/v1/login/get_token', { body: {} })).body
      const right = { ...auth, password: 'correct horse battery staple', session }
      return mira.post('/v1/login/get_token', { auth: right })
    }
    const given = await ask()
    expect(given.expires_in_ms).toBe(120_000)
    expect(await withToken(house.homeserver, given.login_token)).toEqual([200, '@mira:localhost'])
    expect(await withToken(house.homeserver, given.login_token)).toEqual([403, 'M_FORBIDDEN'])
    const { login_token: late } = await ask()
    clock.advance(121_000)
    expect(await withToken(house.homeserver, late)).toEqual([403, 'M_FORBIDDEN'])
    expect((await mira.get('/v3/capabilities')).capabilities['m.get_login_token']).toEqual({ enabled: true })
  })
})

describe('where the browser goes with a login token', () => {
  it('at once to a client that the operator trusts, and to no other whose name begins alike', async () => {
    const signIn = { trustedClients: ['https://app.example'] }
    await using house = await startSignInHouse({ settings: { signIn } })
    await house.register('ann')
    const browser = new PlainBrowser()
    const trusted = await house.goAndReturn(browser)
    expect(trusted.location).toMatch(/^https:\/\/app\.example\/after\?x=1&y=%20z&loginToken=/)
    const again = await browser.open(house.start('https://app.example/?loginToken=old&a=b&loginToken=x#at'), isClient)
    expect(again.location).toMatch(/^https:\/\/app\.example\/\?a=b&loginToken=hrl_\w+#at$/)
    const stranger = await house.goAndReturn(browser, 'https://app.example.evil.example/')
    expect(headingOf(stranger)).toBe('Continue to app.example.evil.example?')
    const app = await house.goAndReturn(browser, 'io.element.app:/sso')
    expect([headingOf(app), app.text.includes('io.element.app:')]).toEqual(['Continue to the app?', true])
    const { location } = await browser.open(browser.links(app).get('Continue') ?? '', (url) => url.startsWith('io.'))
    expect(location).toMatch(/^io\.element\.app:\/sso\?loginToken=/)
  })

  it('nowhere that could do harm', async () => {
    await using house = await startSignInHouse()
    const refused = [
      'javascript:alert(1)',
      ' JavaScript:alert(1)',
      'data:text/html,x',
      'file:///etc/passwd',
      'https://bank.example@evil.example/',
      '/relative',
      'https:',
      `https://app.example/${'x'.repeat(3_000)}`,
    ]
    for (const redirectUrl of refused) {
      const page = await new PlainBrowser().open(house.start(redirectUrl))
      expect([page.status, headingOf(page)]).toEqual([400, 'No way back to your app'])
    }
    const missing = await fetch(`${house.url}/_matrix/client/v3/login/sso/redirect`)
    expect([missing.status, missing.headers.get('content-type')]).toEqual([400, 'text/html; charset=utf-8'])
    const injected = await new PlainBrowser().open(house.start('https://app.example/\r\nSet-Cookie: a=b'), () => true)
    expect([injected.status, injected.headers.getSetCookie().length]).toEqual([302, 1])
  })
})

describe('providers', () => {
  it('are listed, and chosen from on a page where the client names none', async () => {
    const other = { id: 'com.example.other', name: 'Other <b>', brand: 'github', icon: 'mxc://localhost/icon' }
    const others = [{ ...other, issuer: 'https://nowhere.example', clientId: 'x', clientSecret: 'y' }]
    await using house = await startSignInHouse({ others })
    const { flows } = await house.homeserver.client().get('/v3/login')
    expect(flows).toContainEqual({
      type: 'm.login.sso',
      identity_providers: [{ id: 'own', name: 'Own Provider' }, other],
    })
    const browser = new PlainBrowser()
    const page = await browser.open(house.start())
    expect([page.status, headingOf(page)]).toEqual([200, 'Sign in'])
    const links = browser.links(page)
    expect([...links.keys()]).toEqual(['Continue with Own Provider', 'Continue with Other <b>'])
    expect(headingOf(await browser.open(links.get('Continue with Own Provider') ?? ''))).toBe('Choose a user name')
    expect(headingOf(await browser.open(house.start(CLIENT, 'own')))).toBe('Choose a user name')
    const unknown = await browser.open(house.start(CLIENT, 'none'))
    expect([unknown.status, headingOf(unknown)]).toEqual([404, 'No way to sign in here'])
  })

  it('are asked with PKCE, state and nonce, each new every time', async () => {
    await using house = await startSignInHouse()
    const asked = async () => {
      const { location } = await new PlainBrowser().open(house.start(), () => true)
      return new URL(location ?? '').searchParams
    }
    const [one, two] = [await asked(), await asked()]
    expect(Object.fromEntries(one)).toMatchObject({
      response_type: 'code',
      client_id: 'homeroom',
      redirect_uri: `${house.url}/_homeroom/sign-in/callback`,
      scope: 'openid profile email',
      code_challenge_method: 'S256',
    })
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(one.get(name)).toMatch(/^[\w-]{43}$/)
      expect(one.get(name)).not.toBe(two.get(name))
    }
  })

  it('keep the cookie of a browser from scripts and from other sites', async () => {
    await using house = await startSignInHouse()
    const page = await new PlainBrowser().open(house.start(), () => true)
    expect(page.headers.getSetCookie()).toEqual([
      expect.stringMatching(/^homeroom_sign_in=\w{43}; Path=\/; Max-Age=86400; HttpOnly; SameSite=Lax$/),
    ])
    const https = { server: { publicBaseUrl: 'https://matrix.example' } }
    await using secure = await startSignInHouse({ settings: https })
    const { headers } = await new PlainBrowser().open(secure.start(), () => true)
    expect(headers.getSetCookie()[0]).toMatch(/^__Host-homeroom_sign_in=.*; Path=\/;.*; Secure$/)
  })
})
