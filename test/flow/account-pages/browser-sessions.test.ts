import { expect, it } from 'vitest'
import { AccountBrowser, PASSWORD } from '../../support/account-browser.ts'
import type { TestClient } from '../../support/client.ts'

import { onEveryHomeserver, startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'
import { headingOf } from '../../support/sign-in-house.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const HOUR = 3_600_000
const enc = encodeURIComponent

const signedIn = async (homeserver: TestHomeserver, client: TestClient): Promise<AccountBrowser> => {
  const browser = new AccountBrowser(homeserver)
  expect((await browser.signIn(client.userId, PASSWORD)).status).toBe(200)
  return browser
}

const isIn = async (browser: AccountBrowser): Promise<boolean> =>
  headingOf(await browser.at('/account')) === 'Your account'

onEveryHomeserver('sessions of people at browsers', (start) => {
  it('sign in by name, user id and any case, and are the same after a restart', async () => {
    await using homeserver = await start()
    const client = await homeserver.register('walker')
    for (const name of [client.userId, 'walker', 'WALKER', ' walker ']) {
      const browser = new AccountBrowser(homeserver)
      expect(headingOf(await browser.at('/account'))).toBe('Sign in')
      const page = await browser.signIn(name, PASSWORD, '?next=%2Faccount%3Fx%3D1%26y%3D2')
      expect(headingOf(page)).toBe('You are signed in')
      expect(browser.goesOnTo(page)).toBe('/account?x=1&y=2')
      expect(await isIn(browser)).toBe(true)
    }
    const browser = await signedIn(homeserver, client)
    await homeserver.restart()
    expect(await isIn(browser)).toBe(true)
    expect((await browser.at('/account')).text).toContain(client.userId)
  })

  it('say the same of a wrong password and of an unknown user', async () => {
    await using homeserver = await start()
    await homeserver.register('known')
    const refused = async (user: string) => {
      const browser = new AccountBrowser(homeserver)
      const page = await browser.signIn(user, 'wrong')
      expect(await isIn(browser)).toBe(false)
      return { status: page.status, text: page.text.replaceAll(user, 'USER').replaceAll(/value="[0-9a-f]{64}"/g, '') }
    }
    const known = await refused('known')
    expect(known.status).toBe(403)
    expect(known.text).toContain('Wrong user name or password.')
    expect(await refused('nobody')).toEqual(known)
    expect((await refused('someone@example.org')).text).toContain('Wrong user name or password.')
    expect((await refused('+49 151 000')).status).toBe(403)
  })

  it('end when the person signs out, in that browser alone, for whoever has the cookie', async () => {
    await using homeserver = await start()
    const client = await homeserver.register('leaver')
    const [one, other] = [await signedIn(homeserver, client), await signedIn(homeserver, client)]
    const thief = one.stolen()
    expect(await isIn(thief)).toBe(true)
    const page = await one.submit(await one.at('/account'))
    expect(page.status).toBe(303)
    expect(one.cookies.has('homeroom_session')).toBe(false)
    expect([await isIn(one), await isIn(thief), await isIn(other)]).toEqual([false, false, true])
  })

  it('end with another password, also for a stolen cookie, and with a lock and the end of the account', async () => {
    await using homeserver = await start()
    const client = await homeserver.register('victim')
    const browser = await signedIn(homeserver, client)
    const thief = browser.stolen()
    const auth = {
      type: 'm.login.password',
      identifier: { type: 'm.id.user', user: client.userId },
      password: PASSWORD,
    }
    await client.post('/v3/account/password', { new_password: 'another one', logout_devices: false, auth })
    expect([await isIn(browser), await isIn(thief)]).toEqual([false, false])

    const locked = await homeserver.register('locked')
    const lockedBrowser = await signedIn(homeserver, locked)
    const admin = await registerAdmin(homeserver, 'admin')
    await admin.put(`/v1/admin/lock/${enc(locked.userId)}`, { locked: true })
    expect(await isIn(lockedBrowser)).toBe(false)
    const page = await lockedBrowser.signIn(locked.userId, PASSWORD)
    expect([page.status, headingOf(page)]).toEqual([403, 'Sign in'])
    expect(page.text).toContain('This account is locked.')
    await admin.put(`/v1/admin/lock/${enc(locked.userId)}`, { locked: false })
    expect(await isIn(lockedBrowser)).toBe(false)

    const gone = await homeserver.register('gone')
    const goneBrowser = await signedIn(homeserver, gone)
    await gone.post('/v3/account/deactivate', {
      auth: { ...auth, identifier: { type: 'm.id.user', user: gone.userId } },
    })
    expect(await isIn(goneBrowser)).toBe(false)
    expect((await goneBrowser.signIn(gone.userId, PASSWORD)).status).toBe(403)
  })

  it('are new with each sign-in: nobody can plant one', async () => {
    await using homeserver = await start()
    const [mallory, alice] = [await homeserver.register('mallory'), await homeserver.register('alice')]
    const planted = await signedIn(homeserver, mallory)
    const browser = planted.stolen()
    const before = browser.cookies.get('homeroom_session')
    await browser.signIn(alice.userId, PASSWORD, '?again=1')
    expect(browser.cookies.get('homeroom_session')).not.toBe(before)
    expect((await browser.at('/account')).text).toContain(alice.userId)
    // The one before ended, so the planter is not in either account.
    expect(await isIn(planted)).toBe(false)
    // A made-up cookie is none.
    planted.cookies.set('homeroom_session', 'a'.repeat(43))
    expect(await isIn(planted)).toBe(false)
  })

  it('are listed with when and from where they are, this one marked, and each is ended', async () => {
    const clock = new SteppedClock()
    await using homeserver = await start({ clock })
    const [alice, mallory] = [await homeserver.register('lister'), await homeserver.register('mallory')]
    const [here, there] = [new AccountBrowser(homeserver), new AccountBrowser(homeserver)]
    here.userAgent = 'Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0'
    there.userAgent = 'Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Mobile/15E148 Safari/604.1'
    for (const browser of [here, there]) await browser.signIn(alice.userId, PASSWORD)
    expect(await isIn(there)).toBe(true)
    const foreign = await signedIn(homeserver, mallory)
    const rows = async (browser: AccountBrowser) =>
      [
        ...(await browser.at('/account/devices')).text.matchAll(/<li><strong>([^<]*)<\/strong>( \(this one\))?<br>/g),
      ].map(([, program = '', mark = '']) => `${program}${mark}`)
    expect(await rows(here)).toEqual(['Firefox on Linux (this one)', 'Safari on iPhone'])
    expect(await rows(there)).toEqual(['Safari on iPhone (this one)', 'Firefox on Linux'])
    expect(await rows(foreign)).toEqual(['A browser (this one)'])
    const page = await here.at('/account/devices')
    expect(page.text).toMatch(
      /Signed in <time [^>]*>[^<]* UTC<\/time>, last seen <time [^>]*>[^<]*<\/time>, from the network 127\.0\.0\.\*/,
    )
    // A session of somebody else is not to be ended, and this list does not open it.
    const name = /name="name" value="([^"]*)"/.exec(page.text)?.[1] ?? ''
    const own = await foreign.at('/account')
    const asMine = own.text.replace('action="/account/sign-out"', 'action="/account/devices/end-browser"')
    await foreign.submit({ ...own, text: asMine }, { name })
    expect(await isIn(there)).toBe(true)
    there.cookies.set('homeroom_session', name.slice(0, 43))
    expect(await isIn(there)).toBe(false)
    const done = await here.actAndFollow(page, '/account/devices/end-browser')
    expect(done.text).toContain('The browser is signed out.')
    expect([await rows(here), await isIn(here)]).toEqual([['Firefox on Linux (this one)'], true])
    // One that nobody used for a day is not listed.
    await there.signIn(alice.userId, PASSWORD)
    for (let hours = 0; hours < 30; hours += 10) {
      clock.advance(10 * HOUR)
      expect(await isIn(here)).toBe(true)
    }
    expect((await rows(here)).length).toBe(1)
  })

  it('end after a day without use, and after two weeks with it', async () => {
    const clock = new SteppedClock()
    await using homeserver = await start({ clock })
    const client = await homeserver.register('sleeper')
    const [used, unused] = [await signedIn(homeserver, client), await signedIn(homeserver, client)]
    let days = 0
    for (let hours = 0; hours < 24; hours += 8) {
      clock.advance(8 * HOUR)
      expect(await isIn(used)).toBe(true)
      days = (hours + 8) / 24
    }
    expect(await isIn(unused)).toBe(false)
    while (days < 13.9) {
      clock.advance(20 * HOUR)
      days += 20 / 24
      if (days < 14) expect(await isIn(used), `after ${days} days`).toBe(true)
    }
    clock.advance(20 * HOUR)
    expect(await isIn(used)).toBe(false)
  })
})

