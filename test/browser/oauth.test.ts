import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PASSWORD } from '../support/client.ts'
import type { TestHomeserver } from '../support/homeserver.ts'
import { clientWith, OAuthApp, startOAuth } from '../support/oauth-app.ts'
import { lookOver } from './admin-window.ts'
import { inChromium, launchChromium, visit } from './chromium.ts'
import { type OAuthSdk, type SdkPage, serveSdkPage } from './sdk-page.ts'

declare const sdk: OAuthSdk
declare const location: { readonly hash: string }

const DEVICE = 'ABCDEFGHIJKL'

/** Runs what a page of the app does before it sends the person away; answers with where to. */
const beginAt = (page: Page, server: string, back: string): Promise<string> =>
  page.evaluate(
    async ({ server: base, back: redirect, device }) => {
      const metadata: unknown = await (await fetch(`${base}/_matrix/client/v1/auth_metadata`)).json()
      if (!sdk.isValidAuthMetadata(metadata)) throw new Error('the metadata is not valid to the SDK')
      const clientId = await sdk.OAuth2.registerClient(metadata, {
        client_name: 'SDK app',
        client_uri: 'https://app.example/',
        application_type: 'native',
        redirect_uris: ['http://127.0.0.1/'],
      })
      const oauth = new sdk.OAuth2(metadata, { clientId, deviceId: device })
      sessionStorage.setItem('begun', JSON.stringify({ metadata, context: oauth.context }))
      return oauth.generateAuthorizationCodeGrantUrl('some state', redirect)
    },
    { server, back, device: DEVICE },
  )

/** Runs what the page of the app does when the person is back. */
const finishAt = (page: Page, back: string) =>
  page.evaluate(async (redirect) => {
    const { metadata, context } = JSON.parse(sessionStorage.getItem('begun') ?? '')
    const answer = new URLSearchParams(location.hash.slice(1))
    if (answer.get('state') !== 'some state') throw new Error(`another state came back: ${location.hash}`)
    const oauth = new sdk.OAuth2(metadata, context)
    const first = await oauth.completeAuthorizationCodeGrant(answer.get('code') ?? '', redirect)
    const second = await oauth.performRefreshTokenGrant(first.refresh_token ?? '')
    return { first, second }
  }, back)

const revokeAt = (page: Page, token: string) =>
  page.evaluate(async (access) => {
    const { metadata, context } = JSON.parse(sessionStorage.getItem('begun') ?? '')
    await new sdk.OAuth2(metadata, context).revokeToken(access, 'access_token')
  }, token)

