import { describe, expect, it } from 'vitest'
import { silentLogger, systemClock } from '#base'
import type { UserId } from '#spec'
import { openStore, writers } from '#store'
import { PlainBrowser } from '../../support/plain-browser.ts'
import { headingOf, startSignInHouse, withToken } from '../../support/sign-in-house.ts'

describe('whose account it is', () => {
  const nameTaken = 'This user name is taken.'

  it('never that of somebody else, unless the operator says so', async () => {
    await using house = await startSignInHouse()
    await house.homeserver.register('ann')
    const browser = new PlainBrowser()
    const page = await house.goAndReturn(browser)
    const taken = await browser.submit(page, { username: 'ann' })
    expect([taken.status, taken.text.includes(nameTaken)]).toEqual([400, true])
    const odd = await browser.submit(taken, { username: 'no spaces' })
    expect([odd.status, odd.text.includes('User names consist of')]).toEqual([400, true])
    expect(headingOf(await browser.submit(odd, { username: 'anna' }))).toBe('Continue to app.example?')
    expect(headingOf(await browser.submit(odd, { username: 'annb' }))).toBe('This sign-in has ended')
  })

  it('that of the same local part, where it is so agreed', async () => {
    await using house = await startSignInHouse({ provider: { linkExisting: 'localpart' } })
    await house.homeserver.register('ann')
    expect(await withToken(house.homeserver, await house.loginToken())).toEqual([200, '@ann:localhost'])
    house.provider.people.set('ben', { preferred_username: 'Ben Ü@x' })
    house.provider.comes = 'ben'
    expect((await house.goAndReturn()).text).toContain('value="ben=20=c3=bc=40x"')
  })

  it('that of the same verified address, and of no other', async () => {
    await using house = await startSignInHouse({ provider: { linkExisting: 'verifiedEmail' } })
    await house.homeserver.register('mira')
    const store = await openStore({
      url: `sqlite:${house.homeserver.dataFolder}/homeroom.sqlite`,
      clock: systemClock,
      logger: silentLogger,
    })
    const address = { medium: 'email', address: 'ann@example.org', validatedAtMs: 1, addedAtMs: 1 }
    await store.commit([writers.thirdPartyIds.add('@mira:localhost' as UserId, address, 10)])
    await store.close()
    house.provider.people.set('eve', { preferred_username: 'eve', email: 'ann@example.org', email_verified: false })
    house.provider.comes = 'eve'
    expect(headingOf(await house.goAndReturn())).toBe('Choose a user name')
    house.provider.comes = 'ann'
    expect(await withToken(house.homeserver, await house.loginToken())).toEqual([200, '@mira:localhost'])
  })

  it('none, where the provider gives out none', async () => {
    await using house = await startSignInHouse({ provider: { allowRegistration: false } })
    const page = await house.goAndReturn()
    expect([page.status, headingOf(page)]).toEqual([403, 'You have no account here'])
  })

  it('a new one without a question, where its name is told', async () => {
    const registration = { reservedUsernames: ['root*'] }
    await using house = await startSignInHouse({ provider: { chooseUserName: false }, settings: { registration } })
    expect(await withToken(house.homeserver, await house.loginToken())).toEqual([200, '@ann:localhost'])
    house.provider.people.set('bob', { preferred_username: 'rooter' })
    house.provider.comes = 'bob'
    expect(headingOf(await house.goAndReturn())).toBe('Choose a user name')
  })

  it('a new one only with agreement to the terms', async () => {
    const registration = { termsUrl: 'https://chat.example/terms' }
    await using house = await startSignInHouse({ provider: { chooseUserName: false }, settings: { registration } })
    const browser = new PlainBrowser()
    const page = await house.goAndReturn(browser)
    expect(browser.links(page).get('Terms of use')).toBe('https://chat.example/terms')
    const refused = await browser.submit(page, { username: 'ann' })
    expect([refused.status, refused.text.includes('agree to the documents')]).toEqual([400, true])
    expect(headingOf(await browser.submit(refused, { username: 'ann', agree: 'yes' }))).toBe('Continue to app.example?')
  })

  it('none any more once it was closed', async () => {
    await using house = await startSignInHouse({ provider: { linkExisting: 'localpart' } })
    const ann = await house.homeserver.register('ann')
    await house.loginToken()
    const auth = { type: 'm.login.password', user: 'ann', password: 'correct horse battery staple' }
    const { session } = (await ann.request('POST', '/v3/account/deactivate', { body: {} })).body
    await ann.post('/v3/account/deactivate', { auth: { ...auth, session } })
    const page = await house.goAndReturn()
    expect([page.status, headingOf(page)]).toEqual([403, 'This account was closed'])
  })
})
