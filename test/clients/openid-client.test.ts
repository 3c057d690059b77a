import { randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import * as client from 'openid-client'
import { expect, it } from 'vitest'
import { shareHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { APP, browserOf, clientWith, DEVICE_GRANT, startOAuth, uriOn } from '../support/oauth-app.ts'

// A certified client of OpenID Connect and OAuth 2.0, as a judge of how this server speaks.

const shared = shareHomeserver(startOAuth)

const NATIVE = { ...APP, application_type: 'native', redirect_uris: ['http://127.0.0.1/back'] }

const register = async (homeserver: TestHomeserver, metadata: object = APP): Promise<client.Configuration> =>
  client.dynamicClientRegistration(new URL(homeserver.url), metadata, client.None(), {
    algorithm: 'oauth2',
    execute: [client.allowInsecureRequests],
  })

interface Begun {
  readonly url: URL
  readonly checks: client.AuthorizationCodeGrantChecks
  readonly deviceId: string
}

const begin = async (config: client.Configuration, redirectUri: string): Promise<Begun> => {
  const verifier = client.randomPKCECodeVerifier()
  const state = client.randomState()
  const deviceId = randomBytes(8).toString('hex').toUpperCase()
  const url = client.buildAuthorizationUrl(config, {
    redirect_uri: redirectUri,
    scope: `urn:matrix:client:api:* urn:matrix:client:device:${deviceId}`,
    code_challenge: await client.calculatePKCECodeChallenge(verifier),
    code_challenge_method: 'S256',
    state,
  })
  return { url, checks: { pkceCodeVerifier: verifier, expectedState: state }, deviceId }
}

const pathOf = ({ pathname, search }: URL): string => `${pathname}${search}`

it('finds the server by both names, signs in on the web, refreshes and revokes', async () => {
  const homeserver = await shared()
  const alice = await homeserver.register('alice')
  const config = await register(homeserver)
  for (const algorithm of ['oidc', 'oauth2'] as const) {
    const options = { algorithm, execute: [client.allowInsecureRequests] }
    const found = await client.discovery(new URL(homeserver.url), 'x', undefined, client.None(), options)
    expect(found.serverMetadata().issuer).toBe(homeserver.url)
    expect(found.serverMetadata().supportsPKCE()).toBe(true)
  }
  const { url, checks, deviceId } = await begin(config, APP.redirect_uris[0] ?? '')
  const browser = await browserOf(homeserver, alice)
  const back = uriOn(browser, await browser.submit(await browser.at(pathOf(url)), { decision: 'allow' }))
  const tokens = await client.authorizationCodeGrant(config, back, checks)
  expect(tokens.expiresIn()).toBeGreaterThan(200)
  expect(await clientWith(homeserver, tokens).get('/v3/account/whoami')).toMatchObject({ device_id: deviceId })
  const next = await client.refreshTokenGrant(config, tokens.refresh_token ?? '')
  const matrix = clientWith(homeserver, next)
  expect((await matrix.request('GET', '/v3/account/whoami')).status).toBe(200)
  await client.tokenRevocation(config, next.access_token)
  expect((await matrix.request('GET', '/v3/account/whoami')).status).toBe(401)
  await expect(client.refreshTokenGrant(config, next.refresh_token ?? '')).rejects.toMatchObject({
    error: 'invalid_grant',
    status: 400,
  })
})

it('is told the issuer and the state in the answer, and takes no answer with others', async () => {
  const homeserver = await shared()
  const alice = await homeserver.register('alice')
  const config = await register(homeserver)
  const browser = await browserOf(homeserver, alice)
  const answered = async (decision: string) => {
    const begun = await begin(config, APP.redirect_uris[0] ?? '')
    const page = await browser.submit(await browser.at(pathOf(begun.url)), { decision })
    return { ...begun, back: uriOn(browser, page) }
  }
  const { back, checks } = await answered('allow')
  for (const [name, value] of [
    ['iss', 'https://evil.example'],
    ['iss', undefined],
    ['state', 'another'],
  ] as const) {
    const changed = new URL(back)
    if (value === undefined) changed.searchParams.delete(name)
    else changed.searchParams.set(name, value)
    await expect(client.authorizationCodeGrant(config, changed, checks)).rejects.toThrow()
  }
  expect((await client.authorizationCodeGrant(config, back, checks)).token_type).toBe('bearer')
  const denied = await answered('deny')
  await expect(client.authorizationCodeGrant(config, denied.back, denied.checks)).rejects.toMatchObject({
    error: 'access_denied',
  })
})

it('signs in as a program that listens on loopback, at whatever port is free', async () => {
  const homeserver = await shared()
  const alice = await homeserver.register('alice')
  const config = await register(homeserver, NATIVE)
  const heard = Promise.withResolvers<string>()
  const program = createServer((request, response) => {
    heard.resolve(request.url ?? '')
    response.end('You may close this window.')
  })
  await new Promise<void>((listening) => program.listen(0, '127.0.0.1', listening))
  try {
    const redirect = `http://127.0.0.1:${(program.address() as AddressInfo).port}/back`
    const { url, checks } = await begin(config, redirect)
    const browser = await browserOf(homeserver, alice)
    const page = await browser.submit(await browser.at(pathOf(url)), { decision: 'allow' })
    await browser.open(uriOn(browser, page).href)
    const tokens = await client.authorizationCodeGrant(config, new URL(await heard.promise, redirect), checks)
    expect(await clientWith(homeserver, tokens).get('/v3/account/whoami')).toMatchObject({ user_id: alice.userId })
  } finally {
    program.close()
  }
})

it('waits as a device without a browser until a person lets it in', async () => {
  const homeserver = await shared()
  const alice = await homeserver.register('alice')
  const config = await register(homeserver, { ...APP, grant_types: [DEVICE_GRANT, 'refresh_token'], redirect_uris: [] })
  const scope = 'urn:matrix:client:api:* urn:matrix:client:device:ABCDEFGHIJKL'
  const begun = await client.initiateDeviceAuthorization(config, { scope })
  const waiting = client.pollDeviceAuthorizationGrant(config, begun)
  const browser = await browserOf(homeserver, alice)
  const page = await browser.open(begun.verification_uri_complete ?? '')
  await browser.submit(page, { decision: 'allow' })
  const tokens = await waiting
  expect(tokens.scope).toBe(scope)
  expect(await clientWith(homeserver, tokens).get('/v3/account/whoami')).toMatchObject({
    user_id: alice.userId,
    device_id: 'ABCDEFGHIJKL',
  })
}, 20_000)
