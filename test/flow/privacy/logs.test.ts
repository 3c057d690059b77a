import { Writable } from 'node:stream'
import { pino } from 'pino'
import { expect, it } from 'vitest'
import { PASSWORD } from '../../support/client.ts'
import { MailServer, mailSettings, openLink } from '../../support/other-servers/smtp.ts'
import { PlainBrowser } from '../../support/plain-browser.ts'
import { isClient, startSignInHouse } from '../../support/sign-in-house.ts'

const SMTP_PASSWORD = 'of-the-mail-server'

/** Whatever an operator could find in the logs at the most talkative level. */
const listening = () => {
  const lines: string[] = []
  const sink = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      lines.push(chunk.toString())
      done()
    },
  })
  return { lines, logger: pino({ level: 'debug' }, sink) }
}

it('no secret and no address of a person is ever logged, whatever fails', async () => {
  const { lines, logger } = listening()
  await using mails = await MailServer.start({
    allowInsecureAuth: true,
    onAuth: ({ password }, _session, done) => done(null, { user: password === SMTP_PASSWORD ? 'homeroom' : '' }),
  })
  const { mail, registration } = mailSettings(mails, { user: 'homeroom', password: SMTP_PASSWORD, timeout: '1s' })
  const logging = { level: 'debug' }
  const identityServers = { trusted: ['http://127.0.0.1:9'], requestTimeout: '500ms' }
  await using house = await startSignInHouse({ logger, settings: { mail, registration, logging, identityServers } })
  const { homeserver, provider } = house
  const secrets = new Map<string, string>([
    ['password', PASSWORD],
    ['password of the mail server', SMTP_PASSWORD],
    ['secret at the provider', String(provider.settings().clientSecret)],
  ])

  const client = await homeserver.register('ann')
  secrets.set('access token', client.accessToken ?? '')
  const creds = { client_secret: 'a-client-secret', email: 'private@example.org', send_attempt: 1 }
  secrets.set('client secret', creds.client_secret).set('address', creds.email)
  const { sid } = await client.post('/v3/account/3pid/email/requestToken', creds)
  const link = /^http:\S+$/m.exec(mails.last.mail.text ?? '')?.[0] ?? ''
  secrets.set('token of the mail', new URL(link).searchParams.get('token') ?? '')
  await openLink(link)
  const question = await client.request('POST', '/v3/account/3pid/add', {
    body: { sid, client_secret: 'a-client-secret' },
  })
  secrets.set('session', question.body.session)
  const threepid = { sid: 'elsewhere', client_secret: creds.client_secret, id_server: '127.0.0.1:9' }
  await client.request('POST', '/v3/account/3pid', { body: { three_pid_creds: threepid } })
  for (const mood of ['refuseAddresses', 'refuseMails', 'silent'] as const) {
    mails.mood = mood
    await client.request('POST', '/v3/account/3pid/email/requestToken', {
      body: { ...creds, client_secret: mood, email: `${mood}-private@example.org` },
    })
  }
  await client.request('GET', '/v3/sync', { token: null, query: { access_token: client.accessToken, since: 'none' } })

  const token = await house.loginToken('mira')
  secrets.set('login token', token)
  await client.post('/v3/login', { type: 'm.login.token', token })
  // The way back with a code that the provider does not know, and with one that it cannot be asked about.
  for (const isDown of [false, true]) {
    const browser = new PlainBrowser()
    const page = await browser.open(house.start(), (url) => url.includes('/sign-in/callback') || isClient(url))
    const back = new URL(page.location ?? '')
    secrets.set(`state ${isDown}`, back.searchParams.get('state') ?? '').set(`code ${isDown}`, `code-made-up-${isDown}`)
    back.searchParams.set('code', `code-made-up-${isDown}`)
    if (isDown) await provider.stop()
    expect((await browser.open(back.href)).status).toBeGreaterThanOrEqual(400)
  }

  const all = lines.join('')
  expect(lines.length).toBeGreaterThan(20)
  for (const reason of ['a mail was not accepted', 'an identity server gave no usable answer', 'a sign-in failed'])
    expect(all).toContain(reason)
  expect([...secrets].filter(([, secret]) => secret === '' || all.includes(secret)).map(([name]) => name)).toEqual([])
  expect(all).not.toContain('private@example.org')
})
