import { existsSync } from 'node:fs'
import { type Browser, type BrowserContextOptions, chromium, type Page } from 'playwright-core'
import { describe } from 'vitest'

/** Where Debian puts it. */
const EXECUTABLE = process.env.HOMEROOM_TEST_CHROMIUM ?? '/usr/bin/chromium'
const isChromiumPresent = existsSync(EXECUTABLE)

export const launchChromium = (): Promise<Browser> =>
  chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      '--no-first-run',
    ],
  })

/** Tests in a browser; skipped with a reason where there is none. */
export const inChromium = (name: string, tests: () => void): void => {
  if (isChromiumPresent) describe(name, tests)
  else describe.skip(`${name} (skipped: no Chromium)`, tests)
}

export interface Visit extends AsyncDisposable {
  readonly page: Page
  /** What the browser complained of: scripts that failed, what the content security policy refused. */
  readonly complaints: readonly string[]
  /** Addresses of other sites than the page's own that were asked for something. */
  readonly elsewhere: readonly string[]
}

/** A window of its own, with nothing of earlier ones. */
export const visit = async (browser: Browser, site: string, options: BrowserContextOptions = {}): Promise<Visit> => {
  const context = await browser.newContext(options)
  const page = await context.newPage()
  page.setDefaultTimeout(15_000)
  const complaints: string[] = []
  const elsewhere: string[] = []
  page.on('pageerror', (error) => complaints.push(error.message))
  page.on('console', (message) => {
    // That an answer was 4xx is told as an error too; the tests look at the status themselves.
    if (message.type() === 'error' && !message.text().startsWith('Failed to load resource'))
      complaints.push(message.text())
  })
  page.on('request', (request) => {
    if (!request.url().startsWith(`${site}/`)) elsewhere.push(request.url())
  })
  return { page, complaints, elsewhere, [Symbol.asyncDispose]: () => context.close() }
}
