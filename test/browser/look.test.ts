import type { Browser, Page } from 'playwright-core'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { startHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { linkIn, MailServer, mailSettings } from '../support/other-servers/smtp.ts'
import { inChromium, launchChromium, visit } from './chromium.ts'

const LOGIN = '/_matrix/static/client/login/'
const REGISTER = '/_matrix/static/client/register/'

/** The words with a hyphen in headings, and how many lines each stands on. */
const brokenWords = (page: Page): Promise<readonly string[]> =>
  page.evaluate(`[...document.querySelectorAll('h1, h2')].flatMap((heading) => {
    const words = []
    const walker = document.createTreeWalker(heading, NodeFilter.SHOW_TEXT)
    for (let node = walker.nextNode(); node; node = walker.nextNode()) {
      for (const match of node.data.matchAll(/\\S+-\\S+/g)) {
        const range = document.createRange()
        range.setStart(node, match.index)
        range.setEnd(node, match.index + match[0].length)
        const tops = new Set([...range.getClientRects()].map(({ top }) => top))
        if (tops.size > 1) words.push(match[0])
      }
    }
    return words
  })`)

inChromium('the look of the pages', () => {
  let browser: Browser
  let mails: MailServer
  let home: TestHomeserver
  beforeAll(async () => {
    browser = await launchChromium()
    mails = await MailServer.start()
    const pages = { operatorName: 'The Association for a Very Long Name in Example', colour: '#7a0b4b' }
    const support = { adminEmail: 'help@chat.example' }
    home = await startHomeserver({
      settings: { ...mailSettings(mails), pages, support, registration: { email: 'required' } },
    })
  })
  afterAll(async () => {
    await browser.close()
    await home.stop()
    await mails[Symbol.asyncDispose]()
  })

  /** Pages with such words in their headings, and those without. */
  const paths = async (): Promise<readonly string[]> => {
    const client_secret = 'secret'
    await home
      .client()
      .post('/v3/register/email/requestToken', { client_secret, email: 'a@example.org', send_attempt: 1 })
    const link = linkIn(mails.last, home)
    const { session } = (
      await home.client().request('POST', '/v3/register', { body: { username: 'a', password: 'b' } })
    ).body
    const stage = `/_matrix/client/v3/auth/m.login.email.identity/fallback/web?session=${session}`
    return [
      '/',
      LOGIN,
      REGISTER,
      '/no/such/page',
      '/_homeroom/email/validate',
      new URL(link).pathname + new URL(link).search,
      stage,
    ]
  }

  it('keeps “e-mail” and “sign-in” whole in headings, and fits every window from 280 pixels up', async () => {
    for (const path of await paths()) {
      for (const width of [280, 320, 360, 400, 1000]) {
        await using window = await visit(browser, home.url, { viewport: { width, height: 640 } })
        await window.page.goto(`${home.url}${path}`)
        expect([path, width, await brokenWords(window.page)]).toEqual([path, width, []])
        expect(await window.page.evaluate('document.documentElement.scrollWidth')).toBe(width)
        expect([window.complaints, window.elsewhere]).toEqual([[], []])
      }
    }
  }, 60_000)

  it('has the icon, the name of the operator and the way home on every page, and their colour can be read', async () => {
    for (const colorScheme of ['light', 'dark'] as const) {
      await using window = await visit(browser, home.url, { colorScheme })
      const { page } = window
      for (const path of await paths()) {
        await page.goto(`${home.url}${path}`)
        await page.getByRole('banner').getByRole('link', { name: 'The Association for a Very Long Name' }).waitFor()
        await page.getByRole('contentinfo').getByRole('link', { name: 'help@chat.example' }).waitFor()
        expect(await page.evaluate(`document.querySelector('header img').naturalWidth > 0`)).toBe(true)
      }
      const accent = await page.evaluate(`getComputedStyle(document.documentElement).getPropertyValue('--accent')`)
      if (colorScheme === 'light') expect(accent).toBe('#7a0b4b')
      else expect(accent).not.toBe('#7a0b4b')
      expect(window.complaints).toEqual([])
    }
  })
})
