import { createHash } from 'node:crypto'
import { expect, it } from 'vitest'
import { AccountBrowser } from '../../support/account-browser.ts'
import type { Json } from '../../support/client.ts'
import { shareHomeserver } from '../../support/homeserver.ts'
import { APP, browserOf, type Changes, OAuthApp, postForm, refusal, startOAuth } from '../../support/oauth-app.ts'
import { headingOf } from '../../support/sign-in-house.ts'

const shared = shareHomeserver(startOAuth)

/** The answer to a browser whose request has something wrong with it: status, and the error that the app would get. */
const told = async (browser: AccountBrowser, path: string) => {
  const page = await browser.at(path)
  const back = browser.links(page).get('Go back to app.example')
  const { hash = '', search = '' } = back === undefined ? {} : new URL(back)
  const error = back === undefined ? 'nothing' : new URLSearchParams(hash.slice(1) || search).get('error')
  expect([path, browser.goesOnTo(page), page.location]).toEqual([path, undefined, undefined])
  return `${page.status} ${error}`
}

it('sends nobody anywhere for a request that is wrong, and the app learns by a link what is', async () => {
  const homeserver = await shared()
  const alice = await homeserver.register('alice')
  const app = await OAuthApp.register(homeserver)
  const other = await OAuthApp.register(homeserver, {
    ...APP,
    client_uri: 'https://evil.example',
    redirect_uris: ['https://evil.example/'],
  })
  const device = 'urn:matrix:client:device:'
  const cases: readonly (readonly [Changes, string])[] = [
    // Nobody is told: the address is not one of the client's.
    [{ client_id: 'A'.repeat(22) }, '400 nothing'],
    [{ client_id: undefined }, '400 nothing'],
    [{ client_id: other.clientId }, '400 nothing'],
    [{ redirect_uri: undefined }, '400 nothing'],
    [{ redirect_uri: 'https://app.example/back/' }, '400 nothing'],
    [{ redirect_uri: 'https://app.example/back?more=1' }, '400 nothing'],
    [{ redirect_uri: 'https://app.example/back#' }, '400 nothing'],
    [{ redirect_uri: 'https://app.example:443/back' }, '400 nothing'],
    [{ redirect_uri: 'https://APP.example/back' }, '400 nothing'],
    [{ redirect_uri: 'https://evil.example/' }, '400 nothing'],
    // PKCE is not to be left out, nor made weaker.
    [{ code_challenge: undefined }, '400 invalid_request'],
    [{ code_challenge_method: undefined }, '400 invalid_request'],
    [{ code_challenge_method: 'plain', code_challenge: app.verifier }, '400 invalid_request'],
    [{ code_challenge: 'short' }, '400 invalid_request'],
    [{ response_type: 'token' }, '400 unsupported_response_type'],
    [{ response_type: undefined }, '400 unsupported_response_type'],
    [{ response_mode: 'form_post' }, '400 invalid_request'],
    [{ request: 'e30.e30.' }, '400 request_not_supported'],
    [{ request_uri: 'https://evil.example/' }, '400 request_uri_not_supported'],
    [{ prompt: 'none login' }, '400 invalid_request'],
    [{ max_age: '-1' }, '400 invalid_request'],
    [{ max_age: 'soon' }, '400 invalid_request'],
    [{ scope: undefined }, '400 invalid_scope'],
    [{ scope: 'urn:matrix:client:api:*' }, '400 invalid_scope'],
    [{ scope: `${device}ABCDEFGHIJ` }, '400 invalid_scope'],
    [{ scope: `${app.scope} ${device}ABCDEFGHIJ` }, '400 invalid_scope'],
    [{ scope: `urn:matrix:client:api:* ${device}SHORT` }, '400 invalid_scope'],
    [{ scope: `urn:matrix:client:api:* ${device}ABCDEFGH%IJ` }, '400 invalid_scope'],
    [{ state: 'x'.repeat(3000) }, '400 invalid_request'],
  ]
  const browsers = [new AccountBrowser(homeserver), await browserOf(homeserver, alice)]
  for (const browser of browsers)
    for (const [changes, expected] of cases)
      expect([changes, await told(browser, app.path(changes))]).toEqual([changes, expected])
  const twice = `${app.path()}&redirect_uri=${encodeURIComponent('https://evil.example/')}`
  expect(await told(browsers[1] ?? new AccountBrowser(homeserver), twice)).toBe('400 nothing')
})

