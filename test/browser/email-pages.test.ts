import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import type { Browser } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { PASSWORD } from '../support/client.ts'
import { startHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { linkIn, MailServer, mailSettings } from '../support/other-servers/smtp.ts'
import { inChromium, launchChromium, visit } from './chromium.ts'

const STAGE = 'm.login.email.identity'
const NARROW = { viewport: { width: 320, height: 640 } }

inChromium('the pages for e-mail addresses', () => {
  let browser: Browser
  let mails: MailServer
  let homeserver: TestHomeserver
  beforeAll(async () => {
    browser = await launchChromium()
    mails = await MailServer.start()
    homeserver = await startHomeserver({
      settings: mailSettings(mails, { resendInterval: '0ms' }, { email: 'required' }),
    })
  })
  afterAll(async () => {
    await homeserver.stop()
    await mails[Symbol.asyncDispose]()
    await browser.close()
  })

  const begin = async (username: string) => {
    const body = { username, password: PASSWORD }
    return (await homeserver.client().request('POST', '/v3/register', { body })).body.session
  }
  const finish = (session: string, auth: object = {}) =>
    homeserver.client().request('POST', '/v3/register', { body: { auth: { session, ...auth } } })

  let secrets = 0
  const request = async (extra: object = {}) => {
    const client_secret = `secret-${secrets++}`
    const wish = { client_secret, email: `mira${secrets}@example.org`, send_attempt: 1, ...extra }
    const { sid } = await homeserver.client().post('/v3/register/email/requestToken', wish)
    return { sid, client_secret }
  }

  it('the link in a mail opens a page that asks, and a person confirms', async () => {
    const email = `${'long'.repeat(15)}@${'sub.'.repeat(20)}example.org`
    const threepid_creds = await request({ email })
    const session = await begin('mira')
    const stage = { type: STAGE, threepid_creds }
    await using window = await visit(browser, homeserver.url, NARROW)
    const { page } = window
    expect((await page.goto(linkIn(mails.last, homeserver)))?.status()).toBe(200)
    expect(await page.getByRole('main').textContent()).toContain(email)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    // Opening it is not enough, as mail servers look into mails too.
    expect((await finish(session, stage)).status).toBe(401)
    await page.locator('button:focus').press('Enter')
    expect(await page.getByRole('status').textContent()).toContain('Your e-mail address is confirmed')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    expect((await finish(session, stage)).body.user_id).toBe('@mira:localhost')
    // The same link again: it was used.
    expect((await page.goto(linkIn(mails.last, homeserver)))?.status()).toBe(404)
    expect(await page.getByRole('alert').textContent()).toContain('ask for another mail')
    expect([window.complaints, window.elsewhere]).toEqual([[], []])
  })

  it('a link that is not right is told in words', async () => {
    await request()
    await using window = await visit(browser, homeserver.url, NARROW)
    const { page } = window
    await page.goto(`${linkIn(mails.last, homeserver)}x`)
    await page.getByRole('button').click()
    expect(await page.getByRole('alert').textContent()).toMatch(/^It may not have been copied as a whole/)
    await page.goto(`${homeserver.url}/_homeroom/email/validate`)
    expect(await page.getByRole('heading').textContent()).toBe('This link has expired')
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    expect(window.complaints).toEqual([])
  })

  it('is dark where the browser wants it, and can be read', async () => {
    await request()
    const colours: unknown[] = []
    for (const colorScheme of ['light', 'dark'] as const) {
      await using window = await visit(browser, homeserver.url, { ...NARROW, colorScheme })
      await window.page.goto(linkIn(mails.last, homeserver))
      colours.push(await window.page.evaluate('getComputedStyle(document.body).backgroundColor'))
    }
    expect(colours).toEqual(['rgb(246, 247, 244)', 'rgb(17, 22, 20)'])
  })

  it('sends people on to where their app wants them', async () => {
    const app = createServer((incoming, answer) => {
      // An app may send on to itself once more.
      if (incoming.url === '/done') answer.writeHead(302, { location: '/welcome' }).end()
      else answer.setHeader('content-type', 'text/html').end('<title>Welcome</title>')
    })
    await new Promise<void>((ready) => app.listen(0, '127.0.0.1', ready))
    try {
      const site = `http://127.0.0.1:${(app.address() as AddressInfo).port}`
      await request({ next_link: `${site}/done` })
      await using window = await visit(browser, homeserver.url)
      await window.page.goto(linkIn(mails.last, homeserver))
      await window.page.getByRole('button').click()
      await window.page.waitForURL(`${site}/welcome`)
      expect(await window.page.title()).toBe('Welcome')
      expect(window.complaints).toEqual([])
    } finally {
      app.closeAllConnections()
      app.close()
    }
  })

  it('the fallback page of the stage takes an address, sends a code there, and takes the code', async () => {
    const session = await begin('nora')
    await using window = await visit(browser, homeserver.url, NARROW)
    const { page } = window
    await page.addInitScript('window.onAuthDone = () => { document.documentElement.dataset.told = "yes" }')
    await page.goto(`${homeserver.url}/_matrix/client/v3/auth/${STAGE}/fallback/web?session=${session}`)
    const submit = (name: string) => page.getByRole('button', { name }).click()
    await page.evaluate('document.forms[0].noValidate = true')
    await page.locator('input:focus').fill('"><b>@example.org')
    await submit('Send me the code')
    expect(await page.getByRole('alert').textContent()).toBe('This is no e-mail address.')
    expect(await page.getByLabel('E-mail address').inputValue()).toBe('"><b>@example.org')
    await page.getByLabel('E-mail address').fill('Nora@example.org')
    await submit('Send me the code')
    await page.getByRole('heading', { name: 'Enter the code' }).waitFor()
    expect(mails.last.to).toEqual(['nora@example.org'])
    const code = /^[A-Z]{10}$/m.exec(mails.last.mail.text ?? '')?.[0] ?? ''
    expect(mails.last.mail.html).toContain(code)
    expect(await page.evaluate('document.documentElement.scrollWidth')).toBe(320)
    await page.locator('input:focus').fill('AAAAAAAAAA')
    await submit('Continue')
    expect(await page.getByRole('alert').textContent()).toMatch(/^This is not the code/)
    const sent = mails.received.length
    await submit('Send another mail')
    await page.getByRole('alert').waitFor({ state: 'detached' })
    expect(mails.received.length).toBe(sent + 1)
    expect((await finish(session)).status).toBe(401)
    // As people type: in small letters, with a space, and from the mail before.
    await page
      .getByLabel('The code in the mail')
      .fill(` ${code.slice(0, 5).toLowerCase()} ${code.slice(5).toLowerCase()}`)
    await page.getByLabel('The code in the mail').press('Enter')
    await page.waitForSelector('html[data-told=yes]')
    const { body } = await finish(session)
    expect(body.user_id).toBe('@nora:localhost')
    expect([window.complaints, window.elsewhere]).toEqual([[], []])
  })

  it('the same page lets somebody who mistyped the address begin anew', async () => {
    const session = await begin('olaf')
    await using window = await visit(browser, homeserver.url)
    const { page } = window
    await page.goto(`${homeserver.url}/_matrix/client/v3/auth/${STAGE}/fallback/web?session=${session}`)
    await page.getByLabel('E-mail address').fill('olav@example.org')
    await page.getByLabel('E-mail address').press('Enter')
    await page.getByRole('button', { name: 'Use another address' }).click()
    await page.getByLabel('E-mail address').fill('olaf@example.org')
    await page.getByLabel('E-mail address').press('Enter')
    await page.getByLabel('The code in the mail').waitFor()
    expect(mails.last.to).toEqual(['olaf@example.org'])
  })
})
