import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PASSWORD } from '../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { linkIn, MailServer, mailSettings } from '../support/other-servers/smtp.ts'
import { inChromium, launchChromium, visit } from './chromium.ts'

const LOGIN = '/_matrix/static/client/login/'
const REGISTER = '/_matrix/static/client/register/'
const FORGOTTEN = '/_matrix/static/client/forgotten-password/'

const login = (home: TestHomeserver, user: string, password: string) =>
  home.client().request('POST', '/v3/login', {
    body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password },
  })

const register = async (page: Page, home: TestHomeserver, name: string, email: string): Promise<void> => {
  await page.goto(`${home.url}${REGISTER}`)
  await page.getByLabel('User name').fill(name)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByLabel('Password, once more').fill(PASSWORD)
  await page.getByLabel('E-mail address (optional)').fill(email)
  await page.getByRole('button', { name: 'Create account' }).click()
}

inChromium('the pages around an e-mail address', () => {
  let browser: Browser
  let mails: MailServer
  let home: TestHomeserver
  beforeAll(async () => {
    browser = await launchChromium()
    mails = await MailServer.start()
    home = await startHomeserver({ settings: mailSettings(mails, {}, { email: 'optional' }) })
  })
  afterAll(async () => {
    await browser.close()
    await home.stop()
    await mails[Symbol.asyncDispose]()
  })

  it('ask for an optional address at registration: whoever gives none is asked nothing more, whoever gives one confirms it', async () => {
    await using window = await visit(browser, home.url, { viewport: { width: 320, height: 640 } })
    const { page } = window
    await register(page, home, 'without', '')
    await page.getByRole('status').getByText('@without:localhost').waitFor()
    expect(mails.received).toHaveLength(0)

    await register(page, home, 'mira', 'mira@example.org')
    const inside = page.frameLocator('#frame')
    await inside.getByRole('button', { name: 'Send me the code' }).click()
    await inside.getByLabel('The code in the mail').waitFor()
    const code = /^[A-Za-z0-9]{10}$/m.exec(mails.last.mail.text ?? '')?.[0] ?? ''
    await inside.getByLabel('The code in the mail').fill(code)
    await inside.getByLabel('The code in the mail').press('Enter')
    await page.getByRole('status').getByText('@mira:localhost').waitFor()
    // The app on a phone is told the server.
    const phone = await page.getByRole('link', { name: 'the app of Element' }).getAttribute('href')
    expect(phone).toBe(`https://mobile.element.io/?hs_url=${encodeURIComponent(home.url)}`)
    const client = home.client()
    await client.login('mira')
    const { threepids } = await client.get('/v3/account/3pid')
    expect(threepids.map(({ address }: { address: string }) => address)).toEqual(['mira@example.org'])
    expect([window.complaints, window.elsewhere]).toEqual([[], []])
  })

  it('bring back in whoever forgot their password, all in the browser', async () => {
    const old = home.client()
    await old.login('mira')
    await using window = await visit(browser, home.url, { viewport: { width: 320, height: 640 }, colorScheme: 'dark' })
    const { page } = window
    await page.goto(`${home.url}${LOGIN}`)
    await page.getByRole('link', { name: 'Forgotten your password?' }).click()
    await page.getByRole('heading', { name: 'Forgotten password' }).waitFor()
    await page.getByLabel('E-mail address').fill('nobody@example.org')
    await page.getByRole('button', { name: 'Send me a mail' }).click()
    await page.getByText('Open the link in the mail to nobody@example.org').waitFor()
    await page.getByRole('link', { name: 'No mail?' }).click()

    await page.getByLabel('E-mail address').fill('mira@example.org')
    await page.getByRole('button', { name: 'Send me a mail' }).click()
    await page.getByText('Open the link in the mail to mira@example.org').waitFor()
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    const fresh = 'a quite new password'
    const set = async (repeated: string): Promise<void> => {
      await page.getByLabel('New password', { exact: true }).fill(fresh)
      await page.getByLabel('New password, once more').fill(repeated)
      await page.getByRole('button', { name: 'Set the new password' }).click()
    }
    await set('another one')
    await page.getByRole('alert').getByText('The two passwords differ.').waitFor()
    await set(fresh)
    await page.getByRole('alert').getByText('Open the link in the mail first').waitFor()

    const other = await page.context().newPage()
    await other.goto(linkIn(mails.last, home))
    await other.getByRole('button', { name: 'Yes, confirm' }).click()
    await other.getByText('Your e-mail address is confirmed').first().waitFor()
    await set(fresh)
    await page.getByRole('heading', { name: 'Your password is changed' }).waitFor()
    expect((await login(home, 'mira', PASSWORD)).status).toBe(403)
    expect((await login(home, 'mira', fresh)).status).toBe(200)
    expect((await old.request('GET', '/v3/account/whoami')).status).toBe(401)
    await page.getByRole('main').getByRole('link', { name: 'Log in' }).last().click()
    await page.getByLabel('User name or e-mail address').fill('mira@example.org')
    await page.getByLabel('Password').fill(fresh)
    await page.getByLabel('Password').press('Enter')
    await page.getByRole('status').getByText('@mira:localhost').waitFor()
    expect([window.complaints, window.elsewhere]).toEqual([[], []])
  })

  it('say so where the server sends no mails, and offer nothing that could not be done', async () => {
    await using silent = await startHomeserver()
    await using window = await visit(browser, silent.url)
    const { page } = window
    expect((await page.goto(`${silent.url}${FORGOTTEN}`))?.status()).toBe(404)
    await page.getByRole('heading', { name: 'No mails from here' }).waitFor()
    await page.goto(`${silent.url}${LOGIN}`)
    expect(await page.getByText('Forgotten your password?').count()).toBe(0)
    await page.goto(`${silent.url}${REGISTER}`)
    expect(await page.getByText('E-mail address').count()).toBe(0)
  })
})
