import type { Page } from 'playwright-core'
import { expect, it } from 'vitest'
import { PASSWORD } from '../support/client.ts'
import { adminWindow, downloaded, lookOver, shareAdministeredPages } from './admin-window.ts'
import { inChromium } from './chromium.ts'

inChromium('the pages of the administration about people', () => {
  const world = shareAdministeredPages()

  const login = (user: string, password: string) =>
    world.home.client().request('POST', '/v3/login', {
      body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password },
    })
  const open = async (page: Page, userId: string): Promise<void> => {
    await page.goto(`${world.home.url}/admin/people/${encodeURIComponent(userId)}`)
  }
  const done = (page: Page, words: string) => page.getByRole('status').getByText(words).waitFor()

  it('list everybody: searched, sorted, page by page, and as a file', async () => {
    const names = ['ada', 'bert', 'cleo']
    for (const name of names) {
      const client = await world.home.register(name)
      await client.put(`/v3/profile/${client.userId}/displayname`, {
        displayname: name === 'ada' ? '=1+1' : `The ${name}`,
      })
    }
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await lookOver(window, `${world.home.url}/admin/people`, 'people')
    const ids = () => page.getByRole('row').getByRole('link', { name: /^@/ }).allTextContents()
    expect(await ids()).toEqual(['@ada:localhost', '@bert:localhost', '@cleo:localhost', '@root:localhost'])
    await page.getByRole('link', { name: 'User id' }).click()
    expect(await ids()).toEqual(['@root:localhost', '@cleo:localhost', '@bert:localhost', '@ada:localhost'])
    await page.getByLabel('Name or user id').fill('the b')
    await page.getByRole('button', { name: 'Search' }).click()
    expect(await ids()).toEqual(['@bert:localhost'])
    await page.goto(`${world.home.url}/admin/people?show=admins`)
    expect(await ids()).toEqual(['@root:localhost'])
    await page.goto(`${world.home.url}/admin/people?from=3`)
    expect(await ids()).toEqual(['@root:localhost'])
    await page.getByRole('link', { name: 'First page' }).waitFor()
    expect((await page.goto(`${world.home.url}/admin/people?order=shoe_size`))?.status()).toBe(400)
    await page.goto(`${world.home.url}/admin/people`)
    const lines = (await downloaded(page)).split('\r\n')
    expect(lines[0]).toMatch(/^user_id,display_name,admin,/)
    expect(lines[1]).toMatch(/^'@ada:localhost,'=1\+1,false,/)
    expect(lines).toHaveLength(6)
  })

  it('make an account, with nothing but the keyboard', async () => {
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await lookOver(window, `${world.home.url}/admin/people/new`, 'person-new')
    await page.getByLabel('User name').focus()
    for (const text of ['Not A Name', 'Dora the First', PASSWORD, 'other']) {
      await page.keyboard.type(text)
      await page.keyboard.press('Tab')
    }
    await page.keyboard.press('Enter')
    await page.getByRole('alert').waitFor()
    expect(await page.getByLabel('Display name').inputValue()).toBe('Dora the First')
    await page.getByLabel('User name').fill('dora')
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByLabel('Password, once more').fill('other')
    await page.keyboard.press('Enter')
    await page.getByRole('alert').getByText('The two passwords differ.').waitFor()
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByLabel('Password, once more').fill(PASSWORD)
    await page.keyboard.press('Enter')
    await done(page, 'The account is made.')
    await page.getByRole('heading', { name: 'Dora the First' }).waitFor()
    expect((await login('dora', PASSWORD)).status).toBe(200)
  })

  it('lock, suspend, name, sign out and give a password', async () => {
    const emil = await world.home.register('emil')
    const second = await emil.loginAgain({ initial_device_display_name: 'Phone <b>' })
    await emil.createRoom({ name: 'Den' })
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await open(page, emil.userId)
    await page.getByText('Phone <b>').waitFor()
    await page.getByRole('button', { name: 'Lock' }).click()
    await done(page, 'The account is locked.')
    expect((await emil.request('GET', '/v3/account/whoami')).body.errcode).toBe('M_USER_LOCKED')
    await page.getByRole('button', { name: 'Unlock' }).click()
    await done(page, 'The account is unlocked.')
    await page.getByRole('button', { name: 'Suspend' }).click()
    await done(page, 'The account is suspended.')
    expect((await emil.request('POST', '/v3/createRoom', { body: {} })).body.errcode).toBe('M_USER_SUSPENDED')
    await page.getByRole('button', { name: 'End the suspension' }).click()
    await done(page, 'The account is no longer suspended.')
    await page.getByText('Change the display name').click()
    await page.getByLabel('Display name').fill('Emil <i>')
    await page.getByRole('button', { name: 'Save' }).click()
    await page.getByRole('heading', { name: 'Emil <i>' }).waitFor()
    expect((await world.root.get(`/v3/profile/${emil.userId}/displayname`)).displayname).toBe('Emil <i>')
    await page.getByText('Send a server notice').click()
    await page.getByLabel('Text').fill('Please come to the office.')
    await page.getByRole('button', { name: 'Send', exact: true }).click()
    await done(page, 'The notice is sent.')
    expect(JSON.stringify((await emil.sync()).rooms)).toContain('Server Notices')
    await page.getByText('Add an address').click()
    await page.getByLabel('Address or number').fill('emil@example.org')
    await page.getByRole('button', { name: 'Add', exact: true }).click()
    await done(page, 'Saved.')
    expect((await emil.get('/v3/account/3pid')).threepids).toMatchObject([{ address: 'emil@example.org' }])
    await lookOver(window, page.url().replace(/\?.*/, ''), 'person')
    await lookOver(window, `${page.url().replace(/\?.*/, '')}/rooms`, 'person-rooms')
    await open(page, emil.userId)
    await page.getByRole('button', { name: 'Remove emil@example.org' }).click()
    await done(page, 'Saved.')
    expect((await emil.get('/v3/account/3pid')).threepids).toEqual([])
    await page.getByRole('button', { name: `Sign out ${second.deviceId}` }).click()
    await done(page, 'The sessions have ended.')
    expect((await second.request('GET', '/v3/account/whoami')).status).toBe(401)
    expect((await emil.request('GET', '/v3/account/whoami')).status).toBe(200)
    await page.getByRole('button', { name: 'Sign out everywhere' }).click()
    await page.getByText('They are signed in nowhere.').waitFor()
    expect((await emil.request('GET', '/v3/account/whoami')).status).toBe(401)
    await lookOver(window, `${page.url().replace(/\?.*/, '')}/password`, 'person-password')
    await page.getByLabel('New password', { exact: true }).fill('quite another one')
    await page.getByLabel('New password, once more').fill('quite another one')
    await page.getByRole('button', { name: 'Set the password' }).click()
    await done(page, 'The password is set.')
    expect((await login('emil', PASSWORD)).status).toBe(403)
    expect((await login('emil', 'quite another one')).status).toBe(200)
  })

  it('give and take the right of an administrator, deactivate and open again, each explained and confirmed', async () => {
    const fay = await world.home.register('fay')
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await open(page, fay.userId)
    const path = page.url()
    await lookOver(window, `${path}/admin`, 'person-admin')
    await page.getByRole('button', { name: 'Make them an administrator' }).click()
    await done(page, 'The account is an administrator now.')
    expect((await fay.request('GET', `/v3/admin/whois/${world.root.userId}`)).status).toBe(200)
    await page.getByRole('link', { name: 'Take the administrator’s right' }).click()
    await page.getByRole('button', { name: 'Take the right' }).click()
    await done(page, 'The account is no administrator any more.')
    expect((await fay.request('GET', `/v3/admin/whois/${world.root.userId}`)).status).toBe(403)
    await lookOver(window, `${path}/deactivate`, 'person-deactivate')
    await page.getByLabel('Type the user id to confirm').fill('@somebody:else')
    await page.getByRole('button', { name: 'Deactivate for good' }).click()
    await page.getByRole('alert').getByText('nothing was changed').waitFor()
    expect((await fay.request('GET', '/v3/account/whoami')).status).toBe(200)
    await page.getByLabel('Type the user id to confirm').fill(fay.userId)
    await page.getByRole('button', { name: 'Deactivate for good' }).click()
    await done(page, 'The account is deactivated.')
    expect((await login('fay', PASSWORD)).status).toBe(403)
    await lookOver(window, path, 'person-deactivated')
    await page.getByRole('link', { name: 'Open it again' }).click()
    await page.getByLabel('Password', { exact: true }).fill('the third password')
    await page.getByLabel('Password, once more').fill('the third password')
    await page.getByRole('button', { name: 'Open the account' }).click()
    await done(page, 'Saved.')
    expect((await login('fay', 'the third password')).status).toBe(200)
    await page.goto(`${world.home.url}/admin/audit-log?q=${encodeURIComponent(fay.userId)}`)
    await page.getByRole('cell', { name: 'user.deactivate' }).waitFor()
    await page.getByText('page', { exact: true }).first().waitFor()
  })

  it('take back what somebody wrote, as a job', async () => {
    const hal = await world.home.register('hal')
    const room = await hal.createRoom()
    const event = await hal.sendText(room, 'a secret')
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await open(page, hal.userId)
    await page.getByRole('link', { name: 'Take back what they wrote' }).click()
    await lookOver(window, page.url(), 'person-redact')
    await page.getByLabel('Type the user id to confirm').fill(hal.userId)
    await page.getByRole('button', { name: 'Take it back for good' }).click()
    await page.getByText('complete', { exact: true }).waitFor()
    expect((await hal.getEvent(room, event)).content).toEqual({})
  })

  it('offer nothing by which administrators would shut themselves out', async () => {
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await open(page, world.root.userId)
    for (const name of ['Lock', 'Suspend']) expect(await page.getByRole('button', { name }).count()).toBe(0)
    expect((await page.goto(`${world.home.url}/admin/people/%40nobody%3Alocalhost`))?.status()).toBe(404)
    expect((await page.goto(`${world.home.url}/admin/people/%40who%3Aelse.where`))?.status()).toBe(400)
    expect(window.complaints).toEqual([])
  })
})
