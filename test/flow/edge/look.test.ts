import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { startHomeserver } from '../../support/homeserver.ts'

const folder = mkdtempSync(join(tmpdir(), 'homeroom-look-'))
afterAll(() => rmSync(folder, { recursive: true, force: true }))

const browser = { accept: 'text/html' }
const pageAt = async (url: string): Promise<{ status: number; html: string; policy: string }> => {
  const response = await fetch(url, { headers: browser })
  return {
    status: response.status,
    html: await response.text(),
    policy: response.headers.get('content-security-policy') ?? '',
  }
}
const LOGIN = '/_matrix/static/client/login/'
const GONE = '/_homeroom/email/validate'
const UNKNOWN = '/no/such/page'
const STAGE = '/_matrix/client/v3/auth/m.login.password/fallback/web'

describe('the pages', () => {
  it('are no dead ends: each names the server, leads home, and where something is wrong says whom to ask', async () => {
    const support = { adminEmail: 'help@chat.example', page: 'https://help.chat.example/' }
    await using home = await startHomeserver({ settings: { server: { name: 'chat.example' }, support } })
    for (const path of ['/', LOGIN, GONE, UNKNOWN, STAGE]) {
      const { status, html } = await pageAt(`${home.url}${path}`)
      expect(html, path).toContain('chat.example')
      expect(html, path).toContain('href="/"')
      expect(html, path).toContain('href="https://help.chat.example"')
      expect(html, path).toContain('href="mailto:help@chat.example"')
      if (status >= 400) expect(html, path).toContain('To the first page of chat.example')
    }
    expect((await pageAt(`${home.url}${UNKNOWN}`)).status).toBe(404)
  })

  it('say whom to ask where no contact is configured, too', async () => {
    await using home = await startHomeserver({ settings: { server: { name: 'chat.example' } } })
    expect((await pageAt(`${home.url}${GONE}`)).html).toContain('ask whoever runs chat.example')
  })

  it('have an icon, and the name, the logo and the colour of the operator', async () => {
    const logoFile = join(folder, 'logo.png')
    const bytes = Buffer.from('89504e470d0a1a0a', 'hex')
    writeFileSync(logoFile, bytes)
    const pages = { operatorName: 'Bakers <of> Example', logoFile, colour: '#FFD400' }
    await using home = await startHomeserver({ settings: { pages } })
    for (const path of ['/', LOGIN, GONE, UNKNOWN, STAGE]) {
      const { html, policy } = await pageAt(`${home.url}${path}`)
      expect(html, path).toContain('Bakers &#60;of&#62; Example')
      expect(html, path).toContain('<link rel="icon" href="/_homeroom/logo">')
      expect(policy, path).toContain("img-src 'self'")
      // Yellow cannot be read on white: it is made darker there, and stays as it is on dark pages.
      expect(html, path).toMatch(/:root \{ --accent: #8[0-9a-f]{3}00; --on-accent: #fff; \}/)
      expect(html, path).toContain('--accent: #ffd400;')
    }
    const logo = await fetch(`${home.url}/_homeroom/logo`)
    expect([logo.status, logo.headers.get('content-type')]).toEqual([200, 'image/png'])
    expect(Buffer.from(await logo.arrayBuffer())).toEqual(bytes)
    expect(logo.headers.get('content-security-policy')).toContain('sandbox')
    const icon = await fetch(`${home.url}/favicon.ico`)
    expect([icon.headers.get('content-type'), await icon.text()]).toEqual([
      'image/svg+xml',
      expect.stringMatching(/^<svg/),
    ])
  })

  it('refuse a colour that is none, and a logo that is none, with one sentence', async () => {
    await expect(startHomeserver({ settings: { pages: { colour: 'green' } } })).rejects.toThrow(
      'a colour such as #0b7a4b',
    )
    const missing = join(folder, 'missing.svg')
    await expect(startHomeserver({ settings: { pages: { logoFile: missing } } })).rejects.toThrow('it does not exist')
    await expect(startHomeserver({ settings: { pages: { logoFile: '/etc/hostname' } } })).rejects.toThrow(
      'must end in one of',
    )
  })
})
