import type { SignIn } from '#domain'

interface Request {
  cookie(name: string): string | undefined
}

const SHAPE = /^[A-Za-z0-9]{43}$/
const LIFETIME_S = 86_400

/**
 * What says that the browser that comes back from a provider is the one that was sent there. Without it somebody could begin a sign-in
 * and have another's browser end it: that person would be in a stranger's account without knowing, or a stranger's session would
 * have their consent (RFC 6749, section 10.12). `Lax`: the way back is a link of another site. Scripts never see it; on HTTPS its prefix
 * keeps other hosts of the same domain from setting it.
 */
export class BrowserCookie {
  readonly #signIn: Pick<SignIn, 'newBrowser'>
  readonly #secure: boolean

  constructor(signIn: Pick<SignIn, 'newBrowser'>, baseUrl: string) {
    this.#signIn = signIn
    this.#secure = baseUrl.startsWith('https:')
  }

  get #name(): string {
    return this.#secure ? '__Host-homeroom_sign_in' : 'homeroom_sign_in'
  }

  of(request: Request): string | undefined {
    const value = request.cookie(this.#name)
    return value !== undefined && SHAPE.test(value) ? value : undefined
  }

  /** The browser's own, or a new one, with the header that keeps it there. */
  give(request: Request): { readonly cookie: string; readonly headers: Readonly<Record<string, string>> } {
    const cookie = this.of(request) ?? this.#signIn.newBrowser()
    const attributes = `Path=/; Max-Age=${LIFETIME_S}; HttpOnly; SameSite=Lax${this.#secure ? '; Secure' : ''}`
    return { cookie, headers: { 'Set-Cookie': `${this.#name}=${cookie}; ${attributes}` } }
  }
}
