import { describe, expect, it } from 'vitest'
import { PASSWORD, type TestClient } from '../../support/client.ts'
import { PlainBrowser } from '../../support/plain-browser.ts'
import { headingOf, type SignInHouse, startSignInHouse, withToken } from '../../support/sign-in-house.ts'

const STAGE = 'm.login.oauth2'
const registering = { registration: { oauth2: true } }
const nowhere = { id: 'other', name: 'Other', issuer: 'https://nowhere.example', clientId: 'x', clientSecret: 'y' }

const register = (house: SignInHouse, body: object) =>
  house.homeserver.client().request('POST', '/v3/register', { body, token: null })

describe('m.login.oauth2 when registering', () => {
  it('carries the authorization request URI, asks who comes from there, and lets the client go on with the session only', async () => {
    await using house = await startSignInHouse({ settings: registering })
    const first = (await register(house, { username: 'ann' })).body
    expect(first.flows).toEqual([{ stages: ['m.login.dummy'] }, { stages: [STAGE] }])
    const { uri } = first.params[STAGE]
    expect(uri).toMatch(new RegExp(`^${house.provider.url}/auth\\?.*redirect_uri=`))
    const { session } = first
    const tried = await register(house, { auth: { type: STAGE, session } })
    expect([tried.status, tried.body.errcode, tried.body.params[STAGE].uri]).toEqual([401, undefined, uri])

    const browser = new PlainBrowser()
    const asked = await browser.open(uri)
    expect([headingOf(asked), asked.text.includes('make an account')]).toEqual(['Did you begin this?', true])
    expect((await register(house, { auth: { session } })).status).toBe(401)
    const done = await browser.submit(asked)
    expect([headingOf(done), done.text.includes('onAuthDone')]).toEqual(['This step is complete', true])
    expect(headingOf(await browser.submit(asked))).toBe('This sign-in has ended')

    const { status, body } = await register(house, { auth: { session } })
    expect([status, body.user_id]).toEqual([200, '@ann:localhost'])
    // No password, and the identity is theirs from now on.
    expect(await withToken(house.homeserver, await house.loginToken())).toEqual([200, '@ann:localhost'])
  })

  it('is refused to who has an account there already, and to the same person twice', async () => {
    await using house = await startSignInHouse({ settings: registering })
    const sessionOf = async (username: string) => (await register(house, { username, password: PASSWORD })).body
    const [one, two, three] = [await sessionOf('one'), await sessionOf('two'), await sessionOf('three')]
    const pass = async ({ params }: { params: Record<string, { uri: string }> }) => {
      const browser = new PlainBrowser()
      return browser.submit(await browser.open(params[STAGE]?.uri ?? ''))
    }
    await pass(one)
    await pass(two)
    expect((await register(house, { auth: { session: one.session } })).body.user_id).toBe('@one:localhost')
    const late = await register(house, { auth: { session: two.session } })
    expect([late.status, late.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    const refused = await pass(three)
    expect([refused.status, headingOf(refused)]).toEqual([403, 'This step was refused'])
    expect(refused.text).toContain('You have an account here already')
    expect(await withToken(house.homeserver, await house.loginToken())).toEqual([200, '@one:localhost'])
  })

  it('leads to a page of ours where there are several providers, whose links are good in that browser only', async () => {
    await using house = await startSignInHouse({ settings: registering, others: [nowhere] })
    const first = (await register(house, { username: 'ann' })).body
    const { uri } = first.params[STAGE]
    expect(uri).toMatch(new RegExp(`^${house.url}/_homeroom/sign-in\\?request=\\w{43}$`))
    const [mine, other] = [new PlainBrowser(), new PlainBrowser()]
    const links = mine.links(await mine.open(uri))
    expect([...links.keys()]).toEqual(['Continue with Own Provider', 'Continue with Other'])
    const link = links.get('Continue with Own Provider') ?? ''
    expect(headingOf(await other.open(link))).toBe('This sign-in was begun elsewhere')
    await other.open(uri)
    expect(headingOf(await other.open(link))).toBe('This sign-in was begun elsewhere')
    // The page has told what it is about: nothing more to ask.
    expect(headingOf(await mine.open(link))).toBe('This step is complete')
    expect((await register(house, { auth: { session: first.session } })).body.user_id).toBe('@ann:localhost')
    expect(headingOf(await mine.open(uri))).toBe('This step is complete')
  })

  it('is not offered by providers that give out no accounts, and asks for token and terms like every way', async () => {
    const registration = { oauth2: true, mode: 'token', termsUrl: 'https://chat.example/terms' }
    await using house = await startSignInHouse({
      settings: { registration },
      others: [{ ...nowhere, allowRegistration: false }],
    })
    const { flows, params } = (await register(house, { username: 'ann' })).body
    expect(flows[1]).toEqual({ stages: ['m.login.registration_token', 'm.login.terms', STAGE] })
    expect(params[STAGE].uri).toContain(house.provider.url)
    expect(headingOf(await new PlainBrowser().open(params[STAGE].uri))).toBe('Another step comes first')
  })
})

describe('what an account without a password does', () => {
  const fallback = (house: SignInHouse, session: string, type = 'm.login.sso') =>
    `${house.url}/_matrix/client/v3/auth/${type}/fallback/web?session=${session}`

  const begin = async (client: TestClient, method: string, path: string, body = {}) => {
    const question = await client.request(method, path, { body })
    expect(question.status).toBe(401)
    const { flows, session } = question.body
    const finish = async () => {
      const { status } = await client.request(method, path, { body: { ...body, auth: { session } } })
      return status
    }
    return { flows, session, finish }
  }

  it('is confirmed at the provider, by the fallback page of today or the address of 2015', async () => {
    await using house = await startSignInHouse()
    const ann = await house.register('ann')
    const phone = await ann.loginAgain({ type: 'm.login.token', token: await house.loginToken() })
    const removal = await begin(ann, 'DELETE', `/v3/devices/${phone.deviceId}`)
    expect(removal.flows).toEqual([{ stages: ['m.login.sso'] }, { stages: [STAGE] }])
    const browser = new PlainBrowser()
    const page = await browser.open(fallback(house, removal.session))
    expect([headingOf(page), page.text.includes('sign out and remove devices')]).toEqual([
      'Confirm that it is you',
      true,
    ])
    expect(await removal.finish()).toBe(401)
    expect(headingOf(await browser.open(browser.links(page).get('Continue with Own Provider') ?? ''))).toBe(
      'This step is complete',
    )
    expect(headingOf(await browser.open(fallback(house, removal.session)))).toBe('This step is complete')
    expect(await removal.finish()).toBe(200)

    const closing = await ann.request('POST', '/v3/account/deactivate', { body: {} })
    const { uri } = closing.body.params[STAGE]
    // A person who is logged in there shall say so anew.
    expect(new URL(uri).searchParams.get('prompt')).toBe('login')
    const asked = await browser.open(uri)
    expect(asked.text).toContain('close your account for ever, <strong>@ann:localhost</strong>')
    await browser.submit(asked)
    await ann.post('/v3/account/deactivate', { auth: { session: closing.body.session } })
    expect(headingOf(await house.goAndReturn())).toBe('This account was closed')
  })

  it('is confirmed by nobody else', async () => {
    await using house = await startSignInHouse()
    const ann = await house.register('ann')
    const removal = await begin(ann, 'POST', '/v3/delete_devices', { devices: [ann.deviceId] })
    house.provider.people.set('eve', { preferred_username: 'eve' })
    house.provider.comes = 'eve'
    const browser = new PlainBrowser()
    const links = browser.links(await browser.open(fallback(house, removal.session)))
    const refused = await browser.open(links.get('Continue with Own Provider') ?? '')
    expect([refused.status, headingOf(refused)]).toEqual([403, 'This step was refused'])
    expect(refused.text).toContain('another person of Own Provider')
    // For good: nothing comes of that session any more, whoever signs in.
    expect(await removal.finish()).toBe(403)
    expect(headingOf(await browser.open(fallback(house, removal.session)))).toBe('This session has ended')
    const next = await begin(ann, 'POST', '/v3/delete_devices', { devices: [ann.deviceId] })
    for (const [session, words] of [
      ['nonsense', 'This session has ended'],
      [next.session, 'Nothing to do here'],
    ] as const) {
      const type = session === 'nonsense' ? 'm.login.sso' : 'm.login.dummy'
      expect(headingOf(await browser.open(fallback(house, session, type)))).toBe(words)
    }
  })

  it('needs the password where there is one, and offers both to who has both', async () => {
    await using house = await startSignInHouse({ provider: { linkExisting: 'localpart' } })
    const mira = await house.homeserver.register('mira')
    const flowsOf = async (client: TestClient) => (await begin(client, 'POST', '/v3/account/password')).flows
    expect(await flowsOf(mira)).toEqual([{ stages: ['m.login.password'] }])
    const ann = await house.homeserver.register('ann')
    await house.loginToken()
    expect(await flowsOf(ann)).toEqual([
      { stages: ['m.login.password'] },
      { stages: ['m.login.sso'] },
      { stages: [STAGE] },
    ])
  })
})

describe('m.login.oauth2 of the first version', () => {
  const dance = async (house: SignInHouse, path: string, body: object) => {
    const answer = await fetch(`${house.url}/_matrix/client/api/v1${path}`, {
      method: 'POST',
      body: JSON.stringify({ type: STAGE, ...body }),
    })
    return (await answer.json()) as Record<string, string>
  }

  it('answers credentials at the redirect URI of a login, and nobody else gets them', async () => {
    await using house = await startSignInHouse()
    await house.register('ann')
    const { uri = '', session } = await dance(house, '/login', { user: '@ann:localhost' })
    // Who began it may ask as often as they like, also while the browser comes back.
    let isBack = false
    const asking = Array.from({ length: 4 }, async () => {
      while (!isBack) expect(await dance(house, '/login', { session })).not.toHaveProperty('access_token')
    })
    const page = await new PlainBrowser().open(uri)
    isBack = true
    await Promise.all(asking)
    expect(page.headers.get('content-type')).toBe('application/json')
    const credentials = JSON.parse(page.text)
    expect(credentials.user_id).toBe('@ann:localhost')
    const me = await house.homeserver.client().ok('GET', '/v3/account/whoami', { token: credentials.access_token })
    expect(me.user_id).toBe('@ann:localhost')
    expect(await dance(house, '/login', { session })).not.toHaveProperty('access_token')
  })

  it('answers a standard error there to who has no account', async () => {
    await using house = await startSignInHouse()
    const { uri = '' } = await dance(house, '/login', {})
    const page = await new PlainBrowser().open(uri)
    expect([page.status, JSON.parse(page.text).errcode]).toEqual([403, 'M_FORBIDDEN'])
  })

  it('answers the next stage of a registration', async () => {
    await using house = await startSignInHouse({ settings: registering })
    const { uri = '', session } = await dance(house, '/register', {})
    const browser = new PlainBrowser()
    const page = await browser.submit(await browser.open(uri))
    expect(JSON.parse(page.text)).toEqual({ session, next: 'm.login.password' })
    const made = await dance(house, '/register', { type: 'm.login.password', session, user: 'ann', password: PASSWORD })
    expect(made.user_id).toBe('@ann:localhost')
    expect(await withToken(house.homeserver, await house.loginToken())).toEqual([200, '@ann:localhost'])
  })
})
