import type { TestHomeserver } from './homeserver.ts'
import { type Page, PlainBrowser } from './plain-browser.ts'

/** The password of accounts that `TestClient.register` makes. */
export { PASSWORD } from './client.ts'

/** A browser at the account pages of a homeserver. */
export class AccountBrowser extends PlainBrowser {
  readonly #homeserver: TestHomeserver

  constructor(homeserver: TestHomeserver) {
    super()
    this.#homeserver = homeserver
  }

  get origin(): string {
    return this.#homeserver.url
  }

  at(path: string): Promise<Page> {
    return this.open(`${this.#homeserver.url}${path}`)
  }

  /** Signs in by the form. The page that follows. */
  async signIn(user: string, password: string, query = ''): Promise<Page> {
    return this.submit(await this.at(`/account/sign-in${query}`), { user, password })
  }

  /** Sends the form of a page that goes to `action`, and has `among` in it if there are several. */
  async act(page: Page, action: string, fields: Readonly<Record<string, string>> = {}, among = ''): Promise<Page> {
    const form = [...page.text.matchAll(/<form method="post" action="([^"]*)">.*?<\/form>/gs)].find(
      ([text, to]) => to === action && text.includes(among),
    )
    if (form === undefined) throw new Error(`there is no form to ${action} on ${page.url}:\n${page.text}`)
    return this.submit({ ...page, text: form[0] }, fields)
  }

  /** The same, and then to the page that it leads to. */
  async actAndFollow(
    page: Page,
    action: string,
    fields: Readonly<Record<string, string>> = {},
    among = '',
  ): Promise<Page> {
    const answer = await this.act(page, action, fields, among)
    return answer.location === undefined ? answer : this.open(answer.location)
  }

  /** The path to which the page sends the browser by itself. */
  goesOnTo(page: Page): string | undefined {
    return /<meta http-equiv="refresh" content="0; url=([^"]*)">/.exec(page.text)?.[1]?.replaceAll('&#38;', '&')
  }

  /** Copies this browser's cookies, as a thief does. */
  stolen(): AccountBrowser {
    const thief = new AccountBrowser(this.#homeserver)
    for (const [name, value] of this.cookies) thief.cookies.set(name, value)
    return thief
  }
}
