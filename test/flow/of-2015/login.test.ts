import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { PASSWORD } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const V1 = '/_matrix/client/api/v1'

let homeserver: TestHomeserver
beforeAll(async () => {
  homeserver = await startHomeserver()
  await homeserver.register('mira')
})
afterAll(() => homeserver.stop())

const post = async (body: unknown) => {
  const answer = await homeserver.client().request('POST', `${V1}/login`, { body })
  return { status: answer.status, ...answer.body }
}

describe('login of v1', () => {
  it('offers a password where nothing else is set up', async () => {
    expect(await homeserver.client().get(`${V1}/login`)).toEqual({
      flows: [{ type: 'm.login.password', stages: ['m.login.password'] }],
    })
  })

  it('by the user id or the local part, answers what every other request then needs', async () => {
    for (const user of ['mira', '@mira:localhost', 'MIRA']) {
      const {
        status,
        user_id: userId,
        access_token: token,
        home_server: server,
      } = await post({
        type: 'm.login.password',
        user,
        password: PASSWORD,
      })
      expect([status, userId, server]).toEqual([200, '@mira:localhost', 'localhost'])
      const query = { access_token: token }
      expect((await homeserver.client().request('GET', `${V1}/initialSync`, { token: null, query })).status).toBe(200)
    }
  })

  it('also as the Swagger of the time has it, and with identifiers of today', async () => {
    expect((await post({ username: 'mira', password: PASSWORD })).user_id).toBe('@mira:localhost')
    const identifier = { type: 'm.id.user', user: 'mira' }
    expect((await post({ type: 'm.login.password', identifier, password: PASSWORD })).status).toBe(200)
  })

  it('refuses a wrong password and an unknown user alike, and what is no login', async () => {
    const wrong = await post({ type: 'm.login.password', user: 'mira', password: 'wrong' })
    expect([wrong.status, wrong.errcode]).toEqual([403, 'M_FORBIDDEN'])
    expect(await post({ type: 'm.login.password', user: 'nobody', password: 'wrong' })).toEqual(wrong)
    const cases: [object, number, string][] = [
      [{}, 400, 'M_MISSING_PARAM'],
      [{ user: 'mira' }, 400, 'M_MISSING_PARAM'],
      [{ type: 'm.login.password', user: 'mira' }, 400, 'M_MISSING_PARAM'],
      [{ type: 'm.login.password', password: PASSWORD }, 400, 'M_MISSING_PARAM'],
      [{ type: 'm.login.password', user: 1, password: PASSWORD }, 400, 'M_BAD_JSON'],
      [{ type: 'm.login.email.code', user: 'mira', email: 'a@b.example' }, 400, 'M_UNKNOWN'],
      [{ type: 'm.login.oauth2', user: 'mira' }, 400, 'M_UNKNOWN'],
    ]
    for (const [body, status, errcode] of cases) {
      expect([body, await post(body)]).toEqual([body, expect.objectContaining({ status, errcode })])
    }
  })

  it('counts tries at an account, whatever way they come', async () => {
    const settings = { rateLimits: { enabled: true, accountLogin: '4/60s' }, listen: { trustProxy: ['127.0.0.1'] } }
    await using limited = await startHomeserver({ settings })
    await limited.register('victim')
    const statuses: number[] = []
    for (const [index, path] of [V1, V1, '/v3', V1, V1, '/v3'].entries()) {
      const headers = { 'x-forwarded-for': `192.0.2.${index}` }
      const body = { type: 'm.login.password', user: 'victim', password: 'wrong' }
      statuses.push((await limited.client().request('POST', `${path}/login`, { body, headers })).status)
    }
    expect(statuses).toEqual([403, 403, 403, 403, 429, 429])
  })
})
