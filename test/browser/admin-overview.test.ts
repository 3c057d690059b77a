import { expect, it } from 'vitest'
import { PASSWORD } from '../support/client.ts'
import { SteppedClock } from '../support/stepped-clock.ts'
import { adminWindow, lookOver, NARROW, shareAdministeredPages, signIn } from './admin-window.ts'
import { inChromium, visit } from './chromium.ts'

inChromium('the first page of the administration', () => {
  const clock = new SteppedClock()
  const world = shareAdministeredPages({ clock })

  it('is found by signing in, and shows the server of the last hour', async () => {
    const alice = await world.home.register('alice')
    const room = await alice.createRoom()
    for (let round = 0; round < 60; round += 1) {
      const times = 1 + Math.round(4 + 3 * Math.sin(round / 5))
      for (let time = 0; time < times; time += 1) await alice.sendText(room, `${round} ${time}`)
      clock.advance(15_000)
    }
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    const chart = page.getByRole('listitem').filter({ hasText: 'Events sent a second' })
    // Between 2 and 8 events in each 15 seconds.
    await chart.getByText(/^0\.[1-5]\d* to 0\.5\d+$/).waitFor()
    expect(await chart.locator('path.line').getAttribute('d')).toMatch(/^M\S+ \S+(L\S+ \S+){40,}$/)
    expect(await page.getByRole('listitem').filter({ hasText: 'Memory' }).locator('.value').textContent()).toMatch(
      /^\d+(?:\.\d+)? [MG]B$/,
    )
    await page.getByRole('heading', { name: 'Overview', level: 1 }).waitFor()
    for (const title of ['Requests a second', 'Memory', 'Database', 'Syncs that wait for news'])
      await page.getByRole('heading', { name: title, exact: true }).waitFor()
    await lookOver(window, `${world.home.url}/admin`, 'overview')
  })

  it('asks for the password again before a deed of weight, and goes on with it', async () => {
    const bea = await world.home.register('bea')
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await page.goto(`${world.home.url}/admin/people/${encodeURIComponent(bea.userId)}`)
    clock.advance(11 * 60_000)
    await page.getByRole('link', { name: 'Make an administrator' }).click()
    await page.waitForURL(/\/account\/sign-in\?again=1&next=/)
    await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
    await page.getByRole('main').getByRole('button').first().click()
    await page.waitForURL(/\/admin\/people\/.*\/admin$/)
    await page.getByRole('button', { name: 'Make them an administrator' }).click()
    await page.getByRole('status').getByText('The account is an administrator now.').waitFor()
    expect((await bea.request('GET', `/v3/admin/whois/${bea.userId}`)).status).toBe(200)
    expect(window.complaints).toEqual([])
  })

  it('can be used by the keyboard alone: past the menu, through it, and out', async () => {
    await using window = await visit(world.browser, world.home.url, { viewport: NARROW })
    const { page } = window
    await signIn(page, world.home, 'root')
    await page.keyboard.press('Tab')
    await page.keyboard.press('Tab')
    expect(await page.evaluate('document.activeElement.textContent')).toBe('Skip to the content')
    await page.keyboard.press('Enter')
    expect(await page.evaluate('document.activeElement.id')).toBe('content')
    await page.keyboard.press('Shift+Tab')
    expect(await page.evaluate('document.activeElement.tagName')).toBe('SUMMARY')
    await page.keyboard.press('Enter')
    const out = page.getByRole('button', { name: 'Sign out' })
    await out.waitFor()
    await out.focus()
    await page.keyboard.press('Enter')
    await page.waitForURL(/\/account\/sign-in/)
    await page.goto(`${world.home.url}/admin`)
    expect(page.url()).toContain('/account/sign-in?next=%2Fadmin')
  })
})
