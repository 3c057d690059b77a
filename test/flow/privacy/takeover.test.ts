import { expect, it } from 'vitest'
import { type Json, PASSWORD, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, startHomeserver } from '../../support/homeserver.ts'
import { linkIn, MailServer, mailSettings, openLink } from '../../support/other-servers/smtp.ts'
import { headingOf, startSignInHouse, withToken } from '../../support/sign-in-house.ts'

const passwordOf = (client: TestClient) => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user: client.userId },
  password: PASSWORD,
})

onEveryHomeserver('an account that somebody else wants', (start) => {
  it('is not given to who has the name or the address at a provider after its owner', async () => {
    await using house = await startSignInHouse({ start, provider: { linkExisting: 'localpart' } })
    await house.homeserver.register('ann')
    expect(await withToken(house.homeserver, await house.loginToken())).toEqual([200, '@ann:localhost'])
    house.provider.people.set('newcomer', { preferred_username: 'ann' })
    house.provider.comes = 'newcomer'
    expect(headingOf(await house.goAndReturn())).toBe('Choose a user name')
  })

  it('gives no tokens to who knows the session of its registration, once its owner logged out', async () => {
    await using homeserver = await start()
    const client = homeserver.client()
    const wish = { username: 'ann', password: PASSWORD }
    const { session } = (await client.request('POST', '/v3/register', { body: wish })).body
    const auth = { type: 'm.login.dummy', session }
    const first = await client.post('/v3/register', { ...wish, auth })
    // The answer was lost: the same device again.
    const again = await client.post('/v3/register', { auth: { session } })
    expect([again.user_id, again.device_id]).toEqual([first.user_id, first.device_id])
    await client.ok('POST', '/v3/logout', { token: again.access_token })
    const repeated = async () => {
      const { status, body } = await client.request('POST', '/v3/register', { body: { auth: { session } } })
      return [status, body.errcode, body.access_token]
    }
    // However often it is repeated, and also once the owner has logged in with the same device id.
    const refused = [403, 'M_FORBIDDEN', undefined]
    expect([await repeated(), await repeated()]).toEqual([refused, refused])
    await homeserver.client().login('ann', { password: PASSWORD, device_id: first.device_id })
    expect([await repeated(), await repeated()]).toEqual([refused, refused])
  })
})

it('what was proved with a password proves nothing once there is a new one', async () => {
  await using homeserver = await startHomeserver()
  const owner = await homeserver.register('ann')
  const thief = homeserver.client()
  const change = (body: object) => thief.request('POST', '/v3/account/password', { body })
  // On the page of the stage, and by a request that is refused after it.
  const { session } = (await change({ new_password: 'of the thief' })).body
  const form = new URLSearchParams({ user: 'ann', password: PASSWORD })
  const page = `${homeserver.url}/_matrix/client/v3/auth/m.login.password/fallback/web?session=${session}`
  expect((await fetch(page, { method: 'POST', body: form })).status).toBe(200)
  const other = (await change({})).body.session
  const refused = await change({ auth: { ...passwordOf(owner), session: other } })
  expect([refused.status, refused.body.errcode]).toEqual([400, 'M_MISSING_PARAM'])

  await owner.post('/v3/account/password', { new_password: `${PASSWORD}!`, auth: passwordOf(owner) })
  for (const held of [session, other]) {
    const { status, body } = await change({ new_password: 'of the thief', auth: { session: held } })
    expect([status, body.completed]).toEqual([401, []])
  }
  await homeserver.client().login('ann', { password: `${PASSWORD}!` })
})

onEveryHomeserver('a mail for a new password', (start) => {
  it('is good for nothing once there is one', async () => {
    await using mails = await MailServer.start()
    await using homeserver = await start({ settings: mailSettings(mails) })
    const owner = await homeserver.register('ann')
    const creds = async (path: string, client_secret: string) => {
      const wish = { client_secret, email: 'ann@example.org', send_attempt: 1 }
      const { sid } = await owner.post(`/v3${path}/email/requestToken`, wish)
      return { sid, client_secret }
    }
    const added = await creds('/account/3pid', 'own')
    await openLink(linkIn(mails.last, homeserver))
    await owner.post('/v3/account/3pid/add', { ...added, auth: passwordOf(owner) })
    // Somebody read the mail once.
    const validated = await creds('/account/password', 'thief')
    await openLink(linkIn(mails.last, homeserver))
    const sent = await creds('/account/password', 'thief2')
    const late = linkIn(mails.last, homeserver)
    await owner.post('/v3/account/password', { new_password: `${PASSWORD}!`, auth: passwordOf(owner) })
    expect((await openLink(late)).status).toBe(404)
    for (const threepid_creds of [validated, sent]) {
      const auth = { type: 'm.login.email.identity', threepid_creds }
      const body = { new_password: 'of the thief', auth }
      expect((await homeserver.client().request('POST', '/v3/account/password', { body })).status).toBe(401)
    }
    // But who forgot it again asks for another mail.
    const again = await creds('/account/password', 'own')
    await openLink(linkIn(mails.last, homeserver))
    const auth = { type: 'm.login.email.identity', threepid_creds: again }
    await homeserver.client().post('/v3/account/password', { new_password: PASSWORD, auth })
    const next = homeserver.client()
    await next.login('ann')
    await creds('/account/password', 'last')
    await next.post('/v3/account/deactivate', { auth: passwordOf(next) })
    expect((await openLink(linkIn(mails.last, homeserver))).status).toBe(404)
  })
})

