import { expect, it } from 'vitest'
import { startHomeserver } from '../../support/homeserver.ts'
import { APP, browserOf, OAuthApp, refusal, registration, startOAuth } from '../../support/oauth-app.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const DAY = 86_400_000

it('answers 201 with what it knows of what the client said, and drops the rest', async () => {
  await using homeserver = await startOAuth()
  const { status, headers, body } = await registration(homeserver, {
    ...APP,
    'client_name#fr': 'Exemple',
    grant_types: [...APP.grant_types, 'urn:ietf:params:oauth:grant-type:token-exchange', 'implicit'],
    response_types: ['code', 'id_token'],
    token_endpoint_auth_method: 'client_secret_basic',
    logo_uri: 'https://app.example/logo.png',
    policy_uri: 'https://elsewhere.example/policy',
    tos_uri: 'http://app.example/terms',
    contacts: ['a@b.example'],
    software_id: 'x',
  })
  expect([status, headers.get('content-type')]).toEqual([201, 'application/json'])
  expect(body).toEqual({
    ...APP,
    'client_name#fr': 'Exemple',
    logo_uri: 'https://app.example/logo.png',
    client_id: expect.any(String),
    client_id_issued_at: expect.any(Number),
  })
  expect(Math.abs(body.client_id_issued_at - Date.now() / 1000)).toBeLessThan(60)
})

it('knows a client again that says the same, in whatever order', async () => {
  await using homeserver = await startOAuth()
  const { client_name: name, ...rest } = APP
  const ids = async (metadata: object) => (await registration(homeserver, metadata)).body.client_id
  const first = await ids(APP)
  expect(await ids({ ...rest, client_name: name })).toBe(first)
  expect(await ids({ ...APP, contacts: ['nobody looks at this'] })).toBe(first)
  await homeserver.restart()
  expect(await ids(APP)).toBe(first)
  expect(await ids({ ...APP, client_name: 'Another app' })).not.toBe(first)
  expect(await ids({ ...APP, redirect_uris: ['https://app.example/other'] })).not.toBe(first)
})

it('takes redirect URIs that are the client’s own, and no others', async () => {
  await using homeserver = await startOAuth()
  const outcome = async (uri: string, type: string, client = 'https://example.com/') => {
    const metadata = { ...APP, client_uri: client, application_type: type, redirect_uris: [uri] }
    const { status, body } = await registration(homeserver, metadata)
    return status === 201 ? 'taken' : `${status} ${body.error}`
  }
  const taken: readonly (readonly [string, string, string?])[] = [
    ['https://example.com/callback', 'web'],
    ['https://app.example.com/callback', 'web'],
    ['https://example.com:5173/?query=value', 'web'],
    ['com.example.app:/callback', 'native'],
    ['com.example:/', 'native'],
    ['com.example:callback', 'native'],
    ['http://localhost/callback', 'native'],
    ['http://127.0.0.1/callback', 'native'],
    ['http://[::1]/callback', 'native'],
    ['https://example.com/claimed', 'native'],
    ['io.element.android:/', 'native', 'https://element.io'],
    ['https://element.io/oauth/ios/io.element.elementx', 'native', 'https://element.io'],
  ]
  for (const [uri, type, client] of taken) expect([uri, await outcome(uri, type, client)]).toEqual([uri, 'taken'])
  const refused: readonly (readonly [string, string, string?])[] = [
    ['https://example.com/callback#fragment', 'web'],
    ['http://example.com/callback', 'web'],
    ['http://localhost/', 'web'],
    ['com.example.app:/callback', 'web'],
    ['https://evil.example/', 'web'],
    ['https://notexample.com/', 'web'],
    ['https://example.com.evil.example/', 'web'],
    ['https://example.com@evil.example/', 'web'],
    ['https://user:word@example.com/', 'web'],
    ['https://evil.example\\.example.com/', 'web'],
    ['https://example.com/a b', 'web'],
    ['example:/callback', 'native'],
    ['com.example.app://callback', 'native'],
    ['com.exampleapp:/callback', 'native'],
    ['https://localhost/callback', 'native'],
    ['http://localhost:1234/callback', 'native'],
    ['http://localhost.evil.example/', 'native'],
    ['http://127.0.0.1.evil.example/', 'native'],
    ['http://example.com/', 'native'],
    ['javascript:alert(1)', 'native', 'https://javascript/'],
    ['data:text/html,x', 'native', 'https://data/'],
    ['', 'native'],
    [`https://example.com/${'a'.repeat(2048)}`, 'web'],
  ]
  for (const [uri, type, client] of refused)
    expect([uri, await outcome(uri, type, client)]).toEqual([uri, '400 invalid_redirect_uri'])
})

