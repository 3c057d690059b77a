import { expect, it } from 'vitest'
import { type Body, type Json, PASSWORD } from '../../support/client.ts'
import type { TestHomeserver } from '../../support/homeserver.ts'
import { type Sydent, startHomeserverFor, withSydent } from '../../support/other-servers/sydent.ts'

const STAGE = 'm.login.email.identity'

const begin = async (homeserver: TestHomeserver, username: string, extra: Body = {}, path = '/v3/register') => {
  const register = (body: object) => homeserver.client().request('POST', path, { body, token: null })
  const wish = { username, password: PASSWORD, ...extra }
  const { status, body: question } = await register(wish)
  expect([status, question.flows]).toEqual([401, [{ stages: [STAGE] }]])
  /** What differs from the usual: the members of `auth`. */
  const attempt = async (auth: Body) => {
    const { status: outcome, body } = await register({
      ...wish,
      auth: { type: STAGE, session: question.session, ...auth },
    })
    return { status: outcome, body, brief: [outcome, body.errcode, body.session === question.session] }
  }
  return { attempt }
}

const start = (sydent: Sydent, identityServers: Body = {}): Promise<TestHomeserver> =>
  startHomeserverFor(sydent, { settings: { registration: { email: 'required' }, identityServers } })

const credsOf = ({ sid, client_secret }: Json, { name }: Sydent): Json => ({ sid, client_secret, id_server: name })

