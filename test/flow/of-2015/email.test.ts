import { describe, expect, it } from 'vitest'
import { PASSWORD } from '../../support/client.ts'
import { onEveryHomeserver, startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { linkIn, MailServer, mailSettings, openLink } from '../../support/other-servers/smtp.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const V1 = '/_matrix/client/api/v1'
const [PASS, CODE, URL, IDENTITY] = [
  'm.login.password',
  'm.login.email.code',
  'm.login.email.url',
  'm.login.email.identity',
]

const at = (homeserver: TestHomeserver, path: string) => async (body: unknown) => {
  const answer = await homeserver.client().request('POST', `${V1}${path}`, { body })
  return { status: answer.status, ...answer.body }
}
const flowsOf = async (homeserver: TestHomeserver, path: string) =>
  (await homeserver.client().get(`${V1}${path}`)).flows.map(({ stages }: { stages: string[] }) => stages)
/** The code in the mail that came last: a line of its own. */
const codeIn = ({ last }: MailServer): string => {
  const code = /^[A-Za-z0-9]{10}$/m.exec(last.mail.text ?? '')?.[0]
  if (code === undefined) throw new Error(`no code in:\n${last.mail.text}`)
  return code
}
const addressesOf = async (homeserver: TestHomeserver, token: string) =>
  (await homeserver.client().ok('GET', '/v3/account/3pid', { token })).threepids.map(
    ({ address }: { address: string }) => address,
  )

onEveryHomeserver('registration of v1 with an e-mail address', (start) => {
  it('by code, by link and by credentials: the address belongs to the account', async () => {
    await using mails = await MailServer.start()
    await using homeserver = await start({ settings: mailSettings(mails, {}, { email: 'required' }) })
    const register = at(homeserver, '/register')
    expect(await flowsOf(homeserver, '/register')).toEqual([IDENTITY, CODE, URL].map((stage) => [stage, PASS]))

    const asked = await register({ type: CODE, user: 'ada', email: 'Ada@example.org' })
    expect(asked).toEqual({ status: 200, type: CODE, session: asked.session })
    const { session } = asked
    const wrong = await register({ type: CODE, session, code: 'WRONGWRONG' })
    expect([wrong.status, wrong.errcode]).toEqual([403, 'M_FORBIDDEN'])
    const missing = await register({ type: CODE, session })
    expect([missing.status, missing.errcode]).toEqual([400, 'M_MISSING_PARAM'])
    // Typed by hand.
    const typed = codeIn(mails).toLowerCase().replace(/^.{5}/, '$& ')
    expect(await register({ type: CODE, session, code: typed })).toEqual({ status: 200, session, next: PASS })
    const made = await register({ type: PASS, session, user: 'ada', password: 'pw' })
    expect([made.status, made.user_id]).toEqual([200, '@ada:localhost'])
    expect(await addressesOf(homeserver, made.access_token)).toEqual(['ada@example.org'])

    const first = await register({ type: PASS, user: 'bo', password: 'pw' })
    expect(first.next).toBe(IDENTITY)
    const link = await register({ type: URL, session: first.session, email: 'bo@example.org' })
    expect(link).toEqual({ status: 200, type: URL, session: first.session })
    const early = await register({ type: URL, session: first.session })
    expect([early.status, early.errcode]).toEqual([403, 'M_LOGIN_EMAIL_URL_NOT_YET'])
    expect((await openLink(linkIn(mails.last, homeserver))).status).toBe(200)
    const second = await register({ type: URL, session: first.session })
    expect([second.status, second.user_id]).toEqual([200, '@bo:localhost'])
    expect(await addressesOf(homeserver, second.access_token)).toEqual(['bo@example.org'])

    const wish = { client_secret: 'secret', email: 'cy@example.org', send_attempt: 1 }
    const { sid } = await homeserver.client().post('/v3/register/email/requestToken', wish)
    const threepidCreds = [{ sid, clientSecret: 'secret', idServer: 'localhost' }]
    const unconfirmed = await register({ type: IDENTITY, threepidCreds })
    expect([unconfirmed.status, unconfirmed.errcode]).toEqual([403, 'M_UNAUTHORIZED'])
    await openLink(linkIn(mails.last, homeserver))
    const third = await register({ type: IDENTITY, threepidCreds })
    const done = await register({ type: PASS, session: third.session, user: 'cy', password: 'pw' })
    expect(await addressesOf(homeserver, done.access_token)).toEqual(['cy@example.org'])
  })

  it('takes no address that belongs to an account, and tells it to its owner alone', async () => {
    await using mails = await MailServer.start()
    await using homeserver = await start({ settings: mailSettings(mails, {}, { email: 'optional' }) })
    const register = at(homeserver, '/register')
    expect((await flowsOf(homeserver, '/register'))[0]).toEqual([PASS])
    const one = await register({ type: CODE, email: 'one@example.org' })
    const first = codeIn(mails)
    const two = await register({ type: CODE, email: 'one@example.org' })
    const second = codeIn(mails)
    expect((await register({ type: CODE, session: one.session, code: first })).next).toBe(PASS)
    await register({ type: PASS, session: one.session, user: 'one', password: 'pw' })
    const late = await register({ type: CODE, session: two.session, code: second })
    expect([late.status, late.errcode]).toEqual([403, 'M_THREEPID_IN_USE'])
    const third = await register({ type: CODE, email: 'one@example.org' })
    expect(third).toEqual({ status: 200, type: CODE, session: third.session })
    expect(mails.last.mail.subject).toContain('in use')
    const guess = await register({ type: CODE, session: third.session, code: first })
    expect([guess.status, guess.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })
})

onEveryHomeserver('login of v1 by e-mail', (start) => {
  const withAda = async (homeserver: TestHomeserver, mails: MailServer): Promise<void> => {
    const register = at(homeserver, '/register')
    const { session } = await register({ type: CODE, email: 'ada@example.org' })
    await register({ type: CODE, session, code: codeIn(mails) })
    expect((await register({ type: PASS, session, user: 'ada', password: PASSWORD })).status).toBe(200)
  }

  it('by code and by link is a login of the account that has the address', async () => {
    await using mails = await MailServer.start()
    await using homeserver = await start({ settings: mailSettings(mails) })
    await withAda(homeserver, mails)
    const login = at(homeserver, '/login')
    expect(await flowsOf(homeserver, '/login')).toEqual([[PASS], [CODE], [URL]])
    const asked = await login({ type: CODE, user: 'ada', email: 'ADA@example.org' })
    expect(asked).toEqual({ status: 200, type: CODE, session: asked.session })
    expect(mails.last.to).toEqual(['ada@example.org'])
    const answer = { type: CODE, session: asked.session, code: codeIn(mails), device_id: 'OLD' }
    const done = await login(answer)
    expect(done).toMatchObject({ status: 200, user_id: '@ada:localhost', home_server: 'localhost', device_id: 'OLD' })
    const alive = await homeserver
      .client()
      .request('GET', `${V1}/initialSync`, { query: { access_token: done.access_token } })
    expect(alive.status).toBe(200)
    // The session and the code are used up.
    const again = await login(answer)
    expect([again.status, again.errcode]).toEqual([403, 'M_FORBIDDEN'])

    const link = await login({ type: URL, user: '@ada:localhost', email: 'ada@example.org' })
    const early = await login({ type: URL, session: link.session })
    expect([early.status, early.errcode]).toEqual([403, 'M_LOGIN_EMAIL_URL_NOT_YET'])
    await openLink(linkIn(mails.last, homeserver))
    expect((await login({ type: URL, session: link.session })).user_id).toBe('@ada:localhost')
    const used = await login({ type: URL, session: link.session })
    expect(used.status).toBe(403)
  })

  it('answers the same whether or not there is such an account, and whoever has the address', async () => {
    for (const tellWhetherInUse of [false, true]) {
      await using mails = await MailServer.start()
      await using homeserver = await start({ settings: mailSettings(mails, { tellWhetherInUse }) })
      await withAda(homeserver, mails)
      await homeserver.register('bo')
      const login = at(homeserver, '/login')
      const own = await login({ type: CODE, user: 'ada', email: 'ada@example.org' })
      const guesses = [
        { user: 'bo', email: 'ada@example.org' },
        { user: 'nobody', email: 'ada@example.org' },
        { user: 'ada', email: 'nobody@example.org' },
        { user: 'nobody', email: 'nobody@example.org' },
      ]
      const wrongCode = { ...(await login({ type: CODE, session: own.session, code: 'x' })) }
      expect([wrongCode.status, wrongCode.errcode]).toEqual([403, 'M_FORBIDDEN'])
      for (const guess of guesses) {
        const answer = await login({ type: CODE, ...guess })
        expect(answer).toEqual({ ...own, session: answer.session })
        expect(await login({ type: CODE, session: answer.session, code: 'x' })).toEqual(wrongCode)
        const link = await login({ type: URL, ...guess })
        const early = await login({ type: URL, session: link.session })
        expect([early.status, early.errcode]).toEqual([403, 'M_LOGIN_EMAIL_URL_NOT_YET'])
      }
      // Even the owner of the address does not get into another's account with it.
      const { session } = await login({ type: CODE, user: 'bo', email: 'ada@example.org' })
      const other = await login({ type: CODE, session, code: codeIn(mails) })
      expect([other.status, other.errcode, other.access_token]).toEqual([403, 'M_FORBIDDEN', undefined])
    }
  })
})

describe('sessions of v1 with mails', () => {
  it('send another mail where they are asked again, not too soon; bad addresses are refused', async () => {
    const clock = new SteppedClock()
    await using mails = await MailServer.start()
    await using homeserver = await startHomeserver({ clock, settings: mailSettings(mails, { resendInterval: '60s' }) })
    const register = at(homeserver, '/register')
    const { session } = await register({ type: CODE, email: 'ada@example.org' })
    const soon = await register({ type: CODE, session, email: 'ada@example.org' })
    expect([soon.status, soon.errcode, mails.received.length]).toEqual([429, 'M_LIMIT_EXCEEDED', 1])
    clock.advance(61_000)
    expect((await register({ type: CODE, session, email: 'ada@example.org' })).status).toBe(200)
    expect(mails.received).toHaveLength(2)
    expect((await register({ type: CODE, session, code: codeIn(mails) })).next).toBe(PASS)
    for (const email of ['', 'nobody', 'a@b@c', 'x'.repeat(400)]) {
      const refused = await register({ type: CODE, email })
      expect([email, refused.status, refused.errcode]).toEqual([email, 400, 'M_INVALID_PARAM'])
    }
    const foreign = await at(homeserver, '/login')({ type: CODE, session, code: codeIn(mails) })
    expect([foreign.status, foreign.errcode]).toEqual([403, 'M_FORBIDDEN'])
    const unasked = await register({ type: URL })
    expect([unasked.status, unasked.errcode]).toEqual([400, 'M_MISSING_PARAM'])
  })

  it('give up a code after too many guesses, and the mail server that does not answer fails the request alone', async () => {
    await using mails = await MailServer.start()
    await using homeserver = await startHomeserver({ settings: mailSettings(mails, { timeout: '1s' }) })
    const register = at(homeserver, '/register')
    const { session } = await register({ type: CODE, email: 'ada@example.org' })
    const code = codeIn(mails)
    for (let guess = 0; guess < 10; guess++) await register({ type: CODE, session, code: `WRONG${guess}WRNG` })
    expect((await register({ type: CODE, session, code })).errcode).toBe('M_FORBIDDEN')
    mails.mood = 'refuseMails'
    const failed = await register({ type: CODE, email: 'bo@example.org' })
    expect([failed.status, failed.errcode]).toEqual([502, 'M_UNKNOWN'])
  })
})
