import { expect, it, vi } from 'vitest'
import { AccountBrowser, PASSWORD } from '../../support/account-browser.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { registerAdmin } from '../../support/operator.ts'
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

it('a session at a browser ends with the account, also where that is opened again without a password', async () => {
  await using house = await startSignInHouse()
  const browser = at(house)
  await browser.submit(await byProvider(browser), { username: 'ida' })
  const root = await registerAdmin(house.homeserver, 'root')
  const set = async (deactivated: boolean) => {
    const answer = await fetch(`${house.homeserver.url}/_synapse/admin/v2/users/@ida:localhost`, {
      method: 'PUT',
      headers: { authorization: `Bearer ${root.accessToken}` },
      body: JSON.stringify({ deactivated }),
    })
    expect(answer.status).toBe(200)
  }
  await set(true)
  // The account leaves its rooms first.
  await vi.waitFor(() => set(false), { timeout: 10_000 })
  expect(headingOf(await browser.at('/account'))).toBe('Sign in')
})

it('an identity is linked by the person alone who began it, after they said yes, and unlinked', async () => {
  await using house = await startSignInHouse()
  const [alice, mallory] = [await house.homeserver.register('alice'), await house.homeserver.register('mallory')]
  const [browser, attacker] = [at(house), at(house)]
  await browser.signIn(alice.userId, PASSWORD)
  await attacker.signIn(mallory.userId, PASSWORD)

  /** From the page of the account to the provider and back: the page that asks. */
  const asked = async (one: AccountBrowser) => {
    const page = await one.act(await one.at('/account/providers'), '/account/providers/begin')
    const back = await one.open(one.goesOnTo(page) ?? '')
    return one.goesOnTo(back) ?? ''
  }
  // Mallory has Alice's browser open the last step, whose yes would link Mallory's identity to Alice's account.
  const planted = await asked(attacker)
  expect((await browser.at(planted)).status).toBe(403)

  const question = await browser.at(await asked(browser))
  expect(headingOf(question)).toMatch(/^Link /)
  const linked = await browser.actAndFollow(question, '/account/providers/link')
  expect(linked.text).toContain('opens your account now')
  const other = at(house)
  expect(headingOf(await byProvider(other))).toBe('You are signed in')
  expect((await other.at('/account')).text).toContain(alice.userId)

  // The same identity opens one account only.
  const refused = await attacker.act(await attacker.at(await asked(attacker)), '/account/providers/link')
  expect([refused.status, refused.text.includes('opens another account')]).toEqual([403, true])

  const unlinked = await browser.actAndFollow(linked, '/account/providers/unlink')
  expect(unlinked.text).toContain('opens your account no longer')
  expect(headingOf(await byProvider(at(house)))).toBe('Choose a user name')
})

it('the last way into an account cannot be unlinked', async () => {
  await using house = await startSignInHouse()
  const browser = at(house)
  await browser.submit(await byProvider(browser), { username: 'only' })
  const page = await browser.act(await browser.at('/account/providers'), '/account/providers/unlink')
  expect([page.status, page.text.includes('Set a password first')]).toEqual([403, true])
  // With a password it can.
  const wish = { password: 'a good long one', repeated: 'a good long one' }
  await browser.act(await browser.at('/account/password'), '/account/password', wish)
  const unlinked = await browser.actAndFollow(await browser.at('/account/providers'), '/account/providers/unlink')
  expect(unlinked.text).toContain('opens your account no longer')
  expect(headingOf(await at(house).signIn('only', wish.password))).toBe('You are signed in')
})