withSydent('Registration with an address that a real identity server vouches for', (sydent) => {
  it('adds it to the account, and publishes it where that is wished', async () => {
    await using homeserver = await start(sydent())
    for (const [username, bind_email] of [
      ['ada', true],
      ['bob', false],
    ] as const) {
      const address = `${username}.registers@example.org`
      const { attempt } = await begin(homeserver, username, { bind_email })
      const secret = `secret-${username}`
      const sid = await sydent().requestToken(address, secret)
      const threepidCreds = [credsOf({ sid, client_secret: secret }, sydent())]
      expect((await attempt({ threepidCreds })).brief).toEqual([401, 'M_UNAUTHORIZED', true])
      await sydent().followLink(address)
      const { status, body } = await attempt({ threepidCreds })
      expect([status, body.user_id]).toEqual([200, `@${username}:${homeserver.serverName}`])
      const client = homeserver.client()
      await client.login(username)
      expect((await client.get('/v3/account/3pid')).threepids).toMatchObject([{ medium: 'email', address }])
      expect(await sydent().lookup(address)).toBe(bind_email ? client.userId : undefined)
    }
  })

  it('takes the credentials under v2_alpha, in the spelling of v1, and as one object', async () => {
    await using homeserver = await start(sydent())
    const spellings: readonly ((creds: Json) => Body)[] = [
      (creds) => ({ threepidCreds: [creds] }),
      ({ sid, client_secret: clientSecret, id_server: idServer }) => ({
        threepidCreds: [{ sid, clientSecret, idServer }],
      }),
      (creds) => ({ threepid_creds: creds }),
      (creds) => ({ threepidCreds: creds }),
    ]
    for (const [index, spelled] of spellings.entries()) {
      const path = '/_matrix/client/v2_alpha/register'
      const { attempt } = await begin(homeserver, `ada${index}`, { bind_email: true }, path)
      const address = `ada${index}.spells@example.org`
      const { status, body } = await attempt(spelled(credsOf(await sydent().validate(address), sydent())))
      expect([status, body.home_server]).toEqual([200, homeserver.serverName])
      expect(await sydent().lookup(address)).toBe(body.user_id)
    }
  })

  it('may be tried again after what was wrong', async () => {
    await using homeserver = await start(sydent())
    const { attempt } = await begin(homeserver, 'ada')
    const creds = credsOf(await sydent().validate('ada.tries@example.org'), sydent())
    const wrong: readonly Body[] = [
      { threepidCreds: [{ ...creds, client_secret: 'another' }] },
      { threepidCreds: [{ ...creds, sid: '1' }] },
      { threepidCreds: [{ ...creds, sid: 'a b' }] },
    ]
    for (const auth of wrong) expect((await attempt(auth)).brief).toEqual([401, 'M_UNAUTHORIZED', true])
    const untrusted = { threepidCreds: [{ ...creds, id_server: 'id.example.org' }] }
    expect((await attempt(untrusted)).brief).toEqual([401, 'M_SERVER_NOT_TRUSTED', true])
    for (const auth of [
      {},
      { threepidCreds: [] },
      { threepidCreds: [{}] },
      { threepidCreds: 'x' },
      { threepidCreds: [7] },
    ]) {
      const { status, body } = await attempt(auth)
      expect([400, 401]).toContain(status)
      expect(body.errcode).toMatch(/^M_/)
    }
    expect((await attempt({ threepidCreds: [creds] })).status).toBe(200)
  })

  it('is refused with an address that belongs to somebody here', async () => {
    await using homeserver = await start(sydent())
    const address = 'ada.only@example.org'
    const first = await begin(homeserver, 'ada')
    expect((await first.attempt({ threepidCreds: [credsOf(await sydent().validate(address), sydent())] })).status).toBe(
      200,
    )
    const second = await begin(homeserver, 'eve')
    const sid = await sydent().requestToken(address, 'second')
    await sydent().followLink(address)
    const { body } = await second.attempt({ threepidCreds: [credsOf({ sid, client_secret: 'second' }, sydent())] })
    expect(body.errcode).toBe('M_THREEPID_IN_USE')
  })

  it('is a stage of the first version too', async () => {
    await using homeserver = await start(sydent())
    const client = homeserver.client()
    const post = (body: Body) => client.request('POST', '/_matrix/client/api/v1/register', { body })
    expect((await client.get('/_matrix/client/api/v1/register')).flows).toEqual([
      { type: STAGE, stages: [STAGE, 'm.login.password'] },
    ])
    const address = 'ada.first@example.org'
    const { sid, client_secret: clientSecret } = await sydent().validate(address)
    const attempt = (secret: string) =>
      post({ type: STAGE, threepidCreds: [{ sid, clientSecret: secret, idServer: sydent().name }] })
    const refused = await attempt('another')
    expect([refused.status, refused.body.errcode]).toEqual([403, 'M_UNAUTHORIZED'])
    const { session, next } = (await attempt(clientSecret)).body
    expect(next).toBe('m.login.password')
    const { body } = await post({ type: 'm.login.password', session, user: 'ada', password: PASSWORD })
    expect(body.user_id).toBe(`@ada:${homeserver.serverName}`)
    await client.login('ada')
    expect((await client.get('/v3/account/3pid')).threepids).toMatchObject([{ address }])
  })

  it('asks the identity server for the mail where clients ask this server, which sends none', async () => {
    await using homeserver = await start(sydent())
    const address = 'ada.asks@example.org'
    const ask = async (extra: Body) => {
      const wish = { client_secret: 'asked-here', email: address, send_attempt: 1, ...extra }
      const { status, body } = await homeserver
        .client()
        .request('POST', '/r0/register/email/requestToken', { body: wish })
      return { brief: [status, body.errcode], sid: body.sid }
    }
    expect((await ask({})).brief).toEqual([400, 'M_THREEPID_MEDIUM_NOT_SUPPORTED'])
    expect((await ask({ id_server: 'id.example.org' })).brief).toEqual([400, 'M_SERVER_NOT_TRUSTED'])
    const { brief, sid } = await ask({ id_server: sydent().name })
    expect(brief).toEqual([200, undefined])
    await sydent().followLink(address)
    const { attempt } = await begin(homeserver, 'ada')
    const creds = credsOf({ sid, client_secret: 'asked-here' }, sydent())
    expect((await attempt({ threepid_creds: creds })).status).toBe(200)
    expect((await ask({ id_server: sydent().name, send_attempt: 2 })).brief).toEqual([400, 'M_THREEPID_IN_USE'])
  })

  it('sets a forgotten password anew, of the account that has the address and of no other', async () => {
    await using homeserver = await start(sydent())
    const address = 'ada.forgets@example.org'
    const reset = async (email: string, path: string) => {
      const request = (body: Body) => homeserver.client().request('POST', path, { body, token: null })
      const wish = { new_password: 'another password' }
      const { session } = (await request(wish)).body
      const threepidCreds = [credsOf(await sydent().validate(email), sydent())]
      const { status, body } = await request({ ...wish, auth: { type: STAGE, session, threepidCreds } })
      return [status, body.errcode]
    }
    const { attempt } = await begin(homeserver, 'ada')
    await attempt({ threepidCreds: [credsOf(await sydent().validate(address), sydent())] })
    const path = '/_matrix/client/v2_alpha/account/password'
    expect(await reset('nobody@example.org', path)).toEqual([404, 'M_NOT_FOUND'])
    expect(await reset(address, path)).toEqual([200, undefined])
    await homeserver.client().login('ada', { password: 'another password' })
    await expect(homeserver.client().login('ada')).rejects.toThrow('M_FORBIDDEN')
  })
})
