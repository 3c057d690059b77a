import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { loadConfig } from '#config'
import { TEST_CERTIFICATE, TEST_KEY } from '../../support/certificate.ts'
import type { Body } from '../../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../../support/homeserver.ts'
import { linkIn, MailServer, mailSettings, openLink, PUBLIC_URL } from '../../support/other-servers/smtp.ts'
import { SteppedClock } from '../../support/stepped-clock.ts'

const REGISTER = '/v3/register/email/requestToken'
const PASSWORD_RESET = '/v3/account/password/email/requestToken'
const ADD = '/v3/account/3pid/email/requestToken'

let mails: MailServer
let homeserver: TestHomeserver
const clock = new SteppedClock()
beforeAll(async () => {
  mails = await MailServer.start()
  homeserver = await startHomeserver({ clock, settings: mailSettings(mails, { timeout: '2s' }) })
})
afterAll(async () => {
  await homeserver.stop()
  await mails[Symbol.asyncDispose]()
})

const wish = (over: Body = {}): Body => ({
  client_secret: 'a-secret',
  email: 'ada@example.org',
  send_attempt: 1,
  ...over,
})
const ask = async (over: Body = {}, path = REGISTER, at = homeserver) => {
  const { status, body, headers } = await at.client().request('POST', path, { body: wish(over) })
  return { status, body, headers, told: [status, body.errcode ?? 'sid' in body] }
}

describe('a mail that confirms an address', () => {
  it('is text and HTML, from whom the operator says, and no machine answers it', async () => {
    const { status, body } = await ask({ client_secret: 'form' })
    expect([status, Object.keys(body)]).toEqual([200, ['sid']])
    const { from, to, mail, raw } = mails.last
    expect([from, to]).toEqual(['noreply@chat.example', ['ada@example.org']])
    expect(mail.from).toEqual({ name: 'Chat Example', address: 'noreply@chat.example' })
    expect(mail.to).toEqual([{ name: '', address: 'ada@example.org' }])
    const headers = new Map(mail.headers.map(({ key, value }) => [key, value]))
    expect(headers.get('auto-submitted')).toBe('auto-generated')
    expect(headers.get('message-id')).toMatch(/^<\S+@chat\.example>$/)
    expect(Math.abs(Date.parse(headers.get('date') ?? '') - clock.nowMs())).toBeLessThan(60_000)
    expect(headers.get('content-type')).toMatch(/^multipart\/alternative/)
    expect(raw).toMatch(/Content-Type: text\/plain; charset=utf-8/)
    expect(mail.subject).toBe('Confirm your e-mail address for localhost')
    const link = new URL(linkIn(mails.last, homeserver))
    expect(link.searchParams.get('sid')).toBe(body.sid)
    // The secret of the client is no matter of the mail.
    expect([...link.searchParams.keys()]).toEqual(['sid', 'token'])
    const shown = link.href.replace(homeserver.url, PUBLIC_URL).replace('&', '&#38;')
    expect(mail.html).toContain(`<a href="${shown}"`)
    expect(mail.html).toContain('<html lang="en">')
    expect(mail.text).toContain('good for 1 hour')
    expect(mail.text).toContain('If it was not you, ignore this mail')
  })

  it('is sent once for an attempt, and again for a higher one; links of the mail before stay good', async () => {
    const first = await ask({ client_secret: 'again', send_attempt: 3 })
    const sent = mails.received.length
    const firstLink = linkIn(mails.last, homeserver)
    for (const send_attempt of [3, 2, 0]) {
      expect((await ask({ client_secret: 'again', send_attempt })).body).toEqual(first.body)
    }
    expect(mails.received.length).toBe(sent)
    const early = await ask({ client_secret: 'again', send_attempt: 4 })
    expect(early.told).toEqual([429, 'M_LIMIT_EXCEEDED'])
    expect([early.body.retry_after_ms > 0, early.headers.get('retry-after')]).toEqual([true, '30'])
    clock.advance(31_000)
    expect((await ask({ client_secret: 'again', send_attempt: 4 })).body).toEqual(first.body)
    expect(mails.received.length).toBe(sent + 1)
    expect(linkIn(mails.last, homeserver)).not.toBe(firstLink)
    expect((await openLink(firstLink)).status).toBe(200)
    // Once confirmed there is nothing more to send.
    clock.advance(31_000)
    expect((await ask({ client_secret: 'again', send_attempt: 9 })).body).toEqual(first.body)
    expect(mails.received.length).toBe(sent + 1)
  })

  it('two requests of one attempt at the same time are one mail', async () => {
    const sent = mails.received.length
    const answers = await Promise.all([1, 2, 3].map(() => ask({ client_secret: 'at-once' })))
    expect(new Set(answers.map(({ body }) => body.sid)).size).toBe(1)
    expect(mails.received.length).toBe(sent + 1)
  })

  it('goes to the canonical form of an address, which is one session with all its spellings', async () => {
    const { body } = await ask({ client_secret: 'spelling', email: 'Strauß@EXAMPLE.org' })
    expect(mails.last.to).toEqual(['strauss@example.org'])
    expect((await ask({ client_secret: 'spelling', email: 'STRAUSS@example.ORG' })).body).toEqual(body)
    const other = await ask({ client_secret: 'other', email: 'strauss@example.org' })
    expect(other.body.sid).not.toBe(body.sid)
  })

  it('is not counted where the mail server does not take it: the same attempt sends it then', async () => {
    const sent = mails.received.length
    const reset = { client_secret: 'unlucky' }
    mails.mood = 'refuseMails'
    expect((await ask(reset)).told).toEqual([502, 'M_UNKNOWN'])
    mails.mood = 'silent'
    expect((await ask(reset)).told).toEqual([502, 'M_UNKNOWN'])
    mails.mood = 'refuseAddresses'
    expect((await ask(reset)).told).toEqual([400, 'M_INVALID_PARAM'])
    mails.mood = 'accept'
    expect(mails.received.length).toBe(sent)
    expect((await ask(reset)).status).toBe(200)
    expect((await ask(reset)).status).toBe(200)
    expect(mails.received.length).toBe(sent + 1)
  })
})

