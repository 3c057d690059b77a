import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it, vi } from 'vitest'
import { addAddress } from '../flow/push/email-fixture.ts'
import { PASSWORD } from '../support/client.ts'
import { startHomeserver } from '../support/homeserver.ts'
import { OAuthApp, startOAuth } from '../support/oauth-app.ts'
import { registerAdmin } from '../support/operator.ts'
import { linkIn, MailServer, mailSettings } from '../support/other-servers/smtp.ts'
import { lookOver } from './admin-window.ts'
import { inChromium, launchChromium, visit } from './chromium.ts'

inChromium('what an account remembers of apps and browsers, and its end', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  it('an app is let in for good by a tick, listed and taken back; browsers are listed and signed out', async () => {
    await using homeserver = await startOAuth()
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    await using window = await visit(browser, homeserver.url)
    await using elsewhere = await visit(browser, homeserver.url)
    for (const { page } of [window, elsewhere]) {
      await page.goto(`${homeserver.url}/account/sign-in`)
      await page.getByLabel('User name').fill(alice.userId)
      await page.getByLabel('Password').fill(PASSWORD)
      await page.getByRole('button', { name: 'Sign in' }).click()
      await page.getByRole('heading', { name: 'Your account' }).waitFor()
    }
    const { page } = window
    await lookOver(window, `${homeserver.url}/account/apps`, 'account-apps-none')
    await lookOver(window, `${homeserver.url}${app.path()}`, 'oauth-consent-tick')
    const there = elsewhere.page
    await there.route('https://app.example/**', (route) =>
      route.fulfill({ contentType: 'text/html', body: '<title>The app</title>' }),
    )
    await there.goto(`${homeserver.url}${app.path()}`)
    await there.getByLabel('Do not ask again for this app').focus()
    await there.keyboard.press('Space')
    await there.getByRole('button', { name: 'Allow' }).focus()
    await there.keyboard.press('Enter')
    await there.waitForURL('https://app.example/back*')
    // Nothing stands between the request and the app. Nobody answers at its address here, so the browser goes no further.
    const [request] = await Promise.all([
      there.waitForRequest(/^https:\/\/app\.example\/back\?/),
      there.goto(`${homeserver.url}${app.another().path({ response_mode: 'query' })}`).catch(() => undefined),
    ])
    expect(request.url()).toContain('code=')
    await lookOver(window, `${homeserver.url}/account`, 'account-home')
    await page.getByRole('link', { name: 'Apps' }).click()
    await lookOver(window, `${homeserver.url}/account/apps`, 'account-apps')
    await page.getByRole('button', { name: 'Have it ask again: Example app (app.example)' }).click()
    await page.getByRole('status').getByText('The app has to ask again.').waitFor()
    await page.getByText('every app asks you each time').waitFor()
    await lookOver(window, `${homeserver.url}/account/devices`, 'account-devices')
    const rows = page.getByRole('listitem').filter({ hasText: 'Signed in' })
    expect(await rows.count()).toBe(2)
    expect(await rows.first().textContent()).toMatch(/^Chrome on Linux \(this one\)/)
    await page.getByRole('button', { name: /^Sign out Chrome on Linux/ }).click()
    await page.getByRole('status').getByText('The browser is signed out.').waitFor()
    expect(await rows.count()).toBe(1)
    await there.goto(`${homeserver.url}/account`)
    await there.getByRole('heading', { name: 'Sign in' }).waitFor()
    const silent = await page.goto(`${homeserver.url}${app.path({ prompt: 'none' })}`)
    expect(silent?.status()).toBe(400)
    await page.getByText('You have to let the app in first.').waitFor()
  })

  it('an account that ends is renewed by the page that a mail leads to', async () => {
    await using mails = await MailServer.start()
    const accountValidity = { renewalPeriod: '90d', warnBefore: '7d' }
    await using homeserver = await startHomeserver({ settings: { ...mailSettings(mails), accountValidity } })
    const root = await registerAdmin(homeserver, 'root')
    const alice = await homeserver.register('alice')
    await addAddress(mails, homeserver, alice, 'alice@example.org')
    const before = mails.received.length
    const body = { user_id: alice.userId, expiration_ts: Date.now() + 1_000_000 }
    await root.ok('POST', '/_synapse/admin/v1/account_validity/validity', { body })
    await homeserver.restart()
    await vi.waitFor(() => expect(mails.received.length).toBe(before + 1), { timeout: 10_000 })
    await using window = await visit(browser, homeserver.url)
    const { page } = window
    const link = linkIn(mails.last, homeserver)
    await lookOver(window, link, 'renew')
    await page.getByRole('button', { name: 'Renew it' }).click()
    await page.getByRole('heading', { name: 'Your account is valid until' }).waitFor()
    await lookOver(window, link, 'renewed')
  })
})
