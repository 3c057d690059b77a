import { expect, it } from 'vitest'
import { AccountBrowser } from '../../support/account-browser.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { headingOf, type SignInHouse, startSignInHouse } from '../../support/sign-in-house.ts'

const at = (house: SignInHouse) => new AccountBrowser(house.homeserver)

/** The way to the provider and back, by the button of a page. */
const byProvider = async (browser: AccountBrowser, path = '/account/sign-in?next=%2Fthere') => {
  const link = [...browser.links(await browser.at(path))].find(([words]) => words.startsWith('Continue with'))?.[1]
  return browser.open(link ?? '')
}

onEveryHomeserver('signing in at a provider, for a browser', (start) => {
  it('makes an account the first time, and finds it again', async () => {
    await using house = await startSignInHouse({ start })
    const browser = at(house)
    let page = await byProvider(browser)
    expect(headingOf(page)).toBe('Choose a user name')
    page = await browser.submit(page, { username: 'ida' })
    expect([headingOf(page), browser.goesOnTo(page)]).toEqual(['You are signed in', '/there'])
    expect((await browser.at('/account')).text).toContain('@ida:localhost')
    // The same person at another browser.
    const other = at(house)
    expect(headingOf(await byProvider(other))).toBe('You are signed in')
    expect((await other.at('/account')).text).toContain('@ida:localhost')
  })

  it('nobody is signed in by an answer that their browser did not ask for', async () => {
    await using house = await startSignInHouse({ start })
    const mallory = at(house)
    await mallory.submit(await byProvider(mallory), { username: 'mallory' })
    // Mallory stops before the callback, and has a victim's browser open it.
    const isCallback = (url: string) => url.includes('/_homeroom/sign-in/callback')
    const { location } = await mallory.open(`${house.url}/account/sign-in/with/own`, isCallback)
    const victim = at(house)
    const page = await victim.open(location ?? '')
    expect(headingOf(page)).toBe('This sign-in was begun elsewhere')
    expect(headingOf(await victim.at('/account'))).toBe('Sign in')
  })
})
