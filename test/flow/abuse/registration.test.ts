import { expect, it } from 'vitest'
import { PASSWORD, type TestClient } from '../../support/client.ts'
import { onEveryHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { command } from '../../support/operator.ts'
import { linkIn, MailServer, mailSettings, openLink } from '../../support/other-servers/smtp.ts'

const AWAITING = 'ORG.MATRIX.MSC3866_USER_AWAITING_APPROVAL'
const PATH = '/_homeroom/admin/v1/registrations'

/** An administrator on a server where accounts have to be approved; her account is made by the operator. */
const adminOn = async (server: TestHomeserver): Promise<TestClient> => {
  await command(server, 'create-user', { user: 'root', password: PASSWORD, admin: true })
  const admin = server.client()
  await admin.login('root')
  return admin
}

const register = async (
  server: TestHomeserver,
  username: string,
  auth: Record<string, unknown> = { type: 'm.login.dummy' },
) => {
  const body = { username, password: PASSWORD }
  const client = server.client()
  const question = await client.request('POST', '/v3/register', { body, token: null })
  if (question.status !== 401) return { client, ...question, again: async () => question }
  const again = () =>
    client.request('POST', '/v3/register', {
      body: { ...body, auth: { ...auth, session: question.body.session } },
      token: null,
    })
  return { client, again, ...(await again()) }
}

const logIn = (server: TestHomeserver, user: string) =>
  server.client().request('POST', '/v3/login', {
    body: { type: 'm.login.password', identifier: { type: 'm.id.user', user }, password: PASSWORD },
    token: null,
  })

onEveryHomeserver('registration by approval', (start) => {
  it('makes an account that can be used once an administrator agrees', async () => {
    await using server = await start({ settings: { registration: { mode: 'open', approval: true } } })
    const admin = await adminOn(server)
    const { status, body, again } = await register(server, 'alice')
    const awaiting = [403, AWAITING, 'org.matrix.msc3866.none']
    expect([status, body.errcode, body.approval_notice_medium]).toEqual(awaiting)
    const repeated = await again()
    expect([repeated.status, repeated.body.errcode]).toEqual([403, AWAITING])
    const tried = await logIn(server, 'alice')
    expect([tried.status, tried.body.errcode, tried.body.approval_notice_medium]).toEqual(awaiting)
    const wrong = await server.client().request('POST', '/v3/login', {
      body: { type: 'm.login.password', identifier: { type: 'm.id.user', user: 'alice' }, password: 'guessed' },
      token: null,
    })
    expect(wrong.body.errcode).toBe('M_FORBIDDEN')
    // The administrator is told in the room for notices.
    await expect.poll(async () => JSON.stringify((await admin.sync()).rooms?.invite ?? {})).toContain('Server Notices')
    const { registrations } = await admin.get(PATH)
    expect(registrations).toEqual([
      { user_id: `@alice:${server.serverName}`, creation_ts: expect.any(Number), threepids: [] },
    ])
    await admin.post(`${PATH}/@alice:${server.serverName}/approve`, {})
    const alice = server.client()
    await alice.login('alice')
    expect((await admin.get(PATH)).registrations).toEqual([])
    const refused = await alice.request('GET', PATH, {})
    expect([refused.status, refused.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    const twice = await admin.request('POST', `${PATH}/@alice:${server.serverName}/approve`, { body: {} })
    expect([twice.status, twice.body.errcode]).toEqual([404, 'M_NOT_FOUND'])
    const { entries } = await admin.get('/_homeroom/admin/v1/audit_log', { action: 'registration.approve' })
    expect(entries).toMatchObject([{ by: admin.userId, subject: alice.userId }])
  })

  it('ends an account that an administrator refuses, and writes to the person', async () => {
    await using mails = await MailServer.start()
    const settings = mailSettings(mails, {}, { mode: 'open', approval: true, email: 'required' })
    await using server = await start({ settings })
    const admin = await adminOn(server)
    const signUp = async (name: string) => {
      const client_secret = name
      const wish = { client_secret, email: `${name}@example.org`, send_attempt: 1 }
      const { sid } = await server.client().post('/v3/register/email/requestToken', wish)
      await openLink(linkIn(mails.last, server))
      return register(server, name, { type: 'm.login.email.identity', threepid_creds: { sid, client_secret } })
    }
    const { body } = await signUp('bob')
    expect([body.errcode, body.approval_notice_medium]).toEqual([AWAITING, 'org.matrix.msc3866.email'])
    await signUp('carol')
    const before = mails.received.length
    const page = await admin.get(PATH, { limit: 1 })
    expect(page.registrations).toMatchObject([{ threepids: [{ medium: 'email', address: 'bob@example.org' }] }])
    const rest = await admin.get(PATH, { limit: 1, from: page.next_token })
    expect(rest.registrations).toMatchObject([{ user_id: `@carol:${server.serverName}` }])
    await admin.post(`${PATH}/@bob:${server.serverName}/refuse`, { reason: 'not of the club' })
    const told = await mails.mail(before)
    expect([told.to, told.mail.subject]).toEqual([['bob@example.org'], `Your registration on ${server.serverName}`])
    expect(told.mail.text).toContain('not of the club')
    expect((await logIn(server, 'bob')).body.errcode).toBe('M_FORBIDDEN')
    expect((await register(server, 'bob')).body.errcode).toBe('M_USER_IN_USE')
    await admin.post(`${PATH}/@carol:${server.serverName}/approve`, {})
    expect((await mails.mail(before + 1)).mail.text).toContain('You can log in now')
    expect((await logIn(server, 'carol')).status).toBe(200)
  })
})

onEveryHomeserver('registration', (start) => {
  it('takes names and addresses as the operator wants them, and so many of one network', async () => {
    await using mails = await MailServer.start()
    const { mail, ...rest } = mailSettings(mails, { deniedAddressDomains: ['*.throwaway.example', 'spam.example'] })
    const registration = { mode: 'open', email: 'optional', allowedUsernames: ['staff.*'] }
    const rateLimits = { enabled: true, newAccount: '2/86400s' }
    await using server = await start({ settings: { ...rest, mail, registration, rateLimits } })
    const ask = async (email: string) => {
      const body = { client_secret: email.replace('@', '.'), email, send_attempt: 1 }
      const answer = await server.client().request('POST', '/v3/register/email/requestToken', { body, token: null })
      return answer.body.errcode ?? answer.status
    }
    expect(await ask('a@spam.example')).toBe('M_THREEPID_DENIED')
    expect(await ask('a@x.THROWAWAY.example')).toBe('M_THREEPID_DENIED')
    expect(await ask('a@throwaway.example')).toBe(200)
    expect((await register(server, 'alice')).body.errcode).toBe('M_INVALID_USERNAME')
    expect((await register(server, 'staff.alice')).status).toBe(200)
    expect((await register(server, 'staff.alice')).body.errcode).toBe('M_USER_IN_USE')
    expect((await register(server, 'staff.bob')).status).toBe(200)
    const third = await register(server, 'staff.carol')
    expect([third.status, third.body.errcode]).toEqual([429, 'M_LIMIT_EXCEEDED'])
  })
})
