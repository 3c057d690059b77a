import { expect, it } from 'vitest'
import type { Json } from '../../support/client.ts'
import type { TestHomeserver } from '../../support/homeserver.ts'
import { type Sydent, startHomeserverFor, withSydent } from '../../support/other-servers/sydent.ts'

const V1 = '/_matrix/client/api/v1'
const STAGE = 'm.login.email.identity'

const at = (homeserver: TestHomeserver, path: string) => async (body: unknown) => {
  const answer = await homeserver.client().request('POST', `${V1}${path}`, { body })
  return { status: answer.status, ...answer.body }
}
/** As the document has it: an array, and the names of its time. */
const credsOf = ({ sid, client_secret: clientSecret }: Json, { name: idServer }: Sydent) => [
  { sid, clientSecret, idServer },
]

withSydent('The dance of v1 with an address that a real identity server vouches for', (sydent) => {
  it('registers with it, and logs in the account that has it', async () => {
    await using homeserver = await startHomeserverFor(sydent(), { settings: { registration: { email: 'required' } } })
    const [register, login] = [at(homeserver, '/register'), at(homeserver, '/login')]
    const { flows } = await homeserver.client().get(`${V1}/register`)
    expect(flows).toEqual([{ type: STAGE, stages: [STAGE, 'm.login.password'] }])
    const address = 'ada.dances@example.org'
    const secret = 'secret-ada'
    const sid = await sydent().requestToken(address, secret)
    const threepidCreds = credsOf({ sid, client_secret: secret }, sydent())
    const early = await register({ type: STAGE, threepidCreds })
    expect([early.status, early.errcode]).toEqual([403, 'M_UNAUTHORIZED'])
    await sydent().followLink(address)
    const { session, next } = await register({ type: STAGE, threepidCreds })
    expect(next).toBe('m.login.password')
    const wish = { type: next, session, user: 'ada', password: 'pw', bind_email: true }
    const userId = `@ada:${homeserver.serverName}`
    expect((await register(wish)).user_id).toBe(userId)
    expect(await sydent().lookup(address)).toBe(userId)

    const offered = (await homeserver.client().get(`${V1}/login`)).flows
    expect(offered.map(({ type }: Json) => type)).toEqual(['m.login.password', STAGE])
    const proof = credsOf(await sydent().validate(address), sydent())
    const other = await login({ type: STAGE, user: 'bo', threepidCreds: proof })
    expect([other.status, other.errcode]).toEqual([403, 'M_FORBIDDEN'])
    const stranger = credsOf(await sydent().validate('nobody.dances@example.org'), sydent())
    const unknown = await login({ type: STAGE, user: 'ada', threepidCreds: stranger })
    expect({ ...unknown }).toEqual({ ...other })
    const wrong = await login({ type: STAGE, threepidCreds: [{ ...proof[0], clientSecret: 'another' }] })
    expect([wrong.status, wrong.errcode]).toEqual([403, 'M_UNAUTHORIZED'])
    const untrusted = await login({ type: STAGE, threepidCreds: [{ ...proof[0], idServer: 'evil.example' }] })
    expect([untrusted.status, untrusted.errcode]).toEqual([403, 'M_SERVER_NOT_TRUSTED'])
    for (const threepidCredsOf of [undefined, {}, [], [proof[0], proof[0]], 'x', [{ sid: 1 }]]) {
      const missing = await login({ type: STAGE, threepidCreds: threepidCredsOf })
      expect([threepidCredsOf, missing.status, missing.errcode]).toEqual([threepidCredsOf, 400, 'M_MISSING_PARAM'])
    }
    const done = await login({ type: STAGE, user: 'ada', threepidCreds: proof })
    expect([done.status, done.user_id]).toEqual([200, userId])
    expect((await homeserver.client().request('GET', '/v3/account/whoami', { token: done.access_token })).status).toBe(
      200,
    )
  })
})
