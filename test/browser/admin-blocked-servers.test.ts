import { expect, it } from 'vitest'
import { adminWindow, downloaded, lookOver, shareAdministeredPages } from './admin-window.ts'
import { inChromium } from './chromium.ts'

inChromium('the page of the administration about blocked servers', () => {
  const world = shareAdministeredPages()

  it('blocks a server, says so in a list, and lets go of it', async () => {
    const blocked = async () =>
      (await world.root.get('/_homeroom/admin/v1/blocked_servers')).blocked_servers.map(
        ({ server }: { server: string }) => server,
      )
    await using window = await adminWindow(world.browser, world.home, 'root')
    const { page } = window
    await page.getByRole('link', { name: 'Blocked servers' }).click()
    await page.getByText('No server is blocked.').waitFor()
    await lookOver(window, `${world.home.url}/admin/blocked-servers`, 'blocked-servers-none')
    await page.getByText('Block another server').click()
    await page.getByLabel('Name of the server').fill('not a server')
    await page.getByRole('button', { name: 'Block the server' }).click()
    await page.getByRole('alert').getByText('This is no name of a server.').waitFor()
    await page.getByLabel('Name of the server').fill('*.Evil.example')
    await page.getByLabel('Reason').fill('spam <b>')
    await page.getByRole('button', { name: 'Block the server' }).click()
    await page.getByRole('status').getByText('The server is blocked.').waitFor()
    await page.getByText('spam <b>').waitFor()
    expect(await blocked()).toEqual(['*.evil.example'])
    await lookOver(window, `${world.home.url}/admin/blocked-servers`, 'blocked-servers')
    expect(await downloaded(page)).toMatch(
      /^server,reason,added_by,added\r\n\*\.evil\.example,spam <b>,'@root:localhost,\d{4}-/,
    )
    await page.getByRole('button', { name: 'Block no longer *.evil.example' }).click()
    await page.getByRole('status').getByText('The server is no longer blocked.').waitFor()
    expect(await blocked()).toEqual([])
    await page.goto(`${world.home.url}/admin/audit-log?action=server.block`)
    await page.getByText('*.evil.example').waitFor()
  })
})
