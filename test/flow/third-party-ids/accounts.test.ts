import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Json, PASSWORD, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { linkIn, MailServer, mailSettings, openLink } from '../../support/other-servers/smtp.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const STAGE = 'm.login.email.identity'
const HOUR_MS = 3_600_000

onEveryHomeserver('an e-mail address of an account', (start) => {
  let mails: MailServer
  let homeserver: TestHomeserver
  const clock = new SteppedClock()
  beforeAll(async () => {
    mails = await MailServer.start()
    homeserver = await start({ clock, settings: mailSettings(mails) })
  })
  afterAll(async () => {
    await homeserver.stop()
    await mails[Symbol.asyncDispose]()
  })

  let secrets = 0
  const begin = async (path: string, email: string) => {
    const client_secret = `secret-${secrets++}`
    const wish = { client_secret, email, send_attempt: 1 }
    const { sid } = await homeserver.client().post(`/v3${path}/email/requestToken`, wish)
    return { sid, client_secret }
  }
  /** Asks for the mail and opens its link. */
  const prove = async (path: string, email: string) => {
    const creds = await begin(path, email)
    expect((await openLink(linkIn(mails.last, homeserver))).status).toBe(200)
    return creds
  }
  const passwordOf = (client: TestClient, password = PASSWORD) => ({
    type: 'm.login.password',
    identifier: { type: 'm.id.user', user: client.userId },
    password,
  })
  const told = ({ status, body }: { status: number; body: Json }): readonly [number, unknown] => [status, body.errcode]
  const addressesOf = async (client: TestClient): Promise<readonly string[]> =>
    (await client.get('/v3/account/3pid')).threepids.map(({ address }: Json) => address)
  const add = (client: TestClient, creds: object) =>
    client.request('POST', '/v3/account/3pid/add', { body: { ...creds, auth: passwordOf(client) } })
  const withAddress = async (username: string, email: string): Promise<TestClient> => {
    const client = await homeserver.register(username)
    expect(told(await add(client, await prove('/account/3pid', email)))).toEqual([200, undefined])
    return client
  }

  it('is added once it was confirmed and the password given, and listed', async () => {
    const client = await homeserver.register('adder')
    const creds = await begin('/account/3pid', 'Adder@Example.org')
    expect(told(await add(client, creds))).toEqual([403, 'M_THREEPID_AUTH_FAILED'])
    await openLink(linkIn(mails.last, homeserver))
    expect(told(await add(client, { ...creds, client_secret: 'other' }))).toEqual([403, 'M_THREEPID_AUTH_FAILED'])
    expect(told(await add(client, { ...creds, sid: undefined }))).toEqual([400, 'M_MISSING_PARAM'])
    const question = await client.request('POST', '/v3/account/3pid/add', { body: creds })
    expect([question.status, question.body.flows]).toEqual([401, [{ stages: ['m.login.password'] }]])
    const wrong = { ...passwordOf(client, 'wrong'), session: question.body.session }
    const refused = await client.request('POST', '/v3/account/3pid/add', { body: { auth: wrong } })
    expect(told(refused)).toEqual([401, 'M_FORBIDDEN'])
    expect(await addressesOf(client)).toEqual([])
    const auth = { ...passwordOf(client), session: question.body.session }
    expect(told(await client.request('POST', '/v3/account/3pid/add', { body: { auth } }))).toEqual([200, undefined])
    const { threepids } = await client.get('/v3/account/3pid')
    expect(threepids).toMatchObject([{ medium: 'email', address: 'adder@example.org' }])
    expect(threepids[0].added_at - threepids[0].validated_at).toBeGreaterThanOrEqual(0)
    // Nobody else sees it, and the same proof serves nobody twice.
    const other = await homeserver.register('adder2')
    expect(told(await add(other, creds))).toEqual([403, 'M_THREEPID_AUTH_FAILED'])
    expect(await addressesOf(other)).toEqual([])
  })

  it('is added as clients of 2015 do, and of r0', async () => {
    const client = await homeserver.register('oldie')
    const creds = await prove('/account/3pid', 'oldie@example.org')
    const post = (path: string, body: object) => client.request('POST', path, { body })
    const v2 = '/_matrix/client/v2_alpha/account/3pid'
    expect(told(await post(v2, { threePidCreds: { ...creds, sid: 'other' } }))).toEqual([403, 'M_THREEPID_AUTH_FAILED'])
    expect(told(await post(v2, { threePidCreds: { sid: creds.sid } }))).toEqual([400, 'M_MISSING_PARAM'])
    expect(told(await post(v2, { threePidCreds: 'text' }))).toEqual([400, 'M_MISSING_PARAM'])
    expect(told(await post(v2, {}))).toEqual([400, 'M_MISSING_PARAM'])
    // It names the identity server it knows, although this server sent the mail.
    const old = { sid: creds.sid, clientSecret: creds.client_secret, idServer: 'id.example:8090' }
    expect(told(await post(v2, { threePidCreds: old }))).toEqual([200, undefined])
    const next = await prove('/account/3pid', 'oldie2@example.org')
    expect(told(await post('/r0/account/3pid', { three_pid_creds: [next] }))).toEqual([200, undefined])
    expect((await client.ok('GET', v2)).threepids.map(({ address }: Json) => address)).toEqual([
      'oldie@example.org',
      'oldie2@example.org',
    ])
    const elsewhere = { sid: 'abc', client_secret: 'def', id_server: 'id.example' }
    expect(told(await post('/v3/account/3pid', { three_pid_creds: elsewhere }))).toEqual([400, 'M_SERVER_NOT_TRUSTED'])
  })

  it('belongs to one account: two who confirmed it race, and one has it', async () => {
    const [one, two] = [await homeserver.register('racer1'), await homeserver.register('racer2')]
    const proofs = [await prove('/account/3pid', 'race@example.org'), await prove('/account/3pid', 'race@example.org')]
    const answers = await Promise.all([add(one, proofs[0] ?? {}), add(two, proofs[1] ?? {})])
    expect(answers.map(told).toSorted(([one], [other]) => one - other)).toEqual([
      [200, undefined],
      [400, 'M_THREEPID_IN_USE'],
    ])
    const held = [...(await addressesOf(one)), ...(await addressesOf(two))]
    expect(held).toEqual(['race@example.org'])
    // Who asks for it now hears of that by mail alone.
    await begin('/account/3pid', 'race@example.org')
    expect(mails.last.mail.subject).toBe('Your e-mail address is in use on localhost')
    expect(mails.last.mail.text).not.toContain('http')
  })

  it('logs in and confirms like the user name, in any case, and no longer once it is removed', async () => {
    const client = await withAddress('login', 'login@example.org')
    const login = async (body: object) =>
      told(await homeserver.client().request('POST', '/v3/login', { body: { type: 'm.login.password', ...body } }))
    const identifier = { type: 'm.id.thirdparty', medium: 'email', address: 'LOGIN@example.org' }
    expect(await login({ identifier, password: PASSWORD })).toEqual([200, undefined])
    expect(await login({ medium: 'email', address: 'login@Example.org', password: PASSWORD })).toEqual([200, undefined])
    expect(await login({ identifier, password: 'wrong' })).toEqual([403, 'M_FORBIDDEN'])
    const nobody = { ...identifier, address: 'nobody@example.org' }
    expect(await login({ identifier: nobody, password: PASSWORD })).toEqual([403, 'M_FORBIDDEN'])
    expect(await login({ identifier: { ...identifier, medium: 'msisdn' }, password: PASSWORD })).toEqual([
      403,
      'M_FORBIDDEN',
    ])
    const phone = { type: 'm.id.phone', country: 'DE', phone: '0171' }
    expect(await login({ identifier: phone, password: PASSWORD })).toEqual([403, 'M_FORBIDDEN'])

    const other = await client.loginAgain()
    const auth = { type: 'm.login.password', identifier, password: PASSWORD }
    const path = `/v3/devices/${other.deviceId}`
    expect(told(await client.request('DELETE', path, { body: { auth } }))).toEqual([200, undefined])

    const named = { medium: 'email', address: 'Login@Example.org' }
    const stranger = await homeserver.register('stranger')
    expect(await stranger.post('/v3/account/3pid/delete', named)).toEqual({ id_server_unbind_result: 'no-support' })
    expect(await addressesOf(client)).toEqual(['login@example.org'])
    expect(await client.post('/v3/account/3pid/delete', named)).toEqual({ id_server_unbind_result: 'no-support' })
    expect(await addressesOf(client)).toEqual([])
    expect(await login({ identifier, password: PASSWORD })).toEqual([403, 'M_FORBIDDEN'])
    for (const wrong of [{ medium: 'email' }, { medium: 'fax', address: '1' }, { medium: 'email', address: 'x' }]) {
      expect((await client.request('POST', '/v3/account/3pid/delete', { body: wrong })).status).toBe(400)
    }
  })

  it('sets a forgotten password anew, without an access token, and ends the sessions', async () => {
    const client = await withAddress('forgetful', 'forgetful@example.org')
    const reset = (body: object, path = '/v3/account/password') =>
      homeserver.client().request('POST', path, { body, token: null })
    const question = await reset({ new_password: 'new one' })
    expect(question.body.flows).toEqual([{ stages: ['m.login.password'] }, { stages: [STAGE] }])
    const { session } = question.body
    const threepid_creds = await begin('/account/password', 'Forgetful@example.org')
    expect(told(await reset({ auth: { type: STAGE, session } }))).toEqual([400, 'M_MISSING_PARAM'])
    for (const creds of [threepid_creds, { ...threepid_creds, sid: 'other' }, { ...threepid_creds, sid: 'a b' }]) {
      const early = await reset({ auth: { type: STAGE, session, threepid_creds: creds } })
      expect([told(early), early.body.session]).toEqual([[401, 'M_UNAUTHORIZED'], session])
    }
    // It survives a restart between the mail and its link; the authentication begins anew.
    await homeserver.restart()
    expect((await openLink(linkIn(mails.last, homeserver))).status).toBe(200)
    const auth = { type: STAGE, threepidCreds: [threepid_creds] }
    const done = await reset({ new_password: 'new one', auth }, '/_matrix/client/v2_alpha/account/password')
    expect(told(done)).toEqual([200, undefined])
    expect((await client.request('GET', '/v3/account/whoami')).status).toBe(401)
    const again = await homeserver.client().login('forgetful', { password: 'new one' })
    expect(again.user_id).toBe(client.userId)
    expect(told(await reset({ new_password: 'another', auth }))).toEqual([401, 'M_UNAUTHORIZED'])
  })

  it('proves nothing else than what its mail asked for, and nothing to another account', async () => {
    const client = await withAddress('victim', 'victim@example.org')
    const reset = async (by: TestClient, threepid_creds: object, token?: null) =>
      told(
        await by.request('POST', '/v3/account/password', {
          body: { new_password: 'stolen', auth: { type: STAGE, threepid_creds } },
          ...(token === null ? { token } : {}),
        }),
      )
    // Somebody lets the owner confirm that they register, or add it, and uses that for a new password.
    await client.post('/v3/account/3pid/delete', { medium: 'email', address: 'victim@example.org' })
    const proofs = [await prove('/register', 'victim@example.org'), await prove('/account/3pid', 'victim@example.org')]
    expect(told(await add(client, await prove('/account/3pid', 'victim@example.org')))).toEqual([200, undefined])
    for (const proof of proofs) expect(await reset(client, proof, null)).toEqual([401, 'M_UNAUTHORIZED'])
    const proof = await prove('/account/password', 'victim@example.org')
    const attacker = await homeserver.register('attacker')
    expect(await reset(attacker, proof)).toEqual([403, 'M_FORBIDDEN'])
    expect(told(await add(attacker, proof))).toEqual([403, 'M_THREEPID_AUTH_FAILED'])
    await client.post('/v3/account/3pid/delete', { medium: 'email', address: 'victim@example.org' })
    expect(await reset(client, proof, null)).toEqual([404, 'M_NOT_FOUND'])
    await homeserver.client().login('victim')
  })

  it('is good for the time that the mail says, and then the proof for as long', async () => {
    const client = await homeserver.register('late')
    const creds = await begin('/account/3pid', 'late@example.org')
    clock.advance(HOUR_MS + 1_000)
    const link = linkIn(mails.last, homeserver)
    expect((await fetch(link)).status).toBe(404)
    expect((await openLink(link)).status).toBe(404)
    expect(told(await add(client, creds))).toEqual([403, 'M_THREEPID_AUTH_FAILED'])
    const next = await begin('/account/3pid', 'late@example.org')
    clock.advance(HOUR_MS - 60_000)
    await openLink(linkIn(mails.last, homeserver))
    clock.advance(HOUR_MS - 60_000)
    expect(told(await add(client, next))).toEqual([200, undefined])
    const last = await prove('/account/3pid', 'late2@example.org')
    clock.advance(HOUR_MS + 1_000)
    expect(told(await add(client, last))).toEqual([403, 'M_THREEPID_AUTH_FAILED'])
  })

  it('ends with the account, which it can end too, and is free again', async () => {
    const client = await withAddress('leaver', 'leaver@example.org')
    const threepid_creds = await prove('/account/password', 'leaver@example.org')
    const auth = { type: STAGE, threepid_creds }
    const ended = await client.request('POST', '/v3/account/deactivate', { body: { auth } })
    expect([ended.status, ended.body]).toEqual([200, { id_server_unbind_result: 'success' }])
    expect((await client.request('GET', '/v3/account/whoami')).status).toBe(401)
    await withAddress('newcomer', 'leaver@example.org')
  })

  it('sets a new password for who is logged in too, and leaves that session', async () => {
    const client = await withAddress('insider', 'insider@example.org')
    const other = await client.loginAgain()
    const threepid_creds = await prove('/account/password', 'insider@example.org')
    const auth = { type: STAGE, threepid_creds }
    const body = { new_password: 'new one', auth }
    expect(told(await client.request('POST', '/v3/account/password', { body }))).toEqual([200, undefined])
    const alive = await Promise.all([client, other].map((one) => one.request('GET', '/v3/account/whoami')))
    expect(alive.map(({ status }) => status)).toEqual([200, 401])
  })

  it('may be changed, as the capabilities say where there is a way to prove one', async () => {
    const client = await homeserver.register('capable')
    expect((await client.get('/v3/capabilities')).capabilities['m.3pid_changes']).toEqual({ enabled: true })
  })

  it('is for who has an access token', async () => {
    for (const path of ['add', 'bind', 'delete', 'unbind']) {
      const body = { medium: 'email', address: 'a@example.org', sid: 'a', client_secret: 'b', id_server: 'c' }
      const answer = await homeserver.client().request('POST', `/v3/account/3pid/${path}`, { body })
      expect([path, ...told(answer)]).toEqual([path, 401, 'M_MISSING_TOKEN'])
    }
  })
})