describe('the page that a mail links to', () => {
  it('does nothing when it is opened: programs that look into mails do that too', async () => {
    await ask({ client_secret: 'scanned' })
    const link = linkIn(mails.last, homeserver)
    const [first, second] = [await fetch(link), await fetch(link, { method: 'HEAD' })]
    expect([first.status, second.status < 500]).toEqual([200, true])
    const text = await first.text()
    expect(text).toContain('ada@example.org')
    expect(text).not.toContain('is confirmed')
    expect(first.headers.get('content-security-policy')).toMatch(
      /default-src 'none'.*form-action 'self'; frame-ancestors 'none'/,
    )
    expect(first.headers.get('referrer-policy')).toBe('no-referrer')
    expect(first.headers.get('cache-control')).toBe('no-store')
    expect(await (await openLink(link)).text()).toContain('is confirmed')
  })

  it('takes its being opened for an answer where the operator wants that, but never for a way into an account', async () => {
    await using quick = await startHomeserver({ settings: mailSettings(mails, { confirmByButton: 'passwordReset' }) })
    const mira = await quick.register('mira')
    const adding = { client_secret: 'quick', email: 'mira@example.org' }
    const { sid } = (await mira.request('POST', ADD, { body: wish(adding) })).body
    const link = linkIn(mails.last, quick)
    expect((await fetch(link, { method: 'HEAD' })).status).toBeLessThan(500)
    expect((await fetch(`${link}x`)).status).toBe(403)
    const add = () =>
      mira.request('POST', '/v3/account/3pid', { body: { three_pid_creds: { sid, client_secret: 'quick' } } })
    expect((await add()).status).toBe(403)
    for (let time = 0; time < 2; time++) expect(await (await fetch(link)).text()).toContain('is confirmed')
    expect((await add()).status).toBe(200)

    const next_link = 'https://app.example/done'
    await ask({ client_secret: 'next', email: 'next@example.org', next_link }, REGISTER, quick)
    const next = await fetch(linkIn(mails.last, quick), { redirect: 'manual' })
    expect([next.status, next.headers.get('location')]).toEqual([302, next_link])

    await ask({ client_secret: 'reset', email: 'mira@example.org' }, PASSWORD_RESET, quick)
    const text = await (await fetch(linkIn(mails.last, quick))).text()
    expect([text.includes('Yes, confirm'), text.includes('is confirmed')]).toEqual([true, false])
  })

  it('sends on to the page of the app, once it is confirmed and as often as that is said', async () => {
    await ask({ client_secret: 'next', next_link: 'https://app.example/done?a=b#c' })
    const link = linkIn(mails.last, homeserver)
    expect((await fetch(link)).headers.get('content-security-policy')).toContain(
      "form-action 'self' https://app.example;",
    )
    for (let time = 0; time < 2; time++) {
      const answer = await openLink(link)
      expect([answer.status, answer.headers.get('location')]).toEqual([302, 'https://app.example/done?a=b#c'])
    }
  })

  it('takes only so many guesses', async () => {
    await ask({ client_secret: 'guessed' })
    const link = linkIn(mails.last, homeserver)
    for (let guess = 0; guess < 10; guess++) expect((await openLink(`${link}${guess}`)).status).toBe(403)
    expect((await openLink(link)).status).toBe(403)
  })
})