it('gives no code for a form that its own page did not show to this person', async () => {
  const homeserver = await shared()
  const [alice, mallory] = [await homeserver.register('alice'), await homeserver.register('mallory')]
  const app = await OAuthApp.register(homeserver)
  const browser = await browserOf(homeserver, alice)
  const fields = Object.fromEntries(new URL(app.path(), homeserver.url).searchParams)
  const post = async (more: Record<string, string>, headers: Record<string, string> = {}) => {
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const body = new URLSearchParams({ ...fields, decision: 'allow', ...more })
    const response = await fetch(`${homeserver.url}/oauth/authorize`, {
      method: 'POST',
      body,
      headers: { cookie, ...headers },
    })
    return { status: response.status, text: await response.text() }
  }
  const csrfIn = (text: string) => /name="csrf" value="([^"]*)"/.exec(text)?.[1] ?? ''
  const csrf = csrfIn((await browser.at(app.path())).text)
  const others = csrfIn((await (await browserOf(homeserver, mallory)).at(app.path())).text)
  for (const answer of [
    await post({}),
    await post({ csrf: others }),
    await post({ csrf }, { 'sec-fetch-site': 'cross-site' }),
  ])
    expect([answer.status, answer.text.includes('code=')]).toEqual([403, false])
  // The form says what was asked, and is held against the rules as the request was.
  expect((await post({ csrf, redirect_uri: 'https://evil.example/' })).status).toBe(400)
  expect((await post({ csrf, code_challenge_method: 'plain' })).status).toBe(400)
  const rightly = await post({ csrf })
  expect([rightly.status, rightly.text.includes('code=')]).toEqual([200, true])
})

it('takes a code once, in its minute, from the client to which it was given, with its verifier', async () => {
  const homeserver = await shared()
  const alice = await homeserver.register('alice')
  const app = await OAuthApp.register(homeserver)
  const other = await OAuthApp.register(homeserver, { ...APP, client_name: 'Other' })
  const browser = await browserOf(homeserver, alice)
  const wrong: readonly Changes[] = [
    { code_verifier: 'x'.repeat(43) },
    { code_verifier: createHash('sha256').update(app.verifier).digest('base64url') },
    { code_verifier: `${app.verifier}x` },
    { redirect_uri: APP.redirect_uris[1] },
    { redirect_uri: 'https://evil.example/' },
    { client_id: other.clientId },
  ]
  for (const changes of wrong) {
    const code = await app.code(browser)
    expect([changes, refusal(await app.redeem(code, changes))]).toEqual([changes, '400 invalid_grant'])
    // The code is used up by that, and nobody guesses on.
    expect(refusal(await app.redeem(code))).toBe('400 invalid_grant')
  }
  for (const missing of ['code', 'redirect_uri', 'code_verifier', 'client_id', 'grant_type']) {
    const code = await app.code(browser)
    expect([missing, refusal(await app.redeem(code, { [missing]: undefined }))]).toEqual([
      missing,
      '400 invalid_request',
    ])
    expect((await app.redeem(code)).status).toBe(200)
  }
  expect(refusal(await app.redeem(await app.code(browser), { client_id: 'A'.repeat(22) }))).toBe('400 invalid_client')
  expect(refusal(await app.redeem('x', { grant_type: 'password' }))).toBe('400 unsupported_grant_type')
})

