import { expect, it } from 'vitest'
import { AccountBrowser, PASSWORD } from '../../support/account-browser.ts'
import type { TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import {
  APP,
  answerOn,
  browserOf,
  type Changes,
  clientWith,
  DEVICE_GRANT,
  OAuthApp,
  postForm,
  startOAuth,
} from '../../support/oauth-app.ts'
import { registerAdmin } from '../../support/operator.ts'
import { headingOf } from '../../support/sign-in-house.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const QUESTION = 'Let an app into your account?'
const DAY = 24 * 3_600_000

/** The answer to a request that the browser is sent on with at once; a heading where a page asks something. */
const wentTo = async (browser: AccountBrowser, path: string): Promise<string> => {
  const page = await browser.open(new URL(path, browser.origin).href, (url) => !url.startsWith(browser.origin))
  if (page.location === undefined) return headingOf(page)
  const to = new URL(page.location)
  const answer = new URLSearchParams(to.hash.slice(1) || to.search)
  return `${to.host} ${answer.has('code') ? 'code' : answer.get('error')}`
}

const remembered = async (browser: AccountBrowser, app: OAuthApp, changes: Changes = {}): Promise<string> => {
  const page = await browser.submit(await browser.at(app.path(changes)), { decision: 'allow', remember: 'yes' })
  return answerOn(browser, page).get('code') ?? ''
}

const apps = async (browser: AccountBrowser): Promise<number> =>
  (await browser.at('/account/apps')).text.split('Have it ask again</button>').length - 1

const withApp = async (
  start: Parameters<typeof startOAuth>[1],
  setup: Parameters<typeof startOAuth>[0] = {},
): Promise<{ homeserver: TestHomeserver; alice: TestClient; app: OAuthApp; browser: AccountBrowser }> => {
  const homeserver = await startOAuth(setup, start)
  const alice = await homeserver.register('alice')
  const app = await OAuthApp.register(homeserver)
  return { homeserver, alice, app, browser: await browserOf(homeserver, alice) }
}

onEveryHomeserver('consent that is remembered', (start) => {
  it('lets the app in again without a question, with another device too, until it is taken back', async () => {
    const { homeserver, alice, app, browser } = await withApp(start)
    await using _ = homeserver
    expect(await apps(browser)).toBe(0)
    const first = await app.redeem(await remembered(browser, app))
    expect(first.status).toBe(200)
    await homeserver.restart()
    expect(await wentTo(browser, app.path())).toBe('app.example code')
    expect(await wentTo(browser, app.another().path({ prompt: 'none' }))).toBe('app.example code')
    // The code is as good as any other.
    const next = app.another()
    const page = await browser.open(`${homeserver.url}${next.path()}`, (url) => url.startsWith('https:'))
    const code = new URLSearchParams(new URL(page.location ?? '').hash.slice(1)).get('code') ?? ''
    const { status, body } = await next.redeem(code)
    expect(status).toBe(200)
    const { user_id } = await clientWith(homeserver, body).get('/v3/account/whoami')
    expect(user_id).toBe(alice.userId)
    const list = await browser.at('/account/apps')
    expect(list.text).toContain('Example app (app.example)')
    const done = await browser.actAndFollow(list, '/account/apps/take-back')
    expect(done.text).toContain('The app has to ask again.')
    expect(await apps(browser)).toBe(0)
    expect(await wentTo(browser, app.another().path())).toBe(QUESTION)
  })

  it('is not remembered unless the person says so, nor for a person or an app other than these', async () => {
    const { homeserver, app, browser } = await withApp(start)
    await using _ = homeserver
    await app.code(browser)
    expect(await wentTo(browser, app.path())).toBe(QUESTION)
    await remembered(browser, app)
    const bob = await browserOf(homeserver, await homeserver.register('bob'))
    expect(await wentTo(bob, app.another().path())).toBe(QUESTION)
    expect(await apps(bob)).toBe(0)
    // Other metadata make another client, whatever it calls itself.
    const changed = await OAuthApp.register(homeserver, { ...APP, redirect_uris: ['https://app.example/other'] })
    expect(await wentTo(browser, changed.path())).toBe(QUESTION)
    // Bob takes nothing back that is Alice's.
    const name = /name="name" value="([^"]*)"/.exec((await browser.at('/account/apps')).text)?.[1] ?? ''
    const csrf = /name="csrf" value="([^"]*)"/.exec((await bob.at('/account')).text)?.[1] ?? ''
    const cookie = [...bob.cookies].map(([key, value]) => `${key}=${value}`).join('; ')
    const body = new URLSearchParams({ csrf, name })
    const taken = await fetch(`${homeserver.url}/account/apps/take-back`, {
      ...{ method: 'POST', body, headers: { cookie }, redirect: 'manual' },
    })
    expect([taken.status, await apps(browser)]).toEqual([303, 1])
  })

  it('is asked anew for another scope, and never remembered with power over the server', async () => {
    const { homeserver, app } = await withApp(start)
    await using _ = homeserver
    const root = await registerAdmin(homeserver, 'root')
    const browser = await browserOf(homeserver, root)
    await remembered(browser, app)
    const admin = `${app.scope} urn:synapse:admin:*`
    expect(await wentTo(browser, app.path({ scope: admin }))).toBe(QUESTION)
    expect((await browser.at(app.path({ scope: admin }))).text).not.toContain('name="remember"')
    await remembered(browser, app, { scope: admin })
    expect(await wentTo(browser, app.another().path({ scope: admin }))).toBe(QUESTION)
    expect(await wentTo(browser, app.another().path())).toBe('app.example code')
  })

  it('is never remembered for prompt=consent, programs, apps of a scheme, or a device that shows a code', async () => {
    const { homeserver, app, browser } = await withApp(start)
    await using _ = homeserver
    expect((await browser.at(app.path({ prompt: 'consent' }))).text).not.toContain('name="remember"')
    await remembered(browser, app, { prompt: 'consent' })
    expect(await apps(browser)).toBe(0)
    const native = await OAuthApp.register(homeserver, {
      ...{ ...APP, application_type: 'native', redirect_uris: ['example.app:/back', 'http://127.0.0.1/'] },
    })
    for (const redirect_uri of ['example.app:/back', 'http://127.0.0.1:4711/']) {
      expect((await browser.at(native.path({ redirect_uri }))).text).not.toContain('name="remember"')
      await remembered(browser, native, { redirect_uri })
      expect(await wentTo(browser, native.path({ redirect_uri }))).toBe(QUESTION)
    }
    const begun = await postForm(homeserver, '/oauth/device', { client_id: app.clientId, scope: app.scope })
    const link = `/oauth/link?user_code=${begun.body.user_code}`
    const page = await browser.at(link)
    expect([headingOf(page), page.text.includes('name="remember"')]).toEqual([QUESTION, false])
    await browser.submit(page, { decision: 'allow', remember: 'yes' })
    expect(await apps(browser)).toBe(0)
    const device = await app.token({ grant_type: DEVICE_GRANT, device_code: begun.body.device_code })
    expect(device.status).toBe(200)
    await remembered(browser, app.another())
    // What was remembered does not count where the client wants a question, nor for a device.
    expect(await wentTo(browser, app.another().path({ prompt: 'consent' }))).toBe(QUESTION)
    const other = app.another()
    const again = await postForm(homeserver, '/oauth/device', { client_id: other.clientId, scope: other.scope })
    expect(await wentTo(browser, `/oauth/link?user_code=${again.body.user_code}`)).toBe(QUESTION)
  })

  it('takes no device of another app away', async () => {
    const { homeserver, alice, app, browser } = await withApp(start)
    await using _ = homeserver
    await remembered(browser, app)
    const other = await OAuthApp.register(homeserver, { ...APP, client_name: 'Other' })
    const { client } = await other.signIn(alice)
    const theirs = `urn:matrix:client:api:* urn:matrix:client:device:${other.deviceId}`
    expect(await wentTo(browser, app.path({ scope: theirs }))).toBe(QUESTION)
    expect(await wentTo(browser, app.path({ scope: theirs, prompt: 'none' }))).toBe('app.example consent_required')
    expect((await client.request('GET', '/v3/account/whoami')).status).toBe(200)
  })

  it('ends with the sessions of the account, with a device that is thrown out, with the account and after 90 days', async () => {
    const clock = new SteppedClock()
    const { homeserver, alice, app, browser } = await withApp(start, { clock })
    await using _ = homeserver
    await remembered(browser, app)
    await alice.post('/v3/logout/all', {})
    const back = new AccountBrowser(homeserver)
    await back.signIn(alice.userId, PASSWORD)
    expect(await apps(back)).toBe(0)
    const one = app.another()
    await one.redeem(await remembered(back, one))
    expect(await apps(back)).toBe(1)
    await back.act(await back.at('/account/devices'), '/account/devices/sign-out', {}, `value="${one.deviceId}"`)
    expect(await apps(back)).toBe(0)
    // A session keeps the client known.
    const kept = app.another()
    await kept.redeem(await remembered(back, kept))
    for (let day = 0; day < 90; day += 10) {
      clock.advance(10 * DAY)
      await back.signIn(alice.userId, PASSWORD)
      if (day < 80) expect(await wentTo(back, app.another().path())).toBe('app.example code')
    }
    expect([await apps(back), await wentTo(back, app.another().path())]).toEqual([0, QUESTION])
  })
})
