import fc from 'fast-check'
import { describe, expect, it } from 'vitest'
import { silentLogger, systemClock } from '#base'
import { openStore, writers } from '#store'
import { CaptchaServer, captchaSettings } from '../../browser/captcha-server.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const V1 = '/_matrix/client/api/v1'
const V2 = '/_matrix/client/v2_alpha'
const [PASSWORD, CAPTCHA, TOKEN, TERMS] = [
  'm.login.password',
  'm.login.recaptcha',
  'm.login.registration_token',
  'm.login.terms',
]

const post = async (homeserver: TestHomeserver, body: unknown) => {
  const answer = await homeserver.client().request('POST', `${V1}/register`, { body })
  return { status: answer.status, ...answer.body }
}
const flowsOf = async (homeserver: TestHomeserver) => (await homeserver.client().get(`${V1}/register`)).flows
const isAlive = async (homeserver: TestHomeserver, token: string): Promise<boolean> =>
  (await homeserver.client().request('GET', `${V1}/initialSync`, { token: null, query: { access_token: token } }))
    .status === 200
const addToken = async (homeserver: TestHomeserver, token: string): Promise<void> => {
  const url = `sqlite:${homeserver.dataFolder}/homeroom.sqlite`
  const store = await openStore({ url, clock: systemClock, logger: silentLogger })
  await store.commit([writers.registrationTokens.create(token, undefined, undefined)])
  await store.close()
}

