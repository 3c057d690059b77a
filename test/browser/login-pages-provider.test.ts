import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PASSWORD } from '../support/client.ts'
import { startHomeserver } from '../support/homeserver.ts'
import { MailServer, mailSettings } from '../support/other-servers/smtp.ts'
import { startSignInHouse } from '../support/sign-in-house.ts'
import { inChromium, launchChromium, visit } from './chromium.ts'

const LOGIN = '/_matrix/static/client/login/'
const REGISTER = '/_matrix/static/client/register/'

/** An app's function that comes a while after the page was loaded. */
const listenLate = (page: Page, object: string, name: string) =>
  page.evaluate(`window.told = new Promise((resolve) => {
    window.${object}.${name} = function () { resolve([...arguments]) }
  })
  undefined`)

inChromium('the pages for login and registration, with a provider and with mails', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  it('log in at a provider and come back, on the device that the app named', async () => {
    await using house = await startSignInHouse()
    await house.register('ann')
    await using window = await visit(browser, house.url)
    const { page } = window
    await page.goto(`${house.url}${LOGIN}?device_id=PHONE`)
    await page.getByRole('heading', { name: 'Other ways to log in' }).waitFor()
    await page.getByRole('link', { name: 'Continue with Own Provider' }).click()
    await page.getByRole('status').getByText('@ann:localhost').waitFor()
    // The token was good once, and does not stay in the address.
    expect(page.url()).toBe(`${house.url}${LOGIN}?device_id=PHONE`)
    await listenLate(page, 'matrixLogin', 'onLogin')
    const [response] = (await page.evaluate('window.told')) as [Record<string, string>]
    expect(response).toMatchObject({ user_id: '@ann:localhost', device_id: 'PHONE' })
    const token = response.access_token ?? ''
    const who = await house.homeserver.client().request('GET', '/v3/account/whoami', { token })
    expect(who.body.device_id).toBe('PHONE')
    expect(window.complaints).toEqual([])
  })

  it('say in words that a token of a login was used, and let people try again', async () => {
    await using house = await startSignInHouse()
    await using window = await visit(browser, house.url)
    const { page } = window
    await page.goto(`${house.url}${LOGIN}?loginToken=nonsense`)
    await page.getByRole('alert').getByText('The sign-in took too long, or was used before.').waitFor()
    await page.getByRole('link', { name: 'Continue with Own Provider' }).waitFor()
    expect(page.url()).toBe(`${house.url}${LOGIN}`)
    expect(window.complaints).toEqual([])
  })

  it('log in by an e-mail address, and make an account with one, whose code is entered in the frame', async () => {
    await using mails = await MailServer.start()
    await using site = await startHomeserver({ settings: mailSettings(mails, {}, { email: 'required' }) })
    await using window = await visit(browser, site.url, { viewport: { width: 320, height: 640 }, colorScheme: 'dark' })
    const { page } = window
    await page.goto(`${site.url}${REGISTER}`)
    await page.getByLabel('User name').fill('mira')
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByLabel('Password, once more').fill(PASSWORD)
    await page.getByLabel('E-mail address').fill('mira@example.org')
    await page.getByRole('button', { name: 'Create account' }).click()
    const inside = page.frameLocator('#frame')
    // A name that was given before is not asked for again.
    await inside.locator('#email:focus').waitFor()
    expect(await inside.getByLabel('E-mail address').inputValue()).toBe('mira@example.org')
    await inside.getByRole('button').first().click()
    await inside.getByLabel('The code in the mail').waitFor()
    const code = /^[A-Za-z0-9]{10}$/m.exec(mails.last.mail.text ?? '')?.[0] ?? ''
    await inside.getByLabel('The code in the mail').fill(code)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    await inside.getByLabel('The code in the mail').press('Enter')
    await page.getByRole('status').getByText('@mira:localhost').waitFor()
    await listenLate(page, 'matrixRegistration', 'onRegistered')
    expect(((await page.evaluate('window.told')) as string[])[1]).toBe('@mira:localhost')

    await page.goto(`${site.url}${LOGIN}`)
    await page.getByLabel('User name or e-mail address').fill('mira@example.org')
    await page.getByLabel('Password').fill(PASSWORD)
    await page.getByLabel('Password').press('Enter')
    await page.getByRole('status').getByText('@mira:localhost').waitFor()
    expect([window.complaints, window.elsewhere]).toEqual([[], []])
  })

  it('say so where JavaScript is off, and send nothing', async () => {
    await using site = await startHomeserver()
    await using window = await visit(browser, site.url, { javaScriptEnabled: false })
    for (const path of [LOGIN, REGISTER]) {
      await window.page.goto(`${site.url}${path}`)
      expect(await window.page.locator('noscript').textContent()).toContain('needs JavaScript')
    }
  })
})
