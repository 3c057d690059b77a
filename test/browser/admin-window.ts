import { mkdirSync } from 'node:fs'
import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import axe from 'axe-core'
import type { Browser, BrowserContextOptions, Page } from 'playwright-core'
import { afterAll, beforeAll, expect } from 'vitest'
import { PASSWORD, type TestClient } from '../support/client.ts'
import { type HomeserverSetup, startHomeserver, type TestHomeserver } from '../support/homeserver.ts'
import { registerAdmin } from '../support/operator.ts'
import { launchChromium, type Visit, visit } from './chromium.ts'

/** A folder for pictures of every page that is looked over; without it none are made. */
const PICTURES = process.env.HOMEROOM_TEST_PICTURES

export const NARROW = { width: 360, height: 740 }
const WIDE = { width: 1280, height: 900 }

export interface AdministeredPages {
  readonly browser: Browser
  readonly home: TestHomeserver
  /** The administrator of that name. */
  readonly root: TestClient
}

/** One browser, and one server with the administrator `root`, for all tests of a block. */
export const shareAdministeredPages = (setup: HomeserverSetup = {}): AdministeredPages => {
  let browser: Browser | undefined
  let home: TestHomeserver | undefined
  let root: TestClient | undefined
  beforeAll(async () => {
    browser = await launchChromium()
    home = await startHomeserver(setup)
    root = await registerAdmin(home, 'root')
  })
  afterAll(async () => {
    await browser?.close()
    await home?.stop()
  })
  const started = <Part>(part: Part | undefined): Part => {
    if (part === undefined) throw new Error('the block has not begun')
    return part
  }
  return {
    get browser() {
      return started(browser)
    },
    get home() {
      return started(home)
    },
    get root() {
      return started(root)
    },
  }
}

/** Signs in by the form that the administration sends people to. */
export const signIn = async (page: Page, home: TestHomeserver, user: string, path = '/admin'): Promise<void> => {
  await page.goto(`${home.url}${path}`)
  await page.getByLabel('User name', { exact: false }).fill(user)
  await page.getByLabel('Password', { exact: true }).fill(PASSWORD)
  await page.getByRole('button', { name: 'Sign in' }).click()
  await page.waitForURL((url) => url.pathname.startsWith('/admin'))
}

/** A window in which somebody is signed in at the administration. */
export const adminWindow = async (
  browser: Browser,
  home: TestHomeserver,
  user: string,
  options: BrowserContextOptions = {},
): Promise<Visit> => {
  const window = await visit(browser, home.url, { viewport: WIDE, ...options })
  await signIn(window.page, home, user)
  return window
}

interface Finding {
  readonly id: string
  readonly impact: string
  readonly nodes: readonly { readonly html: string; readonly failureSummary: string }[]
}

/** The serious and critical findings of axe-core on the page as it is shown now. */
const findings = async (page: Page): Promise<readonly string[]> => {
  await page.evaluate(axe.source)
  const violations = (await page.evaluate('axe.run().then(({ violations }) => violations)')) as readonly Finding[]
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
}

/** Holds a page to what every page of the administration has to be: legible and usable, narrow and wide, light and dark. */
export const lookOver = async ({ page, complaints, elsewhere }: Visit, url: string, name: string): Promise<void> => {
  const answer = await page.goto(url)
  expect([url, answer?.status()]).toEqual([url, 200])
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    for (const viewport of [NARROW, WIDE]) {
      await page.setViewportSize(viewport)
      expect([url, await page.evaluate('document.documentElement.scrollWidth')]).toEqual([url, viewport.width])
      expect([url, colorScheme, viewport.width, await findings(page)]).toEqual([url, colorScheme, viewport.width, []])
      if (PICTURES === undefined) continue
      mkdirSync(PICTURES, { recursive: true })
      await page.screenshot({ path: join(PICTURES, `${name}-${viewport.width}-${colorScheme}.png`), fullPage: true })
    }
  }
  await page.emulateMedia({ colorScheme: null })
  expect([complaints, elsewhere]).toEqual([[], []])
}

/** The list that the page shows, as the file that it offers. */
export const downloaded = async (page: Page): Promise<string> => {
  const [file] = await Promise.all([
    page.waitForEvent('download'),
    page.getByRole('link', { name: 'Export as CSV' }).click(),
  ])
  return readFile(await file.path(), 'utf8')
}
