import { expect, it } from 'vitest'
import { loadConfig } from '#config'
import { CaptchaServer, captchaSettings } from '../../browser/captcha-server.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'

const STAGE = 'm.login.recaptcha'

const begin = async (homeserver: TestHomeserver) => {
  const register = (body: object) => homeserver.client().request('POST', '/v3/register', { body })
  const first = await register({ username: 'mira', password: 'pw' })
  const attempt = async (auth: object) => {
    const { status, body } = await register({ auth: { type: STAGE, session: first.body.session, ...auth } })
    return [status, body.errcode]
  }
  return { first: first.body, attempt }
}

it('a registration with a captcha tells the site key, and the client may try again', async () => {
  await using captcha = new CaptchaServer('secret-key')
  await captcha.start()
  await using homeserver = await startHomeserver({ settings: captchaSettings(captcha) })
  const { first, attempt } = await begin(homeserver)
  expect([first.flows, first.params]).toEqual([[{ stages: [STAGE] }], { [STAGE]: { public_key: 'site-key' } }])
  expect(await attempt({})).toEqual([401, 'M_CAPTCHA_NEEDED'])
  expect(captcha.checks).toEqual([])
  expect(await attempt({ response: 'x'.repeat(20_000) })).toEqual([401, 'M_CAPTCHA_INVALID'])
  expect(captcha.checks).toEqual([])
  expect(await attempt({ response: 'wrong' })).toEqual([401, 'M_CAPTCHA_INVALID'])
  expect(await attempt({ response: 'solved site-key' })).toEqual([200, undefined])
  expect(captcha.checks.at(-1)).toEqual({ secret: 'secret-key', response: 'solved site-key', remoteip: '127.0.0.1' })
  expect(captcha.contentType).toBe('application/x-www-form-urlencoded')
})

it('a captcha that cannot be checked fails, in time, and the session lives on', async () => {
  await using captcha = new CaptchaServer('secret-key')
  await captcha.start()
  await using homeserver = await startHomeserver({ settings: captchaSettings(captcha, '2s') })
  const { attempt } = await begin(homeserver)
  const solved = { response: 'solved site-key' }
  const moods: CaptchaServer['mood'][] = [
    'silent',
    { status: 500, body: '{"success":true}' },
    { status: 200, body: 'no JSON' },
    { status: 200, body: '{"success":"true"}' },
    { status: 200, body: `{"success":true,"long":"${'x'.repeat(100_000)}"}` },
  ]
  for (const mood of moods) {
    captcha.mood = mood
    expect(await attempt(solved)).toEqual([401, 'M_UNKNOWN'])
  }
  captcha.mood = 'honest'
  expect(await attempt(solved)).toEqual([200, undefined])
})

it('a captcha that nobody asked for is checked where there are keys, and opens nothing', async () => {
  await using captcha = new CaptchaServer('secret-key')
  await captcha.start()
  const { captcha: keys } = captchaSettings(captcha)
  await using homeserver = await startHomeserver({ settings: { captcha: keys, registration: { mode: 'open' } } })
  const { first, attempt } = await begin(homeserver)
  expect(first.flows).toEqual([{ stages: ['m.login.dummy'] }])
  expect(await attempt({ response: 'wrong' })).toEqual([401, 'M_CAPTCHA_INVALID'])
  expect(await attempt({ response: 'solved site-key' })).toEqual([401, undefined])
  expect(await attempt({ type: 'm.login.dummy' })).toEqual([200, undefined])
})

it('a captcha without its keys is a mistake of the configuration', () => {
  const load = () => loadConfig({ file: { name: 'settings', text: '{"registration":{"captcha":true}}' } })
  expect(load).toThrow('captcha.publicKey: expected')
  expect(load).toThrow('captcha.privateKey: expected')
})
