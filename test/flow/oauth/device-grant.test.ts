import { expect, it } from 'vitest'
import { AccountBrowser } from '../../support/account-browser.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import {
  APP,
  browserOf,
  clientWith,
  DEVICE_GRANT,
  OAuthApp,
  postForm,
  refusal,
  startOAuth,
} from '../../support/oauth-app.ts'
import { headingOf } from '../../support/sign-in-house.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const begin = async (app: OAuthApp, scope = app.scope) => {
  const answer = await postForm(app.homeserver, '/oauth/device', { client_id: app.clientId, scope })
  const ask = () => app.token({ grant_type: DEVICE_GRANT, device_code: answer.body.device_code })
  return { answer, ask, code: answer.body.user_code as string, page: `/oauth/link?user_code=${answer.body.user_code}` }
}

onEveryHomeserver('a device that shows a code', (start) => {
  it('is let in by a person at a browser, and goes on by itself', async () => {
    const clock = new SteppedClock()
    await using homeserver = await startOAuth({ clock }, start)
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    const { answer, ask, code, page } = await begin(app)
    expect([answer.status, answer.body]).toEqual([
      200,
      {
        device_code: expect.any(String),
        user_code: expect.stringMatching(/^[BCDFGHJKLMNPQRSTVWXZ]{4}-[BCDFGHJKLMNPQRSTVWXZ]{4}$/),
        verification_uri: `${homeserver.url}/oauth/link`,
        verification_uri_complete: `${homeserver.url}/oauth/link?user_code=${code}`,
        expires_in: 900,
        interval: 5,
      },
    ])
    expect(refusal(await ask())).toBe('400 authorization_pending')
    const browser = new AccountBrowser(homeserver)
    const signIn = await browser.at(page)
    expect(headingOf(signIn)).toBe('Sign in')
    const next = browser.goesOnTo(
      await browser.submit(signIn, { user: 'alice', password: 'correct horse battery staple' }),
    )
    const question = await browser.at(next ?? '')
    expect(headingOf(question)).toBe('Let an app into your account?')
    for (const part of [code, 'Example app', alice.userId, app.deviceId, 'If somebody sent you the code'])
      expect(question.text).toContain(part)
    await homeserver.restart()
    expect(headingOf(await browser.submit(question, { decision: 'allow' }))).toBe('Your device is let in')
    clock.advance(5_000)
    const { status, body } = await ask()
    expect([status, body.scope, body.token_type]).toEqual([200, app.scope, 'Bearer'])
    expect(await clientWith(homeserver, body).get('/v3/account/whoami')).toMatchObject({ device_id: app.deviceId })
    // Once, whoever asks again.
    expect(refusal(await ask())).toBe('400 expired_token')
    expect((await browser.at(page)).status).toBe(404)
  })

  it('may be typed in by hand, however people write it, and is told when the person says no', async () => {
    await using homeserver = await startOAuth({}, start)
    const browser = await browserOf(homeserver, await homeserver.register('alice'))
    const app = await OAuthApp.register(homeserver)
    const { ask, code } = await begin(app)
    const form = await browser.at('/oauth/link')
    expect(headingOf(form)).toBe('Sign in a device')
    expect(form.text).toContain('<form method="get" action="/oauth/link">')
    const typed = ` ${code.toLowerCase().replace('-', ' ')} `
    const question = await browser.at(`/oauth/link?user_code=${encodeURIComponent(typed)}`)
    expect(headingOf(await browser.submit(question, { decision: 'deny' }))).toBe('The device is not let in')
    expect(refusal(await ask())).toBe('400 access_denied')
    expect(refusal(await ask())).toBe('400 expired_token')
  })

  it('asks no more often than it is told, and waits a quarter of an hour', async () => {
    const clock = new SteppedClock()
    await using homeserver = await startOAuth({ clock }, start)
    const browser = await browserOf(homeserver, await homeserver.register('alice'))
    const app = await OAuthApp.register(homeserver)
    const { ask, page } = await begin(app)
    const asked: string[] = []
    // The second comes too early, and from then on ten seconds lie between two.
    for (const afterMs of [0, 1_000, 6_000, 16_000, 15_000]) {
      clock.advance(afterMs)
      asked.push(refusal(await ask()).slice(4))
    }
    expect(asked).toEqual([
      'authorization_pending',
      'slow_down',
      'slow_down',
      'authorization_pending',
      'authorization_pending',
    ])
    clock.advance(900_000)
    expect(refusal(await ask())).toBe('400 expired_token')
    expect((await browser.at(page)).status).toBe(404)
  })

  it('is let in for the client alone that began, and has no form of another site let in', async () => {
    await using homeserver = await startOAuth({}, start)
    const alice = await homeserver.register('alice')
    const browser = await browserOf(homeserver, alice)
    const app = await OAuthApp.register(homeserver)
    const other = await OAuthApp.register(homeserver, { ...APP, client_name: 'Other' })
    const { answer, ask, code, page } = await begin(app)
    const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const body = new URLSearchParams({ user_code: code, decision: 'allow' })
    const forged = await fetch(`${homeserver.url}/oauth/link`, { method: 'POST', body, headers: { cookie } })
    expect([forged.status, refusal(await ask())]).toEqual([403, '400 authorization_pending'])
    await browser.submit(await browser.at(page), { decision: 'allow' })
    const thief = await other.token({ grant_type: DEVICE_GRANT, device_code: answer.body.device_code })
    expect(refusal(thief)).toBe('400 expired_token')
    const given = await Promise.all([ask(), ask(), ask()])
    expect(given.filter(({ status }) => status === 200).length).toBe(1)
  })

  it('is refused for a request that is wrong', async () => {
    await using homeserver = await startOAuth({}, start)
    const app = await OAuthApp.register(homeserver)
    const none = await OAuthApp.register(homeserver, { ...APP, grant_types: ['authorization_code', 'refresh_token'] })
    const post = async (fields: Record<string, string | undefined>) =>
      refusal(await postForm(homeserver, '/oauth/device', { client_id: app.clientId, scope: app.scope, ...fields }))
    expect(await post({ client_id: undefined })).toBe('400 invalid_request')
    expect(await post({ client_id: 'A'.repeat(22) })).toBe('400 invalid_client')
    expect(await post({ client_id: none.clientId })).toBe('400 unauthorized_client')
    expect(await post({ scope: undefined })).toBe('400 invalid_request')
    expect(await post({ scope: 'urn:matrix:client:api:*' })).toBe('400 invalid_scope')
    expect(await post({ prompt: 'create' })).toBe('400 invalid_request')
    expect(refusal(await none.token({ grant_type: DEVICE_GRANT, device_code: 'x' }))).toBe('400 unauthorized_client')
    expect(refusal(await app.token({ grant_type: DEVICE_GRANT, device_code: 'x' }))).toBe('400 expired_token')
  })
})

