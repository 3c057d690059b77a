import { expect, it } from 'vitest'
import { AccountBrowser, PASSWORD } from '../../support/account-browser.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { answerOn, browserOf, OAuthApp, startOAuth } from '../../support/oauth-app.ts'
import { headingOf } from '../../support/sign-in-house.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const QUESTION = 'Let an app into your account?'
const CONFIRM = 'Confirm that it is you'
const MINUTE = 60_000

onEveryHomeserver('how an app has people asked', (start) => {
  const world = async () => {
    const clock = new SteppedClock()
    const homeserver = await startOAuth({ clock }, start)
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    return { clock, homeserver, alice, app, browser: await browserOf(homeserver, alice) }
  }

  it('prompt=login asks for the password again, once, and no page leads around it', async () => {
    const { clock, homeserver, alice, app, browser } = await world()
    await using _ = homeserver
    clock.advance(1_000)
    for (const prompt of ['login', 'select_account', 'login consent']) {
      const page = await browser.at(app.path({ prompt }))
      expect([prompt, headingOf(page)]).toEqual([prompt, CONFIRM])
      const next = new URL(page.url).searchParams.get('next') ?? ''
      // Whoever goes on without signing in is asked again.
      expect(headingOf(await browser.at(next))).toBe(CONFIRM)
      clock.advance(1_000)
      const signedIn = await browser.submit(page, { user: alice.userId, password: PASSWORD })
      expect(browser.goesOnTo(signedIn)).toBe(next)
      const question = await browser.at(next)
      expect(headingOf(question)).toBe(QUESTION)
      clock.advance(20 * MINUTE)
      const code = answerOn(browser, await browser.submit(question, { decision: 'allow' })).get('code')
      expect(code).toMatch(/^[A-Za-z0-9]+$/)
    }
  })

  it('prompt=login asks also where the app was let in for good, and a wrong password leads nowhere', async () => {
    const { clock, homeserver, alice, app, browser } = await world()
    await using _ = homeserver
    await browser.submit(await browser.at(app.path()), { decision: 'allow', remember: 'yes' })
    clock.advance(1_000)
    const page = await browser.at(app.path({ prompt: 'login' }))
    expect(headingOf(page)).toBe(CONFIRM)
    const wrong = await browser.submit(page, { user: alice.userId, password: 'wrong' })
    expect([wrong.status, browser.goesOnTo(wrong)]).toEqual([403, undefined])
    const next = new URL(page.url).searchParams.get('next') ?? ''
    expect(headingOf(await browser.at(next))).toBe(CONFIRM)
  })

  it('max_age asks whoever proved who they are longer ago, and is met by one proof however long the page is read', async () => {
    const { clock, homeserver, alice, app, browser } = await world()
    await using _ = homeserver
    clock.advance(5 * MINUTE)
    expect(headingOf(await browser.at(app.path({ max_age: '301' })))).toBe(QUESTION)
    for (const max_age of ['299', '1', '0']) {
      const page = await browser.at(app.path({ max_age }))
      expect([max_age, headingOf(page)]).toEqual([max_age, CONFIRM])
      clock.advance(1_000)
      const next = browser.goesOnTo(await browser.submit(page, { user: alice.userId, password: PASSWORD })) ?? ''
      clock.advance(5 * MINUTE)
      const question = await browser.at(next)
      expect([max_age, headingOf(question)]).toEqual([max_age, QUESTION])
      const answer = answerOn(browser, await browser.submit(question, { decision: 'allow' }))
      expect(answer.has('code')).toBe(true)
    }
    // The form holds whoever sends it to the same.
    const question = await browser.at(app.path({ max_age: '600' }))
    clock.advance(1_000)
    const late = { ...question, text: question.text.replace(/(name="proven_after" value=")\d+/, `$1${clock.nowMs()}`) }
    const asked = await browser.submit(late, { decision: 'allow' })
    expect(new URL(asked.location ?? '', homeserver.url).pathname).toBe('/account/sign-in')
  })

  it('prompt=none answers the app that its person has to sign in or be asked, and is no way to send people anywhere', async () => {
    const { clock, homeserver, alice, app, browser } = await world()
    await using _ = homeserver
    const told = async (by: AccountBrowser, path: string) => {
      const page = await by.open(`${homeserver.url}${path}`, (url) => url.startsWith('https:'))
      const to = page.location ?? by.links(page).get('Go back to app.example') ?? ''
      const answer = new URLSearchParams(new URL(to).hash.slice(1))
      expect(answer.get('state')).toBe(app.state)
      return `${page.location === undefined ? 'a link' : 'sent'}: ${answer.get('error') ?? 'code'}`
    }
    expect(await told(new AccountBrowser(homeserver), app.path({ prompt: 'none' }))).toBe('a link: login_required')
    expect(await told(browser, app.path({ prompt: 'none' }))).toBe('a link: consent_required')
    await browser.submit(await browser.at(app.path()), { decision: 'allow', remember: 'yes' })
    expect(await told(browser, app.path({ prompt: 'none' }))).toBe('sent: code')
    clock.advance(5 * MINUTE)
    expect(await told(browser, app.path({ prompt: 'none', max_age: '60' }))).toBe('sent: login_required')
    expect(await told(browser, app.path({ prompt: 'none', max_age: '600' }))).toBe('sent: code')
    // Somebody who is locked is signed in nowhere.
    await alice.post('/v3/logout/all', {})
    expect(await told(browser, app.path({ prompt: 'none' }))).toBe('a link: login_required')
  })

  it('no page of it can be shown in a frame, kept in a cache, or told of where it leads', async () => {
    const { homeserver, app, browser } = await world()
    await using _ = homeserver
    const stranger = new AccountBrowser(homeserver)
    const pages = [
      await browser.at(app.path()),
      await browser.at(app.path({ prompt: 'none' })),
      await browser.at(app.path({ prompt: 'login' })),
      await browser.at(app.path({ response_type: 'token' })),
      await browser.at(app.path({ client_id: 'x' })),
      await browser.at('/oauth/link'),
      await browser.at('/account/apps'),
      await browser.at('/account/devices'),
      await browser.submit(await browser.at(app.path()), { decision: 'allow', remember: 'yes' }),
      await stranger.at(app.path()),
      await stranger.at(app.path({ prompt: 'none' })),
    ]
    for (const { url, headers } of pages) {
      expect([url, headers.get('content-security-policy')]).toEqual([
        url,
        expect.stringMatching(
          /^default-src 'none';.*; base-uri 'none'; form-action '(none|self)'; frame-ancestors 'none'$/,
        ),
      ])
      expect([url, headers.get('cache-control'), headers.get('referrer-policy')]).toEqual([
        url,
        'no-store',
        'no-referrer',
      ])
    }
    // Nor is the answer that sends a browser on by itself.
    const sent = await browser.open(`${homeserver.url}${app.path()}`, () => true)
    expect([sent.status, sent.headers.get('cache-control'), sent.headers.get('referrer-policy')]).toEqual([
      ...[303, 'no-store', 'no-referrer'],
    ])
  })
})
