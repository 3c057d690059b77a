import { expect, it } from 'vitest'
import type { TestClient } from '../../support/client.ts'
import { onEveryHomeserver } from '../../support/homeserver.ts'
import { browserOf, clientWith, OAuthApp, refusal, startOAuth } from '../../support/oauth-app.ts'
import { registerAdmin } from '../../support/operator.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const whoami = async (client: TestClient) => {
  const { status, body } = await client.request('GET', '/v3/account/whoami')
  return status === 200 ? '200' : `${status} ${body.errcode} ${body.soft_logout}`
}

onEveryHomeserver('a session of an OAuth client', (start) => {
  it('begins within a minute of the consent, or not at all', async () => {
    const clock = new SteppedClock()
    await using homeserver = await startOAuth({ clock }, start)
    const browser = await browserOf(homeserver, await homeserver.register('alice'))
    const app = await OAuthApp.register(homeserver)
    const [early, late] = [await app.code(browser), await app.code(browser)]
    clock.advance(55_000)
    expect((await app.redeem(early)).status).toBe(200)
    clock.advance(6_000)
    expect(refusal(await app.redeem(late))).toBe('400 invalid_grant')
  })

  it('has an access token for five minutes, and a refresh token for the next one', async () => {
    const clock = new SteppedClock()
    await using homeserver = await startOAuth({ clock }, start)
    const app = await OAuthApp.register(homeserver)
    const { client, tokens } = await app.signIn(await homeserver.register('alice'))
    clock.advance(290_000)
    expect(await whoami(client)).toBe('200')
    clock.advance(11_000)
    expect(await whoami(client)).toBe('401 M_UNKNOWN_TOKEN true')
    const { status, body } = await app.refresh(tokens.refresh_token)
    expect([status, body.token_type, body.expires_in, body.scope]).toEqual([200, 'Bearer', 300, app.scope])
    expect(await whoami(clientWith(homeserver, body))).toBe('200')
  })

  it('goes on with the old refresh token until the new one is used, as the answer may have got lost', async () => {
    await using homeserver = await startOAuth({}, start)
    const app = await OAuthApp.register(homeserver)
    const { tokens } = await app.signIn(await homeserver.register('alice'))
    const lost = await app.refresh(tokens.refresh_token)
    await homeserver.restart()
    const again = await app.refresh(tokens.refresh_token)
    expect([lost.status, again.status]).toEqual([200, 200])
    expect(again.body.refresh_token).not.toBe(tokens.refresh_token)
    expect(await whoami(clientWith(homeserver, again.body))).toBe('200')
  })

  it('ends when a refresh token comes whose successor is in use, while the device keeps its keys', async () => {
    await using homeserver = await startOAuth({}, start)
    const app = await OAuthApp.register(homeserver)
    const alice = await homeserver.register('alice')
    const { client, tokens } = await app.signIn(alice)
    const { body } = await app.refresh(tokens.refresh_token)
    const next = clientWith(homeserver, body)
    expect([await whoami(next), await whoami(client)]).toEqual(['200', '401 M_UNKNOWN_TOKEN true'])
    expect(refusal(await app.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
    expect(await whoami(next)).toBe('401 M_UNKNOWN_TOKEN true')
    expect(refusal(await app.refresh(body.refresh_token))).toBe('400 invalid_grant')
    expect((await alice.get('/v3/devices')).devices.length).toBe(2)
    expect(await whoami(alice)).toBe('200')
  })

  it('is refreshed by its own client alone, and by no garbage', async () => {
    await using homeserver = await startOAuth({}, start)
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    const { client, tokens } = await app.signIn(alice)
    const other = await OAuthApp.register(homeserver, {
      client_uri: 'https://evil.example',
      redirect_uris: ['https://evil.example/'],
    })
    expect(refusal(await other.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
    for (const token of ['x', tokens.access_token, `hrr_${'A'.repeat(43)}`])
      expect(refusal(await app.refresh(token))).toBe('400 invalid_grant')
    expect(refusal(await app.refresh(''))).toBe('400 invalid_request')
    expect(await whoami(client)).toBe('200')
  })

  it('ends with its device when either of its tokens is revoked, by whomever', async () => {
    await using homeserver = await startOAuth({}, start)
    const alice = await homeserver.register('alice')
    const devices = async () => (await alice.get('/v3/devices')).devices.length
    for (const name of ['access_token', 'refresh_token'])
      for (const clientId of ['right', undefined, 'A'.repeat(22)]) {
        const app = (await OAuthApp.register(homeserver)).another()
        const { client, tokens } = await app.signIn(alice)
        expect(await devices()).toBe(2)
        const changes = clientId === 'right' ? {} : { client_id: clientId }
        const answer = await app.revoke(tokens[name], { token_type_hint: 'access_token', ...changes })
        expect([answer.status, await devices()]).toEqual([200, 1])
        expect(await whoami(client)).toBe('401 M_UNKNOWN_TOKEN false')
        expect(refusal(await app.refresh(tokens.refresh_token))).toBe('400 invalid_grant')
        expect((await app.revoke(tokens[name], changes)).status).toBe(200)
      }
    const app = await OAuthApp.register(homeserver)
    expect((await app.revoke('unknown')).status).toBe(200)
    expect(refusal(await app.revoke(''))).toBe('400 invalid_request')
    expect(await whoami(alice)).toBe('200')
  })

  it('does not begin for an account that was locked or closed after the consent', async () => {
    await using homeserver = await startOAuth({}, start)
    const admin = await registerAdmin(homeserver, 'admin')
    const app = await OAuthApp.register(homeserver)
    for (const deed of ['lock', 'deactivate']) {
      const user = await homeserver.register(deed)
      const code = await app.code(await browserOf(homeserver, user))
      const path = `/v1/admin/lock/${encodeURIComponent(user.userId)}`
      if (deed === 'lock') await admin.put(path, { locked: true })
      else {
        const auth = { type: 'm.login.password', user: user.userId, password: 'correct horse battery staple' }
        await user.post('/v3/account/deactivate', { auth })
      }
      expect([deed, refusal(await app.redeem(code))]).toEqual([deed, '400 invalid_grant'])
    }
  })

  it('is kept while its account is locked, of which the client hears by the API', async () => {
    await using homeserver = await startOAuth({}, start)
    const admin = await registerAdmin(homeserver, 'admin')
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    const { tokens } = await app.signIn(alice)
    const path = `/v1/admin/lock/${encodeURIComponent(alice.userId)}`
    await admin.put(path, { locked: true })
    const { status, body } = await app.refresh(tokens.refresh_token)
    expect(status).toBe(200)
    const client = clientWith(homeserver, body)
    expect(await whoami(client)).toBe('401 M_USER_LOCKED true')
    await admin.put(path, { locked: false })
    expect(await whoami(client)).toBe('200')
  })

  it('does not begin by a consent of before a new password that ends all sessions', async () => {
    await using homeserver = await startOAuth({}, start)
    const alice = await homeserver.register('alice')
    const app = await OAuthApp.register(homeserver)
    const code = await app.code(await browserOf(homeserver, alice))
    const auth = { type: 'm.login.password', user: alice.userId, password: 'correct horse battery staple' }
    await alice.post('/v3/account/password', { new_password: 'another horse', auth })
    expect(refusal(await app.redeem(code))).toBe('400 invalid_grant')
  })
})
