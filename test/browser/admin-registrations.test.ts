import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PASSWORD } from '../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { command } from '../support/operator.ts'
import { adminWindow, downloaded, lookOver } from './admin-window.ts'
import { inChromium, launchChromium } from './chromium.ts'

inChromium('the page of the administration about registrations', () => {
  let browser: Browser
  let home: TestHomeserver
  beforeAll(async () => {
    browser = await launchChromium()
    home = await startHomeserver({ settings: { registration: { mode: 'open', approval: true } } })
    await command(home, 'create-user', { user: 'root', password: PASSWORD, admin: true })
  })
  afterAll(async () => {
    await browser.close()
    await home.stop()
  })

  const login = (user: string) =>
    home.client().request('POST', '/v3/login', {
      body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password: PASSWORD },
    })
  const signUp = async (username: string): Promise<void> => {
    const wish = { username, password: PASSWORD }
    const { body } = await home.client().request('POST', '/v3/register', { body: wish })
    const auth = { type: 'm.login.dummy', session: body.session }
    const { status } = await home.client().request('POST', '/v3/register', { body: { ...wish, auth } })
    expect(status).toBe(403)
  }

  it('lets people in, or refuses them for good after a question', async () => {
    for (const name of ['ann', 'ben']) await signUp(name)
    expect((await login('ann')).status).toBe(403)
    await using window = await adminWindow(browser, home, 'root')
    const { page } = window
    await lookOver(window, `${home.url}/admin/registrations`, 'registrations')
    const lines = (await downloaded(page)).split('\r\n')
    expect(lines.map((line) => line.split(',')[0])).toEqual(['user_id', "'@ann:localhost", "'@ben:localhost", ''])
    await page.getByRole('button', { name: 'Approve @ann:localhost' }).click()
    await page.getByRole('status').getByText('The account is let in.').waitFor()
    expect((await login('ann')).status).toBe(200)
    await page.getByRole('link', { name: 'Refuse @ben:localhost' }).click()
    await lookOver(window, page.url(), 'registration-refuse')
    await page.getByLabel('Reason').fill('not of the club')
    await page.getByRole('button', { name: 'Refuse for good' }).click()
    await page.getByRole('status').getByText('The account is refused.').waitFor()
    await page.getByText('Nobody waits.').waitFor()
    expect((await login('ben')).status).toBe(403)
    await page.goto(`${home.url}/admin/audit-log?action=registration.refuse`)
    await page.getByText('not of the club').waitFor()
  })
})
