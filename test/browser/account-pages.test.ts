import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PASSWORD } from '../support/client.ts'
import { MailServer, mailSettings } from '../support/other-servers/smtp.ts'
import { headingOf, type SignInHouse, startSignInHouse } from '../support/sign-in-house.ts'
import { lookOver, NARROW } from './admin-window.ts'
import { inChromium, launchChromium, visit } from './chromium.ts'

inChromium('the pages of an account', () => {
  let browser: Browser
  let mails: MailServer
  let house: SignInHouse
  beforeAll(async () => {
    browser = await launchChromium()
    mails = await MailServer.start()
    const { mail } = mailSettings(mails)
    house = await startSignInHouse({ settings: { mail, registration: { mode: 'open', email: 'optional' } } })
  })
  afterAll(async () => {
    await browser.close()
    await house[Symbol.asyncDispose]()
    await mails[Symbol.asyncDispose]()
  })

  const signIn = async (page: Page, user: string, path = '/account'): Promise<void> => {
    await page.goto(`${house.url}${path}`)
    await page.getByLabel('User name', { exact: false }).fill(user)
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.waitForURL((url) => !url.pathname.endsWith('/sign-in'))
  }

  it('are legible and usable, narrow and wide, light and dark', async () => {
    const client = await house.homeserver.register('onlooker')
    await client.login('onlooker', {
      initial_device_display_name: 'A phone with quite a long name that somebody gave it',
    })
    await using window = await visit(browser, house.url)
    for (const path of ['sign-in', 'register'])
      await lookOver(window, `${house.url}/account/${path}`, `account-${path}`)
    await signIn(window.page, 'onlooker')
    const paths = [
      '',
      '/profile',
      '/password',
      '/emails',
      '/devices',
      '/providers',
      '/reset-identity',
      '/close',
      '/sign-in?again=1',
    ]
    for (const path of [...paths, `/devices/delete?device_id=${client.deviceId}`])
      await lookOver(window, `${house.url}/account${path}`, `account${path.replaceAll(/\W+/g, '-')}`)
  })

  it('sign up and out by the keyboard alone', async () => {
    await using window = await visit(browser, house.url, { viewport: NARROW })
    const { page, complaints } = window
    await page.goto(`${house.url}/account/register?next=%2Faccount%2Fprofile`)
    for (const text of ['typist', PASSWORD, PASSWORD]) {
      await page.keyboard.type(text)
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    await page.waitForURL(`${house.url}/account/profile`)
    expect(await page.getByRole('heading', { level: 1 }).textContent()).toBe('Profile')
    await page.getByRole('link', { name: 'Your account' }).press('Enter')
    await page.getByRole('button', { name: 'Sign out of this browser' }).press('Enter')
    await page.waitForURL(`${house.url}/account/sign-in`)
    expect(complaints).toEqual([])
  })

  it('say what was wrong where screen readers find it, and the focus stays in the form', async () => {
    await house.homeserver.register('mistaken')
    await using window = await visit(browser, house.url, { viewport: NARROW })
    const { page } = window
    await page.goto(`${house.url}/account/sign-in`)
    await page.getByLabel('User name', { exact: false }).fill('mistaken')
    await page.getByLabel('Password', { exact: true }).fill('wrong')
    await page.keyboard.press('Enter')
    expect(await page.getByRole('alert').textContent()).toBe('Wrong user name or password.')
    expect(await page.title()).toBe('Error: Sign in')
    expect(await page.evaluate('document.activeElement.id')).toBe('password')
    expect(await page.getByLabel('Password', { exact: true }).getAttribute('aria-describedby')).toBe('refusal')
    expect(await page.getByLabel('User name', { exact: false }).inputValue()).toBe('mistaken')
  })

  it('link a provider and come back: no policy of ours stops the way there', async () => {
    await house.homeserver.register('linker')
    await using window = await visit(browser, house.url)
    const { page, complaints } = window
    await signIn(page, 'linker', '/account/providers')
    await page.getByRole('button', { name: /^Link / }).click()
    await page.getByRole('button', { name: 'Yes, link it' }).click()
    await page.waitForURL(`${house.url}/account/providers?done=linked`)
    expect(complaints).toEqual([])
    expect(headingOf({ text: await page.content() })).toBe('Other ways to sign in')
  })

  it('no other site shows them in a frame', async () => {
    await using window = await visit(browser, house.url)
    const { page } = window
    await page.setContent(`<iframe src="${house.url}/account/sign-in"></iframe>`)
    await page.waitForLoadState('load')
    const inner = page.frames().at(1)
    expect(await inner?.content().catch(() => '')).not.toContain('<form')
  })
})
