import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { registration, type ServiceWorld, startWithServices } from '../flow/appservices/fixture.ts'
import { registerAdmin } from '../support/operator.ts'
import { adminWindow, downloaded, lookOver } from './admin-window.ts'
import { inChromium, launchChromium } from './chromium.ts'

inChromium('the pages of the administration about application services', () => {
  let browser: Browser
  let world: ServiceWorld
  beforeAll(async () => {
    browser = await launchChromium()
    world = await startWithServices()
    await registerAdmin(world.server, 'root')
  })
  afterAll(async () => {
    await browser.close()
    await world[Symbol.asyncDispose]()
  })

  it('show each, and name a registration file that cannot be used, when they are read anew', async () => {
    const { server: home, folder } = world
    await using window = await adminWindow(browser, home, 'root')
    const { page } = window
    await page.goto(`${home.url}/admin/application-services`)
    await page.getByRole('cell', { name: 'nothing is sent to it' }).waitFor()
    folder.write('broken.yaml', 'id: [')
    folder.write(
      'mail.yaml',
      registration({
        id: 'mail',
        as_token: 'another',
        hs_token: 'one-more',
        sender_localpart: '_mail',
        namespaces: {},
      }),
    )
    await page.getByRole('button', { name: 'Read the files anew' }).click()
    await page.getByRole('status').getByText('The registration files were read anew.').waitFor()
    await page.getByText('broken.yaml').waitFor()
    await lookOver(window, `${home.url}/admin/application-services`, 'application-services')
    expect((await downloaded(page)).split('\r\n').map((line) => line.split(',')[0])).toEqual(['id', 'irc', 'mail', ''])
    await page.getByRole('link', { name: 'irc', exact: true }).click()
    await page.getByText('@_irc_.*').waitFor()
    await lookOver(window, page.url(), 'application-service')
    expect((await page.goto(`${home.url}/admin/application-services/none`))?.status()).toBe(404)
  })
})