describe('registration of v1', () => {
  it('where anyone may register is one request with a name and a password', async () => {
    await using homeserver = await startHomeserver()
    expect(await flowsOf(homeserver)).toEqual([{ type: PASSWORD, stages: [PASSWORD] }])
    const made = await post(homeserver, { type: PASSWORD, user: 'Mira', password: 'pw' })
    expect(made).toMatchObject({ status: 200, user_id: '@mira:localhost', home_server: 'localhost' })
    expect(await isAlive(homeserver, made.access_token)).toBe(true)
    await homeserver.client().login('mira', { password: 'pw' })
    // By the whole user id, and by none: then the server finds a name.
    const whole = await post(homeserver, { type: PASSWORD, user: '@ida:localhost', password: 'pw' })
    expect(whole.user_id).toBe('@ida:localhost')
    const unnamed = await post(homeserver, { type: PASSWORD, password: 'pw', initial_device_display_name: 'Old' })
    expect(unnamed.user_id).toMatch(/^@[a-z]{12}:localhost$/)
    const client = homeserver.client()
    client.accessToken = unnamed.access_token
    expect((await client.get(`/v3/devices/${unnamed.device_id}`)).display_name).toBe('Old')
  })

  it('refuses with standard errors, and changes nothing', async () => {
    const registration = { reservedUsernames: ['staff*'] }
    await using homeserver = await startHomeserver({ settings: { registration, passwords: { minLength: 2 } } })
    await homeserver.register('taken')
    const cases: [object, number, string][] = [
      [{}, 400, 'M_MISSING_PARAM'],
      [{ type: 7 }, 400, 'M_BAD_JSON'],
      [{ type: 'org.example.dance', user: 'x', password: 'pw' }, 400, 'M_UNKNOWN'],
      [{ type: CAPTCHA, challenge: 'x', response: 'y' }, 400, 'M_UNKNOWN'],
      [{ type: 'm.login.dummy' }, 400, 'M_UNKNOWN'],
      [{ type: 'm.login.application_service', user: 'bot' }, 403, 'M_FORBIDDEN'],
      [{ type: PASSWORD, user: 'x' }, 400, 'M_MISSING_PARAM'],
      [{ type: PASSWORD, user: 'x', password: 'p' }, 400, 'M_WEAK_PASSWORD'],
      [{ type: PASSWORD, user: 'x', password: 'p'.repeat(600) }, 400, 'M_INVALID_PARAM'],
      [{ type: PASSWORD, user: 'TAKEN', password: 'pw' }, 400, 'M_USER_IN_USE'],
      [{ type: PASSWORD, user: '@taken:localhost', password: 'pw' }, 400, 'M_USER_IN_USE'],
      [{ type: PASSWORD, user: '@x:elsewhere.test', password: 'pw' }, 400, 'M_INVALID_USERNAME'],
      [{ type: PASSWORD, user: 'a b', password: 'pw' }, 400, 'M_INVALID_USERNAME'],
      [{ type: PASSWORD, user: 'staff1', password: 'pw' }, 400, 'M_EXCLUSIVE'],
      [{ type: PASSWORD, user: 'x', password: 'pw', device_id: 'a\nb' }, 400, 'M_INVALID_PARAM'],
      [{ type: PASSWORD, user: 'x', password: 'pw', session: 'unknown' }, 403, 'M_FORBIDDEN'],
    ]
    for (const [body, status, errcode] of cases) {
      expect([body, await post(homeserver, body)]).toEqual([body, expect.objectContaining({ status, errcode })])
    }
    expect((await post(homeserver, { type: PASSWORD, user: 'x', password: 'pw' })).status).toBe(200)
    await using closed = await startHomeserver({ settings: { registration: { mode: 'closed' } } })
    expect(await flowsOf(closed)).toEqual([])
    const refused = await post(closed, { type: PASSWORD, user: 'x', password: 'pw' })
    expect([refused.status, refused.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })

  it('with a captcha: its answer in the form of the time, then the name and the password', async () => {
    await using captcha = new CaptchaServer('secret-key')
    await captcha.start()
    await using homeserver = await startHomeserver({ settings: captchaSettings(captcha) })
    expect(await flowsOf(homeserver)).toEqual([{ type: CAPTCHA, stages: [CAPTCHA, PASSWORD] }])
    const solved = { type: CAPTCHA, challenge: 'c', response: 'solved site-key' }
    const wrong = await post(homeserver, { ...solved, response: 'wrong' })
    expect([wrong.status, wrong.errcode]).toEqual([400, 'M_CAPTCHA_INVALID'])
    const without = await post(homeserver, { type: CAPTCHA })
    expect([without.status, without.errcode]).toEqual([400, 'M_CAPTCHA_NEEDED'])
    const first = await post(homeserver, solved)
    expect(first).toEqual({ status: 200, session: first.session, next: PASSWORD })
    const made = await post(homeserver, { type: PASSWORD, session: first.session, user: 'mira', password: 'pw' })
    expect([made.status, made.user_id]).toEqual([200, '@mira:localhost'])
    expect(await isAlive(homeserver, made.access_token)).toBe(true)
    // A wrong answer leaves the session as it was.
    const begun = await post(homeserver, { type: PASSWORD, user: 'ida', password: 'pw' })
    expect(begun).toEqual({ status: 200, session: begun.session, next: CAPTCHA })
    const failed = await post(homeserver, { ...solved, session: begun.session, response: 'wrong' })
    expect([failed.status, failed.errcode]).toEqual([400, 'M_CAPTCHA_INVALID'])
    expect((await post(homeserver, { ...solved, session: begun.session })).user_id).toBe('@ida:localhost')
  })

  it('takes n stages in any order, each once, and makes the account with the last of them', async () => {
    await using captcha = new CaptchaServer('secret-key')
    await captcha.start()
    const { registration, ...settings } = captchaSettings(captcha)
    const terms = { termsUrl: 'https://chat.example/terms' }
    await using homeserver = await startHomeserver({
      settings: { ...settings, registration: { ...registration, ...terms, mode: 'token' } },
    })
    await addToken(homeserver, 'letmein')
    const stages = [TOKEN, CAPTCHA, TERMS, PASSWORD]
    expect(await flowsOf(homeserver)).toEqual([{ type: TOKEN, stages }])
    let count = 0
    await fc.assert(
      fc.asyncProperty(fc.shuffledSubarray(stages, { minLength: 4 }), fc.nat(3), async (order, repeated) => {
        const user = `user${count++}`
        const requests: Record<string, object> = {
          [TOKEN]: { token: 'letmein' },
          [CAPTCHA]: { response: 'solved site-key' },
          [TERMS]: {},
          [PASSWORD]: { user, password: 'pw' },
        }
        let session: string | undefined
        const passed: string[] = []
        const send = (type: string) =>
          post(homeserver, { type, ...requests[type], ...(session === undefined ? {} : { session }) })
        for (const [index, type] of order.entries()) {
          const answer = await send(type)
          passed.push(type)
          if (passed.length === stages.length) {
            expect([answer.status, answer.user_id]).toEqual([200, `@${user}:localhost`])
            return
          }
          session = answer.session
          const next = stages.find((stage) => !passed.includes(stage))
          expect(answer).toEqual({ status: 200, session, next })
          // A stage that was passed changes nothing, whatever is sent.
          if (index === repeated) expect(await post(homeserver, { type, session, token: 'x' })).toEqual(answer)
        }
      }),
      { numRuns: 12 },
    )
  })

  it('gives the same account to a client that did not get the answer, and ends a session after its time', async () => {
    const clock = new SteppedClock()
    const settings = {
      registration: { termsUrl: 'https://chat.example/terms' },
      sessions: { authenticationSessionLifetime: '10m' },
    }
    await using homeserver = await startHomeserver({ clock, settings })
    const { session } = await post(homeserver, { type: PASSWORD, user: 'mira', password: 'pw' })
    const [one, two] = [
      await post(homeserver, { type: TERMS, session }),
      await post(homeserver, { type: TERMS, session }),
    ]
    expect([two.status, two.user_id, two.device_id]).toEqual([200, one.user_id, one.device_id])
    expect([await isAlive(homeserver, one.access_token), await isAlive(homeserver, two.access_token)]).toEqual([
      false,
      true,
    ])
    const begun = await post(homeserver, { type: TERMS })
    clock.advance(600_001)
    const late = await post(homeserver, { type: PASSWORD, session: begun.session, user: 'late', password: 'pw' })
    expect([late.status, late.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })

  it('has sessions that are good for nothing else, and takes none of elsewhere', async () => {
    await using homeserver = await startHomeserver({
      settings: { registration: { termsUrl: 'https://chat.example/terms' } },
    })
    const old = await post(homeserver, { type: TERMS })
    const today = await homeserver.client().request('POST', '/v3/register', {
      body: { username: 'x', password: 'pw', auth: { session: old.session } },
    })
    expect([today.status, today.body.errcode]).toEqual([403, 'M_FORBIDDEN'])
    const { session } = (await homeserver.client().request('POST', '/v3/register', { body: { username: 'y' } })).body
    const taken = await post(homeserver, { type: PASSWORD, session, user: 'x', password: 'pw' })
    expect([taken.status, taken.errcode]).toEqual([403, 'M_FORBIDDEN'])
  })

  it('refuses a name that was taken between two stages', async () => {
    await using homeserver = await startHomeserver({
      settings: { registration: { termsUrl: 'https://chat.example/terms' } },
    })
    const wish = { type: PASSWORD, user: 'race', password: 'pw' }
    const [one, two] = [await post(homeserver, wish), await post(homeserver, wish)]
    expect((await post(homeserver, { type: TERMS, session: one.session })).status).toBe(200)
    const late = await post(homeserver, { type: TERMS, session: two.session })
    expect([late.status, late.errcode]).toEqual([400, 'M_USER_IN_USE'])
  })
})

describe('registration of v2', () => {
  it('keeps parameters and takes its stages in any order, which today is not done', async () => {
    const registration = { mode: 'token', termsUrl: 'https://chat.example/terms' }
    await using homeserver = await startHomeserver({ settings: { registration } })
    await addToken(homeserver, 'letmein')
    const send = async (path: string, body: object) => {
      const { status, body: answer } = await homeserver.client().request('POST', path, { body })
      return { status, ...answer }
    }
    const wish = { username: 'mira', password: 'pw', bind_email: true, auth: {} }
    const begun = await send(`${V2}/register`, wish)
    expect([begun.status, begun.flows]).toEqual([401, [{ stages: [TOKEN, TERMS] }]])
    const { session } = begun
    expect((await send(`${V2}/register`, { auth: { type: TERMS, session } })).completed).toEqual([TERMS])
    const failed = await send(`${V2}/register`, { auth: { type: TOKEN, session, token: 'wrong' } })
    expect([failed.status, failed.errcode, failed.completed]).toEqual([401, 'M_UNAUTHORIZED', [TERMS]])
    const made = await send(`${V2}/register`, { auth: { type: TOKEN, session, token: 'letmein' } })
    expect(made).toMatchObject({ status: 200, user_id: '@mira:localhost', home_server: 'localhost' })
    expect(await isAlive(homeserver, made.access_token)).toBe(true)
    const taken = await send(`${V2}/register`, wish)
    expect([taken.status, taken.errcode]).toEqual([400, 'M_USER_IN_USE'])
    const today = await send('/v3/register', { username: 'ida', password: 'pw', auth: { type: TERMS } })
    expect([today.status, today.errcode, today.completed]).toEqual([401, 'M_FORBIDDEN', []])
    const unnamed = await send(`${V2}/register`, { password: 'pw', auth: { type: TOKEN, token: 'letmein' } })
    const done = await send(`${V2}/register`, { auth: { type: TERMS, session: unnamed.session } })
    expect(done.user_id).toMatch(/^@[a-z]{12}:localhost$/)
  })
})
