import { describe, expect, it } from 'vitest'
import { loadConfig } from '#config'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { PlainBrowser } from '../../support/plain-browser.ts'
import { CLIENT, headingOf, isClient, withToken } from '../../support/sign-in-house.ts'
import { startCasHouse } from './cas-fixture.ts'

const tokenIn = (location: string | undefined): string =>
  new URL(location ?? CLIENT).searchParams.get('loginToken') ?? ''

onEveryHomeserver('signing in at a CAS server', (start) => {
  it('makes an account whose name is chosen, and is that account ever after, across restarts', async () => {
    await using house = await startCasHouse({ start })
    house.server.attributes.set('displayName', ['Ann <Example>'])
    const browser = new PlainBrowser()
    const choosing = await browser.open(house.start())
    expect([headingOf(choosing), choosing.text.includes('value="ann"')]).toEqual(['Choose a user name', true])
    const made = await browser.submit(choosing, { username: 'ann.b' })
    expect([headingOf(made), made.text.includes('loginToken')]).toEqual(['Continue to app.example?', false])
    const { location } = await browser.open(browser.links(made).get('Continue') ?? '', isClient)
    expect(location).toMatch(/^https:\/\/app\.example\/after\?x=1&y=%20z&loginToken=\w+$/)
    expect(await withToken(house.homeserver, tokenIn(location))).toEqual([200, '@ann.b:localhost'])
    const profile = await house.homeserver.client().get('/v3/profile/@ann.b:localhost/displayname')
    expect(profile.displayname).toBe('Ann <Example>')

    await house.homeserver.restart()
    const again = await new PlainBrowser().open(house.start())
    expect([headingOf(again), again.text.includes('@ann.b:localhost')]).toEqual(['Continue to app.example?', true])
  })
})