describe('a request for a mail', () => {
  it('is refused where it says nothing that can be, and nothing is sent', async () => {
    const sent = mails.received.length
    const refused: readonly (readonly [Body, string])[] = [
      [{ client_secret: undefined }, 'M_MISSING_PARAM'],
      [{ email: undefined }, 'M_MISSING_PARAM'],
      [{ send_attempt: undefined }, 'M_MISSING_PARAM'],
      [{ client_secret: '' }, 'M_INVALID_PARAM'],
      [{ client_secret: 'a b' }, 'M_INVALID_PARAM'],
      [{ client_secret: 'x'.repeat(256) }, 'M_INVALID_PARAM'],
      [{ client_secret: 5 }, 'M_BAD_JSON'],
      [{ send_attempt: 'one' }, 'M_BAD_JSON'],
      [{ send_attempt: 1.5 }, 'M_BAD_JSON'],
      [{ email: ['ada@example.org', 'eve@example.org'] }, 'M_BAD_JSON'],
      ...[
        ...[
          '',
          'ada',
          '@example.org',
          'ada@',
          'ada@example.org, eve@example.org',
          'ada@example.org\r\nBcc: eve@example.org',
        ],
        ...['Ada <ada@example.org>', '"ada@evil"@example.org', 'ada@[127.0.0.1]', 'ada@127.0.0.1', 'ada\0@example.org'],
        ...[
          'ada@example.org\n',
          'ada @example.org',
          'ada@exa%6dple.org',
          `${'x'.repeat(65)}@example.org`,
          'a@b@example.org',
        ],
        ...[`ada@${'x'.repeat(64)}.org`, 'ada\u202e@example.org', '<script>@example.org'],
      ].map((email): readonly [Body, string] => [{ email }, 'M_INVALID_PARAM']),
      ...[
        'javascript:alert(1)',
        'data:text/html,x',
        'ftp://example.org/',
        '/next',
        'https://user:pw@example.org/',
        'https://',
      ].map((next_link): readonly [Body, string] => [{ next_link }, 'M_INVALID_PARAM']),
      [{ next_link: `https://example.org/${'x'.repeat(3_000)}` }, 'M_INVALID_PARAM'],
      [{ email: '\ud800@example.org' }, 'M_BAD_JSON'],
    ]
    for (const [over, errcode] of refused) {
      const { body } = await ask({ client_secret: 'hostile', ...over })
      expect([over, body.errcode]).toEqual([over, errcode])
    }
    expect(mails.received.length).toBe(sent)
  })

  it('for a phone number is refused, as this server sends no text messages', async () => {
    const body = { client_secret: 'a', country: 'DE', phone_number: '0171', send_attempt: 1 }
    for (const path of ['/register', '/account/password', '/account/3pid']) {
      const answer = await homeserver.client().request('POST', `/v3${path}/msisdn/requestToken`, { body })
      expect([answer.status, answer.body.errcode]).toEqual([400, 'M_THREEPID_MEDIUM_NOT_SUPPORTED'])
    }
  })

  it('is served by the paths of 2015 too, and of r0', async () => {
    const sent = mails.received.length
    for (const prefix of ['/_matrix/client/r0', '/_matrix/client/v2_alpha']) {
      for (const path of ['/register', '/account/3pid', '/account/password']) {
        const secret = `old${prefix}${path}`.replaceAll('/', '.')
        const answer = await ask(
          { client_secret: secret, id_server: 'id.example:8090' },
          `${prefix}${path}/email/requestToken`,
        )
        expect([prefix, path, answer.status]).toEqual([prefix, path, 200])
      }
    }
    expect(mails.received.length).toBe(sent + 6)
  })

  it('does not tell whether an address has an account: only the mail does, and its owner reads it', async () => {
    const told = await ask({ client_secret: 'unknown', email: 'nobody@example.org' }, PASSWORD_RESET)
    expect(told.told).toEqual([200, true])
    expect(mails.last.to).toEqual(['nobody@example.org'])
    expect(mails.last.mail.subject).toBe('No account with your e-mail address on localhost')
    expect(mails.last.mail.text).not.toContain('http')
  })
})

