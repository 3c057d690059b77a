import { expect, it } from 'vitest'
import { adminWindow, downloaded, lookOver, shareAdministeredPages } from './admin-window.ts'
import { inChromium } from './chromium.ts'

inChromium('the pages of the administration about ban lists', () => {
  const world = shareAdministeredPages()

  it('have the server obey a policy room, show its rules, and let go of it', async () => {
    const list = await world.root.createRoom({ name: 'Bans', preset: 'public_chat' })
    const rule = { entity: '@bad:*', recommendation: 'm.ban', reason: 'spam <b>' }
    await world.root.setState(list, 'm.policy.rule.user', 'rule', rule)
    const bad = await world.home.register('bad')
    const create = () => bad.request('POST', '/v3/createRoom', { body: {} })
    expect((await create()).status).toBe(200)
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await page.goto(`${world.home.url}/admin/ban-lists`)
    await page.getByText('Obey another list').click()
    await page.getByLabel('Room id of the list').fill('no room')
    await page.getByRole('button', { name: 'Obey the list' }).click()
    await page.getByRole('alert').getByText('This is no room id.').waitFor()
    await page.getByLabel('Room id of the list').fill(list)
    await page.getByRole('button', { name: 'Obey the list' }).click()
    await page.getByRole('status').getByText('Saved.').waitFor()
    expect((await create()).status).toBe(403)
    await lookOver(window, `${world.home.url}/admin/ban-lists`, 'ban-lists')
    await page.getByRole('link', { name: list }).click()
    await page.getByText('spam <b>').waitFor()
    await lookOver(window, page.url(), 'ban-list')
    expect(await downloaded(page)).toBe("entity,kind,reason\r\n'@bad:*,user,spam <b>\r\n")
    await page.goto(`${world.home.url}/admin/ban-lists`)
    await page.getByRole('button', { name: `Obey no longer ${list}` }).click()
    await page.getByText('This server obeys no list.').waitFor()
    expect((await create()).status).toBe(200)
  })
})
