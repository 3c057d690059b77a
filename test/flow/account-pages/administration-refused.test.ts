import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { AccountBrowser, PASSWORD } from '../../support/account-browser.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { command, registerAdmin } from '../../support/operator.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const RECENT_MS = 10 * 60_000

describe('the administration in a browser', () => {
  let home: TestHomeserver
  const clock = new SteppedClock()
  beforeAll(async () => {
    home = await startHomeserver({ clock })
    await registerAdmin(home, 'root')
    await home.register('alice')
  })
  afterAll(() => home.stop())

  /** Every path of it, with something in place of each member. */
  const all = (): readonly { readonly method: string; readonly path: string }[] =>
    home.endpoints
      .filter(({ paths }) => paths[0] === '/admin' || paths[0].startsWith('/admin/'))
      .map(({ method, paths }) => ({ method, path: paths[0].replaceAll(/:[A-Za-z]+/g, '%40alice%3Alocalhost') }))

  const ask = async (
    { method, path }: { readonly method: string; readonly path: string },
    browser: AccountBrowser,
    body = '',
    headers: Readonly<Record<string, string>> = {},
  ) => {
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const answer = await fetch(`${home.url}${path}`, {
      method,
      redirect: 'manual',
      headers: { cookie, ...headers },
      ...(method === 'GET' ? {} : { body: new URLSearchParams(body) }),
    })
    return { status: answer.status, headers: answer.headers, text: await answer.text() }
  }
  const signedIn = async (user: string): Promise<AccountBrowser> => {
    const browser = new AccountBrowser(home)
    await browser.signIn(user, PASSWORD)
    return browser
  }
  const csrfOf = async (browser: AccountBrowser): Promise<string> => {
    const { text } = await browser.at('/admin')
    return /name="csrf" value="([^"]+)"/.exec(text)?.[1] ?? ''
  }

  it('sends whoever is not signed in to sign in, and does nothing', async () => {
    expect(all().length).toBeGreaterThan(15)
    for (const endpoint of all()) {
      const { status, headers, text } = await ask(endpoint, new AccountBrowser(home))
      expect([endpoint, status, text]).toEqual([endpoint, 303, ''])
      const location = new URL(headers.get('location') ?? '', home.url)
      expect([endpoint, location.pathname]).toEqual([endpoint, '/account/sign-in'])
      expect(location.searchParams.get('next')).toMatch(/^\/admin/)
    }
  })

  it('gives an account that is no administrator nothing of it, also with a form of its own session', async () => {
    const alice = await signedIn('alice')
    const own = await alice.at('/account')
    const csrf = /name="csrf" value="([^"]+)"/.exec(own.text)?.[1] ?? ''
    for (const endpoint of all()) {
      const { status, text } = await ask(endpoint, alice, `csrf=${csrf}`)
      expect([endpoint, status]).toEqual([endpoint, 403])
      expect(text).toContain('Not for this account')
      expect(text).not.toContain('Audit log')
    }
  })

  it('takes no form without the token of the session, and none that another site sent', async () => {
    const root = await signedIn('root')
    const csrf = await csrfOf(root)
    expect(csrf).toHaveLength(43)
    const other = await csrfOf(await signedIn('root'))
    const posts = all().filter(({ method }) => method === 'POST')
    for (const endpoint of posts) {
      for (const body of ['', 'csrf=', `csrf=${other}`, `csrf=${csrf}x`]) {
        expect([endpoint, body, (await ask(endpoint, root, body)).status]).toEqual([endpoint, body, 403])
      }
      const crossSite = await ask(endpoint, root, `csrf=${csrf}`, { 'sec-fetch-site': 'cross-site' })
      expect([endpoint, crossSite.status]).toEqual([endpoint, 403])
    }
    expect((await root.at('/admin')).status).toBe(200)
  })

  it('cannot be shown in a frame, kept in a cache, or given a script or a form of elsewhere', async () => {
    const root = await signedIn('root')
    for (const { path } of all().filter(({ method, path }) => method === 'GET' && !path.endsWith('/csv'))) {
      const { headers } = await root.at(path)
      const policy = headers.get('content-security-policy') ?? ''
      expect([path, policy.includes("frame-ancestors 'none'")]).toEqual([path, true])
      expect([path, policy.includes("default-src 'none'")]).toEqual([path, true])
      expect([path, policy.includes('unsafe')]).toEqual([path, false])
      expect([path, headers.get('cache-control')]).toEqual([path, 'no-store'])
    }
  })

  it('ends at once for an administrator whose right is taken', async () => {
    await registerAdmin(home, 'brief')
    const brief = await signedIn('brief')
    expect((await brief.at('/admin')).status).toBe(200)
    await command(home, 'set-admin', { user: '@brief:localhost', admin: false })
    expect((await brief.at('/admin')).status).toBe(403)
  })

  it('asks for a new proof of who somebody is before deeds of weight', async () => {
    const weighty = all().filter(
      ({ path }) => /\/(?:admin|deactivate|delete|addresses\/add)$/.test(path) && path !== '/admin',
    )
    const root = await signedIn('root')
    const csrf = await csrfOf(root)
    clock.advance(RECENT_MS + 1_000)
    for (const endpoint of weighty) {
      const { status, headers } = await ask(endpoint, root, `csrf=${csrf}`)
      expect([endpoint, status]).toEqual([endpoint, 303])
      const page = endpoint.path.replace(/\/addresses\/add$/, '')
      expect(headers.get('location')).toBe(`/account/sign-in?again=1&next=${encodeURIComponent(page)}`)
    }
    expect((await root.at('/admin/jobs')).status).toBe(200)
  })
})
