import { expect, it } from 'vitest'
import { CaptchaServer, captchaSettings } from '../../browser/captcha-server.ts'
import { AccountBrowser } from '../../support/account-browser.ts'
import { onEveryHomeserver, startHomeserver } from '../../support/homeserver.ts'
import { command } from '../../support/operator.ts'
import { MailServer, mailSettings } from '../../support/other-servers/smtp.ts'
import type { Page } from '../../support/plain-browser.ts'
import { headingOf } from '../../support/sign-in-house.ts'

const PASSWORD = 'a good long password'
const wish = (user: string, more: Record<string, string> = {}) => ({
  user,
  password: PASSWORD,
  repeated: PASSWORD,
  ...more,
})
const said = (page: Page) => /<p class="refusal"[^>]*>(.*?)<\/p>/.exec(page.text)?.[1]

onEveryHomeserver('signing up at a browser', (start) => {
  it('makes the account without a device, signs the browser in, and goes on', async () => {
    await using homeserver = await start({ settings: { registration: { mode: 'open' } } })
    const browser = new AccountBrowser(homeserver)
    const first = await browser.at('/account/register?next=%2Foauth%2Fauthorize%3Fstate%3D1&login_hint=newcomer')
    expect(first.text).toContain('value="newcomer"')
    const page = await browser.submit(first, wish('newcomer'))
    expect([headingOf(page), browser.goesOnTo(page)]).toEqual(['Your account is made', '/oauth/authorize?state=1'])
    expect((await browser.at('/account')).text).toContain('@newcomer:localhost')
    const client = homeserver.client()
    await client.login('newcomer', { password: PASSWORD })
    expect((await client.get('/v3/devices')).devices).toHaveLength(1)
  })
})

it('says what is wrong, and the name stays in its field', async () => {
  await using homeserver = await startHomeserver({
    settings: { registration: { mode: 'open', reservedUsernames: ['staff*'] }, passwords: { minLength: 8 } },
  })
  await homeserver.client().register('taken', { password: PASSWORD })
  const browser = new AccountBrowser(homeserver)
  const refused = async (fields: Record<string, string>) => {
    const page = await browser.submit(await browser.at('/account/register'), fields)
    expect(page.text).not.toContain(PASSWORD)
    if (fields.user !== '') expect(page.text).toContain(`value="${fields.user}"`)
    return [page.status, said(page)]
  }
  expect(await refused(wish('taken'))).toEqual([400, 'This user name is taken.'])
  expect(await refused(wish('staff1'))).toEqual([400, 'This user name is reserved.'])
  expect((await refused(wish('no spaces')))[0]).toBe(400)
  expect((await refused(wish('')))[0]).toBe(400)
  expect(await refused(wish('short', { password: 'x', repeated: 'x' }))).toEqual([
    400,
    'A password has at least 8 characters.',
  ])
  expect(await refused(wish('mistyped', { repeated: 'other' }))).toEqual([400, 'The two passwords are not the same.'])
  for (const name of ['staff1', 'short', 'mistyped'])
    expect((await homeserver.client().request('GET', `/v3/profile/@${name}:localhost`)).status, name).toBe(404)
})

it('is refused where registration is closed, by the form too', async () => {
  await using homeserver = await startHomeserver({ settings: { registration: { mode: 'closed' } } })
  const browser = new AccountBrowser(homeserver)
  const page = await browser.at('/account/register')
  expect([page.status, headingOf(page)]).toEqual([403, 'No new accounts here'])
  expect((await browser.at('/account/sign-in')).text).not.toContain('/account/register')
  const csrf = /name="csrf" value="([^"]*)"/.exec((await browser.at('/account/sign-in')).text)?.[1] ?? ''
  const cookie = [...browser.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
  const posted = await fetch(`${homeserver.url}/account/register`, {
    method: 'POST',
    headers: { cookie },
    body: new URLSearchParams({ ...wish('sneaky'), csrf }),
  })
  expect(posted.status).toBe(403)
})

it('asks for a token, the terms and a captcha, one after the other', async () => {
  await using captcha = new CaptchaServer('secret-key')
  await captcha.start()
  const captchas = captchaSettings(captcha)
  await using homeserver = await startHomeserver({
    settings: {
      ...captchas,
      registration: { ...captchas.registration, mode: 'token', termsUrl: 'https://example.org/terms' },
    },
  })
  await command(homeserver, 'create-registration-token', { token: 'letmein', uses: 1 })
  const browser = new AccountBrowser(homeserver)
  const first = await browser.at('/account/register')
  const wrong = await browser.submit(first, wish('member', { token: 'guess' }))
  expect([wrong.status, said(wrong)]).toEqual([403, 'This registration token is not valid.'])
  let page = await browser.submit(wrong, wish('member', { token: 'letmein' }))
  expect(headingOf(page)).toBe('Are you a person?')
  expect(page.headers.get('content-security-policy')).toContain(captcha.url)
  page = await browser.submit(page, {})
  expect([page.status, said(page)]).toEqual([400, 'Solve the captcha first.'])
  page = await browser.submit(page, { 'g-recaptcha-response': 'wrong' })
  expect(page.status).toBe(403)
  page = await browser.submit(page, { 'g-recaptcha-response': 'solved site-key' })
  expect(headingOf(page)).toBe('Terms of this server')
  expect(page.text).toContain('https://example.org/terms')
  page = await browser.submit(page, {})
  expect(page.status).toBe(400)
  page = await browser.submit(page, { agree: 'yes' })
  expect(headingOf(page)).toBe('Your account is made')
  const again = await browser.submit(await new AccountBrowser(homeserver).at('/account/register'), wish('second'))
  expect(again.status).toBe(403)
})

it('proves an e-mail address by the code of a mail', async () => {
  await using mails = await MailServer.start()
  await using homeserver = await startHomeserver({
    settings: { ...mailSettings(mails), registration: { mode: 'open', email: 'required' } },
  })
  const browser = new AccountBrowser(homeserver)
  let page = await browser.submit(await browser.at('/account/register'), wish('writer'))
  expect([page.status, said(page)]).toEqual([400, 'Enter your e-mail address.'])
  page = await browser.submit(page, wish('writer', { email: 'writer@example.org' }))
  expect(headingOf(page)).toBe('Enter the code')
  const code = () => /\b[A-Z]{6,}\b/.exec(mails.received.at(-1)?.mail.text ?? '')?.[0] ?? ''
  expect(code()).not.toBe('')
  page = await browser.submit(page, { code: 'WRONGCODE' })
  expect([page.status, headingOf(page)]).toEqual([403, 'Enter the code'])
  page = await browser.submit(page, { code: code() })
  expect(headingOf(page)).toBe('Your account is made')
  const other = new AccountBrowser(homeserver)
  expect(headingOf(await other.signIn('Writer@Example.org', PASSWORD))).toBe('You are signed in')
})

it('tells people whose account has to be approved first, and signs nobody in', async () => {
  await using homeserver = await startHomeserver({
    settings: { registration: { mode: 'open', approval: true } },
  })
  const browser = new AccountBrowser(homeserver)
  const page = await browser.submit(await browser.at('/account/register'), wish('patient'))
  expect(headingOf(page)).toBe('Your account waits for approval')
  expect(headingOf(await browser.at('/account'))).toBe('Sign in')
  expect((await browser.signIn('patient', PASSWORD)).status).toBe(403)
})
