import { createHmac } from 'node:crypto'
import { expect, it } from 'vitest'
import { PASSWORD, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { PlainBrowser } from '../../support/plain-browser.ts'
import { headingOf, startSignInHouse, withToken } from '../../support/sign-in-house.ts'

const DUMMY = { type: 'm.login.dummy' }

const begin = async (client: TestClient, path: string, body: object): Promise<string> =>
  (await client.request('POST', path, { body })).body.session

onEveryHomeserver('a restart in between', (start) => {
  it('does not end a registration: what was said and done before counts', async () => {
    await using homeserver = await start()
    const client = homeserver.client()
    const session = await begin(client, '/v3/register', { username: 'ada', password: PASSWORD, device_id: 'PHONE' })
    await homeserver.restart()
    const made = await client.post('/v3/register', { auth: { ...DUMMY, session } })
    expect(made).toMatchObject({ user_id: '@ada:localhost', device_id: 'PHONE' })

    await homeserver.restart()
    const again = await client.post('/v3/register', { auth: { ...DUMMY, session } })
    expect(again).toMatchObject({ user_id: '@ada:localhost', device_id: 'PHONE' })
    const { devices } = await client.ok('GET', '/v3/devices', { token: again.access_token })
    expect(devices).toHaveLength(1)
  })

  it('keeps a stage that was passed in a browser', async () => {
    await using homeserver = await start({ settings: { registration: { termsUrl: 'https://terms.example' } } })
    const client = homeserver.client()
    const session = await begin(client, '/v3/register', { username: 'ada', password: PASSWORD })
    const page = `/_matrix/client/v3/auth/m.login.terms/fallback/web?session=${session}`
    await homeserver.restart()
    expect(
      (await fetch(homeserver.url + page, { method: 'POST', body: new URLSearchParams({ agree: 'yes' }) })).status,
    ).toBe(200)
    await homeserver.restart()
    expect(await client.post('/v3/register', { auth: { session } })).toMatchObject({ user_id: '@ada:localhost' })
  })

  it('does not let a session live on that a new password has ended', async () => {
    await using homeserver = await start()
    const ada = await homeserver.register('ada')
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'ada' }, password: PASSWORD }
    const session = await begin(ada, '/v3/delete_devices', { devices: [ada.deviceId] })
    await ada.post('/v3/account/password', { auth, new_password: `${PASSWORD}2`, logout_devices: false })
    await homeserver.restart()
    const late = await ada.request('POST', '/v3/delete_devices', {
      body: { devices: [ada.deviceId], auth: { ...auth, password: `${PASSWORD}2`, session } },
    })
    expect(late).toMatchObject({ status: 401, body: { errcode: 'M_FORBIDDEN', completed: [] } })
    expect(late.body.session).not.toBe(session)
  })

  it('does not end a sign-in at a provider, nor void the login token that comes of it', async () => {
    await using house = await startSignInHouse({ start })
    const browser = new PlainBrowser()
    const isCallback = (url: string): boolean => url.startsWith(`${house.url}/_homeroom/sign-in/callback`)
    const { location = '' } = await browser.open(house.start(), isCallback)
    await house.homeserver.restart()
    const callback = location.replace(/^https?:\/\/[^/]+/, house.url)
    const choosing = await browser.open(callback)
    expect(headingOf(choosing)).toBe('Choose a user name')
    expect(headingOf(await browser.open(callback))).toBe('This sign-in has ended')

    const token = await house.loginToken('ann')
    await house.homeserver.restart()
    expect(await withToken(house.homeserver, token)).toEqual([200, '@ann:localhost'])
    expect(await withToken(house.homeserver, token)).toEqual([403, 'M_FORBIDDEN'])
  })

  it('does not have a transaction of 2015 done twice', async () => {
    await using homeserver = await start()
    const ada = await homeserver.register('ada')
    const path = '/_matrix/client/api/v1/createRoom/7'
    const made = await ada.put(path, { name: 'Once' })
    await homeserver.restart()
    expect(await ada.put(path, { name: 'Once' })).toEqual(made)
    expect((await ada.get('/v3/joined_rooms')).joined_rooms).toEqual([made.room_id])
    expect((await ada.put('/_matrix/client/api/v1/createRoom/8')).room_id).not.toBe(made.room_id)
  })

  it('does not void an OpenID token', async () => {
    await using homeserver = await start()
    const ada = await homeserver.register('ada')
    const { access_token: token } = await ada.post(`/v3/user/${encodeURIComponent(ada.userId)}/openid/request_token`)
    await homeserver.restart()
    const answer = await fetch(`${homeserver.url}/_matrix/federation/v1/openid/userinfo?access_token=${token}`)
    expect(await answer.json()).toEqual({ sub: ada.userId })
  })

  it('does not void the nonce of a registration by shared secret, which is good once', async () => {
    await using homeserver = await start({ settings: { registration: { sharedSecret: 'between us' } } })
    const url = () => `${homeserver.url}/_synapse/admin/v1/register`
    const { nonce } = (await (await fetch(url())).json()) as { readonly nonce: string }
    await homeserver.restart()
    const mac = createHmac('sha1', 'between us').update([nonce, 'ada', PASSWORD, 'notadmin'].join('\0')).digest('hex')
    const body = JSON.stringify({ nonce, username: 'ada', password: PASSWORD, admin: false, mac })
    const made = await fetch(url(), { method: 'POST', body })
    expect(await made.json()).toMatchObject({ user_id: '@ada:localhost' })
    expect((await fetch(url(), { method: 'POST', body })).status).toBe(400)
  })
})