inChromium('sign-in by OAuth in a browser', () => {
  let browser: Browser
  let app: SdkPage
  let homeserver: TestHomeserver
  beforeAll(async () => {
    browser = await launchChromium()
    app = await serveSdkPage()
    homeserver = await startOAuth()
  })
  afterAll(async () => {
    await browser.close()
    await app[Symbol.asyncDispose]()
    await homeserver.stop()
  })

  const signIn = async (page: Page, user: string) => {
    await page.getByRole('heading', { name: 'Sign in' }).waitFor()
    await page.getByLabel('User name').fill(user)
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
  }

  it('goes with matrix-js-sdk from its page to ours and back, and no policy is in the way', async () => {
    const alice = await homeserver.register('alice')
    await using window = await visit(browser, app.url)
    const { page } = window
    const back = `${app.url}/`
    await page.goto(back)
    await page.waitForFunction('globalThis.sdk !== undefined')
    await page.goto(await beginAt(page, homeserver.url, back))
    await signIn(page, alice.userId)
    await page.getByRole('heading', { name: 'Let an app into your account?' }).waitFor()
    const main = await page.getByRole('main').textContent()
    for (const part of ['SDK app', 'program on this computer', alice.userId, DEVICE]) expect(main).toContain(part)
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.waitForURL(`${back}#*`)
    await page.waitForFunction('globalThis.sdk !== undefined')
    const { first, second } = await finishAt(page, back)
    expect([first.token_type, second.token_type]).toEqual(['Bearer', 'Bearer'])
    const client = clientWith(homeserver, second)
    expect(await client.get('/v3/account/whoami')).toMatchObject({ user_id: alice.userId, device_id: DEVICE })
    await revokeAt(page, second.access_token)
    expect((await client.request('GET', '/v3/account/whoami')).status).toBe(401)
    expect(window.complaints).toEqual([])
  })

  it('lets a person deny, with the keyboard alone, on a phone', async () => {
    const bob = await homeserver.register('bob')
    await using window = await visit(browser, app.url, { viewport: { width: 360, height: 640 } })
    const { page } = window
    const back = `${app.url}/`
    await page.goto(back)
    await page.waitForFunction('globalThis.sdk !== undefined')
    await page.goto(await beginAt(page, homeserver.url, back))
    await signIn(page, bob.userId)
    await page.getByRole('heading', { name: 'Let an app into your account?' }).waitFor()
    const overflows = () => page.evaluate('document.documentElement.scrollWidth > innerWidth')
    expect(await overflows()).toBe(false)
    await page.getByRole('button', { name: 'Deny' }).focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(`${back}#error=access_denied*`)
    expect(window.complaints).toEqual([])
  })

  it('shows an app of the phone a link to it, where the browser does not open it by itself', async () => {
    const carol = await homeserver.register('carol')
    const metadata = {
      client_name: 'Element X',
      client_uri: 'https://element.io',
      application_type: 'native',
      redirect_uris: ['io.element.android:/'],
      token_endpoint_auth_method: 'none',
    }
    const { client_id } = await homeserver.client().ok('POST', '/oauth/clients', { body: metadata })
    const query = new URLSearchParams({
      ...{ client_id, response_type: 'code', redirect_uri: 'io.element.android:/', state: 's' },
      scope: `urn:matrix:client:api:* urn:matrix:client:device:${DEVICE}`,
      ...{ code_challenge: 'A'.repeat(43), code_challenge_method: 'S256' },
    })
    await using window = await visit(browser, homeserver.url)
    const { page } = window
    await page.goto(`${homeserver.url}/oauth/authorize?${query.toString()}`)
    await signIn(page, carol.userId)
    await page.getByText('io.element.android').waitFor()
    await page.getByRole('button', { name: 'Allow' }).click()
    const link = page.getByRole('link', { name: 'Go back to the app' })
    await link.waitFor()
    expect(await link.getAttribute('href')).toMatch(/^io\.element\.android:\/\?code=[A-Za-z0-9]+&state=s&iss=/)
  })

  it('shows pages that are legible and usable, narrow and wide, light and dark', async () => {
    const erin = await homeserver.register('erin')
    const app = await OAuthApp.register(homeserver)
    await app.signIn(erin)
    await using window = await visit(browser, homeserver.url)
    await window.page.goto(`${homeserver.url}/account/sign-in`)
    await signIn(window.page, erin.userId)
    await window.page.getByRole('heading', { name: 'Your account' }).waitFor()
    const begun = await fetch(`${homeserver.url}/oauth/device`, {
      method: 'POST',
      body: new URLSearchParams({ client_id: app.clientId, scope: app.scope }),
    })
    const { user_code } = (await begun.json()) as Record<string, string>
    const sso = '/_matrix/client/v3/login/sso/redirect?redirectUrl=https%3A%2F%2Fclient.example%2F'
    for (const [name, path] of [
      ['oauth-consent', app.path()],
      ['oauth-link', '/oauth/link'],
      ['oauth-link-consent', `/oauth/link?user_code=${user_code}`],
      ['oauth-legacy', sso],
    ] as const)
      await lookOver(window, `${homeserver.url}${path}`, name)
  })

  it('lets a device in whose code is typed in', async () => {
    const dora = await homeserver.register('dora')
    const grant = 'urn:ietf:params:oauth:grant-type:device_code'
    const metadata = { client_name: 'TV', client_uri: 'https://tv.example/', grant_types: [grant, 'refresh_token'] }
    const { client_id } = await homeserver.client().ok('POST', '/oauth/clients', { body: metadata })
    const scope = `urn:matrix:client:api:* urn:matrix:client:device:${DEVICE}`
    const begun = await fetch(`${homeserver.url}/oauth/device`, {
      method: 'POST',
      body: new URLSearchParams({ client_id, scope }),
    })
    const { user_code, verification_uri } = (await begun.json()) as Record<string, string>
    await using window = await visit(browser, homeserver.url)
    const { page } = window
    await page.goto(verification_uri ?? '')
    await signIn(page, dora.userId)
    await page.getByLabel('Code').fill((user_code ?? '').toLowerCase())
    await page.keyboard.press('Enter')
    await page.getByText(`The device shows the code ${user_code}`).waitFor()
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('heading', { name: 'Your device is let in' }).waitFor()
    expect([window.complaints, window.elsewhere]).toEqual([[], []])
  })
})