it('ends the session of a code with which somebody comes again, and leaves the device its keys', async () => {
  const homeserver = await shared()
  const alice = await homeserver.register('alice')
  const app = await OAuthApp.register(homeserver)
  const code = await app.code(await browserOf(homeserver, alice))
  const { body } = await app.redeem(code)
  const whoami = () => homeserver.client().request('GET', '/v3/account/whoami', { token: body.access_token })
  expect((await whoami()).status).toBe(200)
  expect(refusal(await app.redeem(code, { code_verifier: 'y'.repeat(43) }))).toBe('400 invalid_grant')
  expect((await whoami()).body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN', soft_logout: true })
  expect(refusal(await app.refresh(body.refresh_token))).toBe('400 invalid_grant')
  expect((await alice.get('/v3/devices')).devices.length).toBe(2)
})

it('gives one of many who come with one code at once a session at most, and ends it', async () => {
  const homeserver = await shared()
  const alice = await homeserver.register('alice')
  const app = await OAuthApp.register(homeserver)
  const code = await app.code(await browserOf(homeserver, alice))
  const answers = await Promise.all(Array.from({ length: 8 }, () => app.redeem(code)))
  const given = answers.filter(({ status }) => status === 200)
  expect(given.length).toBeLessThanOrEqual(1)
  expect(answers.every(({ status }) => status === 200 || status === 400)).toBe(true)
  for (const { body } of given)
    expect((await homeserver.client().request('GET', '/v3/account/whoami', { token: body.access_token })).status).toBe(
      401,
    )
})

it('says who wants in by what it can know: the address, not the name that an app gave itself', async () => {
  const homeserver = await shared()
  const alice = await homeserver.register('alice')
  const browser = await browserOf(homeserver, alice)
  const shown = async (metadata: object, redirect: string) => {
    const app = await OAuthApp.register(homeserver, {
      ...APP,
      client_name: 'Element <b>',
      ...metadata,
      redirect_uris: [redirect],
    })
    return (await browser.at(app.path({ redirect_uri: redirect }))).text
  }
  const site = await shown({ client_uri: 'https://evil.example' }, 'https://in.evil.example/')
  expect(site).toContain('<strong>in.evil.example</strong>')
  expect(site).toContain('Element &#60;b&#62;')
  expect(site).not.toContain('Element <b>')
  const native = { application_type: 'native', client_uri: 'https://evil.example' }
  expect(await shown(native, 'example.evil.app:/')).toContain('opens <strong>example.evil.app</strong> links')
  expect(await shown(native, 'http://localhost/')).toContain('Nobody has checked which one')
})

it('begins every session at a browser anew, so that nobody can bring one along', async () => {
  const homeserver = await shared()
  const alice = await homeserver.register('alice')
  const app = await OAuthApp.register(homeserver)
  const browser = new AccountBrowser(homeserver)
  browser.cookies.set('homeroom_session', 'A'.repeat(43))
  const page = await browser.at(app.path())
  expect(headingOf(page)).toBe('Sign in')
  await browser.submit(page, { user: alice.userId, password: 'correct horse battery staple' })
  expect(browser.cookies.get('homeroom_session')).not.toBe('A'.repeat(43))
})

it('lets a program on loopback choose its port, and nothing else of the address', async () => {
  const homeserver = await shared()
  const alice = await homeserver.register('alice')
  const browser = await browserOf(homeserver, alice)
  const native = { ...APP, application_type: 'native', redirect_uris: ['http://127.0.0.1/back', 'http://[::1]/back'] }
  const app = await OAuthApp.register(homeserver, native)
  for (const uri of ['http://127.0.0.1:1234/back', 'http://127.0.0.1/back', 'http://[::1]:65535/back']) {
    const code = await app.code(browser, { redirect_uri: uri })
    expect(
      (
        await app
          .another()
          .token({ grant_type: 'authorization_code', code, redirect_uri: uri, code_verifier: app.verifier })
      ).status,
    ).toBe(200)
  }
  const bad = [
    'http://localhost:1234/back',
    'http://127.0.0.1:1234/other',
    'http://127.0.0.1:99999/back',
    'http://127.0.0.1:1234@evil.example/back',
    'http://127.0.0.1.evil.example/back',
    'https://127.0.0.1/back',
  ]
  for (const uri of bad)
    expect([uri, await told(browser, app.path({ redirect_uri: uri }))]).toEqual([uri, '400 nothing'])
})

it('answers whatever is posted to it in the words of OAuth, and never with a fault', async () => {
  const homeserver = await shared()
  const garbage = [
    '',
    'x',
    'grant_type=',
    'grant_type=authorization_code&client_id=%00',
    'token=%00%ff',
    '{"grant_type":"x"}',
  ]
  for (const path of ['/oauth/token', '/oauth/revoke', '/oauth/device'])
    for (const body of garbage) {
      const response = await fetch(`${homeserver.url}${path}`, { method: 'POST', body })
      const answer: Json = await response.json()
      expect([path, body, response.status < 500, typeof answer.error === 'string' || response.ok]).toEqual([
        path,
        body,
        true,
        true,
      ])
    }
  const long = await postForm(homeserver, '/oauth/token', { grant_type: 'x'.repeat(100_000) })
  expect([long.status, long.body.error]).toEqual([413, 'invalid_request'])
  for (const path of ['/oauth/token', '/oauth/clients'])
    expect((await fetch(`${homeserver.url}${path}`)).status).toBe(405)
})
