export interface Page {
  /** Where it ended up. */
  readonly url: string
  readonly status: number
  readonly text: string
  readonly headers: Headers
  /** Where it was sent on to and did not go. */
  readonly location: string | undefined
}

const MAX_REDIRECTS = 20

/** Follows redirects and keeps cookies, as browsers do; runs no scripts. Cookies know no ports. */
export class PlainBrowser {
  readonly cookies = new Map<string, string>()
  /** The program that it says it is. */
  userAgent: string | undefined

  /** Goes there; `stopBefore`: an address that it is sent to and does not visit. */
  async open(url: string, stopBefore?: (url: string) => boolean): Promise<Page> {
    let at = url
    for (let left = MAX_REDIRECTS; left > 0; left--) {
      const page = await this.#fetch(at, { method: 'GET' })
      if (page.location === undefined || stopBefore?.(page.location) === true) return page
      at = page.location
    }
    throw new Error(`${url} redirects without end`)
  }

  /** Fills the form of a page in, with what is hidden in it, and sends it. */
  async submit(page: Page, fields: Readonly<Record<string, string>> = {}): Promise<Page> {
    const action = /<form method="post"(?: action="([^"]*)")?>/.exec(page.text)
    if (action === null) throw new Error(`there is no form on ${page.url}:\n${page.text}`)
    const body = new URLSearchParams(fields)
    for (const [, name, value] of page.text.matchAll(/<input type="hidden" name="([^"]*)" value="([^"]*)">/g)) {
      body.set(name ?? '', value ?? '')
    }
    return this.#fetch(new URL(unescaped(action[1] ?? page.url), page.url).href, { method: 'POST', body })
  }

  /** Where the links of a page lead, by their words; without those that all pages have. */
  links(page: Page): ReadonlyMap<string, string> {
    const main = /<main>(.*)<\/main>/s.exec(page.text)?.[1] ?? page.text
    const links = main.matchAll(/<a [^>]*?href="([^"]*)"[^>]*>([^<]*)<\/a>/g)
    return new Map(
      [...links].map(([, href = '', words = '']) => [unescaped(words), new URL(unescaped(href), page.url).href]),
    )
  }

  async #fetch(url: string, request: RequestInit): Promise<Page> {
    const cookie = [...this.cookies].map(([name, value]) => `${name}=${value}`).join('; ')
    const agent = this.userAgent
    const headers = { ...(cookie === '' ? {} : { cookie }), ...(agent === undefined ? {} : { 'user-agent': agent }) }
    const answer = await fetch(url, { ...request, redirect: 'manual', headers })
    for (const set of answer.headers.getSetCookie()) {
      const [pair = '', ...attributes] = set.split(';')
      const [name = '', ...value] = pair.split('=')
      const isGone = attributes.some((attribute) => /^\s*expires=Thu, 01 Jan 1970/i.test(attribute))
      if (isGone || value.join('=') === '') this.cookies.delete(name)
      else this.cookies.set(name, value.join('='))
    }
    const location = answer.headers.get('location')
    const isSent = answer.status >= 300 && answer.status < 400 && location !== null
    return {
      url,
      status: answer.status,
      text: await answer.text(),
      headers: answer.headers,
      location: isSent ? new URL(location, url).href : undefined,
    }
  }
}

const unescaped = (text: string): string =>
  text.replaceAll(/&#(\d+);/g, (_whole, code: string) => String.fromCodePoint(Number(code)))