it('a login token is void once the device that asked for it was logged out', async () => {
  await using homeserver = await startHomeserver()
  const owner = await homeserver.register('ann')
  const tokenOf = async (thief: TestClient): Promise<string> => {
    const { session } = (await thief.request('POST', '/v1/login/get_token', { body: {} })).body
    return (await thief.post('/v1/login/get_token', { auth: { ...passwordOf(owner), session } })).login_token
  }
  const thief = await owner.loginAgain()
  const token = await tokenOf(thief)
  expect(await withToken(homeserver, await tokenOf(thief))).toEqual([200, '@ann:localhost'])
  await owner.post('/v3/account/password', { new_password: `${PASSWORD}!`, auth: passwordOf(owner) })
  expect((await thief.request('GET', '/v3/account/whoami')).status).toBe(401)
  expect(await withToken(homeserver, token)).toEqual([403, 'M_FORBIDDEN'])
})

it('a page that asks for a password says what it will be used for, and warns', async () => {
  await using homeserver = await startHomeserver()
  const ask = async (path: string, body: Json) =>
    (await homeserver.client().request('POST', `/v3${path}`, { body })).body.session
  const page = async (session: string): Promise<string> =>
    (await homeserver.client().request('GET', '/v3/auth/m.login.password/fallback/web', { query: { session } })).body
  const reset = await page(await ask('/account/password', { new_password: 'of a stranger' }))
  expect(reset).toContain('change the password of your account')
  expect(reset).toContain('If somebody sent you here')
  expect(await page(await ask('/account/deactivate', {}))).toContain('close your account for ever')
})

it('so does the page that asks for an address; and the page of a link says where it sends people', async () => {
  await using mails = await MailServer.start()
  await using homeserver = await startHomeserver({ settings: mailSettings(mails) })
  const client = homeserver.client()
  const { session } = (await client.request('POST', '/v3/account/password', { body: { new_password: 'other' } })).body
  const path = '/v3/auth/m.login.email.identity/fallback/web'
  const { body } = await client.request('GET', path, { query: { session } })
  expect(body).toContain('change the password of your account')
  expect(body).toContain('If somebody sent you here')

  const request = (next_link: string) => {
    const wish = { email: 'ann@example.org', client_secret: 'a', send_attempt: 1, next_link }
    return client.request('POST', '/v3/register/email/requestToken', { body: wish })
  }
  // Nothing that would mean something in the policy of the page.
  for (const link of ['https://evil.example;sandbox/', 'https://evil.example,b/'])
    expect((await request(link)).body.errcode).toBe('M_INVALID_PARAM')
  expect((await request('https://app.example:8443/done')).status).toBe(200)
  const page = await fetch(linkIn(mails.last, homeserver))
  expect(await page.text()).toContain('sent on to <strong>app.example:8443</strong>')
})

it('tries at an address tell nobody whose it is', async () => {
  await using mails = await MailServer.start()
  const rateLimits = { enabled: true, accountLogin: '4/600s' }
  const listen = { trustProxy: ['127.0.0.1'] }
  await using homeserver = await startHomeserver({ settings: { ...mailSettings(mails), rateLimits, listen } })
  const ann = await homeserver.register('ann')
  const creds = { client_secret: 'a', email: 'strasse@example.org', send_attempt: 1 }
  const { sid } = await ann.post('/v3/account/3pid/email/requestToken', creds)
  await openLink(linkIn(mails.last, homeserver))
  await ann.post('/v3/account/3pid/add', { sid, client_secret: 'a', auth: passwordOf(ann) })
  let network = 0
  const statusOf = async (who: object): Promise<number> => {
    const headers = { 'x-forwarded-for': `198.51.100.${network++}` }
    const body = { type: 'm.login.password', password: 'wrong', ...who }
    return (await homeserver.client().request('POST', '/v3/login', { body, headers })).status
  }
  const address = (text: string) => ({ medium: 'email', address: text })
  for (let tries = 0; tries < 5; tries++) await statusOf({ user: 'ann' })
  expect(await statusOf({ user: 'ann' })).toBe(429)
  expect(await statusOf(address('strasse@example.org'))).toBe(403)
  expect(await statusOf(address('gasse@example.org'))).toBe(403)
  // One address however it is written, for those that somebody has and for those that nobody has.
  for (const known of ['strasse', 'gasse']) {
    for (let tries = 0; tries < 4; tries++) await statusOf(address(`${known}@example.org`))
    expect(await statusOf(address(`${known.replace('ss', 'ß').toUpperCase()}@EXAMPLE.org`))).toBe(429)
  }
})
