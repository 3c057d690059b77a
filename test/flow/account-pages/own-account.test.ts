import { expect, it } from 'vitest'
import { AccountBrowser, PASSWORD } from '../../support/account-browser.ts'
import type { TestClient } from '../../support/client.ts'
import { onEveryHomeserver, startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { command } from '../../support/operator.ts'
import { MailServer, mailSettings } from '../../support/other-servers/smtp.ts'
import type { Page } from '../../support/plain-browser.ts'
import { headingOf } from '../../support/sign-in-house.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const signedIn = async (homeserver: TestHomeserver, client: TestClient): Promise<AccountBrowser> => {
  const browser = new AccountBrowser(homeserver)
  await browser.signIn(client.userId, PASSWORD)
  return browser
}
const said = (page: Page) => /<p class="(?:refusal|done)"[^>]*>(.*?)<\/p>/.exec(page.text)?.[1]
const isAlive = async (client: TestClient) => (await client.request('GET', '/v3/account/whoami')).status === 200

onEveryHomeserver('the pages of an account', (start) => {
  it('change the name that others see', async () => {
    await using homeserver = await start()
    const client = await homeserver.register('namer')
    const browser = await signedIn(homeserver, client)
    const page = await browser.actAndFollow(await browser.at('/account/profile'), '/account/profile', {
      name: 'Ada <3',
    })
    expect([headingOf(page), said(page)]).toEqual(['Profile', 'Your name is saved.'])
    expect(page.text).toContain('value="Ada &#60;3"')
    expect((await client.get(`/v3/profile/${client.userId}`)).displayname).toBe('Ada <3')
    await browser.act(page, '/account/profile', { name: ' ' })
    expect((await client.get(`/v3/profile/${client.userId}`)).displayname).toBeUndefined()
    await command(homeserver, 'set-suspended', { user: client.userId, suspended: true })
    const refused = await browser.act(page, '/account/profile', { name: 'Loud' })
    expect(refused.status).toBe(403)
  })

  it('set another password, with the one before, and end what else was signed in', async () => {
    await using homeserver = await start()
    const client = await homeserver.register('changer')
    const [browser, other] = [await signedIn(homeserver, client), await signedIn(homeserver, client)]
    const page = await browser.at('/account/password')
    const wish = { password: 'another good one', repeated: 'another good one' }
    const wrong = await browser.act(page, '/account/password', { ...wish, current: 'guess' })
    expect([wrong.status, said(wrong)]).toEqual([403, 'This is not your current password.'])
    const typo = await browser.act(page, '/account/password', { ...wish, repeated: 'x', current: PASSWORD })
    expect([typo.status, said(typo)]).toEqual([400, 'The two new passwords are not the same.'])
    expect(await isAlive(client)).toBe(true)
    const done = await browser.actAndFollow(page, '/account/password', {
      ...wish,
      current: PASSWORD,
      everywhere: 'yes',
    })
    expect([headingOf(done), said(done)]).toEqual(['Your account', 'Your new password is set.'])
    expect(await isAlive(client)).toBe(false)
    expect(headingOf(await other.at('/account'))).toBe('Sign in')
    expect((await new AccountBrowser(homeserver).signIn('changer', PASSWORD)).status).toBe(403)
    expect((await new AccountBrowser(homeserver).signIn('changer', wish.password)).status).toBe(200)
  })

  it('show devices, sign out one, and all', async () => {
    await using homeserver = await start()
    const client = await homeserver.register('owner')
    const second = homeserver.client()
    await second.login('owner', { initial_device_display_name: 'My <phone>' })
    const [browser, other] = [await signedIn(homeserver, client), await signedIn(homeserver, client)]
    const page = await browser.at('/account/devices')
    expect(page.text).toContain('My &#60;phone&#62;')
    const view = await browser.at(`/account/devices/view?device_id=${second.deviceId}`)
    expect(view.text).toContain(second.deviceId)
    const done = await browser.actAndFollow(page, '/account/devices/sign-out', {}, `value="${second.deviceId}"`)
    expect(said(done)).toBe('The device is signed out.')
    expect([await isAlive(client), await isAlive(second)]).toEqual([true, false])
    const gone = await browser.at(`/account/devices/view?device_id=${second.deviceId}`)
    expect([gone.status, headingOf(gone)]).toEqual([404, 'No such device'])
    // Devices of others are none.
    const stranger = await homeserver.register('stranger')
    expect((await browser.at(`/account/devices/view?device_id=${stranger.deviceId}`)).status).toBe(404)
    await browser.submit({ ...done, text: done.text.replaceAll(client.deviceId, stranger.deviceId) })
    expect([await isAlive(stranger), await isAlive(client)]).toEqual([true, true])
    const all = await browser.actAndFollow(done, '/account/devices/sign-out-all')
    expect(said(all)).toBe('You are signed out everywhere else.')
    expect([await isAlive(client), await isAlive(stranger)]).toEqual([false, true])
    expect(headingOf(await other.at('/account'))).toBe('Sign in')
  })

  it('close the account for who types its name', async () => {
    await using homeserver = await start()
    const client = await homeserver.register('closer')
    const [browser, other] = [await signedIn(homeserver, client), await signedIn(homeserver, client)]
    const page = await browser.at('/account/close')
    const refused = await browser.act(page, '/account/close', { typed: 'closer' })
    expect([refused.status, await isAlive(client)]).toEqual([400, true])
    const closed = await browser.act(page, '/account/close', { typed: client.userId, erase: 'yes' })
    expect(headingOf(closed)).toBe('Your account is closed')
    expect(await isAlive(client)).toBe(false)
    expect([headingOf(await browser.at('/account')), headingOf(await other.at('/account'))]).toEqual([
      'Sign in',
      'Sign in',
    ])
    expect((await other.signIn('closer', PASSWORD)).status).toBe(403)
  })
})