describe('a CAS server', () => {
  it('is listed for clients of today and of then, which are sent there by either path', async () => {
    await using house = await startCasHouse({ cas: { name: 'Example Inc.' } })
    const { flows } = await house.homeserver.client().get('/v3/login')
    expect(flows).toEqual([
      { type: 'm.login.password' },
      { type: 'm.login.sso', identity_providers: [{ id: 'cas', name: 'Example Inc.' }] },
      { type: 'm.login.cas' },
      { type: 'm.login.token', get_login_token: true },
    ])
    // To the letter, as the CAS server compares it: with what the client wrote, not with what a URL parser makes of it.
    const redirectUrl = 'https://client?p=http%3A%2F%2Fserver'
    for (const path of [
      '/v3/login/cas/redirect',
      '/r0/login/cas/redirect',
      '/v3/login/sso/redirect',
      '/v3/login/sso/redirect/cas',
    ]) {
      const { status, location = '' } = await new PlainBrowser().open(house.start(redirectUrl, path), () => true)
      expect([status, location.startsWith(`${house.server.url}/cas/login?`)]).toEqual([302, true])
      expect(Object.fromEntries(new URL(location).searchParams)).toEqual({ service: house.login(redirectUrl) })
    }
    for (const wrong of ['javascript:alert(1)', 'nonsense', '']) {
      const page = await new PlainBrowser().open(house.start(wrong))
      expect([page.status, headingOf(page)]).toEqual([400, 'No way back to your app'])
      const back = await house.come(house.login(wrong))
      expect(back.status).toBe(400)
    }
  })

  it('is not there where none is configured', async () => {
    await using house = await startCasHouse({ cas: { serverUrl: undefined } })
    const { flows } = await house.homeserver.client().get('/v3/login')
    expect(flows.map(({ type }: { type: string }) => type)).toEqual(['m.login.password', 'm.login.token'])
    const page = await new PlainBrowser().open(house.start())
    expect([page.status, headingOf(page)]).toEqual([404, 'No way to sign in here'])
    expect((await house.come(house.login())).status).toBe(400)
  })

  it('needs the address that it sends browsers back to, and a name of its own among the providers', () => {
    const provider = { id: 'cas', name: 'Other', issuer: 'https://nowhere.example', clientId: 'x', clientSecret: 'y' }
    const settings = {
      cas: { serverUrl: 'https://cas.example/', requiredAttributes: ['a b'] },
      signIn: { providers: [provider] },
    }
    expect(() => loadConfig({ file: { name: 'x.yaml', text: JSON.stringify(settings) } })).toThrow(
      /^cas\.requiredAttributes: .*\nserver\.publicBaseUrl: .*\nserver\.publicBaseUrl: .*CAS.*\nsignIn\.providers: .*no provider with the id cas/,
    )
  })

  it('names people by ids that need be no local parts, and opens accounts of theirs only by rule', async () => {
    const cas = { chooseUserName: false, linkExisting: 'localpart' }
    await using house = await startCasHouse({ cas })
    house.server.comes = 'cas_user!'
    const newcomer = await house.come(house.login())
    expect([newcomer.status, newcomer.text.includes('Your account is made')]).toEqual([200, true])
    expect(await withToken(house.homeserver, newcomer.token)).toEqual([200, '@cas_user=21:localhost'])
    await house.homeserver.register('mira')
    house.server.comes = 'Mira'
    const { token } = await house.come(house.login())
    expect(await withToken(house.homeserver, token)).toEqual([200, '@mira:localhost'])
    house.server.comes = 'Zoë & "Co" <x>'
    const odd = await house.come(house.login())
    expect(await withToken(house.homeserver, odd.token)).toEqual([
      200,
      '@zo=c3=ab=20=26=20=22co=22=20=3cx=3e:localhost',
    ])
    await using strict = await startCasHouse({ cas: { allowRegistration: false } })
    await strict.homeserver.register('ann')
    const refused = await strict.come(strict.login())
    expect([refused.status, headingOf({ ...refused, url: '' } as never)]).toEqual([403, 'You have no account here'])
  })

  it('must vouch for the attributes that the operator wants', async () => {
    const cas = { chooseUserName: false, requiredAttributes: ['memberOf=staff', 'employeeId'] }
    await using house = await startCasHouse({ cas })
    const { server } = house
    expect((await house.come(house.login())).status).toBe(401)
    server.attributes.set('memberOf', ['guests']).set('employeeId', ['7'])
    expect((await house.come(house.login())).status).toBe(401)
    server.attributes.set('memberOf', ['guests', 'staff'])
    const { token } = await house.come(house.login())
    expect(await withToken(house.homeserver, token)).toEqual([200, '@ann:localhost'])
  })
})

describe('a ticket', () => {
  it('opens nothing where it is wrong, used, or of another service', async () => {
    await using house = await startCasHouse({ cas: { chooseUserName: false } })
    const { server } = house
    const used = server.ticketFor(house.login())
    expect((await house.come(house.login(), used)).status).toBe(200)
    const elsewhere = server.ticketFor('https://other.example/service?a=b')
    for (const ticket of [used, elsewhere, 'ST-none', '%3Cx%3E', 'x'.repeat(1_024), '%00', '%F0%9F%98%80']) {
      const { status, text, token } = await house.come(house.login(), ticket)
      expect([ticket, status, token]).toEqual([ticket, 401, ''])
      expect(text).toContain('This sign-in could not be checked')
    }
    expect((await house.come(house.login(), 'x'.repeat(1_025))).status).toBe(400)
    expect((await house.come(house.login(), '')).status).toBe(401)
  })

  it('of somebody else makes nobody go on without seeing whose account it is, not even to a trusted client', async () => {
    const settings = { signIn: { trustedClients: ['https://app.example/'] } }
    await using house = await startCasHouse({ cas: { chooseUserName: false }, settings })
    await house.come(house.login())
    const browser = new PlainBrowser()
    const trusted = await browser.open(house.start(), isClient)
    expect(await withToken(house.homeserver, tokenIn(trusted.location))).toEqual([200, '@ann:localhost'])
    // An attacker's own ticket, in a link.
    const led = await browser.open(`${house.login()}&ticket=${house.server.ticketFor(house.login())}`)
    expect([led.status, headingOf(led), led.text.includes('loginToken')]).toEqual([
      200,
      'Continue to app.example?',
      false,
    ])
    expect(led.text).toContain('@ann:localhost')
  })
})