it('tries at an address tell by no limit whether it has an account', async () => {
  await using mails = await MailServer.start()
  const settings = { ...mailSettings(mails), rateLimits: { enabled: true, accountLogin: '6/60s' } }
  await using homeserver = await startHomeserver({ settings: { ...settings, listen: { trustProxy: ['127.0.0.1'] } } })
  const client = await homeserver.register('known')
  const creds = { client_secret: 'a', email: 'known@example.org', send_attempt: 1 }
  const { sid } = await client.post('/v3/account/3pid/email/requestToken', creds)
  await openLink(linkIn(mails.last, homeserver))
  const auth = { type: 'm.login.password', identifier: { type: 'm.id.user', user: client.userId }, password: PASSWORD }
  await client.post('/v3/account/3pid/add', { sid, client_secret: 'a', auth })
  const statusesAt = async (address: string, network: number): Promise<readonly number[]> => {
    const statuses: number[] = []
    const body = { type: 'm.login.password', medium: 'email', address, password: 'wrong' }
    for (let attempt = 0; attempt < 9; attempt++) {
      const headers = { 'x-forwarded-for': `198.51.${network}.${attempt}` }
      statuses.push((await homeserver.client().request('POST', '/v3/login', { body, headers })).status)
    }
    return statuses
  }
  const [known, unknown] = [await statusesAt('known@example.org', 1), await statusesAt('unknown@example.org', 2)]
  expect([known.at(-1), unknown.at(-1)]).toEqual([429, 429])
})
