import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { silentLogger, systemClock } from '#base'
import { openStore, writers } from '#store'
import { PASSWORD } from '../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { CaptchaServer, captchaSettings } from './captcha-server.ts'
import { inChromium, launchChromium, visit } from './chromium.ts'

const LOGIN = '/_matrix/static/client/login/'
const REGISTER = '/_matrix/static/client/register/'

/** As apps do it: their function comes into the page once it was loaded, and what it is told leaves it. */
const listen = (page: Page, object: string, name: string) =>
  page.evaluate(`window.told = new Promise((resolve) => {
    window.${object}.${name} = function () { resolve([...arguments]) }
  })
  undefined`)

inChromium('the pages for login and registration', () => {
  let browser: Browser
  let homeserver: TestHomeserver
  beforeAll(async () => {
    browser = await launchChromium()
    homeserver = await startHomeserver()
    await homeserver.register('mira')
  })
  afterAll(async () => {
    await browser.close()
    await homeserver.stop()
  })

  const open = async (site: TestHomeserver, path: string, options = {}) => {
    const window = await visit(browser, site.url, options)
    const answer = await window.page.goto(`${site.url}${path}`)
    expect(answer?.status()).toBe(200)
    const policy = answer?.headers()['content-security-policy'] ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    return window
  }
  const whoami = async (site: TestHomeserver, token: string) =>
    (await site.client().request('GET', '/v3/account/whoami', { token })).body

  it('log somebody in, on the device that the app names, and tell the app the whole answer', async () => {
    for (const path of [LOGIN, '/_matrix/static/client/login', '/_matrix/client/api/v1/login/fallback']) {
      const query = '?device_id=PHONE&initial_device_display_name=My%20phone&refresh_token=true'
      await using window = await open(homeserver, `${path}${query}`)
      const { page } = window
      await listen(page, 'matrixLogin', 'onLogin')
      await page.locator('#user:focus').waitFor()
      await page.getByLabel('User name').fill('mira')
      await page.getByLabel('Password').fill('wrong')
      await page.getByLabel('Password').press('Enter')
      expect(await page.getByRole('alert').textContent()).toBe('Wrong user name or password.')
      await page.locator('#password:focus').waitFor()
      expect(await page.getByLabel('Password').getAttribute('aria-describedby')).toBe('refusal')
      expect([await page.title(), await page.getByLabel('Password').inputValue()]).toEqual(['Error: Log in', ''])
      await page.getByLabel('Password').fill(PASSWORD)
      await page.getByRole('button', { name: 'Log in' }).click()
      const [response] = (await page.evaluate('window.told')) as [Record<string, string>]
      expect(response).toMatchObject({ user_id: '@mira:localhost', home_server: 'localhost', device_id: 'PHONE' })
      expect(response.refresh_token).toMatch(/^hrr_/)
      expect((await whoami(homeserver, response.access_token ?? '')).device_id).toBe('PHONE')
      await page.getByRole('status').getByText('@mira:localhost').waitFor()
      expect(await page.getByRole('button').count()).toBe(0)
      expect([window.complaints, window.elsewhere]).toEqual([[], []])
    }
    const client = homeserver.client()
    await client.login('mira')
    expect((await client.get('/v3/devices/PHONE')).display_name).toBe('My phone')
  })

  it('tell apps of old in the three parts that they take, and those that listen nowhere in words', async () => {
    for (const isOld of [true, false]) {
      await using window = await open(homeserver, LOGIN)
      const { page } = window
      if (isOld)
        await page.evaluate(
          'window.matrixLogin.onLogin = function (a, b, c) { window.told = [a, b, typeof c] }; undefined',
        )
      await page.getByLabel('User name').fill('@mira:localhost')
      await page.getByLabel('Password').fill(PASSWORD)
      await page.getByLabel('Password').press('Enter')
      await page.getByRole('status').getByText('You are logged in').waitFor()
      expect(await page.evaluate('window.told')).toEqual(isOld ? ['localhost', '@mira:localhost', 'string'] : undefined)
      expect(window.complaints).toEqual([])
    }
  })

  it('say it in words where the server is gone, or has had enough', async () => {
    const limited = await startHomeserver({ settings: { rateLimits: { enabled: true, login: '2/60s' } } })
    try {
      await using window = await open(limited, LOGIN)
      const { page } = window
      await page.getByLabel('User name').fill('nobody')
      for (const expected of [/^(?:Wrong|Too many)/, /^Too many attempts\. Try again in \d+ seconds?\.$/]) {
        await page.getByLabel('Password').fill('wrong')
        await page.getByLabel('Password').press('Enter')
        await page.getByRole('alert').filter({ hasText: expected }).waitFor()
      }
      await limited.stop()
      await page.getByLabel('Password').fill('wrong')
      await page.getByLabel('Password').press('Enter')
      await page.getByRole('alert').getByText('The server cannot be reached.').waitFor()
    } finally {
      await limited.stop().catch(() => undefined)
    }
  })

  const fillIn = async (page: Page, user: string, password = PASSWORD, repeated = password): Promise<void> => {
    await page.getByLabel('User name').fill(user)
    await page.getByLabel('Password', { exact: true }).fill(password)
    await page.getByLabel('Password, once more').fill(repeated)
    await page.getByRole('button', { name: 'Create account' }).click()
  }

  it('make an account where there is nothing to prove, once it is right', async () => {
    await using window = await open(homeserver, `${REGISTER}?device_id=NEW&initial_device_display_name=Tablet`)
    const { page } = window
    await listen(page, 'matrixRegistration', 'onRegistered')
    await fillIn(page, 'ida', 'one', 'two')
    expect(await page.getByRole('alert').textContent()).toBe('The two passwords differ.')
    await fillIn(page, 'mira')
    await page.getByRole('alert').getByText('This user name is taken.').waitFor()
    await page.locator('#user:focus[aria-invalid]').waitFor()
    await fillIn(page, 'a b')
    await page.getByRole('alert').getByText('User names consist of').waitFor()
    await fillIn(page, 'ida')
    const [server, userId, token] = (await page.evaluate('window.told')) as string[]
    expect([server, userId]).toEqual(['localhost', '@ida:localhost'])
    expect(await whoami(homeserver, token ?? '')).toMatchObject({ user_id: '@ida:localhost', device_id: 'NEW' })
    await page.getByRole('status').getByText('@ida:localhost').waitFor()
    expect([window.complaints, window.elsewhere]).toEqual([[], []])
  })

  it('lead from one to the other, and tell the app that listens as fits the one it opened', async () => {
    await using window = await open(homeserver, `${LOGIN}?device_id=LINKED`)
    const { page } = window
    await page.getByRole('link', { name: 'Create one' }).click()
    await page.getByRole('heading', { name: 'Create an account' }).waitFor()
    expect(new URL(page.url()).search).toBe('?device_id=LINKED')
    await page.getByRole('link', { name: 'Log in' }).click()
    await page.getByRole('heading', { name: 'Log in' }).waitFor()
    await page.goBack()
    await listen(page, 'matrixLogin', 'onLogin')
    await fillIn(page, 'lena')
    const [response] = (await page.evaluate('window.told')) as [Record<string, string>]
    expect(response).toMatchObject({ user_id: '@lena:localhost', device_id: 'LINKED' })
    expect(await page.getByRole('status').textContent()).toContain(homeserver.url)
    expect(window.complaints).toEqual([])
  })

  it('say at once where nobody may register, and lead to the login', async () => {
    await using closed = await startHomeserver({ settings: { registration: { mode: 'closed' } } })
    await using window = await visit(browser, closed.url)
    const { page } = window
    expect((await page.goto(`${closed.url}${REGISTER}`))?.status()).toBe(403)
    await page.getByRole('heading', { name: 'No new accounts here' }).waitFor()
    await page.getByRole('link', { name: 'Log in' }).click()
    await page.getByLabel('Password').waitFor()
    expect(await page.getByRole('link', { name: 'Create one' }).count()).toBe(0)
  })

  it('ask for the registration token before name and password, and lead through captcha and terms, each on its own page in a frame', async () => {
    await using captcha = new CaptchaServer('secret-key')
    await captcha.start()
    const { registration, ...settings } = captchaSettings(captcha)
    const asks = { ...registration, mode: 'token', termsUrl: 'https://chat.example/terms' }
    await using site = await startHomeserver({ settings: { ...settings, registration: asks } })
    const url = `sqlite:${site.dataFolder}/homeroom.sqlite`
    const store = await openStore({ url, clock: systemClock, logger: silentLogger })
    await store.commit([writers.registrationTokens.create('letmein', 1, undefined)])
    await store.close()

    await using window = await open(site, REGISTER, { viewport: { width: 320, height: 640 } })
    const { page } = window
    await listen(page, 'matrixRegistration', 'onRegistered')
    await page.locator('#token:focus').waitFor()
    expect(await page.locator('input').evaluateAll((fields) => fields.map(({ id }) => id))).toEqual([
      'token',
      'user',
      'password',
      'repeated',
    ])
    // It is said before the other fields are filled in.
    await page.getByLabel('Registration token').fill('wrong')
    await page.getByLabel('User name').click()
    await page.getByRole('alert').getByText('This registration token is not valid.').waitFor()
    await page.locator('#token:focus[aria-invalid]').waitFor()
    await page.getByLabel('Registration token').fill('letmein')
    await fillIn(page, 'mira')
    const inside = page.frameLocator('#frame')
    const step = (count: number) => page.getByText(`Step ${count} of 2`).waitFor()
    await step(1)
    await inside.getByRole('button', { name: 'I am not a robot' }).click()
    await inside.getByRole('button', { name: 'Continue' }).click()
    await step(2)
    await inside.getByRole('checkbox', { name: /agree/ }).check()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    await inside.getByRole('button', { name: 'Continue' }).click()
    const [, userId, token] = (await page.evaluate('window.told')) as string[]
    expect(userId).toBe('@mira:localhost')
    expect((await whoami(site, token ?? '')).user_id).toBe('@mira:localhost')
    expect(window.complaints).toEqual([])
    expect([...new Set(window.elsewhere)]).toEqual([`${captcha.url}/recaptcha/api.js`])
  })
})
