import { describe, expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { PlainBrowser } from '../../support/plain-browser.ts'
import { headingOf } from '../../support/sign-in-house.ts'
import { type CasHouse, startCasHouse } from './cas-fixture.ts'

const cas = { chooseUserName: false }

/** Somebody with an account by CAS and a second device, who is about to remove that. */
const begin = async (house: CasHouse) => {
  const login = async (): Promise<TestClient> => {
    const client = house.homeserver.client()
    await client.login('', { type: 'm.login.token', token: (await house.come(house.login())).token })
    return client
  }
  const [ann, phone] = [await login(), await login()]
  const path = `/v3/devices/${phone.deviceId}`
  const { status, body } = await ann.request('DELETE', path, { body: {} })
  expect(status).toBe(401)
  const { flows, session } = body
  return {
    flows,
    session,
    fallback: `${house.api}/v3/auth/m.login.sso/fallback/web?session=${session}`,
    service: house.service(`session=${session}`),
    finish: async () => (await ann.request('DELETE', path, { body: { auth: { session } } })).status,
    isThere: async () => (await ann.request('GET', path)).status === 200,
  }
}

describe('what somebody does who has an account by CAS', () => {
  it('is confirmed there, by way of the fallback page, and proved anew', async () => {
    await using house = await startCasHouse({ cas })
    const removal = await begin(house)
    expect(removal.flows).toEqual([{ stages: ['m.login.sso'] }])
    const browser = new PlainBrowser()
    const page = await browser.open(removal.fallback)
    expect(page.text).toContain('sign out and remove devices')
    expect(await removal.finish()).toBe(401)
    expect(headingOf(await browser.open(browser.links(page).get('Continue with CAS') ?? ''))).toBe(
      'This step is complete',
    )
    expect(Object.fromEntries(house.server.logins.at(-1) ?? [])).toEqual({ service: removal.service, renew: 'true' })
    expect([await removal.finish(), await removal.isThere()]).toEqual([200, false])
  })

  it('is offered by what CAS speaks alone, also beside providers of OAuth 2.0, which are on the page too', async () => {
    const other = { id: 'other', name: 'Other', issuer: 'https://nowhere.example', clientId: 'x', clientSecret: 'y' }
    await using house = await startCasHouse({ cas, settings: { signIn: { providers: [other] } } })
    const removal = await begin(house)
    expect(removal.flows).toEqual([{ stages: ['m.login.sso'] }])
    const browser = new PlainBrowser()
    const links = browser.links(await browser.open(house.start(undefined, '/v3/login/sso/redirect')))
    expect([...links.keys()]).toEqual(['Continue with Other', 'Continue with CAS'])
    const page = await browser.open(links.get('Continue with CAS') ?? '')
    expect([headingOf(page), page.text.includes('@ann:localhost')]).toEqual(['Continue to app.example?', true])
  })

  it('is asked first where a browser comes that saw no page of ours', async () => {
    await using house = await startCasHouse({ cas })
    const removal = await begin(house)
    const victim = new PlainBrowser()
    const asked = await victim.open(`${removal.service}&ticket=${house.server.ticketFor(removal.service)}`)
    expect([headingOf(asked), asked.text.includes('sign out and remove devices')]).toEqual([
      'Did you begin this?',
      true,
    ])
    expect([await removal.finish(), await removal.isThere()]).toEqual([401, true])
    expect(headingOf(await victim.submit(asked))).toBe('This step is complete')
    expect(await removal.finish()).toBe(200)
  })

  it('needs no browser where an app gets a ticket itself; what every browser sends makes it one', async () => {
    await using house = await startCasHouse({ cas })
    for (const headers of [
      { 'accept-language': 'en' },
      { 'sec-fetch-mode': 'navigate' },
      { origin: 'https://evil.example' },
      { referer: 'https://evil.example/' },
      { cookie: 'a=b' },
    ]) {
      const removal = await begin(house)
      const { text } = await house.come(removal.service, house.server.ticketFor(removal.service), headers)
      expect(text).toContain('Did you begin this?')
      expect(await removal.finish()).toBe(401)
    }
    const removal = await begin(house)
    expect((await house.come(removal.service)).text).toContain('This step is complete')
    expect(await removal.finish()).toBe(200)
  })

  it('is over where another person comes, and never done', async () => {
    await using house = await startCasHouse({ cas })
    const removal = await begin(house)
    house.server.comes = 'eve'
    const { status, text } = await house.come(removal.service)
    expect([status, text.includes('another person of CAS')]).toEqual([200, true])
    expect(await removal.finish()).toBe(403)
    house.server.comes = 'ann'
    expect((await house.come(removal.service)).text).toContain('This sign-in has ended')
    expect([await removal.finish(), await removal.isThere()]).toEqual([403, true])
    expect(headingOf(await new PlainBrowser().open(removal.fallback))).toBe('This session has ended')
  })

  it('cannot be confirmed by a ticket for a login, nor in a session that is none', async () => {
    await using house = await startCasHouse({ cas })
    const removal = await begin(house)
    const ticket = house.server.ticketFor(house.login())
    expect((await house.come(removal.service, ticket)).status).toBe(401)
    const nowhere = house.service('session=nonsense')
    expect([(await house.come(nowhere)).status, await removal.finish()]).toEqual([400, 401])
  })
})
