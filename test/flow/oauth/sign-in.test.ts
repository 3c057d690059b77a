import { expect, it } from 'vitest'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { APP, answerOn, browserOf, clientWith, OAuthApp, refusal, startOAuth } from '../../support/oauth-app.ts'
import { headingOf } from '../../support/sign-in-house.ts'

onEveryHomeserver('sign-in by OAuth', (start) => {
  it('leads from the app to the account and back, with a session of the device that the scope names', async () => {
    await using homeserver = await startOAuth({}, start)
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    const browser = await browserOf(homeserver, alice)
    const page = await browser.at(app.path())
    expect(headingOf(page)).toBe('Let an app into your account?')
    for (const part of ['Example app', 'app.example', alice.userId, app.deviceId]) expect(page.text).toContain(part)
    const answer = answerOn(browser, await browser.submit(page, { decision: 'allow' }))
    expect(Object.fromEntries(answer)).toEqual({
      code: expect.any(String),
      state: app.state,
      iss: homeserver.url,
    })
    const { status, body, headers } = await app.redeem(answer.get('code') ?? '')
    expect(status).toBe(200)
    expect(headers.get('cache-control')).toBe('no-store')
    expect(body).toEqual({
      access_token: expect.any(String),
      refresh_token: expect.any(String),
      token_type: 'Bearer',
      expires_in: 300,
      scope: app.scope,
    })
    const client = clientWith(homeserver, body)
    expect(await client.get('/v3/account/whoami')).toMatchObject({ user_id: alice.userId, device_id: app.deviceId })
    const { devices } = await client.get('/v3/devices')
    expect(devices).toContainEqual(expect.objectContaining({ device_id: app.deviceId, display_name: 'Example app' }))
  })

  it('goes on at a server that was restarted at any step', async () => {
    await using homeserver = await startOAuth({}, start)
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    const browser = await browserOf(homeserver, alice)
    await homeserver.restart()
    const page = await browser.at(app.path())
    await homeserver.restart()
    const code = answerOn(browser, await browser.submit(page, { decision: 'allow' })).get('code') ?? ''
    await homeserver.restart()
    const { body } = await app.redeem(code)
    await homeserver.restart()
    const refreshed = await app.refresh(body.refresh_token)
    expect(refreshed.status).toBe(200)
    expect(await clientWith(homeserver, refreshed.body).get('/v3/account/whoami')).toMatchObject({
      user_id: alice.userId,
    })
  })

  it('signs the person in first, and comes back to the same question', async () => {
    await using homeserver = await startOAuth({}, start)
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    const browser = await browserOf(homeserver, alice)
    browser.cookies.clear()
    const path = app.path({ login_hint: `mxid:${alice.userId}` })
    const page = await browser.at(path)
    expect(headingOf(page)).toBe('Sign in')
    expect(page.text).toContain(`value="${alice.userId}"`)
    const next = browser.goesOnTo(
      await browser.submit(page, { password: 'correct horse battery staple', user: 'alice' }),
    )
    const question = await browser.at(next ?? '')
    expect(headingOf(question)).toBe('Let an app into your account?')
    expect(answerOn(browser, await browser.submit(question, { decision: 'allow' })).get('code')).not.toBeNull()
  })

  it('tells the app when the person says no', async () => {
    await using homeserver = await startOAuth({}, start)
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    const browser = await browserOf(homeserver, alice)
    const denied = await browser.submit(await browser.at(app.path()), { decision: 'deny' })
    const answer = answerOn(browser, denied)
    expect([answer.get('error'), answer.get('state'), answer.get('code')]).toEqual(['access_denied', app.state, null])
  })

  it('puts the answer into the query where the app asks for that or says nothing', async () => {
    await using homeserver = await startOAuth({}, start)
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    const browser = await browserOf(homeserver, alice)
    for (const mode of ['query', undefined]) {
      const page = await browser.submit(await browser.at(app.path({ response_mode: mode })), { decision: 'allow' })
      expect(browser.goesOnTo(page)).toMatch(/^https:\/\/app\.example\/back\?code=/)
    }
    const redirect = 'https://app.example/back?with=query'
    const path = app.path({ response_mode: undefined, redirect_uri: redirect })
    const page = await browser.submit(await browser.at(path), { decision: 'allow' })
    expect(browser.goesOnTo(page)).toMatch(/^https:\/\/app\.example\/back\?with=query&code=/)
  })

  it('takes the spelling of scopes of before 2025, alone and beside that of today', async () => {
    await using homeserver = await startOAuth({}, start)
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    const browser = await browserOf(homeserver, alice)
    const old = `urn:matrix:org.matrix.msc2967.client:api:* urn:matrix:org.matrix.msc2967.client:device:${app.deviceId}`
    for (const scope of [old, `${app.scope} ${old}`, `openid ${old} email`]) {
      const next = app.another()
      const { status, body } = await next.redeem(await next.code(browser, { scope }))
      expect([status, body.scope]).toEqual([200, scope.replace('openid ', '').replace(' email', '')])
    }
  })

  it('lets a device in again that the person has, with its keys', async () => {
    await using homeserver = await startOAuth({}, start)
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    const { client } = await app.signIn(alice)
    const keys = {
      user_id: alice.userId,
      device_id: app.deviceId,
      algorithms: ['m.olm.v1.curve25519-aes-sha2'],
      keys: { [`ed25519:${app.deviceId}`]: 'a', [`curve25519:${app.deviceId}`]: 'b' },
      signatures: {},
    }
    await client.post('/v3/keys/upload', { device_keys: keys })
    const browser = await browserOf(homeserver, alice)
    const page = await browser.at(app.path())
    expect(page.text).toContain('takes the place of your device')
    const code = answerOn(browser, await browser.submit(page, { decision: 'allow' })).get('code') ?? ''
    const again = clientWith(homeserver, (await app.redeem(code)).body)
    expect((await client.request('GET', '/v3/account/whoami')).body.errcode).toBe('M_UNKNOWN_TOKEN')
    const found = await again.post('/v3/keys/query', { device_keys: { [alice.userId]: [] } })
    expect(found.device_keys[alice.userId][app.deviceId].keys).toEqual(keys.keys)
  })

  it('leads people who want an account to the page that makes one, where there is one', async () => {
    await using homeserver = await startOAuth({ settings: { registration: { mode: 'open' } } }, start)
    const app = await OAuthApp.register(homeserver)
    const sentTo = async (at: typeof homeserver, path: string) => {
      const response = await fetch(`${at.url}${path}`, { redirect: 'manual' })
      const to = new URL(response.headers.get('location') ?? '', at.url)
      return { status: response.status, page: to.pathname, next: to.searchParams.get('next') }
    }
    const { status, page, next } = await sentTo(homeserver, app.path({ prompt: 'create' }))
    expect([status, page]).toEqual([303, '/account/register'])
    const parameters = (path: string) => Object.fromEntries(new URL(path, homeserver.url).searchParams)
    expect(parameters(next ?? '')).toEqual(parameters(app.path()))
    await using closed = await startOAuth({ settings: { registration: { mode: 'closed' } } }, start)
    const other = await OAuthApp.register(closed)
    expect((await sentTo(closed, other.path({ prompt: 'create' }))).page).toBe('/account/sign-in')
  })

  it('gives a client that did not register for it no code', async () => {
    await using homeserver = await startOAuth({}, start)
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver, {
      ...APP,
      grant_types: ['urn:ietf:params:oauth:grant-type:device_code'],
    })
    const page = await (await browserOf(homeserver, alice)).at(app.path())
    expect([page.status, page.text.includes('unauthorized_client')]).toEqual([400, true])
    expect(refusal(await app.redeem('x'))).toBe('400 unauthorized_client')
  })
})
