import { describe, expect, it } from 'vitest'
import { type HomeserverSetup, startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { HostileProvider, type Lie } from '../../support/other-servers/hostile-provider.ts'
import { freePort } from '../../support/other-servers/openid-provider.ts'
import { PlainBrowser } from '../../support/plain-browser.ts'
import { CLIENT, headingOf, startSignInHouse } from '../../support/sign-in-house.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const DISCOVERY = '/.well-known/openid-configuration'
const start = ({ url }: { readonly url: string }) =>
  `${url}/_matrix/client/v3/login/sso/redirect?${new URLSearchParams({ redirectUrl: CLIENT }).toString()}`
const isCallback = (url: string): boolean => url.includes('/_homeroom/sign-in/callback')

interface HostileSetup extends Pick<HomeserverSetup, 'clock' | 'settings'> {
  readonly requestTimeout?: string
}

/** A homeserver that signs people in at a provider that may lie. */
const withHostile = async (
  use: (homeserver: TestHomeserver, provider: HostileProvider) => Promise<void>,
  settingsOf: (url: string) => object = (issuer) => ({ issuer }),
  { clock, settings, requestTimeout = '1s' }: HostileSetup = {},
) => {
  await using provider = new HostileProvider()
  await provider.start()
  const port = await freePort()
  const one = {
    id: 'own',
    name: 'Own Provider',
    clientId: 'homeroom',
    clientSecret: 's:e c',
    ...settingsOf(provider.url),
  }
  await using homeserver = await startHomeserver({
    ...(clock === undefined ? {} : { clock }),
    settings: {
      ...settings,
      listen: { port },
      server: { publicBaseUrl: `http://127.0.0.1:${port}` },
      oauth: { enabled: false },
      signIn: { providers: [one], requestTimeout },
    },
  })
  await use(homeserver, provider)
}

describe('a sign-in that does not come to its end', () => {
  it('says in words that the person said no, and whoever comes once more finds nothing', async () => {
    await using house = await startSignInHouse()
    house.provider.comes = 'nobody'
    const browser = new PlainBrowser()
    const { location = '' } = await browser.open(house.start(), isCallback)
    const page = await browser.open(location)
    expect([page.status, headingOf(page)]).toEqual([403, 'You did not sign in'])
    expect(page.text).toContain('Own Provider says that you did not agree')
    expect(headingOf(await browser.open(location))).toBe('This sign-in has ended')
  })

  it('is good once, in the browser that began, and for so long', async () => {
    const clock = new SteppedClock()
    await using house = await startSignInHouse({ clock })
    const browser = new PlainBrowser()
    const { location = '' } = await browser.open(house.start(), isCallback)
    const stranger = await new PlainBrowser().open(location)
    expect([stranger.status, headingOf(stranger)]).toEqual([400, 'This sign-in was begun elsewhere'])
    expect(headingOf(await browser.open(location))).toBe('Choose a user name')
    const replayed = await browser.open(location)
    expect([replayed.status, headingOf(replayed)]).toEqual([400, 'This sign-in has ended'])

    const late = await browser.open(house.start(), isCallback)
    clock.advance(30 * 60_000)
    expect(headingOf(await browser.open(late.location ?? ''))).toBe('This sign-in has ended')
    for (const query of ['', '?state=', '?state=x&code=y', '?error=access_denied', '?state=a&state=b&code[]=1']) {
      const page = await browser.open(`${house.url}/_homeroom/sign-in/callback${query}`)
      expect([page.status, headingOf(page)]).toEqual([400, 'This sign-in has ended'])
    }
    for (const path of ['?request=x', '/start/own?choice=x', '/continue?id=x']) {
      expect((await browser.open(`${house.url}/_homeroom/sign-in${path}`)).status).toBe(400)
    }
    for (const path of ['confirm', 'account']) {
      const body = new URLSearchParams({ id: 'x', username: 'ann' })
      expect((await fetch(`${house.url}/_homeroom/sign-in/${path}`, { method: 'POST', body })).status).toBe(400)
    }
  })

  it('tells that the provider is down, on the way there and on the way back', async () => {
    await using house = await startSignInHouse({ settings: { registration: { oauth2: true } } })
    const url = `${house.url}/_matrix/client/v3/register`
    const uri = async () => {
      const answer = await fetch(url, { method: 'POST', body: JSON.stringify({ username: 'ann' }) })
      const body = (await answer.json()) as { readonly params: Record<string, { readonly uri: string }> }
      return body.params['m.login.oauth2']?.uri ?? ''
    }
    const browser = new PlainBrowser()
    const { location = '' } = await browser.open(house.start(), isCallback)
    await house.provider.stop()
    const page = await browser.open(location)
    expect([page.status, headingOf(page)]).toEqual([502, 'Own Provider cannot be reached'])
    await house.homeserver.restart()
    const refused = await browser.open(house.start())
    expect([refused.status, headingOf(refused)]).toEqual([502, 'Own Provider cannot be reached'])
    // An app is given an address nevertheless: its page says why it leads nowhere.
    const own = await uri()
    expect(own).toContain('/_homeroom/sign-in?request=')
    const choice = await browser.open(own)
    const link = browser.links(choice).get('Continue with Own Provider') ?? ''
    expect(headingOf(await browser.open(link))).toBe('Own Provider cannot be reached')
  })
})

describe('a provider that lies', () => {
  const returned = async (homeserver: TestHomeserver) => {
    const page = await new PlainBrowser().open(start(homeserver))
    return [page.status, headingOf(page)]
  }
  const UNPROVEN = [403, 'This sign-in could not be checked']
  const DOWN = [502, 'Own Provider cannot be reached']

  it('is found out by the ID token: nonce, issuer, audience, signature, time, subject', async () => {
    await withHostile(async (homeserver, provider) => {
      expect(await returned(homeserver)).toEqual([200, 'Choose a user name'])
      const wrong: Readonly<Record<string, unknown>>[] = [
        { nonce: 'another' },
        { nonce: undefined },
        { iss: 'https://another.example' },
        { aud: 'another client' },
        { aud: ['homeroom', 'another'], azp: 'another' },
        { exp: 1 },
        { sub: '' },
        { sub: 'x'.repeat(300) },
        { sub: 'line\nbreak' },
        { sub: 7 },
      ]
      for (const claims of wrong) {
        provider.claims = claims
        expect([claims, await returned(homeserver)]).toEqual([claims, UNPROVEN])
      }
      provider.claims = {}
      provider.signedByStranger = true
      expect(await returned(homeserver)).toEqual(UNPROVEN)
    })
  })

  it('or talks garbage gets a page in words, in time, and the next one through', async () => {
    await withHostile(async (homeserver, provider) => {
      const json = (body: string, status = 200): Lie => ({ status, body })
      const lies: [string, Lie, unknown[]][] = [
        [DISCOVERY, json('{'), UNPROVEN],
        [DISCOVERY, json('[]'), UNPROVEN],
        [DISCOVERY, { body: '<html>', type: 'text/html' }, UNPROVEN],
        [DISCOVERY, json(JSON.stringify({ issuer: 'https://another.example' })), UNPROVEN],
        [DISCOVERY, json('{}', 503), DOWN],
        [DISCOVERY, json(`{"x":"${'x'.repeat(600_000)}"}`), DOWN],
        [DISCOVERY, 'silent', DOWN],
        ['/token', json('{"error":"invalid_grant"}', 400), UNPROVEN],
        ['/token', json('{"error":"x"}', 500), DOWN],
        ['/token', json('null'), UNPROVEN],
        ['/token', json('{"access_token":"x","token_type":"bearer"}'), UNPROVEN],
        ['/token', 'silent', DOWN],
        ['/jwks', json('{"keys":7}'), UNPROVEN],
      ]
      for (const [path, lie, outcome] of lies) {
        provider.lies.set(path, lie)
        expect([path, lie, await returned(homeserver)]).toEqual([path, lie, outcome])
        provider.lies.clear()
      }
      expect(await returned(homeserver)).toEqual([200, 'Choose a user name'])
    })
  })

  it('or never answers keeps no app waiting that only wanted to register', async () => {
    const clock = new SteppedClock()
    await withHostile(
      async (homeserver, provider) => {
        const register = async () => {
          const { body } = await homeserver.client().request('POST', '/v3/register', { body: { username: 'ann' } })
          return new URL(body.params['m.login.oauth2'].uri).origin
        }
        provider.lies.set(DISCOVERY, 'silent')
        const slow = register()
        await provider.asked(DISCOVERY)
        clock.advance(2_000)
        expect(await slow).toBe(homeserver.url)
        // Nor is it asked again so soon.
        provider.lies.clear()
        expect(await register()).toBe(homeserver.url)
        clock.advance(60_000)
        expect(await register()).toBe(provider.url)
      },
      (issuer) => ({ issuer }),
      { clock, settings: { registration: { oauth2: true } }, requestTimeout: '10s' },
    )
  })

  it('cannot put words of its own on our pages', async () => {
    await withHostile(async (homeserver, provider) => {
      provider.claims = { preferred_username: '"><script>x</script>', name: '<b>\u0000\u202ebold</b>' }
      const { text } = await new PlainBrowser().open(start(homeserver))
      expect(text).not.toMatch(/<script>x|<b>/)
      expect(text).toContain('value="=22=3e=3cscript=3ex=3c/script=3e"')
    })
  })
})

describe('a provider of plain OAuth 2.0', () => {
  const endpoints = (url: string) => ({
    authorizationEndpoint: `${url}/authorize`,
    tokenEndpoint: `${url}/token`,
    userinfoEndpoint: `${url}/userinfo`,
    subjectClaim: 'account.id',
    scopes: ['read:user'],
    localpart: '{account.login}',
    clientAuth: 'client_secret_post',
  })

  it('tells by its userinfo who it is', async () => {
    await withHostile(async (homeserver, provider) => {
      const plain = { body: '{"access_token":"x","token_type":"bearer","scope":"read:user"}' }
      provider.lies.set('/token', plain)
      provider.userinfo = { account: { id: 4711, login: 'Octo' }, name: 'Octo Cat' }
      const page = await new PlainBrowser().open(start(homeserver))
      expect([headingOf(page), page.text.includes('value="octo"')]).toEqual(['Choose a user name', true])
      const wrong: [Lie, unknown[]][] = [
        [{ body: '{"account":{"id":null}}' }, [403, 'This sign-in could not be checked']],
        [{ body: '[]' }, [403, 'This sign-in could not be checked']],
        [{ body: '{', type: 'text/html' }, [403, 'This sign-in could not be checked']],
        [{ body: '{}', status: 401 }, [403, 'This sign-in could not be checked']],
        [{ body: '{}', status: 500 }, [502, 'Own Provider cannot be reached']],
      ]
      for (const [lie, outcome] of wrong) {
        provider.lies.set('/userinfo', lie)
        const refused = await new PlainBrowser().open(start(homeserver))
        expect([lie, refused.status, headingOf(refused)]).toEqual([lie, ...outcome])
      }
    }, endpoints)
  })
})