it('forms count only if a page of this server sent them', async () => {
  await using homeserver = await startHomeserver()
  const client = await homeserver.register('target')
  const browser = await signedIn(homeserver, client)
  const page = await browser.at('/account')
  // Without the token, with another one, with that of another session, and sent by another site.
  const other = await signedIn(homeserver, client)
  const tokenOf = async (one: AccountBrowser) =>
    /name="csrf" value="([^"]*)"/.exec((await one.at('/account')).text)?.[1] ?? ''
  const post = (path: string, fields: Record<string, string>, headers: Record<string, string> = {}) =>
    fetch(`${homeserver.url}${path}`, {
      method: 'POST',
      redirect: 'manual',
      headers: { ...headers, cookie: [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ') },
      body: new URLSearchParams(fields),
    })
  const csrf = await tokenOf(browser)
  for (const [fields, headers] of [
    [{}, {}],
    [{ csrf: 'x' }, {}],
    [{ csrf: await tokenOf(other) }, {}],
    [{ csrf }, { 'sec-fetch-site': 'cross-site' }],
    [{ csrf }, { 'sec-fetch-site': 'same-site' }],
  ] as const) {
    expect((await post('/account/sign-out', fields, headers)).status).toBe(403)
  }
  expect(await isIn(browser)).toBe(true)

  // Nor does another site sign a browser in to an account of its own.
  const own = await new AccountBrowser(homeserver).at('/account/sign-in')
  const foreign = /name="csrf" value="([^"]*)"/.exec(own.text)?.[1] ?? ''
  for (const token of ['', foreign]) {
    const answer = await post('/account/sign-in', { user: client.userId, password: PASSWORD, csrf: token })
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([403, null])
  }
  expect((await browser.submit(page)).status).toBe(303)
})

