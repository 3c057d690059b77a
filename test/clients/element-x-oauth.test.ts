import { createHash, randomBytes } from 'node:crypto'
import { expect, it } from 'vitest'
import { AccountBrowser } from '../support/account-browser.ts'
import { PASSWORD, TestClient } from '../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { browserOf, clientWith, DEVICE_GRANT, postForm, startOAuth, uriOn } from '../support/oauth-app.ts'

// Requests of Element X, by matrix-rust-sdk, in their order, with the members and spellings that it has.

const DEVICE = 'JLAFKJWSCS'
const SCOPE = `urn:matrix:org.matrix.msc2967.client:api:* urn:matrix:org.matrix.msc2967.client:device:${DEVICE}`

const metadata = (redirectUri: string) => ({
  redirect_uris: [redirectUri],
  token_endpoint_auth_method: 'none',
  grant_types: ['authorization_code', 'refresh_token', DEVICE_GRANT],
  response_types: ['code'],
  application_type: 'native',
  client_uri: 'https://element.io/',
  client_name: 'Element',
  logo_uri: 'https://element.io/mobile-icon.png',
  policy_uri: 'https://element.io/privacy',
  tos_uri: 'https://element.io/user-terms-of-service',
})

/** Members that the app looks for before it offers a way to sign in. */
const discover = async (homeserver: TestHomeserver) => {
  const { body } = await homeserver.client().request('GET', '/v1/auth_metadata')
  const pathOf = (name: string) => new URL(body[name]).pathname
  return { body, pathOf }
}

onEveryHomeserver('Element X', (start) => {
  for (const [phone, redirectUri] of [
    ['Android', 'io.element.android:/'],
    ['iOS', 'https://element.io/oauth/ios/io.element.elementx'],
  ] as const)
    it(`signs in on ${phone}, refreshes, and signs out`, async () => {
      await using homeserver = await startOAuth({ settings: { registration: { mode: 'open' } } }, start)
      const alice = await homeserver.register('alice')
      const { body: server, pathOf } = await discover(homeserver)
      expect(server.prompt_values_supported).toContain('create')
      const registered = await homeserver
        .client()
        .request('POST', pathOf('registration_endpoint'), { body: metadata(redirectUri) })
      expect([registered.status, registered.headers.get('content-type')]).toEqual([201, 'application/json'])
      const { client_id } = registered.body
      const verifier = randomBytes(32).toString('base64url')
      const query = new URLSearchParams({
        response_type: 'code',
        client_id,
        state: 'e1IZfeUZMG8zYKKlUpbrjQ',
        code_challenge: createHash('sha256').update(verifier).digest('base64url'),
        code_challenge_method: 'S256',
        redirect_uri: redirectUri,
        scope: SCOPE,
        prompt: 'consent',
        login_hint: `mxid:${alice.userId}`,
      })
      const browser = new AccountBrowser(homeserver)
      const form = await browser.at(`${pathOf('authorization_endpoint')}?${query.toString()}`)
      const next = browser.goesOnTo(await browser.submit(form, { user: alice.userId, password: PASSWORD }))
      const answer = uriOn(browser, await browser.submit(await browser.at(next ?? ''), { decision: 'allow' }))
      // The app parses the query, and wants `code` and `state` there.
      expect([answer.href.startsWith(redirectUri), answer.searchParams.get('state')]).toEqual([
        true,
        'e1IZfeUZMG8zYKKlUpbrjQ',
      ])
      const granted = await postForm(homeserver, pathOf('token_endpoint'), {
        grant_type: 'authorization_code',
        code: answer.searchParams.get('code') ?? '',
        client_id,
        code_verifier: verifier,
        redirect_uri: redirectUri,
      })
      expect([granted.status, granted.body.scope]).toEqual([200, SCOPE])
      const client = clientWith(homeserver, granted.body, alice.userId, DEVICE)
      expect(await client.get('/v3/account/whoami')).toMatchObject({ user_id: alice.userId, device_id: DEVICE })
      const refreshed = await postForm(homeserver, pathOf('token_endpoint'), {
        grant_type: 'refresh_token',
        refresh_token: granted.body.refresh_token,
        client_id,
      })
      expect(refreshed.status).toBe(200)
      const out = { token: refreshed.body.access_token, token_type_hint: 'access_token', client_id }
      expect((await postForm(homeserver, pathOf('revocation_endpoint'), out)).status).toBe(200)
      const gone = clientWith(homeserver, refreshed.body)
      expect((await gone.request('GET', '/v3/account/whoami')).body).toMatchObject({ errcode: 'M_UNKNOWN_TOKEN' })
    })

  it('signs a new phone in by the QR code of one that is signed in', async () => {
    await using homeserver = await startOAuth({ settings: { rendezvous: { enabled: true } } }, start)
    const alice = await homeserver.register('alice')
    const [old, fresh] = [alice, new TestClient(() => homeserver.url)]
    const rendezvous = '/unstable/io.element.msc4388/rendezvous'
    // The QR code has the id; what the two say to each other there is sealed, and plain here.
    const { id, sequence_token } = await old.post(rendezvous, { data: '' })
    const { body: server, pathOf } = await discover(homeserver)
    expect(server.grant_types_supported).toContain(DEVICE_GRANT)
    const { redirect_uris: _none, response_types: _unused, ...rest } = metadata('')
    const registering = { ...rest, grant_types: ['refresh_token', DEVICE_GRANT] }
    const { client_id } = await fresh.ok('POST', pathOf('registration_endpoint'), { body: registering })
    const begun = await postForm(homeserver, pathOf('device_authorization_endpoint'), { client_id, scope: SCOPE })
    const { verification_uri_complete, device_code } = begun.body
    const message = JSON.stringify({ type: 'm.login.protocol', verification_uri_complete, device_id: DEVICE })
    await fresh.put(`${rendezvous}/${id}`, { sequence_token, data: message })
    // The old phone: the device is new, and its person lets it in, in a browser.
    const told = JSON.parse((await old.get(`${rendezvous}/${id}`)).data)
    expect((await old.request('GET', `/v3/devices/${told.device_id}`)).status).toBe(404)
    const browser = await browserOf(homeserver, alice)
    await browser.submit(await browser.open(told.verification_uri_complete), { decision: 'allow' })
    const granted = await postForm(homeserver, pathOf('token_endpoint'), {
      grant_type: DEVICE_GRANT,
      device_code,
      client_id,
    })
    expect(granted.status).toBe(200)
    expect((await old.request('GET', `/v3/devices/${told.device_id}`)).status).toBe(200)
    expect(await clientWith(homeserver, granted.body).get('/v3/account/whoami')).toMatchObject({
      user_id: alice.userId,
    })
  })

  it('is shown only what it can finish: no meeting place without OAuth', async () => {
    await using homeserver = await startOAuth(
      { settings: { rendezvous: { enabled: true }, oauth: { enabled: false } } },
      start,
    )
    const features = (await homeserver.client().get('/versions')).unstable_features
    expect(features).not.toHaveProperty(['io.element.msc4388'])
  })
})