it('takes clients without https from this machine where the server is tried out there, and nowhere else', async () => {
  const site = (host: string, redirect = `http://${host}/back`) => ({
    ...APP,
    client_uri: `http://${host}/`,
    logo_uri: `http://${host}/logo.svg`,
    redirect_uris: [redirect],
  })
  await using tried = await startOAuth()
  const outcome = async (metadata: object) => refusal(await registration(tried, metadata))
  for (const host of ['localhost:5173', '127.0.0.1:8080', '[::1]:8080', 'localhost']) {
    const { status, body } = await registration(tried, site(host))
    expect([status, body.logo_uri]).toEqual([201, `http://${host}/logo.svg`])
  }
  expect(await outcome(site('localhost:5173', 'http://127.0.0.1:5173/back'))).toBe('400 invalid_redirect_uri')
  expect(await outcome(site('localhost:5173', 'http://app.example/back'))).toBe('400 invalid_redirect_uri')
  for (const host of ['app.example', 'localhost.app.example', '10.0.0.1', 'a:b@localhost'])
    expect(await outcome(site(host))).toBe('400 invalid_client_metadata')
  // The port is that of the site.
  const app = await OAuthApp.register(tried, site('localhost:5173'))
  const browser = await browserOf(tried, await tried.register('alice'))
  expect((await browser.at(app.path({ redirect_uri: 'http://localhost:5174/back' }))).status).toBe(400)
  expect((await app.redeem(await app.code(browser))).status).toBe(200)
  for (const publicBaseUrl of ['https://matrix.example', 'http://matrix.example', 'http://10.0.0.1']) {
    await using real = await startHomeserver({ settings: { server: { publicBaseUrl }, oauth: { enabled: true } } })
    expect(refusal(await registration(real, site('localhost:5173')))).toBe('400 invalid_client_metadata')
  }
})

it('refuses metadata that it cannot understand, in the words of OAuth', async () => {
  await using homeserver = await startOAuth()
  const bad: readonly object[] = [
    {},
    { ...APP, client_uri: undefined },
    { ...APP, client_uri: 'http://app.example/' },
    { ...APP, client_uri: 'https://user:word@app.example/' },
    { ...APP, client_uri: 7 },
    { ...APP, application_type: 'spa' },
    { ...APP, grant_types: 'authorization_code' },
    { ...APP, grant_types: ['implicit'] },
    { ...APP, grant_types: Array.from({ length: 101 }, () => 'x') },
    { ...APP, response_types: ['token'], grant_types: ['authorization_code', 'refresh_token'] },
    { ...APP, client_name: 'x'.repeat(40_000) },
  ]
  for (const metadata of bad) {
    const answer = await registration(homeserver, metadata)
    expect([
      JSON.stringify(metadata).slice(0, 200),
      answer.body.error,
      answer.status >= 400 && answer.status < 500,
    ]).toEqual([JSON.stringify(metadata).slice(0, 200), 'invalid_client_metadata', true])
  }
  for (const redirects of [[], undefined, Array.from({ length: 17 }, (_, i) => `https://app.example/${i}`)])
    expect(refusal(await registration(homeserver, { ...APP, redirect_uris: redirects }))).toBe(
      '400 invalid_redirect_uri',
    )
  for (const body of ['', 'x', '[]', '"text"', 'null']) {
    const answer = await homeserver.client().request('POST', '/oauth/clients', { body })
    expect([body, answer.status, answer.body.error]).toEqual([body, 400, 'invalid_client_metadata'])
  }
})

it('keeps characters out of names that make one look like another', async () => {
  await using homeserver = await startOAuth()
  const named = async (name: string) => (await registration(homeserver, { ...APP, client_name: name })).body.client_name
  expect(await named('Ele\u202ement\u200b\n\u0000')).toBe('Element')
  expect(await named('\u202e \u200b')).toBeUndefined()
  expect((await named('x'.repeat(500))).length).toBe(128)
})

it('forgets clients that nobody signs in with, and asks them to register again', async () => {
  const clock = new SteppedClock()
  await using homeserver = await startOAuth({ clock }, startHomeserver)
  const alice = await homeserver.register('alice')
  const used = await OAuthApp.register(homeserver)
  const idle = await OAuthApp.register(homeserver, { ...APP, client_name: 'Idle' })
  const { tokens } = await used.signIn(alice)
  await used.refresh(tokens.refresh_token)
  const exists = async (app: OAuthApp) => refusal(await app.redeem('unknown')) !== '400 invalid_client'
  expect([await exists(used), await exists(idle)]).toEqual([true, true])
  clock.advance(31 * DAY)
  await homeserver.restart()
  await expect.poll(() => exists(idle)).toBe(false)
  expect(await exists(used)).toBe(true)
  const browser = await browserOf(homeserver, alice)
  expect((await browser.at(idle.path())).text).toContain('has not registered')
})
