import { expect, it } from 'vitest'
import { AccountBrowser, PASSWORD } from '../../support/account-browser.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { command, registerAdmin } from '../../support/operator.ts'

onEveryHomeserver('exports of the administration', (start) => {
  it('hold all rows of a long list, as text for spreadsheets that computes nothing', async () => {
    await using home = await start()
    await registerAdmin(home, 'root')
    const tokens = Array.from(
      { length: 1_500 },
      (_, index) => `${index % 2 === 0 ? '-' : 't'}${'x'.repeat(50)}${index}`,
    )
    for (let at = 0; at < tokens.length; at += 100) {
      const some = tokens.slice(at, at + 100)
      await Promise.all(some.map((token) => command(home, 'create-registration-token', { token })))
    }
    const browser = new AccountBrowser(home)
    await browser.signIn('root', PASSWORD)
    const { status, text, headers } = await browser.at('/admin/registration-tokens/csv?order=token')
    expect(status).toBe(200)
    expect(headers.get('content-type')).toBe('text/csv; charset=utf-8')
    expect(headers.get('content-disposition')).toBe('attachment; filename="registration-tokens.csv"')
    expect(headers.get('cache-control')).toBe('no-store')
    // Longer than what is sent at once.
    expect(text.length).toBeGreaterThan(64 * 1024)
    const written = tokens.toSorted().map((token) => `${token.startsWith('-') ? "'" : ''}${token},0,,`)
    expect(text.split('\r\n')).toEqual(['token,uses,allowed,expires', ...written, ''])
    const found = await browser.at('/admin/registration-tokens/csv?q=x1499')
    expect(found.text.split('\r\n')).toHaveLength(3)
    const log = await browser.at('/admin/audit-log/csv')
    expect(log.text.split('\r\n')).toHaveLength(1_503)
    expect(log.text).toContain(',operator,command,registration_token.create,')
  })

  it('come to nobody by an order or a place that there is not', async () => {
    await using home = await start()
    await registerAdmin(home, 'root')
    const browser = new AccountBrowser(home)
    await browser.signIn('root', PASSWORD)
    for (const path of [
      '/admin/people?order=shoe_size',
      '/admin/people?from=-1',
      '/admin/people?from=1e9',
      '/admin/rooms/csv?order=none',
      '/admin/audit-log?from=x',
      `/admin/people?q=${'a'.repeat(2_000)}`,
      '/admin/people?q=a&q=b',
      '/admin/rooms/none',
      '/admin/people/none',
    ]) {
      const page = await browser.at(path)
      expect([path, page.status]).toEqual([path, 400])
      expect(page.headers.get('content-type')).toContain('text/html')
    }
    for (const path of [
      '/admin/rooms/!none:localhost',
      '/admin/people/@none:localhost',
      '/admin/reports/9',
      '/admin/jobs/x',
    ])
      expect([path, (await browser.at(path)).status]).toEqual([path, 404])
  })
})