describe('the settings of mails', () => {
  it('tell where operators want it that an address is in use, or is not', async () => {
    const settings = mailSettings(mails, { tellWhetherInUse: true })
    await using other = await startHomeserver({ settings })
    const sent = mails.received.length
    expect((await ask({ email: 'nobody@example.org' }, PASSWORD_RESET, other)).told).toEqual([
      400,
      'M_THREEPID_NOT_FOUND',
    ])
    expect(mails.received.length).toBe(sent)
  })

  it('bound the domains of addresses and the sites that people are sent on to', async () => {
    const settings = mailSettings(mails, {
      addressDomains: ['Example.org'],
      nextLinkHosts: ['app.example', 'x.example:8443'],
    })
    await using other = await startHomeserver({ settings })
    const errcodeOf = async (over: Body) => (await ask(over, ADD, other)).body.errcode
    expect(await errcodeOf({ email: 'ada@example.com' })).toBe('M_THREEPID_DENIED')
    expect(await errcodeOf({ email: 'ada@sub.example.org' })).toBe('M_THREEPID_DENIED')
    for (const next_link of ['https://app.example.evil/', 'https://evil.example/app.example', 'https://x.example/'])
      expect(await errcodeOf({ next_link })).toBe('M_INVALID_PARAM')
    expect(await errcodeOf({ next_link: 'https://APP.example/done' })).toBeUndefined()
    expect(await errcodeOf({ client_secret: 'two', next_link: 'https://x.example:8443/' })).toBeUndefined()
  })

  it('bound how often mail is sent to one address, and asked for by one', async () => {
    const budgets = { rateLimits: { enabled: true, mail: '3/600s' } }
    await using other = await startHomeserver({ settings: { ...mailSettings(mails), ...budgets } })
    const statuses: number[] = []
    for (const client_secret of ['a', 'b', 'c', 'd'])
      statuses.push((await ask({ client_secret }, REGISTER, other)).status)
    expect(statuses).toEqual([200, 200, 200, 429])
  })

  it('are needed: without a mail server nothing is offered, and requests are told so', async () => {
    await using other = await startHomeserver()
    for (const path of [REGISTER, PASSWORD_RESET, ADD]) {
      expect((await ask({}, path, other)).told).toEqual([400, 'M_THREEPID_MEDIUM_NOT_SUPPORTED'])
    }
    const { body } = await other.client().request('POST', '/v3/register', { body: { username: 'ada', password: 'x' } })
    expect(body.flows).toEqual([{ stages: ['m.login.dummy'] }])
    expect((await fetch(`${other.url}/_homeroom/email/validate?sid=a&token=b`)).status).toBe(404)
  })

  it('are refused where they do not fit together', () => {
    const load = (settings: object) => () => loadConfig({ file: { name: 'settings', text: JSON.stringify(settings) } })
    expect(load({ mail: { smtpHost: 'mail.example' } })).toThrow('mail.from: expected, since mail.smtpHost is set')
    expect(load({ mail: { smtpHost: 'mail.example' } })).toThrow('server.publicBaseUrl: expected')
    expect(load({ mail: { user: 'me' } })).toThrow('mail.password: expected')
    expect(load({ registration: { email: 'required' } })).toThrow('mail.smtpHost: expected')
    for (const from of ['nobody', 'a@b, c@d', 'Eve\r\nBcc: x@y.z <a@b.c>', '<a@b']) {
      expect(load({ mail: { from } })).toThrow('mail.from: expected an e-mail address')
    }
    const { from } = load({ mail: { from: 'Chat, Ltd. <no-reply@chat.example>' } })().mail
    expect(from).toEqual({ name: 'Chat, Ltd.', address: 'no-reply@chat.example' })
  })

  it('make the connection private before a password is said', async () => {
    const passwords: string[] = []
    await using secured = await MailServer.start({
      ...{ cert: TEST_CERTIFICATE, key: TEST_KEY },
      authOptional: false,
      onAuth: (auth, _session, done) => {
        passwords.push(auth.password ?? '')
        done(null, { user: auth.username })
      },
    })
    // Its certificate is nobody's, so neither mails nor passwords go there.
    const credentials = { user: 'homeroom', password: 'pw', timeout: '5s' }
    for (const security of ['starttls', 'tls']) {
      await using other = await startHomeserver({ settings: mailSettings(secured, { ...credentials, security }) })
      expect((await ask({}, REGISTER, other)).told).toEqual([502, 'M_UNKNOWN'])
    }
    expect([passwords, secured.received]).toEqual([[], []])
  })
})

it('nobody waits longer for a mail server that says nothing where others wait too', async () => {
  await using silent = await MailServer.start()
  const clock = new SteppedClock()
  await using homeserver = await startHomeserver({ clock, settings: mailSettings(silent, { timeout: '20s' }) })
  silent.mood = 'silent'
  const asked = Array.from({ length: 9 }, (_, n) => {
    const body = { client_secret: `waiting${n}`, email: `waiting${n}@example.org`, send_attempt: 1 }
    return homeserver.client().request('POST', '/v3/register/email/requestToken', { body })
  })
  // So many are sent at a time.
  await expect.poll(() => silent.unanswered).toBe(4)
  // By the end of these, asked for later and one after the other, the rest of those wait too.
  for (let n = 0; n < 20; n++) await homeserver.client().request('POST', REGISTER, { body: wish({ email: 'none' }) })
  clock.advance(20_000)
  for (const { status } of await Promise.all(asked)) expect(status).toBe(502)
  expect(silent.unanswered).toBe(4)
})
