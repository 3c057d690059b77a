import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PASSWORD } from '../support/client.ts'
import { type SignInHouse, startSignInHouse } from '../support/sign-in-house.ts'
import { inChromium, launchChromium, visit } from './chromium.ts'

const STAGE = 'm.login.oauth2'

inChromium('signing in at a provider, in a browser', () => {
  let browser: Browser
  beforeAll(async () => {
    browser = await launchChromium()
  })
  afterAll(() => browser.close())

  /** A house whose provider asks, and whose client is a page of its own. */
  const startAsking = async (setup: Parameters<typeof startSignInHouse>[0] = {}): Promise<SignInHouse> => {
    const house = await startSignInHouse(setup)
    house.provider.comes = undefined
    return house
  }

  /** Logs in at the provider and consents, on its own pages. */
  const allow = async (page: Page, person = 'ann') => {
    await page.getByRole('heading', { name: 'Provider: login' }).waitFor()
    await page.getByLabel('Person').fill(person)
    await page.getByRole('button', { name: 'Allow' }).click()
    await page.getByRole('heading', { name: 'Provider: consent' }).waitFor()
    await page.getByRole('button', { name: 'Allow' }).click()
  }

  it('goes from the client to the provider, by the choice of a name, back to the client', async () => {
    const registration = { termsUrl: 'https://chat.example/terms' }
    await using house = await startAsking({ settings: { registration } })
    const back = `${house.url}/_matrix/client/versions?kept=1`
    await using window = await visit(browser, house.url)
    const { page } = window
    await page.goto(house.start(back))
    await allow(page)
    const name = page.getByLabel('User name')
    await name.waitFor()
    expect([await name.inputValue(), await page.locator('#username:focus').count()]).toEqual(['ann', 1])
    await name.fill('no name')
    await page.getByRole('checkbox').check()
    await name.press('Enter')
    await page.getByRole('alert').getByText('User names consist of').waitFor()
    expect(await name.getAttribute('aria-describedby')).toBe('refusal')
    await name.fill('ann')
    await page.getByRole('checkbox').check()
    await name.press('Enter')
    await page.getByRole('heading', { name: `Continue to ${new URL(house.url).host}?` }).waitFor()
    expect(await page.getByRole('main').textContent()).toContain('@ann:localhost')
    await page.getByRole('link', { name: 'Continue' }).click()
    await page.waitForURL(/\/versions\?kept=1&loginToken=/)
    const token = new URL(page.url()).searchParams.get('loginToken')
    const ann = house.homeserver.client()
    await ann.login('', { type: 'm.login.token', token })
    expect(ann.userId).toBe('@ann:localhost')
    expect(window.complaints).toEqual([])
  })

  it('completes a stage in a window that a client of today opened, which hears of it', async () => {
    await using house = await startSignInHouse()
    const ann = await house.register('ann')
    house.provider.comes = undefined
    const path = `/v3/devices/${ann.deviceId}`
    const { session } = (await ann.request('DELETE', path, { body: {} })).body
    await using window = await visit(browser, house.url)
    await window.page.goto(`${house.url}/_matrix/client/versions`)
    const opened = window.page.waitForEvent('popup')
    const address = `${house.url}/_matrix/client/v3/auth/m.login.sso/fallback/web?session=${session}`
    await window.page.evaluate(`
      window.told = new Promise((resolve) => addEventListener('message', (event) => resolve(event.data)))
      window.opened = window.open(${JSON.stringify(address)})
      undefined`)
    const popup = await opened
    await popup.getByRole('heading', { name: 'Confirm that it is you' }).waitFor()
    expect(await popup.getByRole('main').textContent()).toContain('@ann:localhost')
    await popup.getByRole('link', { name: 'Continue with Own Provider' }).click()
    await allow(popup)
    expect(await window.page.evaluate('window.told')).toBe('authDone')
    await popup.getByRole('status').getByText('This step is complete').waitFor()
    expect((await ann.request('DELETE', path, { body: { auth: { session } } })).status).toBe(200)
    expect(window.complaints).toEqual([])
  })

  it('asks who comes by the address of 2015 whether they began it, and takes a no of the provider', async () => {
    await using house = await startAsking({ settings: { registration: { oauth2: true } } })
    const wish = { username: 'ann', password: PASSWORD }
    const begin = async () => (await house.homeserver.client().request('POST', '/v3/register', { body: wish })).body
    const first = await begin()
    await using window = await visit(browser, house.url)
    const { page } = window
    await page.addInitScript('window.onAuthDone = () => { document.documentElement.dataset.told = "yes" }')
    await page.goto(first.params[STAGE].uri)
    await page.getByRole('button', { name: 'Deny' }).click()
    await page.getByRole('alert').getByText('did not agree').waitFor()
    // The address was used: the client is told a new one.
    const client = house.homeserver.client()
    const { session } = first
    const second = (await client.request('POST', '/v3/register', { body: { auth: { session } } })).body
    await page.goto(second.params[STAGE].uri)
    await allow(page)
    await page.getByRole('heading', { name: 'Did you begin this?' }).waitFor()
    await page.getByRole('button', { name: 'Yes, go on' }).click()
    await page.waitForSelector('html[data-told=yes]')
    const made = await client.request('POST', '/v3/register', { body: { auth: { session } } })
    expect(made.body.user_id).toBe('@ann:localhost')
    expect(window.complaints).toEqual([])
  })

  it('fits a small window, whatever it says', async () => {
    const name = `Provider ${'with a name without end '.repeat(4)}${'x'.repeat(60)}`
    const other = { id: 'other', name: 'Other', issuer: 'https://nowhere.example', clientId: 'x', clientSecret: 'y' }
    await using house = await startSignInHouse({ provider: { name }, others: [other] })
    house.provider.people.set('ann', { preferred_username: 'a'.repeat(200), name: 'Ann '.repeat(40) })
    await using window = await visit(browser, house.url, { viewport: { width: 320, height: 640 } })
    const { page } = window
    const width = () => page.evaluate('document.documentElement.scrollWidth')
    await page.goto(house.start(`https://${'long.'.repeat(20)}example/`))
    expect(await width()).toBe(320)
    await page.getByRole('main').getByRole('link').first().click()
    await page.getByLabel('User name').fill('ann')
    expect(await width()).toBe(320)
    await page.getByRole('button').click()
    await page.getByRole('link', { name: 'Continue' }).waitFor()
    expect(await width()).toBe(320)
    for (const path of [
      '/_homeroom/sign-in/callback?state=x',
      '/_matrix/client/v3/login/sso/redirect/none?redirectUrl=x',
    ]) {
      await page.goto(`${house.url}${path}`)
      expect([await width(), await page.getByRole('alert').count()]).toEqual([320, 1])
    }
    expect(window.complaints).toEqual([])
  })
})
