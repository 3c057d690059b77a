import { createPublicKey, verify } from 'node:crypto'
import { expect, it } from 'vitest'
import { canonicalJson } from '#rules'
import { type Json, PASSWORD, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, shareHomeserver, startHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const HOUR_MS = 3_600_000

const requestToken = (client: TestClient, userId = client.userId): Promise<Json> =>
  client.request('POST', `/v3/user/${encodeURIComponent(userId)}/openid/request_token`, { body: {} })

/** As another service asks: without any token of the client-server API. */
const userinfo = async (url: string, token: string): Promise<readonly [number, Json]> => {
  const query = new URLSearchParams({ access_token: token }).toString()
  const answer = await fetch(`${url}/_matrix/federation/v1/openid/userinfo?${query}`)
  return [answer.status, await answer.json()]
}

onEveryHomeserver('An OpenID token', (start) => {
  const shared = shareHomeserver(start)
  it('tells another service whose it is, and opens nothing here', async () => {
    const homeserver = await shared()
    const ada = await homeserver.register('ada')
    const { status, body } = await requestToken(ada)
    expect([status, body]).toEqual([
      200,
      { access_token: expect.any(String), token_type: 'Bearer', matrix_server_name: 'localhost', expires_in: 3600 },
    ])
    expect(await userinfo(homeserver.url, body.access_token)).toEqual([200, { sub: ada.userId }])
    const answer = await ada.request('GET', '/v3/account/whoami', { token: body.access_token })
    expect([answer.status, answer.body.errcode]).toEqual([401, 'M_UNKNOWN_TOKEN'])
  })

  it('is given out for oneself only, and not to guests', async () => {
    await using homeserver = await start({ settings: { registration: { guests: true, mode: 'open' } } })
    const ada = await homeserver.register('ada')
    const bob = await homeserver.register('bob')
    const refused = await requestToken(ada, bob.userId)
    expect([refused.status, refused.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    const guest = await homeserver.client().post('/v3/register?kind=guest')
    const path = `/v3/user/${encodeURIComponent(guest.user_id)}/openid/request_token`
    const asGuest = await homeserver.client().request('POST', path, { body: {}, token: guest.access_token })
    expect([asGuest.status, asGuest.body.errcode]).toEqual([403, 'M_GUEST_ACCESS_FORBIDDEN'])
  })

  it('ends when its device is logged out, also if one of the same name comes back, and not with another device', async () => {
    const homeserver = await shared()
    const ada = await homeserver.register('ada')
    const phone = await ada.loginAgain({ device_id: 'PHONE' })
    const { access_token: token } = (await requestToken(phone)).body
    const { access_token: other } = (await requestToken(ada)).body
    await (await ada.loginAgain()).post('/v3/logout')
    expect(await userinfo(homeserver.url, token)).toEqual([200, { sub: ada.userId }])
    await phone.post('/v3/logout')
    expect(await userinfo(homeserver.url, token)).toMatchObject([401, { errcode: 'M_UNKNOWN_TOKEN' }])
    await ada.loginAgain({ device_id: 'PHONE' })
    expect(await userinfo(homeserver.url, token)).toMatchObject([401, { errcode: 'M_UNKNOWN_TOKEN' }])
    expect(await userinfo(homeserver.url, other)).toEqual([200, { sub: ada.userId }])
  })

  it('ends with the account', async () => {
    const homeserver = await shared()
    const ada = await homeserver.register('ada')
    const { access_token: token } = (await requestToken(ada)).body
    const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: ada.userId }, password: PASSWORD }
    await ada.post('/v3/account/deactivate', { auth })
    expect(await userinfo(homeserver.url, token)).toMatchObject([401, { errcode: 'M_UNKNOWN_TOKEN' }])
  })
})

it('An OpenID token ends after an hour, and nothing else is one', async () => {
  const clock = new SteppedClock()
  await using homeserver = await startHomeserver({ clock })
  const ada = await homeserver.register('ada')
  const { access_token: token } = (await requestToken(ada)).body
  clock.advance(HOUR_MS - 60_000)
  expect(await userinfo(homeserver.url, token)).toEqual([200, { sub: ada.userId }])
  clock.advance(60_000)
  for (const wrong of [token, '', 'x'.repeat(5000), ada.accessToken ?? '']) {
    expect(await userinfo(homeserver.url, wrong)).toMatchObject([401, { errcode: 'M_UNKNOWN_TOKEN' }])
  }
  const without = await fetch(`${homeserver.url}/_matrix/federation/v1/openid/userinfo`)
  expect([without.status, await without.json()]).toMatchObject([401, { errcode: 'M_MISSING_TOKEN' }])
})

it('The server publishes its signing key, signed with itself', async () => {
  await using homeserver = await startHomeserver()
  for (const path of ['', '/', '/ed25519:any']) {
    const answer = await fetch(`${homeserver.url}/_matrix/key/v2/server${path}`)
    const bytes = await answer.text()
    const { signatures, ...told }: Json = JSON.parse(bytes)
    expect(answer.status).toBe(200)
    // In canonical order, as some verify the bytes.
    expect(canonicalJson(JSON.parse(bytes))).toEqual({ ok: true, value: bytes })
    expect(told).toMatchObject({ server_name: 'localhost', old_verify_keys: {} })
    expect(told.valid_until_ts).toBeGreaterThan(Date.now() + HOUR_MS)
    const keyId = Object.keys(told.verify_keys)[0] ?? ''
    const { key } = told.verify_keys[keyId]
    const publicKey = createPublicKey({
      key: { kty: 'OKP', crv: 'Ed25519', x: Buffer.from(key, 'base64').toString('base64url') },
      format: 'jwk',
    })
    const text = canonicalJson(told)
    expect(
      text.ok && verify(null, Buffer.from(text.value), publicKey, Buffer.from(signatures.localhost[keyId], 'base64')),
    ).toBe(true)
  }
})
