import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { silentLogger, systemClock } from '#base'
import { openStore, writers } from '#store'
import { PASSWORD } from '../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { CaptchaServer, captchaSettings } from './captcha-server.ts'
import { inChromium, launchChromium, visit } from './chromium.ts'

const pageOf = ({ url }: TestHomeserver, type: string, session: string) =>
  `${url}/_matrix/client/v3/auth/${type}/fallback/web?session=${session}`

const NEW_ACCOUNT = { username: 'mira', password: PASSWORD }

inChromium('a stage completed on its fallback page', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  /** Begins a registration and answers its session. */
  const begin = async (homeserver: TestHomeserver): Promise<string> => {
    const { status, body } = await homeserver.client().request('POST', '/v3/register', { body: NEW_ACCOUNT })
    expect(status).toBe(401)
    return body.session
  }

  /** What a client sends once it heard of the end: the session, and nothing else. */
  const finish = (homeserver: TestHomeserver, session: string) =>
    homeserver.client().request('POST', '/v3/register', { body: { auth: { session } } })

  const open = async (homeserver: TestHomeserver, type: string, session: string) => {
    const window = await visit(browser, homeserver.url)
    await window.page.addInitScript('window.onAuthDone = () => { document.documentElement.dataset.told = "yes" }')
    await window.page.goto(pageOf(homeserver, type, session))
    return window
  }
  const TOLD = 'html[data-told=yes]'

  it('m.login.dummy: a button', async () => {
    await using homeserver = await startHomeserver()
    const session = await begin(homeserver)
    await using window = await open(homeserver, 'm.login.dummy', session)
    expect((await finish(homeserver, session)).status).toBe(401)
    await window.page.locator('button:focus').press('Enter')
    await window.page.waitForSelector(TOLD)
    expect(await window.page.getByRole('status').textContent()).toContain('This step is complete')
    expect((await finish(homeserver, session)).body.user_id).toBe('@mira:localhost')
    expect([window.complaints, window.elsewhere]).toEqual([[], []])
  })

  it('m.login.terms: the documents, to be agreed to', async () => {
    const registration = { termsUrl: 'https://chat.example/terms', termsName: 'Rules <of> "the" house' }
    await using homeserver = await startHomeserver({ settings: { registration } })
    const session = await begin(homeserver)
    await using window = await open(homeserver, 'm.login.terms', session)
    const { page } = window
    const link = page.getByRole('link', { name: 'Rules <of> "the" house' })
    expect(await link.getAttribute('href')).toBe('https://chat.example/terms')
    // A browser does not let go of the form without the box; a program might.
    await page.evaluate('document.forms[0].noValidate = true')
    await page.getByRole('button').click()
    expect(await page.getByRole('alert').textContent()).toBe('To go on, agree to the documents.')
    expect((await finish(homeserver, session)).status).toBe(401)
    await page.getByRole('checkbox', { name: /agree/ }).check()
    await page.getByRole('button').click()
    await page.waitForSelector(TOLD)
    expect((await finish(homeserver, session)).status).toBe(200)
    expect([window.complaints, window.elsewhere]).toEqual([[], []])
  })

  it('m.login.registration_token: a wrong one is told in words, escaped, and can be put right', async () => {
    await using homeserver = await startHomeserver({ settings: { registration: { mode: 'token' } } })
    const url = `sqlite:${homeserver.dataFolder}/homeroom.sqlite`
    const store = await openStore({ url, clock: systemClock, logger: silentLogger })
    await store.commit([writers.registrationTokens.create('once', 1, undefined)])
    await store.close()
    const session = await begin(homeserver)
    await using window = await open(homeserver, 'm.login.registration_token', session)
    const { page } = window
    const field = page.getByLabel('Registration token')
    await page.locator('#token:focus').waitFor()
    await field.fill('"><script>alert(1)</script>')
    await field.press('Enter')
    expect(await page.getByRole('alert').textContent()).toBe('This registration token is not valid.')
    expect(await field.inputValue()).toBe('"><script>alert(1)</script>')
    expect(await field.getAttribute('aria-describedby')).toBe('refusal')
    expect(await page.title()).toBe('Error: Registration token')
    await field.fill('once')
    await field.press('Enter')
    await page.waitForSelector(TOLD)
    expect((await finish(homeserver, session)).body.user_id).toBe('@mira:localhost')
    expect([window.complaints, window.elsewhere]).toEqual([[], []])
  })

  it('m.login.password: of the account that asked, and of no other', async () => {
    await using homeserver = await startHomeserver()
    const [ida, tom] = [await homeserver.register('ida'), await homeserver.register('tom')]
    const other = await ida.loginAgain()
    const path = `/v3/devices/${other.deviceId}`
    const { session } = (await ida.request('DELETE', path, { body: {} })).body
    await using window = await open(homeserver, 'm.login.password', session)
    const { page } = window
    const user = page.getByLabel('User name')
    const password = page.getByLabel('Password')
    expect(await user.inputValue()).toBe('@ida:localhost')
    await password.fill('wrong')
    await password.press('Enter')
    expect(await page.getByRole('alert').textContent()).toMatch(/\w\.$/)
    expect(await password.inputValue()).toBe('')
    await user.fill(tom.userId)
    await password.fill(PASSWORD)
    await password.press('Enter')
    await page.getByRole('alert').getByText('Only the user').waitFor()
    expect((await ida.request('DELETE', path, { body: { auth: { session } } })).status).toBe(401)
    await user.fill('ida')
    await password.fill(PASSWORD)
    await password.press('Enter')
    await page.waitForSelector(TOLD)
    expect((await ida.request('DELETE', path, { body: { auth: { session } } })).status).toBe(200)
    expect([window.complaints, window.elsewhere]).toEqual([[], []])
  })

  it('m.login.recaptcha: the widget, from its own place and no other', async () => {
    await using captcha = new CaptchaServer('secret-key')
    await captcha.start()
    await using homeserver = await startHomeserver({ settings: captchaSettings(captcha) })
    const session = await begin(homeserver)
    await using window = await open(homeserver, 'm.login.recaptcha', session)
    const { page } = window
    const go = page.getByRole('button', { name: 'Continue' })
    const widget = page.getByRole('button', { name: 'I am not a robot' })
    await page.locator('.g-recaptcha iframe').waitFor()
    const sizes = '(({ offsetWidth, offsetHeight }) => [offsetWidth, offsetHeight])(document.querySelector("iframe"))'
    expect(await page.evaluate(sizes)).toEqual([150, 40])
    await widget.waitFor()
    await go.click()
    expect(await page.getByRole('alert').textContent()).toBe('Solve the captcha first.')
    await widget.click()
    captcha.mood = { status: 200, body: '{"success":false}' }
    await go.click()
    await page.getByRole('alert').getByText('too long ago').waitFor()
    captcha.mood = 'honest'
    await widget.click()
    await go.click()
    await page.waitForSelector(TOLD)
    expect(captcha.checks.at(-1)).toEqual({ secret: 'secret-key', response: 'solved site-key', remoteip: '127.0.0.1' })
    expect((await finish(homeserver, session)).status).toBe(200)
    expect(window.complaints).toEqual([])
    expect([...new Set(window.elsewhere)]).toEqual([`${captcha.url}/recaptcha/api.js`])
  })

  it('is told to the window that opened it', async () => {
    await using homeserver = await startHomeserver()
    const session = await begin(homeserver)
    await using window = await visit(browser, homeserver.url)
    const { page } = window
    await page.goto(`${homeserver.url}/_matrix/client/versions`)
    const popup = page.waitForEvent('popup')
    await page.evaluate(`
      window.told = new Promise((resolve) => addEventListener('message', (event) => resolve(event.data)))
      window.opened = window.open(${JSON.stringify(pageOf(homeserver, 'm.login.dummy', session))})
      undefined`)
    await (await popup).getByRole('button').click()
    expect(await page.evaluate('window.told')).toBe('authDone')
  })

  it('says in words where there is nothing to do', async () => {
    await using homeserver = await startHomeserver()
    const session = await begin(homeserver)
    const cases: [string, string, number, string][] = [
      ['m.login.dummy', 'nonsense', 404, 'This session has ended'],
      ['org.example.<b>dance</b>', session, 404, 'org.example.<b>dance</b>'],
      ['m.login.password', session, 404, 'Your app did not ask for this step'],
    ]
    await using window = await visit(browser, homeserver.url, { viewport: { width: 320, height: 560 } })
    for (const [type, id, status, words] of cases) {
      const answer = await window.page.goto(pageOf(homeserver, encodeURIComponent(type), id))
      expect([type, answer?.status()]).toEqual([type, status])
      expect(await window.page.getByRole('main').textContent()).toContain(words)
      expect(await window.page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    }
    expect(window.complaints).toEqual([])
  })
})