it('is not found by guessing: a person has few tries', async () => {
  await using homeserver = await startOAuth({
    settings: { rateLimits: { enabled: true, login: '10/600s', other: '1000/1s' } },
  })
  const browser = await browserOf(homeserver, await homeserver.register('alice'))
  const statuses: number[] = []
  for (let guess = 0; guess < 12; guess++)
    statuses.push((await browser.at(`/oauth/link?user_code=BBBBBBB${'BCDFGHJKLMNP'[guess]}`)).status)
  expect(statuses[0]).toBe(404)
  expect(statuses.at(-1)).toBe(429)
})

it('is counted by the network of an IPv6 address, of which one client has them all', async () => {
  await using homeserver = await startOAuth({ settings: { listen: { trustProxy: ['127.0.0.0/8', '::1'] } } })
  const app = await OAuthApp.register(homeserver)
  const begin = async (address: string) => {
    const body = new URLSearchParams({ client_id: app.clientId, scope: app.scope })
    const headers = { 'x-forwarded-for': address }
    const answer = await fetch(`${homeserver.url}/oauth/device`, { method: 'POST', body, headers })
    const { device_code: code } = (await answer.json()) as { readonly device_code?: string }
    return code ?? ''
  }
  const stateOf = async (code: string) => refusal(await app.token({ grant_type: DEVICE_GRANT, device_code: code }))
  const [first, neighbour] = [await begin('2001:db8:0:1::1'), await begin('2001:db8:0:2::1')]
  for (let host = 2; host <= 52; host++) await begin(`2001:db8:0:1::${host}`)
  expect([await stateOf(first), await stateOf(neighbour)]).toEqual(['400 expired_token', '400 authorization_pending'])
})
