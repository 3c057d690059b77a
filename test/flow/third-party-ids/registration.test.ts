import { afterAll, beforeAll, expect, it } from 'vitest'
import { type Body, type Json, PASSWORD } from '../../support/client.ts'
import { onEveryHomeserver, startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { linkIn, MailServer, mailSettings, openLink } from '../../support/other-servers/smtp.ts'

const STAGE = 'm.login.email.identity'

const told = ({ status, body }: { status: number; body: Json }): readonly [number, unknown] => [status, body.errcode]
const register = (homeserver: TestHomeserver, body: Body) =>
  homeserver.client().request('POST', '/v3/register', { body, token: null })

let secrets = 0
const begin = async (homeserver: TestHomeserver, email: string) => {
  const client_secret = `secret-${secrets++}`
  const wish = { client_secret, email, send_attempt: 1 }
  return { sid: (await homeserver.client().post('/v3/register/email/requestToken', wish)).sid, client_secret }
}

onEveryHomeserver('a registration with an e-mail address', (start) => {
  let mails: MailServer
  let homeserver: TestHomeserver
  beforeAll(async () => {
    mails = await MailServer.start()
    homeserver = await start({ settings: mailSettings(mails, {}, { email: 'required' }) })
  })
  afterAll(async () => {
    await homeserver.stop()
    await mails[Symbol.asyncDispose]()
  })
  const prove = async (email: string) => {
    const creds = await begin(homeserver, email)
    await openLink(linkIn(mails.last, homeserver))
    return creds
  }

  it('asks until the address was confirmed, and gives it to the account', async () => {
    const question = await register(homeserver, { username: 'ada', password: PASSWORD })
    expect(question.body.flows).toEqual([{ stages: [STAGE] }])
    const { session } = question.body
    const threepid_creds = await begin(homeserver, 'Ada@example.org')
    const auth = { type: STAGE, session, threepid_creds }
    expect(told(await register(homeserver, { auth }))).toEqual([401, 'M_UNAUTHORIZED'])
    await openLink(linkIn(mails.last, homeserver))
    const { status, body } = await register(homeserver, { auth })
    expect([status, body.user_id]).toEqual([200, '@ada:localhost'])
    const client = homeserver.client()
    await client.login('ada')
    const { threepids } = await client.get('/v3/account/3pid')
    expect(threepids).toMatchObject([{ medium: 'email', address: 'ada@example.org' }])
    // The client did not hear of it and asks again: it is the same account.
    expect((await register(homeserver, { auth: { session } })).body.user_id).toBe('@ada:localhost')
    // The proof is used up.
    const again = { type: STAGE, threepid_creds }
    expect(told(await register(homeserver, { username: 'eve', password: PASSWORD, auth: again }))).toEqual([
      401,
      'M_UNAUTHORIZED',
    ])
  })

  it('takes the spelling of 2015', async () => {
    const { sid, client_secret: clientSecret } = await prove('old@example.org')
    const auth = { type: STAGE, threepidCreds: [{ sid, clientSecret, idServer: 'localhost' }] }
    const body = { username: 'old', password: PASSWORD, auth }
    const answer = await homeserver.client().request('POST', '/_matrix/client/v2_alpha/register', { body })
    expect([answer.status, answer.body.user_id]).toEqual([200, '@old:localhost'])
  })

  it('makes one account of one address, and no half one of the other', async () => {
    const [one, two] = [await prove('race@example.org'), await prove('race@example.org')]
    const attempt = (username: string, threepid_creds: object) =>
      register(homeserver, { username, password: PASSWORD, auth: { type: STAGE, threepid_creds } })
    const answers = await Promise.all([attempt('race1', one), attempt('race2', two)])
    const statuses = answers.map(({ status }) => status)
    expect(statuses.filter((status) => status === 200)).toHaveLength(1)
    const loser = statuses[0] === 200 ? 'race2' : 'race1'
    expect(answers.find(({ status }) => status !== 200)?.body.errcode).toBe('M_THREEPID_IN_USE')
    const available = await homeserver.client().get('/v3/register/available', { username: loser })
    expect(available).toEqual({ available: true })
    // Too late for who proved it before.
    const late = loser === 'race2' ? two : one
    expect(told(await attempt('race3', late))).toEqual([401, 'M_THREEPID_IN_USE'])
  })

  it('does not get an account by what is no proof', async () => {
    const body = { username: 'hostile', password: PASSWORD }
    const creds = await begin(homeserver, 'hostile@example.org')
    const missing = [
      undefined,
      null,
      [],
      {},
      'text',
      5,
      [creds, creds],
      [[creds]],
      { sid: creds.sid },
      { ...creds, sid: 5 },
    ]
    for (const threepid_creds of missing) {
      const answer = await register(homeserver, { ...body, auth: { type: STAGE, threepid_creds } })
      expect([threepid_creds, ...told(answer)]).toEqual([threepid_creds, 400, 'M_MISSING_PARAM'])
    }
    for (const over of [
      {},
      { sid: '' },
      { sid: 'x'.repeat(10_000) },
      { sid: `${creds.sid}\0` },
      { client_secret: '\0' },
    ]) {
      const auth = { type: STAGE, threepid_creds: { ...creds, ...over } }
      expect(told(await register(homeserver, { ...body, auth }))).toEqual([401, 'M_UNAUTHORIZED'])
    }
    const elsewhere = { type: STAGE, threepid_creds: { sid: 'abc', client_secret: 'def', id_server: 'evil.example' } }
    expect(told(await register(homeserver, { ...body, auth: elsewhere }))).toEqual([401, 'M_SERVER_NOT_TRUSTED'])
    const link = new URL(linkIn(mails.last, homeserver))
    for (const [name, value] of [
      ['token', 'wrong'],
      ['token', ''],
      ['token', '\0'],
      ['sid', 'other'],
      ['sid', '\0'],
    ] as const) {
      const wrong = new URL(link)
      wrong.searchParams.set(name, value)
      expect([name, value, (await openLink(wrong.href)).status >= 400]).toEqual([name, value, true])
    }
    expect(told(await register(homeserver, { ...body, auth: { type: STAGE, threepid_creds: creds } }))).toEqual([
      401,
      'M_UNAUTHORIZED',
    ])
  })
})

it('an address that is optional is a flow of its own, and no flow is the beginning of another', async () => {
  await using mails = await MailServer.start()
  const registration = { email: 'optional', termsUrl: 'https://chat.example/terms' }
  await using homeserver = await startHomeserver({ settings: mailSettings(mails, {}, registration) })
  const { body } = await register(homeserver, { username: 'ada', password: PASSWORD })
  expect(body.flows).toEqual([{ stages: ['m.login.terms', 'm.login.dummy'] }, { stages: ['m.login.terms', STAGE] }])
  const { session } = body
  const half = await register(homeserver, { auth: { type: 'm.login.terms', session } })
  expect([half.status, half.body.completed]).toEqual([401, ['m.login.terms']])
  const threepid_creds = await begin(homeserver, 'ada@example.org')
  await openLink(linkIn(mails.last, homeserver))
  expect((await register(homeserver, { auth: { type: STAGE, session, threepid_creds } })).status).toBe(200)
})

it('no mails are sent for registrations that take no address', async () => {
  await using mails = await MailServer.start()
  for (const registration of [{ email: 'off' }, { email: 'optional', mode: 'closed' }]) {
    await using homeserver = await startHomeserver({ settings: mailSettings(mails, {}, registration) })
    await expect(begin(homeserver, 'ada@example.org')).rejects.toMatchObject({
      errcode: 'M_THREEPID_MEDIUM_NOT_SUPPORTED',
    })
  }
  expect(mails.received).toEqual([])
})