it('clients lead people to the page of an action, also of those who have to sign in first', async () => {
  await using homeserver = await startHomeserver()
  const client = await homeserver.register('guided')
  const browser = await signedIn(homeserver, client)
  const device = `device_id=${client.deviceId}`
  for (const [query, heading] of [
    ['action=org.matrix.profile', 'Profile'],
    ['action=org.matrix.devices_list', 'Devices'],
    ['action=org.matrix.sessions_list', 'Devices'],
    [`action=org.matrix.device_view&${device}`, client.deviceId],
    [`action=org.matrix.session_view&${device}`, client.deviceId],
    [`action=org.matrix.device_delete&${device}`, `Sign out ${client.deviceId}?`],
    [`action=org.matrix.session_end&${device}`, `Sign out ${client.deviceId}?`],
    ['action=org.matrix.device_delete', 'Devices'],
    ['action=org.matrix.account_deactivate', 'Close your account'],
    ['action=org.matrix.cross_signing_reset', 'Reset your encryption identity'],
    ['action=some.unknown', 'Your account'],
    ['', 'Your account'],
  ] as const) {
    expect(headingOf(await browser.at(`/account?${query}`)), query).toBe(heading)
  }
  const stranger = new AccountBrowser(homeserver)
  const signIn = await stranger.at(`/account?action=org.matrix.device_delete&${device}`)
  const page = await stranger.submit(signIn, { user: client.userId, password: PASSWORD })
  expect(stranger.goesOnTo(page)).toBe(`/account?action=org.matrix.device_delete&${device}`)
})

it('deeds of weight ask people to sign in again who did so long ago', async () => {
  const clock = new SteppedClock()
  await using homeserver = await startHomeserver({ clock })
  const client = await homeserver.register('idler')
  const browser = await signedIn(homeserver, client)
  const stale = await browser.at('/account/close')
  clock.advance(21 * 60_000)
  for (const path of [
    'password',
    'emails',
    'close',
    'reset-identity',
    'providers',
    `devices/delete?device_id=${client.deviceId}`,
  ])
    expect(headingOf(await browser.at(`/account/${path}`)), path).toBe('Confirm that it is you')
  const refused = await browser.act(stale, '/account/close', { typed: client.userId })
  expect(refused.location).toContain('/account/sign-in?')
  expect(await isAlive(client)).toBe(true)
  const page = await browser.submit(await browser.at('/account/close'), { user: client.userId, password: PASSWORD })
  expect(browser.goesOnTo(page)).toBe('/account/close')
  expect(headingOf(await browser.at('/account/close'))).toBe('Close your account')
})

it('an address is added by the code of a mail, and removed', async () => {
  await using mails = await MailServer.start()
  await using homeserver = await startHomeserver({ settings: mailSettings(mails) })
  const client = await homeserver.register('mailer')
  const browser = await signedIn(homeserver, client)
  const page = await browser.at('/account/emails')
  const code = await browser.act(page, '/account/emails', { email: 'mailer@example.org' })
  expect(headingOf(code)).toBe('Enter the code')
  const wrong = await browser.act(code, '/account/emails/confirm', { code: 'WRONGCODE' })
  expect([wrong.status, headingOf(wrong)]).toEqual([403, 'Enter the code'])
  const sent = /\b[A-Z]{6,}\b/.exec(mails.received.at(-1)?.mail.text ?? '')?.[0] ?? ''
  const added = await browser.actAndFollow(wrong, '/account/emails/confirm', { code: sent })
  expect(said(added)).toBe('The address is added.')
  expect((await client.get('/v3/account/3pid')).threepids).toMatchObject([{ address: 'mailer@example.org' }])
  expect((await new AccountBrowser(homeserver).signIn('mailer@example.org', PASSWORD)).status).toBe(200)
  const removed = await browser.actAndFollow(added, '/account/emails/remove')
  expect(said(removed)).toBe('The address is removed.')
  expect((await client.get('/v3/account/3pid')).threepids).toEqual([])
  const bad = await browser.act(removed, '/account/emails', { email: 'no address' })
  expect(bad.status).toBe(400)
})
