import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Body, type Json, PASSWORD, type TestClient } from '../../support/client.ts'
import type { TestHomeserver } from '../../support/homeserver.ts'
import { type Sydent, startHomeserverFor, withSydent } from '../../support/other-servers/sydent.ts'

const passwordOf = (user: string): Body => ({
  type: 'm.login.password',
  identifier: { type: 'm.id.user', user },
  password: PASSWORD,
})

let names = 0
const nextName = (): string => `ada${names++}`

/** Somebody with an account here, and one at the identity server. */
const someone = async (homeserver: TestHomeserver, sydent: Sydent) => {
  const client = await homeserver.register(nextName())
  const openIdToken = await client.post(`/v3/user/${encodeURIComponent(client.userId)}/openid/request_token`)
  return { client, access: { id_server: sydent.name, id_access_token: await sydent.register(openIdToken) } }
}

const addressesOf = async (client: TestClient): Promise<readonly string[]> =>
  (await client.get('/v3/account/3pid')).threepids.map(({ address }: Json) => address)

const attempt = async (client: TestClient, path: string, body: Body) => {
  const answer = await client.request('POST', path, { body })
  return [answer.status, answer.body.errcode]
}

withSydent('Addresses at a real identity server', (sydent) => {
  let homeserver: TestHomeserver
  beforeAll(async () => {
    homeserver = await startHomeserverFor(sydent())
  })
  afterAll(() => homeserver.stop())

  it('are published there at the word of their owner, and taken back, without being added to the account', async () => {
    const { client: ada, access } = await someone(homeserver, sydent())
    const creds = await sydent().validate('ada.published@example.org')
    expect(await ada.post('/v3/account/3pid/bind', { ...creds, ...access })).toEqual({})
    expect(await sydent().lookup('ada.published@example.org')).toBe(ada.userId)
    expect(await addressesOf(ada)).toEqual([])

    // By whom it was published is remembered.
    const gone = { medium: 'email', address: 'ada.published@example.org' }
    await homeserver.restart()
    expect(await ada.post('/v3/account/3pid/unbind', gone)).toEqual({ id_server_unbind_result: 'success' })
    expect(await sydent().lookup('ada.published@example.org')).toBeUndefined()
    expect(await ada.post('/v3/account/3pid/unbind', gone)).toEqual({ id_server_unbind_result: 'no-support' })
  })

  it('are published for their owner alone, and once they are validated', async () => {
    const { client: ada, access } = await someone(homeserver, sydent())
    const { access: other } = await someone(homeserver, sydent())
    const creds = await sydent().validate('ada.alone@example.org')
    const bind = (extra: Body) => attempt(ada, '/v3/account/3pid/bind', { ...creds, ...access, ...extra })
    const sid = await sydent().requestToken('ada.later@example.org', creds.client_secret)
    expect(await bind(other)).toEqual([400, 'M_UNAUTHORIZED'])
    expect(await bind({ id_access_token: 'unknown' })).toEqual([400, 'M_UNAUTHORIZED'])
    expect(await bind({ client_secret: 'another' })).toEqual([403, 'M_THREEPID_AUTH_FAILED'])
    expect(await bind({ sid })).toEqual([403, 'M_THREEPID_AUTH_FAILED'])
    expect(await sydent().lookup('ada.alone@example.org')).toBeUndefined()
    await sydent().followLink('ada.later@example.org')
    expect(await bind({ sid })).toEqual([200, undefined])
    expect(await sydent().lookup('ada.later@example.org')).toBe(ada.userId)
  })

  it.each([
    ['of the specification', ({ sid, client_secret }: Json, id_server: string) => ({ sid, client_secret, id_server })],
    ['of v1', ({ sid, client_secret: clientSecret }: Json, idServer: string) => ({ sid, clientSecret, idServer })],
  ])('are added to an account and published by clients of 2015, in the spelling %s', async (_name, spelled) => {
    const ada = await homeserver.register(nextName())
    const address = `${nextName()}.old@example.org`
    const creds = spelled(await sydent().validate(address), sydent().name)
    expect(await ada.post('/v2_alpha/account/3pid', { threePidCreds: creds, bind: true })).toEqual({})
    expect(await sydent().lookup(address)).toBe(ada.userId)
    expect(await addressesOf(ada)).toEqual([address])
    expect((await ada.get('/v2_alpha/account/3pid')).threepids).toMatchObject([{ medium: 'email', address }])

    const removed = await ada.post('/v3/account/3pid/delete', { medium: 'email', address })
    expect(removed).toEqual({ id_server_unbind_result: 'success' })
    expect(await sydent().lookup(address)).toBeUndefined()
    expect(await addressesOf(ada)).toEqual([])
  })

  it('are added by clients of today without being published', async () => {
    const { client: ada, access } = await someone(homeserver, sydent())
    const creds = await sydent().validate('ada.added@example.org')
    expect(await ada.post('/v3/account/3pid', { three_pid_creds: { ...creds, ...access } })).not.toHaveProperty(
      'errcode',
    )
    expect(await addressesOf(ada)).toEqual(['ada.added@example.org'])
    expect(await sydent().lookup('ada.added@example.org')).toBeUndefined()
  })

  it('are not added where the identity server does not vouch for them, or is not trusted', async () => {
    const ada = await homeserver.register(nextName())
    const creds = { ...(await sydent().validate('ada.refused@example.org')), id_server: sydent().name }
    const add = (extra: Body) =>
      attempt(ada, '/v2_alpha/account/3pid', { threePidCreds: { ...creds, ...extra }, bind: true })
    const sid = await sydent().requestToken('ada.unread@example.org', creds.client_secret)
    expect(await add({ client_secret: 'another' })).toMatchObject([403, 'M_THREEPID_AUTH_FAILED'])
    expect(await add({ sid })).toMatchObject([403, 'M_THREEPID_AUTH_FAILED'])
    expect(await add({ sid: '1' })).toMatchObject([403, 'M_THREEPID_AUTH_FAILED'])
    expect(await add({ id_server: 'id.example.org' })).toMatchObject([400, 'M_SERVER_NOT_TRUSTED'])
    expect(await addressesOf(ada)).toEqual([])
    expect(await sydent().lookup('ada.refused@example.org')).toBeUndefined()
  })

  it('are taken back when the account ends', async () => {
    const { client: ada, access } = await someone(homeserver, sydent())
    const addresses = ['ada.ends@example.org', 'ada.ends.too@example.org']
    for (const address of addresses) {
      const creds = { ...(await sydent().validate(address)), ...access }
      await ada.post('/v3/account/3pid/bind', creds)
      expect(await sydent().lookup(address)).toBe(ada.userId)
    }
    const answer = await ada.post('/v3/account/deactivate', { auth: passwordOf(ada.userId) })
    expect(answer).toEqual({ id_server_unbind_result: 'success' })
    for (const address of addresses) expect(await sydent().lookup(address)).toBeUndefined()
  })
})