it('go on to paths of this server alone', async () => {
  await using homeserver = await startHomeserver()
  const client = await homeserver.register('wanderer')
  const browser = new AccountBrowser(homeserver)
  const bad = [
    'https://evil.example/',
    '//evil.example',
    '/\\evil.example',
    '/%09/evil.example/../..//evil.example',
    '/\t/evil.example',
    '/./\\evil.example',
    '/..//evil.example',
    '/.//evil.example',
    'javascript:alert(1)',
    'account',
    '',
    '/é',
    `/${'a'.repeat(9_000)}`,
  ]
  for (const next of bad) {
    const query = `?${new URLSearchParams({ next }).toString()}`
    const page = await browser.signIn(client.userId, PASSWORD, `${query}&again=1`)
    const path = browser.goesOnTo(page) ?? ''
    expect(new URL(path, homeserver.url).origin, next).toBe(homeserver.url)
    // Somebody who is signed in is sent on at once.
    const location = (await browser.open(`${homeserver.url}/account/sign-in${query}`, () => true)).location
    expect(new URL(location ?? '').origin, next).toBe(homeserver.url)
  }
  const next = '/oauth/authorize?client_id=x&state=%2F%2Fevil.example#part'
  const page = await browser.signIn(client.userId, PASSWORD, `?again=1&next=${encodeURIComponent(next)}`)
  expect(browser.goesOnTo(page)).toBe(next)
})

it('cookies and pages are as strict as they can be', async () => {
  await using homeserver = await startHomeserver({
    settings: { server: { publicBaseUrl: 'https://matrix.example.org' } },
  })
  const client = await homeserver.register('strict')
  const browser = new AccountBrowser(homeserver)
  const page = await browser.signIn(client.userId, PASSWORD)
  const cookie = page.headers.get('set-cookie') ?? ''
  expect(cookie).toMatch(
    /^__Host-homeroom_session=[A-Za-z0-9]{43}; Path=\/; Max-Age=1209600; HttpOnly; SameSite=Lax; Secure$/,
  )
  for (const shown of [page, await browser.at('/account'), await browser.at('/account/sign-in?again=1')]) {
    const policy = shown.headers.get('content-security-policy') ?? ''
    expect(policy).toContain("default-src 'none'")
    expect(policy).toContain("frame-ancestors 'none'")
    expect(policy).not.toContain('unsafe')
    expect(shown.headers.get('cache-control')).toBe('no-store')
    expect(shown.headers.get('referrer-policy')).toBe('no-referrer')
  }
  expect(JSON.stringify(page.text)).not.toContain(browser.cookies.get('__Host-homeroom_session'))
})

it('guesses of passwords are limited as those of logins are, also if both are tried', async () => {
  await using homeserver = await startHomeserver({
    settings: { rateLimits: { enabled: true, login: '3/60s' } },
  })
  const browser = new AccountBrowser(homeserver)
  const statuses: number[] = []
  for (let tries = 0; tries < 5; tries++) statuses.push((await browser.signIn('somebody', 'wrong')).status)
  expect(statuses.slice(0, 2)).toEqual([403, 403])
  expect(statuses.at(-1)).toBe(429)
})
