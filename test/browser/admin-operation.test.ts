import { expect, it } from 'vitest'
import { adminWindow, lookOver, shareAdministeredPages } from './admin-window.ts'
import { inChromium } from './chromium.ts'

inChromium('the pages of the administration about the running of the server', () => {
  const world = shareAdministeredPages({ settings: { registration: { mode: 'open' } } })

  const validity = (token: string) => world.root.get('/v1/register/m.login.registration_token/validity', { token })

  it('make and revoke registration tokens', async () => {
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await page.getByRole('link', { name: 'Registration tokens' }).click()
    await page.getByLabel('Token', { exact: true }).first().fill('no token')
    await page.getByRole('button', { name: 'Make the token' }).click()
    await page.getByRole('alert').getByText('A registration token has').waitFor()
    await page.getByLabel('Token', { exact: true }).first().fill('welcome-2026')
    await page.getByLabel('How often it may be used').fill('0')
    await page.getByRole('button', { name: 'Make the token' }).click()
    await page.getByRole('alert').getByText('a whole number from 1').waitFor()
    await page.getByLabel('How often it may be used').fill('3')
    await page.getByLabel('Good until (UTC)').fill('2036-01-31T12:00')
    await page.getByRole('button', { name: 'Make the token' }).click()
    await page.getByRole('status').getByText('The token is made.').waitFor()
    expect(await validity('welcome-2026')).toEqual({ valid: true })
    await page.getByRole('cell', { name: '31 Jan 2036, 12:00' }).waitFor()
    await lookOver(window, `${world.home.url}/admin/registration-tokens`, 'registration-tokens')
    await page.getByRole('button', { name: 'Revoke welcome-2026' }).click()
    await page.getByRole('status').getByText('The token is revoked.').waitFor()
    expect(await validity('welcome-2026')).toEqual({ valid: false })
  })

  it('show what people reported', async () => {
    const alice = await world.home.register('alice')
    const room = await alice.createRoom({ name: 'Talk' })
    const event = await alice.sendText(room, 'hm')
    const path = `/v3/rooms/${encodeURIComponent(room)}/report`
    await alice.post(`${path}/${encodeURIComponent(event)}`, { reason: '=cmd() <script>alert(1)</script>' })
    await alice.post(path, { reason: 'a bad room' })
    await alice.post(`/v3/users/${encodeURIComponent(world.root.userId)}/report`, { reason: 'rude' })
    await using window = await adminWindow(world.browser, world.home, 'root')
    await lookOver(window, `${world.home.url}/admin/reports`, 'reports')
    await window.page.getByText('=cmd() <script>alert(1)</script>').waitFor()
    await window.page.getByRole('cell', { name: `event ${event} in ${room}` }).waitFor()
    const [file] = await Promise.all([
      window.page.waitForEvent('download'),
      window.page.getByRole('link', { name: 'Export as CSV' }).click(),
    ])
    expect(file.suggestedFilename()).toBe('reports.csv')
    const text = await new Response((await file.createReadStream()) as never).text()
    const lines = text.split('\r\n')
    expect(lines[0]).toBe('time,kind,user,room,event,reason,reporter,known')
    expect(lines).toHaveLength(5)
    expect(text).toContain(`,event,,${room},${event},'=cmd() <script>alert(1)</script>,'@alice:localhost,true`)
  })

  it('show one report with its event, and remove it when it was dealt with', async () => {
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await page.goto(`${world.home.url}/admin/reports?kind=event`)
    expect(await page.getByRole('row').count()).toBe(2)
    await page.getByRole('row').last().getByRole('link').first().click()
    await page.getByText('Show the event').click()
    await page.getByText('"body": "hm"').waitFor()
    await page.getByText('Talk', { exact: true }).waitFor()
    const path = page.url()
    await lookOver(window, path, 'report')
    await page.getByRole('button', { name: 'Done: remove the report' }).click()
    await page.getByRole('status').getByText('The report is removed.').waitFor()
    await page.goto(`${world.home.url}/admin/reports?kind=event`)
    await page.getByText('Nobody has reported anything').waitFor()
    expect((await page.goto(path))?.status()).toBe(404)
    await page.goto(`${world.home.url}/admin/audit-log?action=report.delete`)
    expect(await page.getByRole('row').count()).toBe(2)
  })

  it('check another server, and say in words what is wrong', async () => {
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await page.goto(`${world.home.url}/admin/federation`)
    await page.getByLabel('Can this server be reached?').fill('no server name')
    await page.getByRole('button', { name: 'Check' }).click()
    await page.getByRole('alert').getByText('is no server name').waitFor()
    await page.goto(`${world.home.url}/admin/federation`)
    await page.getByLabel('Can this server be reached?').fill('nowhere.invalid')
    await page.getByRole('button', { name: 'Check' }).click()
    await page.getByRole('heading', { name: 'nowhere.invalid' }).waitFor()
    await page.getByText('wrong', { exact: true }).first().waitFor()
    await lookOver(window, page.url(), 'federation-check')
    await lookOver(window, `${world.home.url}/admin/federation`, 'federation')
  })

  it('show jobs, and everything that administrators did', async () => {
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await lookOver(window, `${world.home.url}/admin/jobs`, 'jobs')
    await lookOver(window, `${world.home.url}/admin/audit-log`, 'audit-log')
    await page.getByRole('cell', { name: 'registration_token.create' }).waitFor()
    await page.getByLabel('Done to').fill('nothing like that')
    await page.getByRole('button', { name: 'Search' }).click()
    await page.getByText('No administrator did anything like that yet.').waitFor()
    expect((await page.goto(`${world.home.url}/admin/jobs/none`))?.status()).toBe(404)
    await page.getByRole('heading', { name: 'Not found' }).waitFor()
  })
})
